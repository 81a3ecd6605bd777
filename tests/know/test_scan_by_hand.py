"""`cityward scan` on random files, against a scan done by hand: every cluster, in order."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.know.scan_by_hand import Rows, Window, by_hand

from cityward.cli.main import group

MODELS = ["space-time-permutation", "poisson", "bernoulli"]
SHAPES = ["prospective", "retrospective", "spatial", "temporal", "temporal-prospective"]
START, DAYS = date(2024, 2, 20), 16


def random_rows(model: str, seed: int) -> Rows:
    """Few places on a small grid, so that distances tie and locations share points; some rows lie outside."""
    chance = random.Random(f"{model} {seed}")
    sphere = seed % 3 == 2
    side = 2.0 if sphere else 3

    def where() -> tuple[float, float]:
        if sphere:
            return (round(chance.uniform(-side, side), 4), round(chance.uniform(40, 42), 4))
        return (float(chance.randint(0, 3)), float(chance.randint(0, 3)))

    places = {f"{number}": where() for number in range(1, 10)}
    end = START + timedelta(days=DAYS - 1)
    kinds = ["old", "young"] if seed % 2 and model != "bernoulli" else [""]
    hot = chance.choice(sorted(places))

    def when() -> date:
        return START + timedelta(days=chance.randint(-1, DAYS))

    cases = [(chance.choice([*places, "lost"]), chance.randint(1, 2), when(), chance.choice(kinds)) for _ in range(30)]
    cases += [(hot, 1, end - timedelta(days=chance.randint(0, 2)), kinds[0]) for _ in range(6)]
    controls = [(chance.choice(sorted(places)), chance.randint(1, 3), when()) for _ in range(30)]
    counted = [START - timedelta(days=9), START + timedelta(days=5), START + timedelta(days=400)]
    people = [
        (place, day, float(chance.randint(5, 30)), kind)
        for place in sorted(places)
        for day in counted
        for kind in kinds
        if chance.random() < 0.9 or day == counted[0]
    ]
    return Rows(places, cases, START, end, controls, people, sphere)


def told(rows: Rows, model: str, shape: str, folder: Path, *more: str) -> list[dict[str, Any]]:
    """What the command says of the same rows, as files."""
    dated = shape != "spatial"

    def line(*parts: object) -> str:
        return " ".join(str(part) for part in parts if part != "")

    def day(one: date) -> str:
        return f"{one.year}/{one.month}/{one.day}"

    inside = rows.cases if dated else [row for row in rows.cases if rows.start <= row[2] <= rows.end]
    files = {
        "cas": [line(place, n, day(when) if dated else "", kind) for place, n, when, kind in inside],
        "geo": [line(place, *((y, x) if rows.sphere else (x, y))) for place, (x, y) in rows.places.items()],
        "pop": [line(place, day(when), number, kind) for place, when, number, kind in rows.people],
        "ctl": [
            line(place, n, day(when) if dated else "")
            for place, n, when in rows.controls
            if dated or rows.start <= when <= rows.end
        ],
    }
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines) + "\n")
    forms = {"temporal-prospective": ["--temporal", "--prospective"]}.get(shape, [f"--{shape}"])
    words = ["scan", "--cases", str(folder / "cas"), "--geo", str(folder / "geo"), "--model", model, *forms]
    words += ["--from", str(rows.start), "--to", str(rows.end), "--replicates", "0", "--json"]
    words += ["--coordinates", "degrees" if rows.sphere else "plane"]
    words += {"poisson": ["--pop", str(folder / "pop")], "bernoulli": ["--ctl", str(folder / "ctl")]}.get(model, [])
    done = CliRunner().invoke(group, [*words, *more], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)["clusters"]
    return found


def assert_equal(found: list[dict[str, Any]], expected: list[Window], shape: str) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one["statistic"] == pytest.approx(other.statistic, abs=1e-9)
        assert (one["observed"], one["rate"]) == (other.observed, "high" if other.high else "low")
        assert one["expected"] == pytest.approx(other.expected, abs=1e-9)
        assert (one["from"], one["to"]) == (str(other.first), str(other.last))
        if not shape.startswith("temporal"):
            assert sorted(one["members"]) == sorted(other.members)


def possible(model: str, shape: str) -> bool:
    return model != "space-time-permutation" or shape in ("prospective", "retrospective")


@pytest.mark.parametrize(("model", "shape"), [pair for pair in product(MODELS, SHAPES) if possible(*pair)])
@pytest.mark.parametrize("rates", ["high", "low", "both"])
def test_every_cluster_is_that_found_by_hand(tmp_path: Path, model: str, shape: str, rates: str) -> None:
    for seed in range(3):
        rows = random_rows(model, seed)
        expected = by_hand(rows, model, shape, rates=rates)
        assert_equal(told(rows, model, shape, tmp_path, "--rates", rates), expected, shape)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("shape", ["prospective", "retrospective"])
def test_limits_and_adjustments_are_those_by_hand(tmp_path: Path, model: str, shape: str) -> None:
    for seed, limits in enumerate(
        [
            {"max_share": 0.2},
            {"max_km": 1.0},
            {"max_days": 3},
            {"min_cases": 5},
            {"every": 5},
            {"every": 3, "max_days": 7},
            {"max_share": 1.0, "max_days": 16},
            {"weekday": True},
        ]
    ):
        if model == "bernoulli" and "weekday" in limits:
            continue
        rows = random_rows(model, seed)
        words = [
            word
            for name, value in limits.items()
            for word in ([f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)]))
        ]
        assert_equal(
            told(rows, model, shape, tmp_path, *words),
            by_hand(rows, model, shape, **limits),
            shape,  # type: ignore[arg-type]
        )
