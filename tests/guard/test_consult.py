"""The door inside: without a purpose that covers a column, the column does not exist."""

from __future__ import annotations

import pytest

from cityward.core.errors import Refused
from cityward.guard.consult import PURPOSES, history_frame
from cityward.store.history import HistoryReader


@pytest.mark.parametrize("column", ["person", "text", "address"])
def test_counting_purposes_never_see_people(tmp_path, column):
    for purpose in ("need-detection", "forecasting"):
        with pytest.raises(Refused, match="does not cover"):
            history_frame(HistoryReader(tmp_path), purpose, ["service", column])


def test_an_unknown_purpose_reads_nothing(tmp_path):
    with pytest.raises(Refused, match="is not a purpose"):
        history_frame(HistoryReader(tmp_path), "curiosity", ["service"])


def test_a_covered_column_is_given(tmp_path):
    assert history_frame(HistoryReader(tmp_path), "audit", sorted(PURPOSES["audit"])).collect().height == 0
