"""Streams that are made up for tests: an urban rhythm that neighbours share, and faults put into it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from cityward.core.clock import rng

START = datetime(2026, 1, 5, tzinfo=UTC)
SENSORS = 6


def shared(hours: int, seed: int = 1) -> np.ndarray:
    """The common course of a pollutant, hour by hour: two rush hours and weather that wanders."""
    noise = rng(seed, "weather").normal(size=hours)
    weather = np.zeros(hours)
    for hour in range(1, hours):
        weather[hour] = 0.97 * weather[hour - 1] + 0.06 * noise[hour]
    clock = np.arange(hours) % 24
    rush = 0.35 * (np.exp(-((clock - 8) ** 2) / 8) + np.exp(-((clock - 18) ** 2) / 8))
    return 12 * np.exp(weather + rush)


def streams(days: int = 40, sensors: int = SENSORS, seed: int = 1, name: str = "pm2_5") -> np.ndarray:
    """Hourly values of ``sensors`` neighbours; shape (sensors, hours)."""
    hours = days * 24
    own = rng(seed, "own", name).normal(size=(sensors, hours))
    factor = np.linspace(0.85, 1.2, sensors)[:, None]
    return np.round(shared(hours, seed) * factor * np.exp(0.08 * own), 2)


def frame(values: np.ndarray, name: str = "pm2_5", unit: str = "µg/m³", start: datetime = START) -> pl.DataFrame:
    """Observations of values by the hour, NaN left out; sensors stand 700 m from each other."""
    sensors, hours = values.shape
    stamps = [start + timedelta(hours=hour, minutes=5) for hour in range(hours)]
    parts = [
        pl.DataFrame({"observed_at": stamps, "value": values[at]}).with_columns(
            source=pl.lit("air"),
            sensor=pl.lit(f"s{at}"),
            property=pl.lit(name),
            unit=pl.lit(unit),
            lon=pl.lit(9.18 + 0.01 * at),
            lat=pl.lit(48.78),
            territory=pl.lit("mitte"),
        )
        for at in range(sensors)
    ]
    return pl.concat(parts).filter(pl.col("value").is_not_nan()).with_columns(
        pl.col("observed_at").cast(pl.Datetime("us", "UTC"))
    )  # fmt: skip
