"""Batches and campaigns are told from surges of people: each sign has a burst that bears it and one that does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.core.clock import rng
from cityward.know.campaigns import BATCH, ROWS_MIN, recognise, set_apart, summarise

START = datetime(2018, 1, 1, tzinfo=UTC)
DAY = 86_400.0
CHANNELS = ["phone", "web", "app", "desk"]
WEIGHTS = [0.5, 0.25, 0.2, 0.05]
WORDS = (
    "lamp street dark broken corner school evening please night road child fear light pole wire number again front "
    "house since week nobody came already called winter bulb flickers opposite bakery crossing stop bus tree branch "
    "glass fell mother walks afraid square church repair soon thank you city council yesterday morning neighbour"
)


def rows(seconds, *, channel="phone", service="lights", text=None, person=None, closed_seconds=None) -> pl.DataFrame:
    """Reports at ``seconds`` after `START`; other values are for all of them, or one for each."""
    count = len(seconds)

    def each(value):
        return pl.Series(value if isinstance(value, list | np.ndarray) else [value] * count, dtype=pl.String)

    moments = [START + timedelta(seconds=float(second)) for second in seconds]
    return pl.DataFrame(
        {
            "source": each("311"),
            "channel": each(channel),
            "service": each(service),
            "person": each(person),
            "text": each(text),
            "occurred_at": pl.Series(moments, dtype=pl.Datetime("us", "UTC")),
            "closed_at": pl.Series(
                [None] * count if closed_seconds is None else [m + timedelta(seconds=closed_seconds) for m in moments],
                dtype=pl.Datetime("us", "UTC"),
            ),
        }
    )


def people(seed: int, count: int, first_day: float, days: float, **more) -> pl.DataFrame:
    """Residents: moments by the hours people are awake, each through one of the channels, in words of their own."""
    random = rng(seed)
    day = random.uniform(first_day, first_day + days, count).astype(int)
    hour = np.clip(random.normal(15, 4, count), 0.1, 23.9)
    text = [" ".join(random.permutation(WORDS.split())[: random.integers(6, 14)]) for _ in range(count)]
    return rows(day * DAY + hour * 3600, channel=random.choice(CHANNELS, count, p=WEIGHTS), **{"text": text, **more})


@pytest.fixture(scope="module")
def quiet_year() -> pl.DataFrame:
    """A year of about ten reports a day for each of two services."""
    return pl.concat([people(1, 3650, 0, 365), people(2, 3650, 0, 365, service="bins")])


def kinds(history: pl.DataFrame, burst: pl.DataFrame) -> list[str | None]:
    """Kinds given to ``burst`` when it comes on top of ``history``."""
    marked = recognise(pl.concat([history, burst]))
    assert marked.head(history.height)["batch"].null_count() >= history.height - 2  # one that came in the midst of it
    return marked.tail(burst.height)["batch_kind"].to_list()


def test_an_ordinary_year_has_no_batch(quiet_year):
    assert recognise(quiet_year)["batch"].null_count() == quiet_year.height


@pytest.mark.parametrize("count", [100, 400, 2000])
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_a_surge_of_people_is_not_a_batch(quiet_year, count, seed):
    assert set(kinds(quiet_year, people(seed, count, 200, 3))) == {None}


def test_a_storm_that_all_report_on_one_day_is_not_a_batch_though_stamps_tell_only_the_day():
    def by_day(frame):
        return frame.with_columns(pl.col("occurred_at").dt.truncate("1d"))

    history = by_day(people(6, 3650, 0, 365))
    assert set(kinds(history, by_day(people(7, 3000, 200, 1)))) == {None}


@pytest.mark.parametrize("jitter", [0.0, 0.1, 0.25])
def test_one_report_a_second_from_one_sender_is_a_flood(quiet_year, jitter):
    seconds = 100.5 * DAY + np.cumsum(1 + rng(8).uniform(-2 * jitter, 2 * jitter, 300))
    assert set(kinds(quiet_year, rows(seconds, channel="token 17"))) == {"scripted flood"}


def test_a_flood_at_uneven_moments_is_known_by_its_pace(quiet_year):
    seconds = 100.5 * DAY + np.cumsum(rng(9).exponential(1.0, 400))
    assert set(kinds(quiet_year, rows(seconds, channel="token 17"))) == {"scripted flood"}


def test_one_person_faster_than_a_person_is_a_flood_and_forty_people_are_not(quiet_year):
    seconds = 100.5 * DAY + np.sort(rng(10).uniform(0, 1700, 40))
    assert set(kinds(quiet_year, rows(seconds, person="p1"))) == {"scripted flood"}
    assert set(kinds(quiet_year, rows(seconds, person=[f"p{at}" for at in range(40)]))) == {None}


def test_many_in_one_minute_through_one_desk_are_data_entry(quiet_year):
    assert set(kinds(quiet_year, rows([100.5 * DAY] * 60, channel="desk"))) == {"data entry"}


def test_what_an_office_types_in_two_days_and_closes_at_once_is_data_entry(quiet_year):
    seconds = np.concatenate([(day + 9 / 24) * DAY + np.sort(rng(11).uniform(0, 8 * 3600, 80)) for day in (100, 101)])
    typed = rows(seconds, channel="desk", closed_seconds=600)
    assert set(kinds(quiet_year, typed)) == {"data entry"}


def test_more_than_a_desk_can_take_in_a_day_is_data_entry_when_stamps_tell_only_the_day():
    history = people(12, 3650, 0, 365).with_columns(pl.col("occurred_at").dt.truncate("1d"))
    assert set(kinds(history, rows([100 * DAY] * 300, channel="desk"))) == {"data entry"}
    assert set(kinds(history, rows([100 * DAY] * 60, channel="desk"))) == {None}


LETTER = "we the undersigned demand that the council finally repairs the street lamps around our school before winter"


def letters(seed: int, count: int) -> list[str]:
    """The same letter, with a word of one's own put in and one left out."""
    random, words = rng(seed), LETTER.split()
    sent = []
    for _ in range(count):
        own = list(words)
        own.pop(int(random.integers(len(own))))
        own.insert(int(random.integers(len(own))), f"name{random.integers(1_000_000)}")
        sent.append(" ".join(own))
    return sent


