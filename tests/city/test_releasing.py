"""Releases of a small city: what leaves, what it costs, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from cityward.city import City, init, open_city
from cityward.cli.main import group
from cityward.core.clock import Clock
from cityward.core.errors import Refused, UserError
from cityward.core.releases import KINDS

NOW = datetime(2015, 1, 10, 12, tzinfo=UTC)
YEAR = date(2014, 1, 1), date(2014, 12, 31)
ROWS = 3_000
RELEASE = """
[release]
rows_per_person = 2
cells_per_person = 3
services = ["Lights", "Trees", "=cmd()"]
licence = "https://creativecommons.org/licenses/by/4.0/"

[release.groups.residents]
epsilon = 2.0
"""
MAP = """
source = "calls"
kind = "request"
domain = "environment"
[columns]
id = "id"
occurred_at = "at"
closed_at = "closed"
service = "service"
stated_territory = "area"
person = "who"
[classes]
who = "personal"
"""


def square(at: int, name: str, side: str) -> dict[str, object]:
    ring = [[at, 0], [at + 1, 0], [at + 1, 1], [at, 1], [at, 0]]
    properties = {"id": str(at), "name": name, "side": side}
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    areas = [square(1, "North", "up"), square(2, "=South", "up"), square(3, "Empty", "down")]
    (folder / "areas.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": areas}))
    random = np.random.default_rng(1)
    days = pl.Series(random.integers(0, 365, ROWS))
    at = pl.select(pl.lit(datetime(2014, 1, 1, 12)) + pl.duration(days=days)).to_series()  # noqa: DTZ001
    pl.DataFrame(
        {
            "id": [f"c{row}" for row in range(ROWS)],
            "at": at,
            "closed": at + timedelta(days=3),
            "service": random.choice(["Lights", "Trees", "=cmd()"], ROWS),
            "area": random.choice(["1", "2"], ROWS),
            "who": [f"person-{who}" for who in random.integers(0, 800, ROWS)],
        }
    ).write_parquet(folder / "calls.parquet")
    (folder / "calls.toml").write_text(MAP)
    city_folder = init(folder / "city", name="Small", territories=folder / "areas.geojson")
    toml = (city_folder / "city.toml").read_text()
    (city_folder / "city.toml").write_text(toml.rstrip() + '\nparent = "side"\n' + RELEASE)
    with open_city(city_folder, Clock.fixed(NOW)) as city:
        city.sense(folder / "calls.parquet", city.add_mapping(folder / "calls.toml"))
    return city_folder


@pytest.fixture
def small(made: Path, tmp_path: Path) -> Iterator[Callable[..., City]]:
    """Open a copy; ``change`` edits its city.toml."""
    opened: list[City] = []

    def make(change: Callable[[str], str] = lambda toml: toml) -> City:
        folder = tmp_path / "city"
        if not folder.exists():
            shutil.copytree(made, folder)
        for city in opened:
            city.close()
        toml = folder / "city.toml"
        toml.write_text(change(toml.read_text()))
        opened.append(open_city(folder, Clock.fixed(NOW)))
        return opened[-1]

    yield make
    for city in opened:
        city.close()


EXTRA: dict[str, dict[str, object]] = {
    "persons": {"rows": 1},
    "sum": {"low": 0, "high": 30, "step": 0.5},
    "mean": {"low": 0, "high": 30, "step": 0.5},
    "quantile": {"edges": (0, 1, 2, 3, 4, 5, 10, 30), "quantile": 0.5},
    "histogram": {"edges": (0, 1, 2, 5, 30)},
    "dwell": {"low": 0, "high": 24, "step": 0.5},
}


@pytest.mark.parametrize("noise", ["epsilon", "rho"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_can_be_released(small: Callable[..., City], kind: str, noise: str) -> None:
    city = small(lambda toml: toml.replace("epsilon = 2.0", "epsilon = 10.0\ndelta = 1e-6"))
    request = city.releases.request(kind, *YEAR, every="quarter", **{noise: 0.5}, **EXTRA.get(kind, {}))
    release = city.releases.make(request)
    frame = city.releases.frame(release)
    places = 9 if kind == "trips" else 3
    buckets = 4 if kind == "histogram" else 1
    assert frame.height == release.rows == 4 * places * buckets
    assert frame["error_95"].is_finite().all()
    assert frame["error_95"].min() >= 0
    explained = city.explain(release.id)
    assert explained.receipt == release.receipt
    assert city.verify().ok


def test_figures_are_near_the_truth_and_the_error_holds(small: Callable[..., City]) -> None:
    city = small()
    loose = {"rows": 100, "cells": 100}  # nobody is cut, so that the noise alone is seen
    request = city.releases.request("count", *YEAR, every="month", epsilon=1.9, **loose)
    release = city.releases.make(request)
    frame = city.releases.frame(release)
    assert set(frame["name"]) == {"North", "=South", "Empty"}
    north = frame.filter(pl.col("name") != "Empty")["value"].sum()
    assert abs(north - ROWS) < 24 * 3 * release.error_95
    mean = city.releases.request("mean", *YEAR, every="whole", epsilon=0.1, **EXTRA["mean"])
    told = city.releases.frame(city.releases.make(mean)).filter(pl.col("name") != "Empty")
    assert ((told["value"] - 3.0).abs() <= told["error_95"]).all()


def test_a_median_is_within_its_error(small: Callable[..., City]) -> None:
    city = small()
    request = city.releases.request("quantile", *YEAR, every="whole", epsilon=1.0, **EXTRA["quantile"])
    told = city.releases.frame(city.releases.make(request)).filter(pl.col("name") != "Empty")
    assert ((told["value"] - 3.5).abs() <= told["error_95"] + 0.5).all()
    assert (told["error_95"] < 3).all()


def test_totals_add_up(small: Callable[..., City]) -> None:
    city = small()
    request = city.releases.request("count", *YEAR, every="quarter", epsilon=1.0, levels=True)
    frame = city.releases.frame(city.releases.make(request))
    sums = frame.group_by("period", "level").agg(pl.col("value").sum()).pivot("level", index="period", values="value")
    assert (sums["area"] == sums["group"]).all()
    assert (sums["area"] == sums["city"]).all()
    assert (frame["value"] >= 0).all()


def test_the_same_question_costs_once(small: Callable[..., City]) -> None:
    city = small()
    one = city.releases.request("count", *YEAR, epsilon=1.5, services=("Trees", "Lights"))
    same = city.releases.request("count", *YEAR, epsilon=1.5, services=("Lights", "Trees", "Lights"))
    first = city.releases.make(one)
    file = (city.releases.folder_of(first) / "data.parquet").read_bytes()
    size = city.ledger_size
    assert city.releases.make(same) == first
    assert (city.releases.folder_of(first) / "data.parquet").read_bytes() == file
    assert city.ledger_size == size
    with pytest.raises(Refused, match=r"1\.5 of 2 is spent"):
        city.releases.make(city.releases.request("count", *YEAR, epsilon=1.5, edition=2))


def test_the_budget_runs_out_and_is_not_had_back(small: Callable[..., City]) -> None:
    city = small()
    for edition in range(1, 5):
        city.releases.make(city.releases.request("count", *YEAR, epsilon=0.5, edition=edition))
    again = city.releases.request("count", *YEAR, epsilon=0.01)
    plan = city.releases.plan(again)
    assert plan.refusal
    assert (plan.spent_epsilon, plan.budget_epsilon) == (2.0, 2.0)
    renamed = small(lambda toml: toml.replace("groups.residents", "groups.people"))
    with pytest.raises(Refused, match="'people' in 2014 would be exceeded"):
        renamed.releases.make(renamed.releases.request("count", *YEAR, epsilon=0.01))
    monthly = small(lambda toml: toml.replace("epsilon = 2.0", 'epsilon = 2.0\nevery = "month"'))
    june = date(2014, 6, 1), date(2014, 6, 30)
    with pytest.raises(Refused, match="'people' in 2014-06 would be exceeded"):
        monthly.releases.make(monthly.releases.request("count", *june, epsilon=0.01))
    refusals = [one for one in monthly.refusals() if one.source == "release"]
    assert len(refusals) == 2
    assert "city.toml" in monthly.explain(refusals[0].id).sentence


def test_data_of_another_year_has_a_budget_of_its_own(small: Callable[..., City]) -> None:
    city = small()
    city.releases.make(city.releases.request("count", *YEAR, epsilon=2.0))
    city.releases.make(city.releases.request("count", date(2013, 1, 1), date(2013, 12, 31), epsilon=2.0))
    with pytest.raises(Refused):
        city.releases.make(city.releases.request("count", date(2013, 12, 31), date(2014, 1, 1), epsilon=0.1))
    assert city.releases.budget()["spent_epsilon"].to_list() == [2.0, 2.0]


def test_nothing_may_be_released_until_somebody_says_so(small: Callable[..., City]) -> None:
    city = small(lambda toml: toml.split("[release]")[0])
    with pytest.raises(UserError, match="how many rows of one person"):
        city.releases.request("count", *YEAR, epsilon=1.0)
    request = city.releases.request("count", *YEAR, epsilon=1.0, rows=1, cells=1)
    with pytest.raises(Refused, match="no group of people has a privacy budget"):
        city.releases.make(request)
    assert not city.releases.open_folder.exists()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"epsilon": 0.0}, "epsilon is 0"),
        ({"epsilon": -1.0}, "epsilon is -1"),
        ({"epsilon": float("nan")}, "epsilon is nan"),
        ({"epsilon": 1e6}, "epsilon is 1000000"),
        ({"rho": float("inf")}, "rho is inf"),
        ({}, "either epsilon"),
        ({"epsilon": 1.0, "rho": 0.1}, "either epsilon"),
        ({"epsilon": 1.0, "rows": 0}, "bound of rows"),
        ({"epsilon": 1.0, "cells": 10**9}, "bound of cells"),
        ({"epsilon": 1.0, "territories": ("99",)}, "no territory '99'"),
        ({"epsilon": 1.0, "services": ("Ghosts",)}, "no service 'Ghosts'"),
        ({"epsilon": 1.0, "group": "nobody"}, "no group 'nobody'"),
        ({"epsilon": 1.0, "kind": "sum"}, "need a range"),
        ({"epsilon": 1.0, "kind": "mean", "low": 5, "high": 1, "step": 1}, "larger highest"),
        ({"epsilon": 1.0, "kind": "mean", "low": 0, "high": float("nan"), "step": 1}, "larger highest"),
        ({"epsilon": 1.0, "kind": "sum", "low": 0, "high": 1e12, "step": 1e-9}, "step is too small"),
        ({"epsilon": 1.0, "kind": "histogram"}, "edges"),
        ({"epsilon": 1.0, "kind": "histogram", "edges": (3.0, 1.0)}, "edges"),
        ({"epsilon": 1.0, "kind": "quantile", "edges": (1.0, 3.0), "quantile": 1.0}, "between 0 and 1"),
        ({"epsilon": 1.0, "kind": "trips", "services": ("Lights",)}, "not of services"),
        ({"epsilon": 1.0, "kind": "trips", "every": "day", "cells": 1, "territories": ()}, None),
        ({"epsilon": 1.0, "edition": 0}, "edition"),
        ({"epsilon": 1.0, "noisy_share": 0.0}, "share"),
        ({"epsilon": 1.0, "first": date(2014, 2, 1), "last": date(2014, 1, 1)}, "is empty"),
        ({"epsilon": 1.0, "last": date(2015, 1, 10)}, "is not over"),
        ({"epsilon": 1.0, "first": date(1, 1, 1)}, "hundred years"),
    ],
)
def test_bad_requests_are_told_and_cost_nothing(
    small: Callable[..., City], given: dict[str, object], says: str | None
) -> None:
    city = small()
    size = city.ledger_size
    asked = {"kind": "count", "first": YEAR[0], "last": YEAR[1]} | given
    if says is None:
        city.releases.plan(city.releases.request(**asked))
        return
    with pytest.raises((UserError, Refused), match=says):
        city.releases.make(city.releases.request(**asked))
    assert city.ledger_size == size
    assert not city.releases.open_folder.exists()


def test_an_empty_period_is_told_like_any_other(small: Callable[..., City]) -> None:
    city = small()
    days = date(2001, 1, 1), date(2001, 1, 31)
    frame = city.releases.frame(city.releases.make(city.releases.request("count", *days, epsilon=0.05)))
    assert frame.height == 3
    assert frame["noisy"].abs().sum() > 0  # by chance once in 10^5 runs all three are nought


def test_small_values_are_left_out_besides(small: Callable[..., City]) -> None:
    city = small()
    request = city.releases.request("count", *YEAR, every="year", epsilon=2.0, suppress_below=50)
    frame = city.releases.frame(city.releases.make(request))
    empty = frame.filter(name="Empty").row(0, named=True)
    assert (empty["suppressed"], empty["value"], empty["noisy"]) == (True, None, None)
    assert frame.filter(pl.col("name") != "Empty")["value"].is_not_null().all()


def test_files_for_the_public(small: Callable[..., City]) -> None:
    city = small()
    request = city.releases.request(
        "count", *YEAR, every="year", epsilon=1.0, services=("=cmd()", "Lights", "Trees"), noisy_share=0.1
    )
    release = city.releases.make(request)
    folder = city.releases.folder_of(release)
    rows = list(csv.DictReader(io.StringIO((folder / "data.csv").read_text())))
    assert len(rows) == 9
    assert {row["service"] for row in rows} == {"'=cmd()", "Lights", "Trees"}
    assert "'=South" in {row["name"] for row in rows}
    assert all(float(row["error_95"]) > 0 for row in rows)
    assert {row["too_noisy"] for row in rows if row["name"] == "Empty"} == {"true"}
    frame = pl.read_parquet(folder / "data.parquet")
    told = json.loads((folder / "data.json").read_text())
    assert [row["value"] for row in told["rows"]] == frame["value"].to_list()
    assert told["release"]["request"]["epsilon"] == 1.0
    catalogue = json.loads((city.releases.open_folder / "catalogue.jsonld").read_text())
    (dataset,) = catalogue["dcat:dataset"]
    for distribution in dataset["dcat:distribution"]:
        file = city.releases.open_folder / distribution["dcat:downloadURL"]["@id"]
        assert file.stat().st_size == distribution["dcat:byteSize"]
    assert dataset["dct:identifier"] == release.id


def test_a_changed_file_is_not_given_again(small: Callable[..., City]) -> None:
    city = small()
    request = city.releases.request("count", *YEAR, epsilon=1.0)
    release = city.releases.make(request)
    file = city.path / "releases" / f"{release.id}.parquet"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(Refused, match="is not the one that was released"):
        city.releases.make(request)


def test_an_older_ledger_is_no_new_budget(small: Callable[..., City]) -> None:
    city = small()
    city.releases.make(city.releases.request("count", *YEAR, epsilon=0.5))
    city.close()
    shutil.copytree(city.folder.ledger, city.path / "before")
    city = small()
    city.releases.make(city.releases.request("count", *YEAR, epsilon=1.5, edition=2))
    city.close()
    shutil.rmtree(city.folder.ledger)
    (city.path / "before").rename(city.folder.ledger)
    city = small()
    with pytest.raises(Refused, match="the ledger was put back or changed"):
        city.releases.make(city.releases.request("count", *YEAR, epsilon=2.0, edition=3))


CHILD = """
import os, signal, sys
from datetime import date, datetime, UTC
from pathlib import Path
import cityward.guard.publish as publish
from cityward.city import open_city
from cityward.core.clock import Clock
where = sys.argv[2]
def dying(function):
    def run(*given, **named):
        os.kill(os.getpid(), signal.SIGKILL)
    return run
