"""The commands as a person types them."""

from __future__ import annotations

import errno
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.typed import typed as cityward

from cityward.cli import main


@pytest.fixture
def folder(demo_folder: Path, tmp_path: Path) -> Path:
    """A demonstration whose turns are quick: a hundredth of the replicates."""
    city = shutil.copytree(demo_folder, tmp_path / "city")
    settings = city / "city.toml"
    settings.write_text(settings.read_text().replace("replicates = 9999", "replicates = 99"))
    return city


def test_from_an_unknown_file_to_needs(tmp_path: Path, chicago: Path):
    """A Spanish file with other names, Latin-1 and semicolons: guess, edit, sense, run."""
    lines = ["folio;fecha de reporte;estado;asunto;longitud;latitud;notas"]
    lines += [
        f"F-{at};{1 + at % 28:02d}/06/2014 10:{at % 60:02d};{'Cerrado' if at % 3 else 'Abierto'};Alumbrado público;"
        f"{-87.60 - at % 7 / 100};{41.80 + at % 5 / 100};señora en teléfono 312-555-{1000 + at}"
        for at in range(200)
    ]
    data = tmp_path / "reportes.csv"
    data.write_bytes("\n".join(lines).encode("latin-1"))
    mapping = tmp_path / "map.toml"
    mapping.write_text(cityward("sense", str(data), "--guess").stdout)
    city = str(tmp_path / "ciudad")
    cityward("init", city, "--name", "Ciudad", "--territories", str(chicago / "community_areas.geojson"))
    total = json.loads(cityward("sense", str(data), "--map", str(mapping), "--city", city, "--json").stdout)
    assert total["received"] == 200 == total["admitted"]
    again = json.loads(cityward("sense", str(data), "--map", str(mapping), "--city", city, "--json").stdout)
    assert (again["added"], again["repeated"]) == (0, 200)
    turn = json.loads(cityward("run", "--city", city, "--json").stdout)
    assert turn["interactions"] == 200
    assert turn["placed_share"] > 0.5


def test_the_loop_by_hand(folder: Path):
    city = ("--city", str(folder))
    needs = json.loads(cityward("needs", *city, "--json").stdout)
    assert "where" in cityward("explain", needs[0]["id"], *city).stdout
    waiting = json.loads(cityward("proposals", "--state", "waiting", *city, "--json").stdout)
    first = waiting[0]["id"]
    why = ("--because", "A crew is free on Tuesday")
    cityward("decide", first, "--approve", "--by", "boss", *why, *city, code=1)
    told = cityward("decide", first, "--approve", "--by", "Ana Gómez", *why, *city).stdout
    assert "Receipt: ledger entry" in told
    cityward("decide", first, "--reject", "--by", "Ana Gómez", *why, *city, code=2)
    assert "All" in cityward("verify", *city).stdout


def test_tampering_is_named_and_fails(folder: Path):
    held = [one for one in (folder / "ledger" / "tile" / "entries").rglob("*") if one.is_file()]
    entries = max(held, key=lambda one: one.stat().st_size)  # the newest part of the tile, which holds all
    entries.write_bytes(entries.read_bytes().replace(b'"kind":"refusal"', b'"kind":"nothing"', 1))
    told = cityward("verify", "--city", str(folder), code=1).stdout
    number = re.search(r"entry (\d+) is not the one that was written", told)
    assert number, told
    assert f"Entries 0 to {int(number[1]) - 1} are as signed" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "--city", "nowhere"), "is not a city"),
        (("explain", "nonsense", "--city", "{city}"), "not the identifier"),
        (("explain", "N-0000000000", "--city", "{city}"), "Nothing here is called"),
        (("sense", "missing.csv", "--map", "missing.toml", "--city", "{city}"), "does not exist"),
        (("decide", "P-1", "--by", "Ana G", "--because", "x", "--city", "{city}"), "Approve or reject"),
        (("run", "--as-of", "31.12.2014", "--city", "{city}"), "as-of"),
        (("nonsense",), "No such command"),
    ],
)
def test_mistakes_of_the_user_end_with_2_and_a_remedy(folder: Path, arguments, told):
    done = cityward(*(part.format(city=folder) for part in arguments), code=2)
    assert told in done.stderr


def test_a_slip_in_city_toml_is_named_with_its_line(folder: Path):
    toml = folder / "city.toml"
    toml.write_text(toml.read_text().replace("max_days = 30", "max_day = 30"))
    told = json.loads(cityward("run", "--city", str(folder), "--json", code=2).stderr)
    assert "unknown key 'max_day'" in told["error"]
    assert "line " in told["error"]
    assert "max_days" in told["remedy"]


def test_the_same_seed_gives_the_same_bytes(folder: Path, tmp_path: Path):
    other = shutil.copytree(folder, tmp_path / "other")
    written = []
    # The second in a process of its own, where Python hashes text otherwise.
    alone = [sys.executable, "-c", "from cityward.cli import main; main()"]
    for city, run in ((folder, cityward), (other, lambda *words: subprocess.run([*alone, *words], check=True))):
        shutil.rmtree(city / "turns")
        run("run", "--as-of", "2013-08-15", "--seed", "7", "--city", str(city))
        files = [path for path in (city / "turns").rglob("*") if path.is_file()]
        written.append({path.relative_to(city): path.read_bytes() for path in files})
    assert written[0] == written[1]
    names = {path.name for path in written[0]}
    assert names >= {"current", "turn.json", "proposals.json", "cube.parquet", "forecast.parquet", "outlook.parquet"}


def test_as_of_sees_nothing_later(folder: Path):
    turn = json.loads(cityward("run", "--as-of", "2012-03-01", "--city", str(folder), "--json").stdout)
    assert turn["last_day"] <= "2012-03-01"
    assert all(need["ends"] == "2012-03-01" for need in turn["needs"])


def test_a_reader_who_has_seen_enough_meets_no_error():
    shown = f"'{sys.executable}' -c 'from cityward.cli import main; main()' rules list | true"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", shown], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_what_the_system_refuses_is_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def refuses(**_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "city/turns/current")

    monkeypatch.setattr(sys.modules["cityward.cli.main"], "group", refuses)
    with pytest.raises(SystemExit, match="1"):
        main()
    assert capsys.readouterr().err.startswith("The system refused 'city/turns/current': Permission denied.")
