"""The index: presets, weights that may be changed, what is missing, and errors carried to ranks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from cityward.core.errors import SettingsError, UserError
from cityward.equitable.divide.index import Index, compute
from cityward.equitable.divide.index_reading import read_matrix
from cityward.equitable.divide.presets import Preset, load_preset, read_preset, reweighted, shipped

TWO = """
title = "Two"
[[indicator]]
id = "a"
group = "one"
columns = ["a"]
{a}
[[indicator]]
id = "b"
group = "two"
columns = ["b"]
{b}
"""


def two(a: str = "", b: str = "") -> Preset:
    return read_preset(TWO.format(a=a, b=b), "two")


def index(table: dict[str, Any], preset: Preset, **more: Any) -> Index:
    return compute(read_matrix(pl.DataFrame(table), preset, place=("p",)), preset, **more)


def test_every_preset_that_is_shipped_can_be_read() -> None:
    assert shipped() == ["cityward", "household-internet", "purdue-ddi"]
    assert all(load_preset(name).indicator for name in shipped())


def test_z_scores_are_weighed_and_turned() -> None:
    a, b = np.array([1.0, 2, 3, 6]), np.array([4.0, 4, 8, 0])
    found = index({"p": list("wxyz"), "a": a, "b": b}, two("weight = 3.0", "more_is_better = true"))
    expected = (3 * (a - a.mean()) / a.std() - (b - b.mean()) / b.std()) / 4
    assert {one.place: one.index for one in found.places} == pytest.approx(dict(zip("wxyz", expected, strict=True)))
    assert found.places[0].place == "z"


def test_purdue_is_the_formula_of_the_notes() -> None:
    """INFA = .3 no broadband + .3 no internet + .3 no device − .05 down − .05 up; SE = four sums; 0 to 100."""
    random = np.random.default_rng(2)
    preset = load_preset("purdue-ddi")
    table = {one.columns[-1]: random.uniform(1, 50, 30) for one in preset.indicator}
    found = index({"p": [f"p{at}" for at in range(30)], **table}, preset)
    z = {
        one.id: (table[one.columns[-1]] - table[one.columns[-1]].mean()) / table[one.columns[-1]].std()
        for one in preset.indicator
    }
    infrastructure = 0.3 * (z["no_broadband"] + z["no_internet"] + z["no_device"]) - 0.05 * (
        z["download"] + z["upload"]
    )
    raw = infrastructure + z["aged"] + z["no_high_school"] + z["poverty"] + z["disability"]
    expected = 100 * (raw - raw.min()) / np.ptp(raw)
    told = {one.place: one.index for one in found.places}
    assert [told[f"p{at}"] for at in range(30)] == pytest.approx(expected.tolist())


def test_a_changed_weight_changes_the_index_and_unknown_names_are_refused() -> None:
    table = {"p": list("xyz"), "a": [1.0, 2, 3], "b": [3.0, 2, 1]}
    even = index(table, two())
    more = index(table, reweighted(two(), {"one": 2}))
    assert even.places[0].index == pytest.approx(0, abs=1e-12)
    assert more.places[0].place == "z"
    assert [one.weight_share for one in more.indicators] == pytest.approx([2 / 3, 1 / 3])
    with pytest.raises(UserError, match="no indicator or group"):
        reweighted(two(), {"none": 2})
    with pytest.raises(UserError, match="No indicator is left"):
        reweighted(two(), {"a": 0, "b": 0})


def test_too_little_known_is_cannot_tell_and_never_a_rank() -> None:
    table = {"p": list("wxyz"), "a": [1.0, 2, 3, None], "b": [1.0, 2, None, 4]}
    found = index(table, two("weight = 4.0"))
    told = {one.place: one for one in found.places}
    assert (told["y"].verdict, told["y"].missing, told["y"].known_share) == ("ranked", ("b",), 0.8)
    assert (told["z"].verdict, told["z"].rank, told["z"].tier, told["z"].missing) == ("cannot tell", None, None, ("a",))
    assert found.cannot_tell == 1
    assert found.places[-1].place == "z"


def test_errors_keep_places_apart_only_where_they_may() -> None:
    places = [f"p{at}" for at in range(20)]
    table = {"p": places, "a": np.arange(20.0), "a_moe": np.full(20, 1.5), "b": np.zeros(20)}
    found = index(table, two())
    told = {one.place: one for one in found.places}
    assert told["p19"].rank_low == 1
    assert (told["p19"].rank_high or 0) > 1
    assert 0 < found.ordered_share < 1
    assert found.indicators[0].error == "a 90 % margin of error (column 'a_moe')"
    assert any("Errors are known of indicators with 50 %" in note for note in found.notes)
    wide = index({**table, "a_moe": np.full(20, 150.0)}, two())
    assert (wide.tiers, wide.ordered_share) == (1, 0.0)


def test_without_errors_limits_are_of_the_weights_and_that_is_said() -> None:
    found = index({"p": list("xyz"), "a": [1.0, 2, 3], "b": [3.0, 2, 1]}, two())
    assert any("No error is stated" in note for note in found.notes)
    assert {one.place: (one.rank_low, one.rank_high) for one in found.places} == {"x": (1, 3), "y": (2, 2), "z": (1, 3)}
    assert found.tiers == 1


def test_which_indicator_moves_the_ranks_is_told() -> None:
    random = np.random.default_rng(1)
    table = {"p": [f"p{at}" for at in range(50)], "a": random.normal(size=50), "b": random.normal(size=50)}
    moves = {one.id: one.moves_ranks or 0 for one in index(table, two("weight = 9.0")).indicators}
    assert moves["a"] > 4 * moves["b"] > 0


def test_cells_that_cannot_be_right_are_named_and_not_known() -> None:
    preset = load_preset("household-internet")
    table = {
        "p": list("vwxyz"),
        "hh_no_internet(%)": [10.0, 101, -4, 20, 30],
        "hh_no_computer(%)": [10.0, 20, 30, 40, 50],
        "households": [1000, 1000, 1000, 1000, 0],
    }
    found = index(table, preset)
    assert {one.reason: one.examples for one in found.set_aside} == {
        "the value is negative (no_internet)": ("x",),
        "the share is above 100 % (no_internet)": ("w",),
        "there are no households (no_internet)": ("z",),
        "there are no households (no_computer)": ("z",),
    }
    assert {one.place for one in found.places if one.verdict == "cannot tell"} == {"w", "x"}


def test_an_indicator_that_half_of_the_country_lacks_is_told() -> None:
    found = index(
        {"p": list("abcdef"), "a": [1.0, 2, None, None, None, None], "b": [1.0, 2, 3, 4, 5, 6]}, two(), enough_share=0.5
    )
    assert [(one.indicator, one.known, one.places) for one in found.missing] == [("a", 2, 6)]
    assert "a is known of 2 of 6 places alone." in found.notes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = 1", "no index"),
        ("title = 'x'\nindicator = []", "it has no indicator"),
        (TWO.format(a="weight = -1.0", b=""), "not above zero"),
        (TWO.format(a="wieght = 1.0", b=""), "unknown field"),
        (TWO.format(a="answered_share = 2.0", b=""), "answered_share"),
        (TWO.replace('id = "b"', 'id = "a"').format(a="", b=""), "one id"),
        ("= not toml", "no index"),
    ],
)
def test_a_file_with_a_mistake_says_which(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        read_preset(text, "x.toml")


def test_places_with_two_rows_or_no_column_are_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="several rows"):
        index({"p": ["x", "x"], "a": [1.0, 2], "b": [1.0, 2]}, two())
    with pytest.raises(UserError, match="no column of this index"):
        index({"p": ["x"], "c": [1.0]}, two())
    with pytest.raises(UserError, match="no index"):
        load_preset(str(tmp_path))
