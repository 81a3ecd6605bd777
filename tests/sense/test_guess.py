"""The page "Bring your own data", followed to the letter with files of cities that nobody prepared for."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from cityward.cli.main import group
from cityward.sense.guess import guess
from cityward.sense.mapping import Mapping, parse_mapping

PAGE = Path(__file__).resolve().parents[2] / "docs" / "bring-your-own-data.md"
SPANISH = (
    "Número de radicado;Fecha de nacimiento;Nombre del solicitante;Cédula;Fecha de radicación;Fecha de cierre;"
    "Estado de la solicitud;Tipo de solicitud;Localidad;Dirección;Latitud;Longitud;Descripción;Canal de atención"
)
PORTUGUESE = (
    "Protocolo;Data de nascimento;Data de abertura;Data de conclusão;Situação;Assunto;Bairro;Logradouro;"
    "Latitude;Longitude;Relato;CPF do solicitante;E-mail;Origem"
)
FRENCH = (
    "Identifiant,Prénom,Date de naissance,Date de signalement,Date de clôture,Statut,Type de signalement,"
    "Arrondissement,Adresse,coord_y,coord_x,Commentaire"
)


def comma(number: float) -> str:
    return f"{number:.5f}".replace(".", ",")


def spanish() -> bytes:
    rows = [SPANISH]
    for at in range(120):
        kind = ("Alumbrado público", "Huecos en la vía")[at % 2]
        state = ("Abierta", "En trámite", "Cerrada", "Solucionada")[at % 4]
        end = f"{1 + at % 28:02d}/05/2024 {2 + at % 9}:15:00 p. m." if at % 4 > 1 else ""
        rows.append(
            f"RAD-{at};{1 + at % 28:02d}/07/1980;María Pérez;{52000000 + at};"
            f"{1 + at % 28:02d}/03/2024 11:{at % 60:02d};{end};{state};{kind};Kennedy;Calle {at} # 8-20;"
            f'{comma(4.61 + at / 5000)};{comma(-74.09 + at / 5000)};"No sirve; llamar al 310{at:07d}";Web'
        )
    return ("\r\n".join(rows) + "\r\n").encode("cp1252")


def portuguese() -> bytes:
    rows = [PORTUGUESE]
    for at in range(120):
        kind = ("Buraco na via", "Poda de árvore")[at % 2]
        state = ("Em análise", "Concluída", "Não resolvida", "Encerrado")[at % 4]
        end = f"{1 + at % 27:02d}/11/2023 16h{at % 60:02d}" if at % 2 else ""
        rows.append(
            f"2023{at:06d};{1 + at % 28:02d}/07/1980;{1 + at % 28:02d}/03/2023 {7 + at % 12}h{at % 60:02d};"
            f"{end};{state};{kind};Sé;Rua das Flores, {at};{comma(4.61)};{comma(-74.05)};"
            f"ligar para (11) 9{at:08d};{at:011d};a{at}@exemplo.br;Portal"
        )
    return "\n".join(rows).encode("utf-8-sig")


def french() -> bytes:
    rows = [FRENCH]
    for at in range(120):
        state = ("Nouveau", "Traitement en cours", "Clôturé", "Rejetée")[at % 4]
        end = "2024-09-01" if at % 4 > 1 else ""
        rows.append(
            f"S{at},Zoé,1980-07-{1 + at % 28:02d},2024-03-{1 + at % 28:02d} {at % 24:02d}:00,{end},{state},Propreté,"
            f'{at % 20},"{at}, rue X",4.65,-74.05,rien'
        )
    return "\n".join(rows).encode()


CASES: dict[str, tuple[bytes, str, dict[str, str], set[str]]] = {
    "spanish": (
        spanish(),
        "America/Bogota",
        {"id": "Número de radicado", "occurred_at": "Fecha de radicación", "closed_at": "Fecha de cierre"},
        {"Cerrada", "Solucionada"},
    ),
    "portuguese": (
        portuguese(),
        "America/Sao_Paulo",
        {"id": "Protocolo", "occurred_at": "Data de abertura", "closed_at": "Data de conclusão", "lon": "Longitude"},
        {"Concluída", "Encerrado"},
    ),
    "french": (
        french(),
        "Europe/Paris",
        {"id": "Identifiant", "occurred_at": "Date de signalement", "closed_at": "Date de clôture", "lat": "coord_y"},
        {"Clôturé", "Rejetée"},
    ),
}


def cityward(line: str) -> str:
    """Run a command of the page as it stands there."""
    command, _, target = line.partition(" > ")
    arguments = [part.strip('"') for part in re.findall(r'"[^"]*"|\S+', command)]
    assert arguments.pop(0) == "cityward"
    done = CliRunner().invoke(group, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    if target:
        Path(target).write_text(done.stdout, encoding="utf-8")
    return done.stdout


def commands() -> list[str]:
    """Commands of the page, without the one that does not end."""
    lines = re.findall(r"^ {7}(cityward .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [line for line in lines if " serve " not in line]


@pytest.mark.parametrize("case", CASES)
def test_the_page_to_the_letter(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    content, zone, columns, closed = CASES[case]
    (tmp_path / "reports.csv").write_bytes(content)
    ring = [[-74.1, 4.6], [-74.0, 4.6], [-74.0, 4.7], [-74.1, 4.7], [-74.1, 4.6]]
    area: dict[str, Any] = {
        "type": "Feature",
        "properties": {"CODIGO": "08", "NOMBRE": "Kennedy"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    (tmp_path / "areas.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [area]}))
    init, propose, sense, run, invite = commands()
    assert "'CODIGO'" in cityward(init.replace("America/Bogota", zone))
    cityward(propose)
    map_file = tmp_path / "map.toml"
    proposed = map_file.read_text(encoding="utf-8")
    map_file.write_text(proposed.replace('time_zone = "UTC"', f'time_zone = "{zone}"'), encoding="utf-8")
    told = tomllib.loads(proposed)
    assert columns.items() <= told["columns"].items()
    assert set(told["status"]["closed"]) == closed
    sums = cityward(sense)
    assert "120 received = 120 admitted + 0 quarantined + 0 refused" in sums
    if case == "spanish":  # a turn looks at interactions alone, whatever their language was
        assert "120 interactions" in cityward(run)
        assert "/sign-in/invited#" in cityward(invite)
    held = pl.concat([pl.read_parquet(file) for file in (tmp_path / "my-city" / "history").rglob("*.parquet")])
    years = held["occurred_at"].dt.convert_time_zone(zone).dt.year().unique().to_list()
    assert years in ([2023], [2024])
    assert held["lon"].null_count() == 0
    again = cityward(sense)
    assert "120 were held already word for word" in again


def proposal(tmp_path: Path, header: str, *rows: str) -> Mapping:
    path = tmp_path / "file.csv"
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    return parse_mapping(guess(path), "map.toml")


def test_a_day_of_birth_is_never_the_time_of_a_request(tmp_path: Path):
    path = tmp_path / "file.csv"
    path.write_text("id;Fecha nacimiento;nota\n1;01/02/1980;x\n2;13/02/1981;y\n", encoding="utf-8")
    assert 'occurred_at = "?"' in guess(path)


@pytest.mark.parametrize(
    ("word", "state"),
    [("Resuelto", "closed"), ("No resuelto", "open"), ("Não resolvido", "open"), ("Sin atender", "open")],
)
def test_what_is_not_resolved_is_open(tmp_path: Path, word: str, state: str):
    rows = [f"{at};2024-01-{at:02d};{word if at % 2 else 'abierto'}" for at in range(1, 9)]
    assert word in getattr(proposal(tmp_path, "id;fecha;estado", *rows).status, state)


def test_sentences_of_one_person_are_not_proposed_as_names_of_services(tmp_path: Path):
    rows = [f"{at};2024-01-{at:02d};{'Luz' if at < 5 else f'Soy Ana y vivo en la casa {at}'}" for at in range(1, 9)]
    (tmp_path / "file.csv").write_text("\n".join(["id;fecha;asunto", *rows]), encoding="utf-8")
    text = guess(tmp_path / "file.csv")
    assert "Luz" in text
    assert "Ana" not in text
