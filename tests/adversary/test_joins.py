"""Attacks by readers with valid grants: to join two purposes, to join two periods, to widen what was granted.

Each test says what the attacker got (`pytest -s` prints it) beside what was there to get.
"""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.guard.granted import COARSE, FINE, NOW, fill, grant, keeper, rows

from cityward.core.errors import Refused
from cityward.guard.keeper import Keeper
from cityward.private.grants import check_grants

PERSONS = 400
FINE_GRANT = {"reader": "cityward-fine", "purpose": "incident-recognition", "fields": FINE, "space": "exact",
              "time": "exact", "special_basis": "9(2)(g)", "row_ids": "kept"}  # fmt: skip


@pytest.fixture
def kept(tmp_path: Path) -> Keeper:
    """Two purposes that both see persons: one in every detail, one by day and area; and the truth."""
    found, _ = keeper(tmp_path, fine=grant(**FINE_GRANT), coarse=grant())
    fill(found, rows(20_000, PERSONS))
    assert not found.grants().problems
    return found


def looks(kept: Keeper) -> tuple[pl.DataFrame, pl.DataFrame]:
    fine = kept.reading("cityward-fine", "incident-recognition").frame(FINE)
    return fine, kept.reading("reader-one", "research").frame(COARSE)


def got(what: str, found: int, of: int) -> None:
    print(f"  {what}: {found:,} of {of:,}")


def test_pseudonyms_of_two_purposes_have_nothing_in_common(kept: Keeper) -> None:
    fine, coarse = looks(kept)
    common = set(fine["person"].drop_nulls()) & set(coarse["person"].drop_nulls())
    got("persons with the same name in both", len(common), PERSONS)
    assert not common
    assert coarse["person"].drop_nulls().len() > 0  # there was something to join


def test_rows_of_two_purposes_are_not_found_again_by_name_or_place_in_the_list(kept: Keeper, tmp_path: Path) -> None:
    fine, _ = looks(kept)
    ids = ("id", "key", "occurred_at")
    third, _ = keeper(tmp_path, third=grant(reader="reader-three", purpose="audit", fields=ids))
    named = third.reading("reader-three", "audit").frame(ids)
    common = len(set(fine["id"]) & set(named["id"])) + len(set(fine["key"]) & set(named["key"]))
    got("rows with the same identifier in both", common, fine.height)
    assert common == 0
    same = (fine["occurred_at"].dt.date() == named["occurred_at"].dt.date()).sum()
    got("rows at the same place in the list, of the same day", same, fine.height)
    assert same < 0.05 * fine.height  # chance: sixty days


def test_persons_are_not_matched_by_what_their_rows_say(kept: Keeper) -> None:
    """The attacker holds both frames and looks for days and areas in which only one person fits."""
    fine, coarse = looks(kept)
    day = pl.col("occurred_at").dt.convert_time_zone("America/Chicago").dt.date()
    cell = ["service", "territory", "day"]
    fine, coarse = (
        frame.with_columns(day=day).drop_nulls("person").group_by(*cell, "person").len() for frame in (fine, coarse)
    )
    # Alone in the cell, then alone with a number of rows in the cell.
    alone = coarse.filter(pl.len().over(cell) == 1)
    got("persons shown alone in a day, area and service", alone.height, coarse.height)
    assert alone.height == 0
    known = [*cell, "len"]
    guessed = (
        coarse.filter(pl.len().over(known) == 1)
        .join(fine.filter(pl.len().over(known) == 1), on=known, suffix="_fine")
        .height
    )
    got("persons of a day matched by how often they wrote that day (gone the next)", guessed, coarse.height)
    assert guessed < 0.05 * coarse.height


def test_persons_of_two_days_are_not_one(kept: Keeper) -> None:
    _, coarse = looks(kept)
    days = coarse.drop_nulls("person").group_by("person").agg(pl.col("occurred_at").n_unique().alias("days"))
    got("pseudonyms that appear on more than one day", days.filter(pl.col("days") > 1).height, days.height)
    assert days["days"].max() == 1


