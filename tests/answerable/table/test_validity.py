"""Versions in time, and rules that use each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from tests.answerable.table.made import HEAD, made

from cityward.answerable.table import decide_in_order, in_order, make_table, valid_on
from cityward.answerable.table.toml_form import read_toml
from cityward.answerable.table.validity import check_versions
from cityward.core.errors import SettingsError, UserError


def version(name, first, last=None):
    head = HEAD.replace('version = "1"', f'version = "{name}"').replace("2026-01-01", first)
    head = head.replace("hit =", f"valid_until = {last}\nhit =") if last else head
    return made(("", name), head=head)


OLD, NEW = version("old", "2025-01-01", "2025-12-31"), version("new", "2026-01-01")


def at(text, **more):
    return valid_on([OLD, NEW], "made", datetime.fromisoformat(text), **{"time_zone": "America/Bogota"} | more).version


def test_the_day_is_that_of_the_city():
    assert at("2026-01-01T04:59:59+00:00") == "old"  # 31 December, 23:59 in Bogotá
    assert at("2026-01-01T05:00:00+00:00") == "new"
    assert at("2026-01-01T04:59:59+00:00", time_zone="Asia/Tokyo") == "new"


def test_no_version_no_rule_and_no_time_zone_are_named():
    with pytest.raises(UserError, match=r"valid on 2024-12-31.*version old from 2025-01-01 until 2025-12-31"):
        at("2024-12-31T12:00+00:00")
    with pytest.raises(UserError, match="Did you mean 'made'"):
        valid_on([OLD], "mad", datetime(2025, 5, 1, tzinfo=UTC), time_zone="UTC")
    with pytest.raises(UserError, match="no time zone"):
        at("2025-05-01T12:00")


def test_two_versions_at_once_are_named():
    third = version("third", "2025-12-31")
    with pytest.raises(SettingsError, match=r"at once on 2025-12-31: version old .* and version third"):
        valid_on([OLD, third], "made", datetime(2025, 12, 31, 12, tzinfo=UTC), time_zone="UTC")
    with pytest.raises(SettingsError, match="at once on 2025-12-31"):
        check_versions([third, OLD])
    check_versions([NEW, OLD])


def test_a_decision_ahead_of_the_clock_is_refused():
    now = datetime(2025, 12, 31, 23, 58, tzinfo=UTC)
    told = {"time_zone": "UTC", "now": now}
    assert valid_on([OLD, NEW], "made", now + timedelta(minutes=4), **told).version == "new"
    with pytest.raises(UserError, match="ahead of the city's clock"):
        valid_on([OLD, NEW], "made", now + timedelta(minutes=6), **told)


def chain():
    first = HEAD.replace("[outputs.outcome]", "[outputs.level]").replace('id = "made"', 'id = "level-of"')
    level = read_toml(
        first.format(hit="first")
        + '[[rows]]\nwhen = { income = "< 1000" }\nthen = { level = "low" }\n[[rows]]\nthen = { level = "high" }\n',
        "level-of.toml",
    )
    second = HEAD.replace("[inputs.kind]", "[inputs.level]").replace('id = "made"', 'id = "made"\nuses = ["level-of"]')
    return {
        "level-of": make_table(level, "level-of.toml"),
        "made": made(('level = "low"', "grant"), ("", "refuse"), head=second),
    }


def test_rules_are_decided_after_those_that_they_use():
    tables = chain()
    assert [table.id for table in in_order(tables, "made")] == ["level-of", "made"]
    frame = pl.DataFrame({"income": [500.0, 5000.0], "kind": ["a", "a"], "since": [None, None], "adult": [True, True]})
    assert decide_in_order(tables, "made", frame)["outcome"].to_list() == ["grant", "refuse"]
    given = frame.with_columns(level=pl.Series(["high", "low"]))
    assert decide_in_order(tables, "made", given)["outcome"].to_list() == ["refuse", "grant"]


def test_a_circle_is_named():
    def one(name, uses):
        return made(("", "x"), head=HEAD.replace('id = "made"', f'id = "{name}"\nuses = ["{uses}"]'))

    tables = {"aa": one("aa", "bb"), "bb": one("bb", "cc"), "cc": one("cc", "aa")}
    with pytest.raises(SettingsError, match=r"in a circle: (aa|bb|cc) uses (aa|bb|cc) uses (aa|bb|cc) uses"):
        in_order(tables, "aa")
    with pytest.raises(SettingsError, match="no rule 'bb', which aa uses"):
        in_order({"aa": tables["aa"]}, "aa")


def test_an_output_has_to_fit_the_input_that_it_fills():
    tables = chain()
    wrong = HEAD.replace('[inputs.kind]\ntype = "text"', '[inputs.level]\ntype = "yes-no"').replace(
        'id = "made"', 'id = "made"\nuses = ["level-of"]'
    )
    tables["made"] = made(('level = "yes"', "x"), head=wrong)
    with pytest.raises(SettingsError, match="made takes level from level-of, where it is a text"):
        in_order(tables, "made")
