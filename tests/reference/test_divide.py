"""The divide in published data: Colombia's figures, and broadband of ZIPs whose noise is published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.typed import typed

from cityward.equitable.divide.report import Divide

COLOMBIA = ("--place", "COD_MUNICIPIO", "--weight-column", "POBLACIÓN DANE", "--time", "AÑO", "--time", "TRIMESTRE")


@pytest.fixture(scope="module")
def colombia(shared_data: Path) -> Divide:
    import msgspec

    done = typed(
        "divide",
        shared_data / "divide" / "colombia_fixed_internet_municipal_quarterly.csv",
        *("--value", "INDICE", *COLOMBIA, "--group", "DEPARTAMENTO", "--at", "2016", "--at", "2023", "--floor", "2"),
        *("--per", "100", "--draws", "200", "--json"),
    )
    return msgspec.convert(json.loads(done.stdout), Divide)


def test_colombias_published_figures(colombia: Divide) -> None:
    """Mean 12.7 → 17.1, Gini 0.395 → 0.350, under 2: 590 → 400: last quarters, people as weights, places counted."""
    first, last = colombia.figures
    assert (first.period, last.period) == ("2016-4", "2023-3")
    assert [round(one.mean.value or 0, 1) for one in (first, last)] == [12.7, 17.1]
    assert [round(one.gini.value or 0, 3) for one in (first, last)] == [0.395, 0.350]
    assert [one.floor.places.value if one.floor else None for one in (first, last)] == [590, 400]


def test_colombias_gap_narrowed_relative_to_the_mean_and_widened_in_points(colombia: Divide) -> None:
    time = colombia.over_time
    assert time
    assert (time.alarm.raised, time.alarm.relative, time.alarm.absolute) == (True, False, True)
    assert (time.boundaries.both, time.boundaries.only_before_count, time.boundaries.only_after_count) == (1106, 0, 11)
    assert time.convergence.verdict == "those behind catch up, and the spread shrinks"
    assert len(colombia.periods) == 32
    assert colombia.set_aside == ()


def test_zips_whose_noise_overlaps_are_not_ordered(shared_data: Path) -> None:
    """Half of a 95 % range is published for each ZIP; 82 ZIPs stand in the file twice, in two counties."""
    done = typed(
        "divide",
        shared_data / "divide" / "us_zip_broadband.csv.gz",
        *("--value", "BROADBAND USAGE", "--place", "POSTAL CODE", "--error", "ERROR RANGE (95%)(+/-)"),
        *("--error-law", "laplace", "--unit", "share", "--draws", "50", "--json"),
    )
    told = json.loads(done.stdout)
    places = {one["place"]: one for one in told["ranking"]["places"]}
    assert len(places) == 32_653
    assert any("do not count: 82" in note for note in told["notes"])
    assert places["29620"]["low"] == pytest.approx(0.398 - 0.007, abs=1e-4)
    assert places["29639"]["low"] == pytest.approx(0.948 - 0.11, abs=1e-4)
    assert 0.2 < told["ranking"]["ordered_share"] < 0.6
    assert all(one["rank_low"] <= one["rank"] <= one["rank_high"] for one in places.values())
