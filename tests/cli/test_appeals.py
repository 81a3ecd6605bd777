"""Appeals from the command line, as a clerk types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.city.deciding import CLERK, DECIDER, small_city

from cityward.cli.main import group
from cityward.core.errors import Refused, UserError

BY = ("--by", CLERK)
OTHER = "Ben Okri"
WHY = ("--because", "An expert of trees looked at it.")


def cityward(*arguments: str | Path, said: str = "") -> str:
    """What is printed; an error is raised, as the program's own ``main`` tells it."""
    done = CliRunner().invoke(group, ["appeals", *map(str, arguments)], input=said)
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_the_life_of_an_appeal(tmp_path: Path) -> None:
    home, trees = small_city(tmp_path)
    city = ("--city", home)
    assert "No appeals." in cityward("list", *city)
    assert "/case/" in cityward("link", trees["tree 1"], *city)
    with pytest.raises(UserError, match="Nothing is decided yet"):
        cityward("open", trees["tree 4"], *BY, *WHY, *city)

    letter = "He says that the oak is ill. His mail is eva@mail.example."
    opened = json.loads(cityward("open", trees["tree 1"], *BY, "--fact", "ill", *city, "--json", said=letter))
    name = opened["id"]
    assert "eva@mail" not in json.dumps(opened)
    assert "assigned" not in cityward("list", "--state", "open", *city)
    with pytest.raises(Refused, match="cannot decide the appeal"):
        cityward("assign", name, "--to", DECIDER, *BY, *city)
    cityward("assign", name, "--to", OTHER, *BY, *city)
    cityward("add", name, "--fact", "kind", *BY, *city, said="It may be an elm.")
    told = cityward("show", name, *city)
    assert "about kind: It may be an elm." in told
    assert "it is tall and healthy" in told

    options = ("--instead", "allow", "--wrong", "ill", "--by", OTHER)
    assert "2 decisions rest on the same" in cityward("decide", name, "changed", *options, *WHY, *city)
    with pytest.raises(UserError, match="was decided already"):
        cityward("decide", name, "upheld", "--by", OTHER, *WHY, *city)
    assert "told: Some Manufacturer (manufacturer), Some Owner (owner)" in cityward("list", *city)
    similar = json.loads(cityward("similar", name, *city, "--json"))
    assert {one["id"] for one in similar} == {trees["tree 2"], trees["tree 4"]}
    cityward("open", trees["tree 2"], "--like", name, *BY, *WHY, *city)
    assert "counts below 10 are left out" in cityward("statistics", *city)
    assert cityward("outcomes", *city).splitlines()[1].endswith('"refuse","allow","yes",1')
    file = tmp_path / "outcomes.csv"
    cityward("outcomes", "--to", file, *city)
    columns = ("--outcome", "changed", "--group", "territory", "--weight", "weight", "--json")
    audit = CliRunner().invoke(group, ["audit", str(file), *columns])
    assert audit.exception is None, audit.exception
    assert json.loads(audit.stdout)