@pytest.mark.parametrize(
    "text", [LETTER, letters(13, 120), "fix our lamps right now"], ids=["equal", "nearly equal", "short"]
)
def test_one_letter_from_many_is_a_campaign(quiet_year, text):
    found = kinds(quiet_year, people(14, 120, 200, 4, text=text, person=[f"p{at}" for at in range(120)]))
    assert found.count("campaign") >= 118
    assert set(found) <= {"campaign", None}


def test_a_surge_of_people_with_a_few_short_sentences_is_not_a_campaign(quiet_year):
    phrases = [f"the lamp number {number} is broken again" for number in ("one", "two", "three", "four")]
    text = rng(20).choice(phrases, 300)
    assert set(kinds(quiet_year, people(21, 300, 200, 3, text=text))) == {None}


def test_a_flood_that_begins_at_midnight_is_a_flood_from_its_first_report(quiet_year):
    assert set(kinds(quiet_year, rows(100 * DAY + np.arange(300.0), channel="token 17"))) == {"scripted flood"}


def test_storms_told_with_one_sentence_from_a_menu_are_not_campaigns():
    storms = [people(22 + at, 150, day, 2, text="snow not yet ploughed here") for at, day in enumerate((20, 200, 340))]
    assert recognise(pl.concat([people(30, 20, 0, 365), *storms]))["batch"].null_count() == 470


def test_a_sentence_from_a_menu_is_not_a_campaign():
    menu = people(15, 3650, 0, 365, text=LETTER)
    assert recognise(pl.concat([menu, people(16, 300, 200, 3, text=LETTER)]))["batch"].null_count() == 3950


def test_visits_are_never_a_batch(quiet_year):
    counted = rows(100.5 * DAY + np.arange(300.0)).with_columns(kind=pl.lit("visit"))
    history = pl.concat([quiet_year.with_columns(kind=pl.lit("request")), counted]).sample(
        fraction=1, shuffle=True, seed=1
    )
    assert recognise(history)["batch"].null_count() == history.height


def test_one_call_gives_what_stands_for_itself_and_what_to_show(quiet_year):
    flood = rows(100.5 * DAY + np.arange(300.0), channel="token 17")
    history = pl.concat([flood, quiet_year])
    apart = set_apart(history)
    assert apart.history.equals(quiet_year)
    assert apart.batches.schema == BATCH
    assert apart.batches.drop("first", "last", "why").row(0) == (
        1,
        "scripted flood",
        "311",
        "token 17",
        "lights",
        300,
        1,
    )
    assert apart.batches["why"][0].startswith("token 17 sent 300 reports, one every 1.0 seconds")


def test_nothing_is_lost_and_the_list_adds_up(quiet_year):
    history = pl.concat([quiet_year, rows([100.5 * DAY] * 60), rows(120.5 * DAY + np.arange(90.0), channel="x")])
    apart = set_apart(history)
    assert apart.history.height + apart.batches["rows"].sum() == history.height


@pytest.mark.parametrize("columns", [["service", "occurred_at"], ["service", "occurred_at", "closed_at", "text"]])
def test_missing_columns_are_no_error_and_rhythm_still_tells(quiet_year, columns):
    history = pl.concat([quiet_year, rows(100.5 * DAY + np.arange(300.0))]).select(columns)
    marked = recognise(history)
    assert marked.tail(300)["batch_kind"].unique().to_list() == ["scripted flood"]
    assert summarise(marked).height == 1


def test_an_empty_history_has_no_batch(quiet_year):
    assert recognise(quiet_year.clear()).columns == [*quiet_year.columns, "batch", "batch_kind"]
    assert set_apart(quiet_year.clear()).batches.equals(BATCH.to_frame())


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(seed):
    history = pl.concat(
        [
            people(17, 400, 0, 40),
            rows([20.5 * DAY] * 60, channel="desk"),
            rows(25.5 * DAY + np.arange(90.0), channel="x"),
            people(18, 60, 30, 4, text=letters(19, 60)),
        ]
    ).with_row_index("number")
    expected = recognise(history)
    assert expected["batch"].n_unique() == 4
    shuffled = recognise(history.sample(fraction=1, shuffle=True, seed=seed)).sort("number")
    assert shuffled.equals(expected)
    assert summarise(shuffled).equals(summarise(expected))


@settings(max_examples=15, deadline=None)
@given(count=st.integers(1, ROWS_MIN - 1))
def test_fewer_than_a_batch_are_never_one(count):
    assert recognise(rows([100.5 * DAY] * count))["batch"].null_count() == count
