"""Appeals from the command line, as a clerk types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.city.deciding import CLERK, DECIDER, small_city

BY = ("--by", CLERK)
OTHER = "Ben Okri"
WHY = ("--because", "An expert of trees looked at it.")


def cityward(*arguments: str | Path, code: int = 0, said: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from cityward.cli import main; main()", "appeals", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, input=said)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done


def test_the_life_of_an_appeal(tmp_path: Path) -> None:
    home, trees = small_city(tmp_path)
    city = ("--city", home)
    assert cityward(*city, code=2).stdout == ""
    assert "No appeals." in cityward("list", *city).stdout
    assert "/case/" in cityward("link", trees["tree 1"], *city).stdout
    assert "Nothing is decided yet" in cityward("open", trees["tree 4"], *BY, *WHY, *city, code=2).stderr

    letter = "He says that the oak is ill. His mail is eva@mail.example."
    opened = json.loads(cityward("open", trees["tree 1"], *BY, "--fact", "ill", *city, "--json", said=letter).stdout)
    name = opened["id"]
    assert "eva@mail" not in json.dumps(opened)
    assert "assigned" not in cityward("list", "--state", "open", *city).stdout
    refused = cityward("assign", name, "--to", DECIDER, *BY, *city, code=1)
    assert "(rule appeals 1)" in refused.stderr
    cityward("assign", name, "--to", OTHER, *BY, *city)
    cityward("add", name, "--fact", "kind", *BY, *city, said="It may be an elm.")
    told = cityward("show", name, *city).stdout
    assert "about kind: It may be an elm." in told
    assert "it is tall and healthy" in told

    options = ("--instead", "allow", "--wrong", "ill", "--by", OTHER)
    assert "2 decisions rest on the same" in cityward("decide", name, "changed", *options, *WHY, *city).stdout
    assert "was decided already" in cityward("decide", name, "upheld", "--by", OTHER, *WHY, *city, code=2).stderr
    assert "told: Some Manufacturer (manufacturer), Some Owner (owner)" in cityward("list", *city).stdout
    similar = json.loads(cityward("similar", name, *city, "--json").stdout)
    assert {one["id"] for one in similar} == {trees["tree 2"], trees["tree 4"]}
    cityward("open", trees["tree 2"], "--like", name, *BY, *WHY, *city)
    assert "counts below 10 are left out" in cityward("statistics", *city).stdout
    assert cityward("outcomes", *city).stdout.splitlines()[1].endswith('"refuse","allow","yes",1')
