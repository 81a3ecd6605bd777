"""Cases of the demonstration: ranked, explained, planned, and declared by other cities."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from cityward.city import City
from cityward.city.case_settings import load_case_types, read_visits
from cityward.city.cases import read_table
from cityward.core.errors import SettingsError, UnknownId, UserError

DECLARED = """
id = "well-check"
title = "Well check"
service = "Wells"
system = "some-system"
table = "wells.csv"
time = "day"
entity = "well"
outcome = "bad"
found = "bad water"
features = ["depth"]
"""


def test_the_list_is_ranked_explained_and_ready_for_the_planner(demo_copy: City) -> None:
    ranking = demo_copy.cases.rankings("food-inspection")[0]
    chances = [case.probability for case in ranking.cases]
    assert chances == sorted(chances, reverse=True)
    assert len({case.id for case in ranking.cases}) == len(ranking.cases) > 1_000
    assert all(case.low <= case.probability <= case.high for case in ranking.cases)
    assert ranking.tried_ranked > ranking.tried_done
    assert ranking.tried_ranked_interval[0] > 0.55
    assert ranking.brier < ranking.brier_usual
    jobs = demo_copy.cases.jobs()
    assert {(job.service, job.minutes, job.skill) for job in jobs} == {("Food inspection", 60, "food")}
    first = ranking.cases[0]
    told = demo_copy.explain(first.id)
    assert told.receipt is not None
    assert "what would change it" in dict(told.evidence)
    assert dict(told.evidence)["how to contest it"] == first.appeal


def test_a_ranking_uses_nothing_of_its_own_day_or_later(demo_copy: City) -> None:
    ranking = demo_copy.cases.rankings()[0]
    assert all(case.waiting_since is None or case.waiting_since <= ranking.known_to for case in ranking.cases)
    file = demo_copy.path / "cases" / "food_inspections.parquet"
    table = pl.read_parquet(file)
    later = pl.col("inspection_date") > ranking.known_to
    blind = [pl.when(later).then(0).otherwise(pl.col(one)).alias(one) for one in ("criticalcount", "minorcount")]
    table.with_columns(blind).write_parquet(file)
    again = demo_copy.cases.rankings()[0]
    before = {case.id: case.probability for case in ranking.cases}
    assert {case.id: case.probability for case in again.cases} == pytest.approx(before, abs=0.005)


def test_what_is_exported_names_nobody(demo_copy: City) -> None:
    ranking = demo_copy.cases.rankings()[0]
    text = demo_copy.cases.export_csv("food-inspection").decode()
    assert text.count("\n") == len(ranking.cases) + 1
    named = [case.name for case in ranking.cases if len(case.name) > 12]
    assert not [name for name in named[:300] if name in text]
    with pytest.raises(UnknownId):
        demo_copy.cases.export_csv("../secrets")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('forbidden = ["depth"]', "is forbidden, and yet"),
        ('results = ["depth"]', "only after the visit"),
        ('lon = "x"', "go together"),
        ("minutes = 0", "minutes"),
        ("surprise = 1", "surprise"),
    ],
)
def test_a_mistake_in_a_type_is_named(tmp_path: Path, change: str, words: str) -> None:
    (tmp_path / "well.toml").write_text(DECLARED + change, encoding="utf-8")
    with pytest.raises(SettingsError, match=words):
        load_case_types(tmp_path)


def test_a_table_that_does_not_fit_is_named(tmp_path: Path) -> None:
    (tmp_path / "well.toml").write_text(DECLARED, encoding="utf-8")
    kind = load_case_types(tmp_path)["well-check"]
    file = tmp_path / "wells.csv"
    with pytest.raises(UserError, match="cannot be read"):
        read_table(file, kind)
    file.write_text("day,well,bad\n2014-01-01,1,0\n", encoding="utf-8")
    with pytest.raises(UserError, match="no column 'depth'"):
        read_table(file, kind)
    file.write_text("day,well,bad,depth\nyesterday,1,0,3\n", encoding="utf-8")
    with pytest.raises(UserError, match="holds no dates"):
        read_table(file, kind)


def test_rows_without_an_entity_or_a_place_do_no_harm(tmp_path: Path) -> None:
    places = DECLARED + 'lon = "x"\nlat = "y"\n'
    (tmp_path / "well.toml").write_text(places, encoding="utf-8")
    kind = load_case_types(tmp_path)["well-check"]
    file = tmp_path / "wells.csv"
    file.write_text("day,well,bad,depth,x,y\n2014-01-01,a,0,3,here,inf\n2014-01-02,,1,2,1,1\n,b,1,2,1,1\n")
    table = read_table(file, kind)
    assert table.rows() == [(date(2014, 1, 1), "a", 0, 3, None, None)]


def test_a_column_that_turns_to_text_late_and_wrong_bytes_are_read(tmp_path: Path) -> None:
    file = tmp_path / "wells.csv"
    rows = [b"2014-01-01,%d,0,3" % number for number in range(300)]
    file.write_bytes(b"\n".join([b"day,well,bad,depth", *rows, b"2014-01-02,caf\xe9,1,deep"]) + b"\n")
    table = read_visits(file)
    assert (table["well"][-1], table["depth"][-1]) == ("caf\N{REPLACEMENT CHARACTER}", "deep")


def test_a_city_without_cases_goes_on(demo_copy: City) -> None:
    for file in (demo_copy.path / "cases").glob("*.toml"):
        file.unlink()
    assert demo_copy.cases.rankings() == []
    assert demo_copy.cases.jobs() == []


def test_a_ranking_needs_a_registered_system(demo_copy: City) -> None:
    (demo_copy.folder.systems / "chicago-food-inspection.toml").unlink()
    with pytest.raises(UserError, match="not registered"):
        demo_copy.cases.system("chicago-food-inspection")
