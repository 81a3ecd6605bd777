"""The command 'backtest': figures with their definitions, equal bytes without times, mistakes told."""

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from cityward.cli.backtest import backtest


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    counts = np.random.default_rng(1).poisson(3.0, (4, 70))
    rows = [
        (f"p{at}", date(2024, 1, 1) + timedelta(days=day), int(counts[at, day])) for at in range(4) for day in range(70)
    ]
    path = tmp_path_factory.mktemp("series") / "counts.parquet"
    pl.DataFrame(rows, schema=["place", "day", "n"], orient="row").write_parquet(path)
    return path


def run(file: Path, *more: str) -> tuple[int, str]:
    base = [str(file), "--series", "place", "--time", "day", "--value", "n", "--horizon", "7", "--json"]
    found = CliRunner().invoke(backtest, [*base, *more])
    return found.exit_code, found.output if found.exception is None else str(found.exception)


def test_equal_runs_give_equal_bytes_and_say_what_the_figures_are(file: Path) -> None:
    code, said = run(file, "--no-seconds", "--threads", "1")
    assert code == 0
    told = json.loads(said)
    assert set(told["models"]["chosen"]) == {"mase", "mase_mean", "wql", "coverage_80", "origins"}
    assert {"mase", "wql", "coverage_80"} <= set(told["definitions"])
    assert len(told["origins"]) == 3
    assert told["scored"] == 4 * 7 * 3
    assert run(file, "--no-seconds", "--threads", "2") == (code, said)


def test_forecasts_are_written_beside_what_came(file: Path, tmp_path: Path) -> None:
    run(file, "--forecasts", str(tmp_path / "all.parquet"))
    rows = pl.read_parquet(tmp_path / "all.parquet")
    assert rows.height == 4 * 7 * 3
    assert {"series", "origin", "at", "came", "model", "mean", "q10", "q50", "q90", "low_80", "high_80"} <= set(
        rows.columns
    )


def test_a_reader_is_told_what_was_added_up_and_how_little_is_known(tmp_path: Path) -> None:
    days = [date(2024, 1, 1) + timedelta(days=day) for day in range(70)]
    path = tmp_path / "stray.parquet"
    pl.DataFrame({"place": "p", "day": [*days, days[0], date(2026, 1, 1)], "n": [0] * 70 + [1, 2]}).write_parquet(path)
    base = [str(path), "--series", "place", "--time", "day", "--value", "n", "--horizon", "7"]
    said = CliRunner().invoke(backtest, base).output
    assert "1 rows of a series and step that had one already were added to it." in said
    assert "1 of 21 values that were forecast are known." in said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--freq", "h"], "these are days"),
        (["--horizon", "60"], "too few"),
        (["--holidays", "ATLANTIS"], "no holiday calendar"),
        (["--checkpoint", "nowhere"], "is no folder"),
        (["--series", "who"], "no column 'who'"),
    ],
)
def test_mistakes_are_told(file: Path, more: list[str], said: str) -> None:
    code, message = run(file, *more)
    assert code != 0
    assert said in message
