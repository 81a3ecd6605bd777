"""Which sightings belong together, against the definition tried pair by pair."""

from __future__ import annotations

from itertools import combinations

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cityward.secure.incidents.folding import arranged, fold
from cityward.secure.incidents.grouping import group
from cityward.secure.incidents.order import only_guesses, span_of
from cityward.secure.incidents.places import needs_table, place_table, placed
from cityward.secure.incidents.records import RuleSeen
from cityward.secure.monitor.sightings import SCHEMA
from cityward.secure.risk.records import Asset, Inventory, Need

HOUR = 3_600_000_000
WINDOW = 24 * HOUR
RULES = {
    one.id: one
    for one in (
        RuleSeen(id="guess", title="Guessing", level="medium", techniques=("T1110",)),
        RuleSeen(id="in", title="Signed in", level="high", techniques=("T1078",)),
        RuleSeen(id="wipe", title="Wiped", level="critical", techniques=("T1486",)),
        RuleSeen(id="scan", title="Scanned", level="medium", techniques=("T1595",)),
        RuleSeen(id="slight", title="Slight", level="low", techniques=("T1059",)),
        RuleSeen(id="odd", title="Of no technique", level="high"),
    )
}
NEEDS = pl.DataFrame({"needer": ["app"], "needed": ["db"]})


def rows(*seen: tuple[str, str, str | None, float, float]) -> pl.DataFrame:
    """Sightings: rule, place, source, first and last hour; ``from …`` as a source is an asset's address."""
    return pl.DataFrame(
        [
            {
                "rule": rule,
                "place": place,
                "source": source,
                "actor_account": None,
                "from_asset": source.removeprefix("from ") if source and source.startswith("from ") else None,
                "first_us": int(first * HOUR),
                "last_us": int(last * HOUR),
                "low": (span_of(RULES[rule].techniques) or (-1, -1))[0],
                "high": (span_of(RULES[rule].techniques) or (-1, -1))[1],
                "level": {"low": 1, "medium": 2, "high": 3, "critical": 4}[RULES[rule].level],
                "incident": None,
            }
            for rule, place, source, first, last in seen
        ],
        schema_overrides={
            "actor_account": pl.String,
            "incident": pl.String,
            "from_asset": pl.String,
            "source": pl.String,
        },
    )


def labels(frame: pl.DataFrame) -> list[int]:
    return group(frame, NEEDS, WINDOW).label.tolist()


@pytest.mark.parametrize(
    ("seen", "together"),
    [
        ((("guess", "a", "1.1.1.1", 0, 1), ("wipe", "b", "1.1.1.1", 24, 25)), True),
        ((("guess", "a", "1.1.1.1", 0, 1), ("wipe", "b", "1.1.1.1", 26, 27)), False),
        ((("guess", "a", "1.1.1.1", 0, 1), ("wipe", "b", "2.2.2.2", 2, 3)), False),
        ((("guess", "a", "1.1.1.1", 0, 1), ("wipe", "a", "2.2.2.2", 2, 3)), True),
        ((("wipe", "a", "1.1.1.1", 0, 1), ("scan", "a", "2.2.2.2", 2, 3)), False),
        ((("odd", "a", None, 0, 1), ("odd", "a", None, 2, 3)), True),
        ((("odd", "a", None, 0, 1), ("scan", "a", None, 2, 3)), False),
        ((("scan", "app", None, 0, 1), ("wipe", "db", None, 2, 3)), True),
        ((("slight", "app", None, 0, 1), ("wipe", "db", None, 2, 3)), False),
        ((("wipe", "", None, 0, 1), ("wipe", "", None, 0, 1)), False),
        ((("scan", "a", None, 0, 1), ("guess", "b", "from a", 2, 3)), True),
        ((("scan", "a", None, 5, 6), ("guess", "b", "from a", 2, 3)), False),
    ],
)
def test_what_is_one_incident(seen: tuple[tuple[str, str, str | None, float, float], ...], together: bool) -> None:
    assert (len(set(labels(rows(*seen)))) == 1) is together


def test_an_older_sighting_is_reached_past_one_that_cannot_come_before() -> None:
    found = labels(rows(("guess", "a", None, 0, 1), ("wipe", "a", None, 2, 3), ("guess", "a", None, 4, 5)))
    assert found == [0, 0, 0]
    found = labels(rows(("scan", "a", None, 0, 1), ("odd", "a", None, 1, 2), ("guess", "a", None, 4, 5)))
    assert found == [0, 1, 0]


