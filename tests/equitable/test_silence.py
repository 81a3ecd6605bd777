from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from cityward.core.records import Territory
from cityward.equitable.silence import CLEARLY_BELOW, MOST_LISTED, PEERS, silences

PLACES = 60


def make_city(rng: np.random.Generator, places: int = PLACES) -> list[Territory]:
    """Two kinds of place: low and high income, each with its own internet access."""
    city = []
    for at in range(places):
        rich = at % 2
        people = float(rng.integers(15_000, 60_000))
        city.append(
            Territory(
                id=str(at),
                name=f"Place {at}",
                level="area",
                population=people,
                households=people / rng.uniform(2.0, 3.0),
                internet_share=float(rng.uniform(0.85, 0.95) if rich else rng.uniform(0.5, 0.7)),
                income=float(rng.uniform(90_000, 120_000) if rich else rng.uniform(25_000, 40_000)),
            )
        )
    return city


def listen(city: list[Territory], rng: np.random.Generator, spread: float = 0.2) -> dict[str, int]:
    """Counts at 12 (poor) and 4 (rich) reports per 1,000 people, each place differing by ``spread``."""
    return {
        place.id: int(
            rng.poisson((place.population or 0) * (0.004 if at % 2 else 0.012) * rng.gamma(1 / spread**2, spread**2))
        )
        for at, place in enumerate(city)
    }


@pytest.fixture
def city() -> list[Territory]:
    return make_city(np.random.default_rng(2))


@pytest.fixture
def heard(city: list[Territory]) -> dict[str, int]:
    return listen(city, np.random.default_rng(5), spread=0.1)


def test_a_place_heard_far_less_than_its_peers_is_listed_first(city: list[Territory], heard: dict[str, int]) -> None:
    usual = heard["10"]
    heard["10"] = usual // 6
    found = silences(heard, city)[0]
    assert found.territory == "10"
    assert found.name == "Place 10"
    assert found.heard == usual // 6
    assert found.ratio == pytest.approx(found.heard / found.expected)
    assert found.ratio_low < found.ratio < found.ratio_high < CLEARLY_BELOW
    assert found.id.startswith("S-")


def test_peers_are_alike_and_never_the_place_itself(city: list[Territory], heard: dict[str, int]) -> None:
    heard["10"] //= 6
    found = silences(heard, city)[0]
    assert len(set(found.compared_with)) == PEERS
    assert found.name not in found.compared_with
    assert all(int(name.split()[1]) % 2 == 0 for name in found.compared_with)  # the poor half


def test_a_rich_place_is_not_called_silent_for_reporting_as_the_rich_do(
    city: list[Territory], heard: dict[str, int]
) -> None:
    """The rich half sends a third of what the poor half sends: raw rates would list all of it."""
    assert silences(heard, city) == []


def test_the_sentence_asks_and_does_not_assume(city: list[Territory], heard: dict[str, int]) -> None:
    heard["10"] //= 6
    found = silences(heard, city)[0]
    expected = f"{found.ratio:.1f} times what we would expect ({found.ratio_low:.1f} to {found.ratio_high:.1f})"
    assert found.sentence.startswith("Place 10 is quieter than places like it: we hear ")
    assert expected in found.sentence
    assert found.sentence.endswith("Ask there; do not assume that all is well.")


def test_a_place_that_was_not_heard_at_all_is_listed_in_words(city: list[Territory], heard: dict[str, int]) -> None:
    del heard["10"]
    found = silences(heard, city)[0]
    assert found.territory == "10"
    assert found.heard == 0
    assert found.ratio_low == 0.0
    assert f"heard nothing, where we would expect {found.expected:.0f} reports" in found.sentence


@pytest.mark.parametrize("population", [None, 0.0, float("nan")])
def test_a_place_without_known_people_is_never_listed_or_compared(
    city: list[Territory], heard: dict[str, int], population: float | None
) -> None:
    heard["10"], heard["12"] = 0, heard["12"] // 8
    city[10] = msgspec.structs.replace(city[10], population=population)
    found = silences(heard, city)
    assert [one.territory for one in found] == ["12"]
    assert "Place 10" not in found[0].compared_with


def test_a_tiny_expectation_is_never_judged(city: list[Territory], heard: dict[str, int]) -> None:
    heard["10"] = 0
    city[10] = msgspec.structs.replace(city[10], population=500.0, households=200.0)
    assert silences(heard, city) == []


