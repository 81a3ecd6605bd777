"""One cube function, equal results on Polars, DuckDB and PySpark."""

from __future__ import annotations

import duckdb
import numpy as np
import polars as pl
import pytest

from cityward.core.frames import CUBE
from cityward.know.cube import cube


@pytest.fixture(scope="module")
def events() -> pl.DataFrame:
    random = np.random.default_rng(4)
    size = 3_000
    return pl.DataFrame(
        {
            "service": random.choice(["a", "b", "c"], size),
            "territory": random.choice(["1", "2"], size),
            "day": pl.Series(random.integers(16_000, 16_030, size), dtype=pl.Int32).cast(pl.Date),
            "first_report": random.random(size) < 0.8,
        }
    )


def ordered(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.cast(dict(CUBE)).select(CUBE.names()).sort("service", "territory", "day")


@pytest.fixture(scope="module")
def expected(events: pl.DataFrame) -> pl.DataFrame:
    counts: dict[tuple, list] = {}
    for service, territory, day, leads in events.iter_rows():
        counts.setdefault((service, territory, day), []).append(leads)
    rows = [(*key, len(found), sum(found)) for key, found in counts.items()]
    return ordered(pl.DataFrame(rows, schema=CUBE, orient="row"))


def test_polars(events, expected):
    assert ordered(cube(events)).equals(expected)
    assert ordered(cube(events.lazy()).collect()).equals(expected)


def test_duckdb(events, expected, tmp_path):
    events.write_parquet(tmp_path / "e.parquet")
    found = cube(duckdb.read_parquet(str(tmp_path / "e.parquet"))).fetchall()
    assert ordered(pl.DataFrame(found, schema=CUBE, orient="row")).equals(expected)


@pytest.mark.spark
def test_pyspark(events, expected, tmp_path):
    from pyspark.sql import SparkSession

    events.write_parquet(tmp_path / "e.parquet")
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    try:
        found = [tuple(row) for row in cube(spark.read.parquet(str(tmp_path / "e.parquet"))).collect()]
    finally:
        spark.stop()
    assert ordered(pl.DataFrame(found, schema=CUBE, orient="row")).equals(expected)
