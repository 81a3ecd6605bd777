"""The command risk: its four questions on the example that ships, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cityward.cli.risk import risk
from cityward.core.errors import UserError

EXAMPLE = str(Path(__file__).resolve().parents[2] / "docs" / "examples" / "city-systems")
ASSET = '[[assets]]\nid = "a"\nowner = "IT"\n'
SCENARIO = '[[scenarios]]\nid = "s"\nfrequency = 0.1\nloss = 5\n'


def run(*asked: str, code: int = 0) -> str:
    """What the command prints."""
    result = CliRunner().invoke(risk, list(asked), catch_exceptions=False)
    assert result.exit_code == code
    return result.output


def test_the_finding_comes_first() -> None:
    assert run(EXAMPLE, "--years", "400").startswith("A year costs $ ")


def test_what_controls_save_and_what_to_buy_is_said_as_json_too() -> None:
    told = json.loads(run(EXAMPLE, "--years", "400", "--with", "mfa", "--with", "drills", "--json"))
    assert told["comparison"]["controls"] == ["mfa", "drills"]
    assert told["comparison"]["loss_saved"]["value"] > 0
    told = json.loads(run(EXAMPLE, "--years", "400", "--budget", "200000", "--json"))
    assert told["choice"]["spent"] <= 200_000
    assert told["choice"]["total"] < told["without"]
    assert "Buy " in run(EXAMPLE, "--years", "400", "--budget", "200000")


def test_the_inventory_is_checked_and_ordered() -> None:
    assert run(EXAMPLE, "--check").startswith("120 assets: nothing stops an analysis.")
    assert run(EXAMPLE, "--order").startswith("Mend in this order")
    told = json.loads(run(EXAMPLE, "--order", "--crews", "4", "--json"))
    assert told["citizen_hours_lost"] <= told["citizen_hours_lost_in_order_of_need"]


def test_a_circle_is_a_problem_of_the_check_and_an_error_of_everything_else(tmp_path: Path) -> None:
    needs = 'needs = [{ of = ["b"] }]\n[[assets]]\nid = "b"\nneeds = [{ of = ["a"] }]\n'
    (tmp_path / "a.toml").write_text(ASSET + needs)
    (tmp_path / "scenarios.toml").write_text(SCENARIO)
    assert "a → b → a" in run(str(tmp_path), "--check", code=1)
    with pytest.raises(UserError, match="a → b → a"):
        run(str(tmp_path))


@pytest.mark.parametrize(
    ("assets", "scenarios", "said"),
    [
        ("", SCENARIO, "no asset"),
        (ASSET + ASSET, SCENARIO, "two assets"),
        (ASSET + 'size = "large"\n', SCENARIO, "size"),
        (ASSET + "repair_hours = { interval = [9, 1] }\n", SCENARIO, "interval"),
        ('[[assets]]\nid = "\\u001b[31m"\n', SCENARIO, "no id"),
        (ASSET, "", "no scenario"),
        (ASSET, SCENARIO + "success = 3\n", "probability"),
        (ASSET, SCENARIO + "frequency = 1\n", "TOML"),
        (ASSET, SCENARIO.replace("0.1", "nan"), "finite"),
        (ASSET, SCENARIO.replace("0.1", "1e12"), "tries"),
        (ASSET, SCENARIO + 'techniques = ["T0"]\n', "technique"),
    ],
)
def test_what_cannot_be_is_said(tmp_path: Path, assets: str, scenarios: str, said: str) -> None:
    (tmp_path / "a.toml").write_text(assets)
    (tmp_path / "scenarios.toml").write_text(scenarios)
    with pytest.raises(UserError, match=said):
        run(str(tmp_path), "--years", "100")


def test_questions_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    for asked in (
        (str(tmp_path / "nowhere"),),
        (EXAMPLE, "--check", "--order"),
        (EXAMPLE, "--exploited", "x.csv"),
        (EXAMPLE, "--years", "100", "--with", "ghost"),
        (EXAMPLE, "--years", "100", "--budget", "nan"),
        (EXAMPLE, "--years", "100", "--value", "-1"),
        (EXAMPLE, "--scenarios", str(tmp_path / "none.toml")),
    ):
        with pytest.raises(UserError):
            run(*asked)