def test_what_is_unknown_of_a_place_is_left_out_of_the_comparison(city: list[Territory], heard: dict[str, int]) -> None:
    heard["10"] //= 6
    city = [msgspec.structs.replace(place, income=None) if at % 3 else place for at, place in enumerate(city)]
    assert [one.territory for one in silences(heard, city)] == ["10"]


def test_without_anything_to_compare_by_nothing_is_said(city: list[Territory], heard: dict[str, int]) -> None:
    heard["10"] = 0
    bare = [msgspec.structs.replace(place, income=None, internet_share=None, households=None) for place in city]
    assert silences(heard, bare) == []


def test_what_is_the_same_everywhere_does_not_tell_places_apart(city: list[Territory], heard: dict[str, int]) -> None:
    heard["10"] //= 6
    without = [msgspec.structs.replace(place, internet_share=None, households=None) for place in city]
    same = [msgspec.structs.replace(place, internet_share=0.7, households=None) for place in city]
    assert silences(heard, same) == silences(heard, without)


def test_a_small_city_has_nobody_to_compare_with(city: list[Territory], heard: dict[str, int]) -> None:
    heard["10"] = 0
    assert silences(heard, city[:19]) == []
    assert silences(heard, []) == []


def test_a_city_that_hears_nothing_is_not_called_silent_place_by_place(city: list[Territory]) -> None:
    assert silences({}, city) == []


def test_only_the_clearest_are_listed_in_order(city: list[Territory], heard: dict[str, int]) -> None:
    for at in (3, 10, 17, 24, 31, 38, 45, 52):
        heard[str(at)] //= 10
    found = silences(heard, city)
    assert len(found) == MOST_LISTED
    assert [one.ratio_high for one in found] == sorted(one.ratio_high for one in found)


def test_equal_inputs_give_equal_records(city: list[Territory], heard: dict[str, int]) -> None:
    heard["10"] //= 6
    assert silences(heard, city) == silences(dict(reversed(heard.items())), city)


@pytest.mark.parametrize(("spread", "most"), [(0.05, 0.005), (0.2, 0.015), (0.4, 0.04)])
def test_few_places_are_listed_where_none_is_silent(spread: float, most: float) -> None:
    """Places that merely differ: the more they do, the more of them look quiet, but never many."""
    rng = np.random.default_rng(8)
    found = []
    for _ in range(40):
        city = make_city(rng)
        found.append(len(silences(listen(city, rng, spread), city)))
    assert sum(found) / (40 * PLACES) <= most
    assert sum(amount == MOST_LISTED for amount in found) <= 4  # the cap hides next to nothing here


def test_a_truly_silent_place_is_mostly_found() -> None:
    rng = np.random.default_rng(6)
    found = 0
    for _ in range(40):
        city = make_city(rng)
        heard = listen(city, rng)
        heard["20"] //= 4
        found += "20" in [one.territory for one in silences(heard, city)]
    assert found >= 34


@pytest.fixture(scope="module")
def chicago_heard() -> dict[str, dict[str, int]]:
    """Sanitation complaints by area and year, duplicates that the city marked left out."""
    file = Path(__file__).resolve().parents[2] / "src/cityward/city/demo/chicago/sanitation_requests.parquet"
    rows = (
        pl.read_parquet(file, columns=["creation_date", "community_area", "status"])
        .filter(~pl.col("status").str.contains("Dup"))
        .with_columns(
            pl.col("creation_date").cast(pl.Date).dt.year().cast(pl.String).alias("year"),
            pl.col("community_area").cast(pl.Float64).cast(pl.Int64).cast(pl.String).alias("area"),
        )
        .group_by("year", "area")
        .len()
    )
    return {year: dict(rows.filter(pl.col("year") == year)["area", "len"].iter_rows()) for year in ("2012", "2013")}


def test_chicago_names_few_places_and_much_the_same_ones_each_year(
    chicago_heard: dict[str, dict[str, int]], chicago_areas: list[Territory]
) -> None:
    one, other = ({found.name for found in silences(chicago_heard[year], chicago_areas)} for year in ("2012", "2013"))
    assert 1 <= len(one) <= MOST_LISTED
    assert one & other


@pytest.fixture(scope="module")
def chicago_areas() -> list[Territory]:
    file = Path(__file__).resolve().parents[2] / "src/cityward/city/demo/chicago/indicators_77.csv"
    return [
        Territory(
            id=str(row["comm_num"]),
            name=row["name"],
            level="area",
            population=row["total_pop"],
            households=row["total_households"],
            internet_share=row["hh_internet(%)"] / 100,
            income=row["hh_median_income"],
        )
        for row in pl.read_csv(file).iter_rows(named=True)
    ]
