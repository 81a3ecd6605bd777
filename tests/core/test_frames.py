"""Frames get exactly their schema, or it is a defect."""

from __future__ import annotations

import polars as pl
import pytest

from cityward.core.batch import Batch
from cityward.core.errors import Defect
from cityward.core.frames import CUBE, HISTORY, INTERACTION, PLACED, QUARANTINE, conform


def test_columns_come_out_in_order_with_their_types() -> None:
    frame = pl.DataFrame({"day": ["2014-06-30"], "extra": [1], "service": ["carts"], "interactions": [2.0]})
    frame = frame.with_columns(pl.col("day").str.to_date())
    made = conform(frame, CUBE)
    assert made.schema == CUBE
    assert made.row(0, named=True) | {"day": None} == {
        "service": "carts",
        "territory": None,
        "day": None,
        "interactions": 2,
        "incidents": None,
    }


def test_an_empty_frame_fits_every_schema() -> None:
    for schema in (INTERACTION, PLACED, HISTORY, QUARANTINE):
        assert conform(pl.DataFrame(), schema).schema == schema


def test_conforming_twice_changes_nothing() -> None:
    once = conform(pl.DataFrame({"id": ["1"], "lon": [1]}), INTERACTION)
    assert conform(once, INTERACTION).equals(once)


def test_a_value_that_does_not_fit_is_a_defect_not_a_null() -> None:
    with pytest.raises(Defect, match="does not fit its schema"):
        conform(pl.DataFrame({"interactions": ["many"]}), CUBE)


def test_history_holds_all_that_a_placed_interaction_has() -> None:
    assert set(INTERACTION) < set(PLACED) < set(HISTORY)


def _batch(**changes: object) -> Batch:
    frame = conform(pl.DataFrame({"id": ["1", "2"]}), INTERACTION)
    return Batch(**({"source": "s", "origin": "f.csv", "received": 2, "frame": frame} | changes))  # type: ignore[arg-type]


def test_a_batch_adds_up() -> None:
    quarantine = conform(pl.DataFrame({"row": [3], "reason": ["?"]}), QUARANTINE)
    assert _batch(received=3, quarantine=quarantine).received == 3


@pytest.mark.parametrize("received", [0, 1, 3])
def test_a_batch_that_does_not_add_up_cannot_be_made(received: int) -> None:
    with pytest.raises(Defect, match="received"):
        _batch(received=received)


def test_extra_columns_lie_beside_the_rows() -> None:
    with pytest.raises(Defect, match="extra"):
        _batch(extra=pl.DataFrame({"face": [1]}))
