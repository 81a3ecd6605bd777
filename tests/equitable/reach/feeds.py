"""Small timetables drawn at random, as tables of text."""

from __future__ import annotations

import io

import numpy as np
import polars as pl


def clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def table(text: str) -> pl.DataFrame:
    return pl.read_csv(io.BytesIO(text.encode()), infer_schema=False)


def drawn(seed: int) -> tuple[dict[str, pl.DataFrame], np.random.Generator]:
    """A feed of some stops within 2 km and some trips around 08:00, with gaps in its times and its rows shuffled."""
    random = np.random.default_rng(seed)
    stops = int(random.integers(3, 9))
    stop_rows = [
        f"s{at},{random.uniform(0, 0.02):.6f},{random.uniform(0, 0.02):.6f},{random.integers(0, 3)}"
        for at in range(stops)
    ]
    trips, times = [], []
    for at in range(int(random.integers(1, 9))):
        trips.append(f"t{at},w,{random.integers(0, 3)}")
        route = random.permutation(stops)[: int(random.integers(2, min(stops, 5) + 1))]
        now = 8 * 3600 + 60 * int(random.integers(-5, 40))
        for place, stop in enumerate(route):
            leaves = now + 60 * int(random.integers(0, 2))
            inner = 0 < place < len(route) - 1
            told = "," if inner and random.uniform() < 0.3 else f"{clock(now)},{clock(leaves)}"
            times.append(
                f"t{at},s{stop},{3 * place},{told},{int(random.uniform() < 0.1)},{int(random.uniform() < 0.1)}"
            )
            now = leaves + 60 * int(random.integers(0, 8))
    random.shuffle(times)
    return {
        "stops": table("stop_id,stop_lat,stop_lon,wheelchair_boarding\n" + "\n".join(stop_rows)),
        "trips": table("trip_id,service_id,wheelchair_accessible\n" + "\n".join(trips)),
        "stop_times": table(
            "trip_id,stop_id,stop_sequence,arrival_time,departure_time,pickup_type,drop_off_type\n" + "\n".join(times)
        ),
        "calendar_dates": table("service_id,date,exception_type\nw,20240506,1"),
    }, random
