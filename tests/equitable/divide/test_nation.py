"""Cities side by side: figures with noise, ordered no further than it allows."""

from __future__ import annotations

from cityward.equitable.divide.nation import Published, side_by_side


def figure(city: str, value: float, error: float = 10.0, question: str = "reports") -> Published:
    return Published(
        city=city, question=question, value=value, error=error, cells=1, suppressed=0, release=f"X-{city}", source=city
    )


def test_overlapping_cities_are_not_ordered() -> None:
    table = side_by_side([figure("a", 100), figure("b", 105), figure("c", 300)], {}).tables[0]
    assert [(one.city, one.tier) for one in table.cities] == [("c", 1), ("b", 2), ("a", 2)]
    assert (table.cities[2].rank_low, table.cities[2].rank_high) == (2, 3)
    assert table.by.startswith("as counted")


def test_people_turn_the_order_round() -> None:
    table = side_by_side([figure("a", 1000), figure("b", 500)], {"a": 100_000, "b": 10_000}).tables[0]
    assert [one.city for one in table.cities] == ["b", "a"]
    assert table.cities[0].rate == 50
    assert table.by == "per 1,000 people"


def test_another_question_is_another_table_and_one_city_alone_has_no_rank() -> None:
    told = side_by_side([figure("a", 1), figure("b", 2), figure("a", 3, question="trips")], {})
    assert [len(one.cities) for one in told.tables] == [2, 1]
    assert told.tables[1].cities[0].rank_low is None
    assert "alone answers it" in told.tables[1].says


def test_of_two_releases_of_a_city_the_less_noisy_counts() -> None:
    told = side_by_side([figure("a", 1, 9), figure("a", 2, 3)], {})
    assert [one.value for one in told.tables[0].cities] == [2]
    assert any("least noise" in note for note in told.notes)


def test_nothing_published_is_said() -> None:
    assert "No release" in side_by_side([], {}).finding
