"""The clock of a breach, who is concerned, and records that say only what is configured."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from cityward.city import City, init, open_city
from cityward.core.clock import Clock
from cityward.core.errors import UserError

NOW = datetime(2014, 7, 1, 12, tzinfo=UTC)
MAPPING = (
    'source = "lamps"\nkind = "request"\ndomain = "public space"\n[columns]\nid = "number"\n'
    'occurred_at = "created"\nservice = "type"\naddress = "street"\ntext = "words"\nperson = "mail"\n'
)


@pytest.fixture
def watch() -> list[datetime]:
    return [NOW]


@pytest.fixture
def city(tmp_path: Path, chicago: Path, watch: list[datetime]) -> Iterator[City]:
    folder = init(tmp_path / "city", name="Chicago", territories=chicago / "community_areas.geojson")
    (tmp_path / "lamps.toml").write_text(MAPPING, encoding="utf-8")
    pl.DataFrame(
        {
            "number": [f"L-{at}" for at in range(20)],
            "created": [f"2014-0{5 + at // 10}-{1 + at % 10:02}" for at in range(20)],
            "type": ["Street light"] * 20,
            "street": ["4853 S WOOD ST"] * 20,
            "words": ["dark" if at % 2 else None for at in range(20)],
            "mail": [None if at == 0 else f"p{at % 4}@example.org" for at in range(20)],
        }
    ).write_csv(tmp_path / "lamps.csv")
    with open_city(folder, Clock(lambda: watch[0])) as opened:
        opened.sense(tmp_path / "lamps.csv", opened.add_mapping(tmp_path / "lamps.toml"))
        yield opened


def test_a_breach_from_its_clock_to_its_end(city: City, watch: list[datetime]) -> None:
    found = city.breaches.open("A laptop with an export was left on a train", "Olga Officer", NOW - timedelta(hours=2))
    assert city.breaches.hours_left(found) == 70
    assessed = city.breaches.assess(found.id, "Olga Officer", high_risk=True, since=datetime(2014, 6, 1, tzinfo=UTC))
    assert (assessed.affected["people"], assessed.affected["reports"]) == (4, 10)
    assert assessed.affected["people with free text"] == 2
    assert "counted twice" in assessed.counted
    notice = city.breaches.notice(found.id)
    assert "about 4 people" in notice
    assert "To the people concerned" in notice
    assert "to be filled in by the data protection officer" in notice
    watch[0] = NOW + timedelta(hours=71)
    with pytest.raises(UserError, match="72 hours, GDPR"):
        city.breaches.tell(found.id, "Olga Officer")
    late = city.breaches.tell(found.id, "Olga Officer", "The export was found to be ours on the third day only")
    assert late.state == "notified"
    closed = city.breaches.close(found.id, "Olga Officer", "The laptop was found, its disk is encrypted")
    with pytest.raises(UserError, match="is closed"):
        city.breaches.tell(closed.id, "Olga Officer")
    kinds = [entry["kind"] for entry in city.ledger_entries(0, 50)]
    assert kinds[-4:] == ["breach-open", "breach-assess", "breach-notify", "breach-close"]
    assert city.verify().ok


def test_the_first_telling_counts_and_why_it_was_late_outlives_the_end(city: City, watch: list[datetime]) -> None:
    found = city.breaches.open("A laptop with an export was left on a train", "Olga Officer")
    watch[0] = NOW + timedelta(hours=80)
    told = city.breaches.tell(found.id, "Olga Officer", "The export was found to be ours on the third day only")
    watch[0] = NOW + timedelta(hours=90)
    again = city.breaches.tell(found.id, "Olga Officer")
    assessed = city.breaches.assess(found.id, "Olga Officer", high_risk=False)
    assert (again.told_at, assessed.state, city.breaches.running()) == (told.told_at, "notified", [])
    closed = city.breaches.close(found.id, "Olga Officer", "The laptop was found, its disk is encrypted")
    assert (closed.late_because, closed.because) == (told.late_because, "The laptop was found, its disk is encrypted")
    assert f"Why it is late**: {told.late_because}" in city.breaches.notice(found.id)


def test_a_person_is_counted_once_and_who_is_not_named_as_a_report(city: City) -> None:
    found = city.breaches.open("A copy of the registers was stolen", "Olga Officer")
    affected = city.breaches.assess(found.id, "Olga Officer", high_risk=False).affected
    assert (affected["people"], affected["reports"], affected["reports that name nobody"]) == (4, 20, 1)


def test_a_breach_names_nobody_and_does_not_begin_in_the_future(city: City) -> None:
    found = city.breaches.open("Mail of ana@example.org was sent to all", "Olga Officer")
    assert "ana@" not in found.what
    with pytest.raises(UserError, match="future"):
        city.breaches.open("Something that will happen", "Olga Officer", NOW + timedelta(hours=1))
    with pytest.raises(UserError, match="first and last name"):
        city.breaches.open("A laptop was left on a train", "Olga")


@pytest.mark.parametrize("kind", ["processing", "dpia", "rights"])
def test_a_record_is_made_of_what_is_configured_and_says_what_is_not_known(city: City, kind: str) -> None:
    draft = city.processing.draft(kind)
    assert "to be filled in by" in draft.markdown().lower()
    assert draft.html().count("<h2>") == draft.markdown().count("\n## ")
    if kind != "rights":
        assert "lamps | people who report | personal | mail | replaced by a keyed pseudonym" in draft.markdown()
        assert "texts: no limit is set" in draft.markdown()
    if kind != "processing":
        assert "Demand forecast" in draft.markdown()


def test_a_record_follows_the_configuration(city: City) -> None:
    toml = city.path / "city.toml"
    toml.write_text(toml.read_text(encoding="utf-8") + "\n[retention]\nfree_text = 400\n", encoding="utf-8")
    with open_city(city.path) as changed:
        assert "texts: 400 days" in changed.processing.draft("processing").markdown()


def test_requests_breaches_and_jobs_are_explained_without_anybody(city: City) -> None:
    found = city.breaches.open("A laptop with an export was left on a train", "Olga Officer")
    job = city.persons.retain()
    asked = city.persons.access(city.persons.by_identifier("p1@example.org"), "Olga Officer").request
    assert job
    for identifier, word in ((found.id, "to be told by"), (job.id, "quarantine"), (asked.id, "number of interactions")):
        told = city.explain(identifier)
        assert word in dict(told.evidence)
        assert told.receipt is not None
        assert "p1@" not in repr(told)
