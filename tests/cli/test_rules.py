"""``cityward rules``: for a lawyer with a file, and for a program with ``--json``."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from tests.answerable.table.made import HEAD
from tests.typed import typed

from cityward.cli.main import group
from cityward.core.errors import SettingsError, UserError

ROWS = '[[rows]]\nwhen = { income = "< 1000" }\nthen = { outcome = "grant" }\n'
REST = '[[rows]]\nwhen = { income = ">= 1000" }\nthen = { outcome = "refuse" }\n'


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, ["rules", *map(str, arguments)], standalone_mode=False)


def told(*arguments: str | Path):
    done = run(*arguments, "--json")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return json.loads(done.stdout)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "made.toml"
    path.write_text(HEAD.format(hit="unique") + ROWS + REST)
    return path


def test_shipped_rules_are_listed_shown_checked_and_tried():
    assert {"proposal-approval", "scholarship-award"} <= {one["id"] for one in told("list")}
    shown = run("show", "street-light-repair").output
    assert "an open wire can kill (section 2.1)" in shown
    assert run("check").exit_code == 0
    assert all(test["passed"] for one in told("test") for test in one["tests"])
    assert "6 of 6 tests passed" in run("test", "scholarship-award").output


def test_a_file_is_checked_by_its_path_and_an_error_ends_with_1(file: Path):
    assert [one["kind"] for one in told("check", file)[0]["findings"]][:1] == ["input-never-used"]
    assert run("check", file).exit_code == 0
    file.write_text(HEAD.format(hit="unique") + ROWS)
    done = run("check", file)
    assert done.exit_code == 1
    assert "error (gap): No row decides when income is 1000 EUR/month or more." in done.output
    assert "For example: income 1000" in done.output


def test_a_failing_test_ends_with_1(file: Path):
    file.write_text(file.read_text() + '[[tests]]\ngiven = { income = 5 }\nexpect = { outcome = "refuse" }\n')
    assert run("test", file).exit_code == 1
    assert told("test", file)[0]["tests"][0]["found"] == {"outcome": "grant"}


def test_cases_of_a_file_are_decided(file: Path, tmp_path: Path):
    cases = tmp_path / "cases.csv"
    cases.write_text("income [EUR/year],kind,since,adult\n6000,007,2026-01-01,yes\n60000,008,,no\n,009,,\n")
    found = told("run", file, cases)
    assert [one["outcome"] for one in found["answers"]] == ["grant", "refuse", None]
    out = tmp_path / "out.csv"
    assert run("run", file, cases, "--out", out).exit_code == 0
    written = pl.read_csv(out, infer_schema=False)
    assert written["kind"].to_list() == ["007", "008", "009"]
    assert written["reason"].to_list() == [None, None, "no row"]
    with pytest.raises(UserError, match="given in USD"):
        CliRunner().invoke(
            group,
            ["rules", "run", str(file), str(cases), "--unit", "income=USD"],
            standalone_mode=False,
            catch_exceptions=False,
        )


def test_a_rule_beside_another_that_it_uses(file: Path, tmp_path: Path):
    user = tmp_path / "user.toml"
    head = HEAD.replace('id = "made"', 'id = "user"\nuses = ["made"]').replace("[inputs.kind]", "[inputs.outcome]")
    user.write_text(head.format(hit="first").replace("[outputs.outcome]", "[outputs.letter]") + (
        "[[rows]]\nwhen = { outcome = 'grant' }\nthen = { letter = 'congratulations' }\n"
    ))  # fmt: skip
    cases = tmp_path / "cases.csv"
    cases.write_text("income,kind,since,adult\n5,x,,yes\n")
    assert [one["letter"] for one in told("run", user, cases)["answers"]] == ["congratulations"]
    file.write_text(file.read_text().replace('version = "1"', 'version = "1"\nuses = ["user"]', 1))
    with pytest.raises(SettingsError, match="in a circle"):
        CliRunner().invoke(group, ["rules", "check", str(user)], standalone_mode=False, catch_exceptions=False)


def test_a_case_is_traced_with_what_would_have_changed_it(file: Path):
    done = run("trace", file, "--given", "income=24000 EUR/year", "--wanted", "outcome=grant").output
    assert "row 1 does not hold: income < 1000: 2000 does not" in done
    assert "With income below 1000 EUR/month the answer would have been: outcome grant." in done
    found = told("trace", file, "--given", "income=5")
    assert found["trace"]["row"] == 1


@pytest.mark.parametrize("form", ["toml", "csv", "gorules", "dmn"])
def test_out_and_back(tmp_path: Path, form: str):
    ending = {"gorules": "json"}.get(form, form)
    out, back = tmp_path / f"out.{ending}", tmp_path / "back.toml"
    done = run("export", "scholarship-award", "--form", form, "--to", out)
    assert done.exit_code == 0
    assert ("Note: " in done.stderr) == (form in ("gorules", "dmn"))
    assert run("import", out, "--to", back).exit_code == 0
    assert told("show", back) == told("show", "scholarship-award")
    with pytest.raises(UserError, match="exists already"):
        CliRunner().invoke(
            group, ["rules", "import", str(out), "--to", str(back)], standalone_mode=False, catch_exceptions=False
        )


def test_two_versions_at_once_are_named(file: Path, tmp_path: Path):
    other = tmp_path / "later.toml"
    other.write_text(file.read_text().replace('version = "1"', 'version = "2"'))
    with pytest.raises(SettingsError, match="Two versions of made are valid at once"):
        CliRunner().invoke(
            group, ["rules", "check", str(file), str(other)], standalone_mode=False, catch_exceptions=False
        )


def test_a_mistake_of_the_user_ends_with_2_and_names_the_cell(file: Path):
    file.write_text(file.read_text().replace('"< 1000"', '"< 1,000"'))
    done = typed("rules", "check", file, "--json", code=2)
    assert "row 1, income: '< 1,000' could be one number or two" in json.loads(done.stderr)["error"]