if where == "measure": publish.measure = dying(publish.measure)
if where == "keep": publish.replace_file = dying(publish.replace_file)
if where == "manifest":
    real = publish.replace_file
    publish.replace_file = lambda path, data: dying(real)() if path.suffix == ".json" else real(path, data)
if where == "files":
    import cityward.city.releasing as releasing
    releasing.write_open_data = dying(releasing.write_open_data)
city = open_city(Path(sys.argv[1]), Clock.fixed(datetime(2015, 1, 10, 12, tzinfo=UTC)))
city.releases.make(city.releases.request("count", date(2014, 1, 1), date(2014, 12, 31), epsilon=1.0))
"""


@pytest.mark.parametrize("where", ["measure", "keep", "manifest", "files"])
def test_killed_at_any_moment_it_was_paid(small: Callable[..., City], where: str) -> None:
    city = small()
    city.close()
    child = subprocess.run([sys.executable, "-c", CHILD, str(city.path), where], env=os.environ, check=False)
    assert child.returncode == -signal.SIGKILL
    city = small()
    assert city.releases.budget()["spent_epsilon"].to_list() == [1.0]
    whole = where == "files"  # kept before it died: the files are made of what was kept, and nothing is paid again
    assert len(city.releases.all()) == int(whole)
    release = city.releases.make(city.releases.request("count", *YEAR, epsilon=1.0))
    assert city.releases.budget()["spent_epsilon"].to_list() == [1.0 if whole else 2.0]
    assert (city.releases.folder_of(release) / "data.csv").exists()


def test_the_command_line(small: Callable[..., City]) -> None:
    city = small()
    city.close()
    run = CliRunner().invoke
    asked = ["count", "--from", "2014-01-01", "--to", "2014-12-31", "--epsilon", "1.5", "--by-service", "--totals"]
    place = ["--city", str(city.path)]
    dry = run(group, ["release", "make", *asked, "--dry", *place], catch_exceptions=False)
    assert "95 % error of a figure" in dry.output
    assert "epsilon 0 of 2 is spent" in dry.output
    made = json.loads(run(group, ["release", "make", *asked, "--json", *place], catch_exceptions=False).output)
    planned = json.loads(run(group, ["release", "plan", *asked, "--json", *place], catch_exceptions=False).output)
    assert (planned["id"], planned["made"], planned["scale"]) == (made["id"], True, made["scale"])
    assert made["id"] in run(group, ["release", "list", *place], catch_exceptions=False).output
    assert "epsilon 1.5 of 2" in run(group, ["release", "budget", *place], catch_exceptions=False).output
    again = run(group, ["release", "make", *asked, "--edition", "2", *place])
    assert isinstance(again.exception, Refused)


def test_the_command_line_measures_unicity(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    pl.DataFrame(
        {
            "person": random.integers(0, 50, 1_000),
            "lon": random.normal(0, 0.1, 1_000),
            "lat": random.normal(0, 0.1, 1_000),
            "at": [datetime(2014, 6, 1 + day) for day in random.integers(0, 20, 1_000)],  # noqa: DTZ001
        }
    ).write_parquet(tmp_path / "points.parquet")
    asked = ["release", "unicity", str(tmp_path / "points.parquet"), "--metres", "100", "--hours", "1"]
    found = CliRunner().invoke(group, asked)
    assert "4 points: 100.0% of the persons are singled out" in found.output
    assert isinstance(found.exception, Refused)