def test_pseudonyms_of_two_months_have_nothing_in_common(kept: Keeper, tmp_path: Path) -> None:
    text = grant(**{**FINE_GRANT, "pseudonyms": "month"})
    (tmp_path / "grants" / "fine.toml").write_text(text)
    fine = kept.reading("cityward-fine", "incident-recognition").frame(FINE)
    month = fine["occurred_at"].dt.convert_time_zone("America/Chicago").dt.month()
    names = [set(fine.filter(month == at)["person"]) for at in (4, 5, 6)]
    got("persons with the same name in two months", len(names[0] & names[1] | names[1] & names[2]), PERSONS)
    assert not names[0] & names[1]
    assert not names[1] & names[2]
    assert len(names[1]) == PERSONS  # within the month a person stays one


def test_two_purposes_that_could_be_joined_row_by_row_are_not_granted() -> None:
    texts = {
        "one": grant(**FINE_GRANT),
        "two": grant(purpose="audit", reader="reader-two", fields=["person", "service"], time="hour"),
    }
    told = check_grants(texts, NOW.date())
    assert len(told.problems) == 2
    assert not told.in_force()
    month = grant(pseudonyms="month", fields=["person", "service", "occurred_at"])
    lasting = check_grants({"one": texts["one"], "two": month}, NOW.date())
    assert [one.file for one in lasting.problems] == ["two.toml"]
    assert "shows a trail" in lasting.problems[0].what


# -- widening ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["text", "*", "person; select *", "service, text", "\x00moment", "\x00person", "^.*$", "_inside", "key", "TEXT"],
)
def test_no_name_widens_a_grant(kept: Keeper, name: str) -> None:
    reading = kept.reading("reader-one", "research")
    for ask in (reading.frame, reading.counts):
        with pytest.raises(Refused):
            ask([name])
        with pytest.raises(Refused):
            ask(["service", name])


def test_an_expression_is_not_a_name(kept: Keeper) -> None:
    with pytest.raises((Refused, TypeError)):
        kept.reading("reader-one", "research").frame([pl.col("text")])  # type: ignore[list-item]


def test_the_minute_of_a_report_is_not_found_by_asking_as_of_one_minute_after_another(kept: Keeper) -> None:
    reading, noon = kept.reading("reader-one", "research"), NOW - timedelta(days=40)
    sizes = {reading.frame(["service"], as_of=noon + timedelta(minutes=step)).height for step in range(0, 60 * 16, 60)}
    got("sizes that differ within a day", len(sizes) - 1, 16)
    assert len(sizes) == 1


def test_the_minute_of_a_report_is_not_found_by_its_limits(kept: Keeper) -> None:
    reading = kept.reading("reader-one", "research")
    day = reading.frame(["occurred_at"])["occurred_at"].min()
    whole = reading.frame(["service"], since=day, until=day).height
    parts = [reading.frame(["service"], since=day + timedelta(hours=1), until=day + timedelta(hours=at)).height
             for at in (2, 8, 22)]  # fmt: skip
    got("rows found within a day", sum(parts), whole)
    assert whole > 0
    assert sum(parts) == 0


def test_limits_on_a_field_that_is_not_granted_are_refused(kept: Keeper, tmp_path: Path) -> None:
    found, _ = keeper(tmp_path, four=grant(reader="reader-four", fields=["service"]))
    with pytest.raises(Refused, match="does not cover occurred_at"):
        found.reading("reader-four", "research").frame(["service"], since=NOW - timedelta(days=30))


def test_what_was_handed_over_leads_nowhere(kept: Keeper) -> None:
    """Neither the plan, nor its serialised form, nor the columns of the frame reach what was left out."""
    frame = kept.reading("reader-one", "research").frame(("service", "territory"))
    lazy = frame.lazy()
    file = io.BytesIO()
    lazy.filter(pl.col("service") == "light").serialize(file)
    for told in (lazy.explain(), lazy.explain(optimized=False), file.getvalue().decode("latin-1")):
        assert "history" not in told
        assert "words" not in told
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        lazy.select("text").collect()
    assert frame.columns == ["service", "territory"]


def test_order_tells_nothing_beyond_what_is_shown(kept: Keeper) -> None:
    frame = kept.reading("reader-one", "research").frame(COARSE)
    assert frame.equals(frame.sort(COARSE))
    assert frame.equals(kept.reading("reader-one", "research").frame(COARSE))


def test_a_refusal_says_nothing_of_what_is_held(kept: Keeper, tmp_path: Path) -> None:
    empty, _ = keeper(tmp_path / "empty", coarse=grant())
    told = []
    for one in (kept, empty):
        with pytest.raises(Refused) as caught:
            one.reading("reader-one", "research").frame(["text"])
        told.append(str(caught.value))
    assert told[0] == told[1]