def _linked(a: dict[str, object], b: dict[str, object]) -> bool:
    """Whether the earlier ``a`` and the later ``b`` have an edge by the words of the documentation."""
    if b["first_us"] - a["last_us"] > WINDOW:  # type: ignore[operator]
        return False
    if a["source"] is not None and a["source"] == b["source"]:
        return True
    if a["place"] and a["place"] == b["place"]:
        if a["low"] == -1 or b["low"] == -1:
            return bool(a["low"] == b["low"] and a["rule"] == b["rule"])
        return bool(b["high"] >= a["low"])  # type: ignore[operator]
    return False


SEEN = st.tuples(
    st.sampled_from(sorted(RULES)),
    st.sampled_from(["", "a", "b"]),
    st.sampled_from([None, "1.1.1.1", "2.2.2.2"]),
    st.integers(0, 200),
    st.integers(0, 6),
)


@given(st.lists(SEEN, min_size=1, max_size=14, unique_by=lambda one: one[3]))
@settings(max_examples=30, deadline=None, phases=[Phase.generate])
def test_groups_are_those_of_the_definition(seen: list[tuple[str, str, str | None, int, int]]) -> None:
    frame = rows(
        *(
            (rule, place, source, first, first + length)
            for rule, place, source, first, length in sorted(seen, key=lambda one: one[3])
        )
    )
    held = frame.to_dicts()
    above = list(range(len(held)))
    for a, b in combinations(range(len(held)), 2):
        if _linked(held[a], held[b]):
            old, new = max(above[a], above[b]), min(above[a], above[b])
            above = [new if one == old else one for one in above]
    assert labels(frame) == above


INVENTORY = Inventory(
    (
        Asset(id="mail", name="Mail server", address="192.0.2.7", needs=(Need(of=("store",)),)),
        Asset(id="store", name="store.city.example", product="Ceph"),
        Asset(id="twin-1", name="Twin"),
        Asset(id="twin-2", name="Twin"),
    ),
    {},
)


def sightings(*seen: tuple[str, str | None, str | None, str | None, float]) -> pl.DataFrame:
    made = [
        (rule, host, source, account, int(at * HOUR), int(at * HOUR), 1) for rule, host, source, account, at in seen
    ]
    return pl.DataFrame(made, schema=SCHEMA, orient="row")


@pytest.mark.parametrize(
    ("host", "place", "how"),
    [
        ("mail", "mail", "id"),
        ("mail.city.example", "mail", "id"),
        ("mail server", "mail", "name"),
        ("192.0.2.7", "mail", "address"),
        ("store", "store", "id"),
        ("store.city.example", "store", "name"),
        ("ceph", "store", "product"),
        ("twin", "twin", None),
        ("192.0.2.8", "192.0.2.8", None),
        (None, "", None),
    ],
)
def test_hosts_are_told_by_what_the_inventory_says(host: str | None, place: str, how: str | None) -> None:
    found = placed(sightings(("guess", host, None, None, 0)), place_table(INVENTORY))
    assert (found["place"].item(), found["how"].item()) == (place, how)


def test_a_guessed_account_is_no_actor_and_one_that_signed_in_is() -> None:
    seen = sightings(
        ("guess", "a", None, "person-1", 0), ("in", "b", None, "person-1", 1), ("in", "b", None, "root", 1)
    )
    assert arranged(seen, RULES, INVENTORY)["actor_account"].to_list() == [None, "person-1", None]
    assert only_guesses(("T1110.001", "T1110"))
    assert not only_guesses(("T1110", "T1078"))
    assert not only_guesses(())


def test_what_is_slight_opens_nothing_and_joins_what_is_grave() -> None:
    alone = fold(sightings(("slight", "a", None, None, 0)), [], RULES, INVENTORY)
    assert (alone.groups, alone.not_grave) == ((), 1)
    both = fold(sightings(("slight", "a", None, None, 0), ("wipe", "a", None, None, 1)), [], RULES, INVENTORY)
    assert [one.fresh for one in both.groups] == [2]


def test_sightings_of_unknown_rules_and_empty_ones_stop_nothing() -> None:
    assert fold(sightings(), [], RULES, INVENTORY).groups == ()
    assert len(fold(sightings(("gone", "a", None, None, 0)), [], RULES, INVENTORY).groups) == 1
    assert needs_table(INVENTORY).rows() == [("mail", "store")]
