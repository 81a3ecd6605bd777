"""Reach on a real timetable: Porto Alegre's buses, which leave most times between stops out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.typed import typed


def test_health_care_of_porto_alegre(shared_data: Path) -> None:
    words = ("--gtfs", "porto_alegre_gtfs.zip", "--places", "porto_alegre_hexes.csv", "--services", "healthcare")
    more = ("--depart", "14:00", "--within", "15,30,60", "--reduced-mobility", "--json")
    told = json.loads(typed("reach", *words, *more, cwd=shared_data / "transit").stdout)
    assert (told["day"], told["trips"]) == ("2019-04-15", 1_686)
    (service,) = told["services"]
    assert len(service["places"]) == 1_227
    shares = [within["share"] for within in service["within"]]
    assert shares == pytest.approx([0.969, 0.994, 1.0], abs=1e-3)
    for within in service["within"]:
        worst, best = within["reduced_mobility"]
        assert worst <= best <= within["share"]
        assert within["on_foot"] <= within["share"]
    for place in service["places"]:
        assert place["least"] is None or place["median"] is None or place["least"] <= place["median"]
        assert place["median"] is None or place["median"] <= place["on_foot"] + 1e-9
    # The feed says of every trip whether a wheelchair can use it, and of no stop.
    assert any("100 % of the stops and 0 % of the rides" in note for note in told["notes"])
