"""Makes a city folder and knows where things lie in it."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from cityward.city.granting import draft
from cityward.city.settings import TerritorySection, check_time_zone
from cityward.core.clock import Clock
from cityward.core.disk import durable, make_folder, sync_folder, sync_tree
from cityward.core.errors import TerritoryError, UserError
from cityward.core.neutral_csv import neutral_csv
from cityward.core.records import Territory
from cityward.know.territory import TerritoryIndex, read_features
from cityward.private.pseudonym import load_or_create_key
from cityward.secure.keys import create_signer

__all__ = ["Folder", "guess_properties", "init", "load_territories", "make", "neutral_csv"]

_EXAMPLES = """\
# Whom residents ask about their data; shown on the page /your-data and in the record of processing.
# [privacy]
# contact = "Data protection officer, 1 Town Square, privacy@example.org"
"""
"""What a new city should choose and cannot be guessed."""

_ATTRIBUTES = ("population", "households", "internet_percent", "income")
_PARENT_CHARS = 200


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the parts of a city lie."""

    path: Path

    @property
    def history(self) -> Path:
        """Tables and segment log."""
        return self.path / "history"

    @property
    def ledger(self) -> Path:
        """The tamper-evident log."""
        return self.path / "ledger"

    @property
    def inventory(self) -> Path:
        """Systems of the whole city, as `cityward risk` reads them: assets, scenarios, controls."""
        return self.path / "inventory"

    @property
    def playbooks(self) -> Path:
        """The city's own playbooks, one JSON document each, as `cityward respond` reads them."""
        return self.path / "playbooks"

    @property
    def monitor(self) -> Path:
        """How far each log was followed: places and counts, no line of any."""
        return self.path / "monitor"

    @property
    def sources(self) -> Path:
        """Mappings, one TOML a source."""
        return self.path / "sources"

    @property
    def authorisations(self) -> Path:
        """Authorisations to receive biometric payloads or recordings; none unless a person puts one there."""
        return self.path / "authorisations"

    @property
    def policies(self) -> Path:
        """The city's own policies beside those of the program, in Cedar."""
        return self.path / "policies"

    @property
    def grants(self) -> Path:
        """Who may read what, one TOML a grant."""
        return self.path / "grants"

    @property
    def turns(self) -> Path:
        """What each turn of the loop found."""
        return self.path / "turns"

    @property
    def systems(self) -> Path:
        """Registered systems of this city."""
        return self.path / "systems"

    @property
    def rounds(self) -> Path:
        """Rounds of participatory budgeting, one TOML a round."""
        return self.path / "rounds"

    @property
    def rules(self) -> Path:
        """Decision tables of this city, one TOML a version."""
        return self.path / "rules"

    @property
    def signing_key(self) -> Path:
        """Secret of the ledger."""
        return self.path / "keys" / "ledger.key"

    @property
    def previous_key(self) -> Path:
        """Secret that signs beside `signing_key` for a while after a hand-over."""
        return self.path / "keys" / "ledger.previous.key"

    @property
    def next_key(self) -> Path:
        """Secret to which `signing_key` is being handed over; there is one only while that is under way."""
        return self.path / "keys" / "ledger.next.key"

    @property
    def public_key(self) -> Path:
        """What a verifier needs of `signing_key`."""
        return self.path / "keys" / "ledger.pub"

    @property
    def pseudonym_key(self) -> Path:
        """Secret of the pseudonyms."""
        return self.path / "keys" / "pseudonyms.key"

    @property
    def residents_key(self) -> Path:
        """Secret of the links by which residents answer."""
        return self.path / "keys" / "residents.key"

    @property
    def access_key(self) -> Path:
        """Secret of names, codes and cookies of people who sign in."""
        return self.path / "keys" / "access.key"

    @property
    def turned_away(self) -> Path:
        """Counts of requests that were refused; see `cityward.secure.watch.turned_away`."""
        return self.path / "turned-away"

    @property
    def orders(self) -> Path:
        """Files of orders that go out, and of states that come in."""
        return self.path / "orders"

    def registers_url(self, setting: str) -> str:
        """URL of the registers: ``sqlite`` means a file in this folder."""
        return f"sqlite:///{self.path / 'registers.db'}" if setting == "sqlite" else setting


def init(
    path: Path,
    *,
    name: str,
    territories: Path,
    time_zone: str = "UTC",
    level: str = "area",
    id_property: str | None = None,
    name_property: str | None = None,
) -> Path:
    """Make a city folder with ``city.toml``, territories and keys; return its path.

    The identifying and naming properties of the GeoJSON are guessed when they are not given.
    Nothing is left behind when the territories cannot be used.

    Raises
    ------
    UserError
        The folder exists and is not empty, or the name or time zone is wrong.
    TerritoryError
        The GeoJSON cannot be used.
    """
    if not name.strip() or len(name) > 200:
        raise UserError("A city needs a name of 1 to 200 characters.", "Give one with --name.")
    check_time_zone(time_zone, "--time-zone")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{path} exists already and is not an empty folder.", "Choose a new folder.")
    guessed_id, guessed_name = guess_properties(territories)
    section = {
        "level": level,
        "file": f"territories/{level}.geojson",
        "id": id_property or guessed_id,
        "name": name_property or guessed_name,
    }
    TerritoryIndex.from_geojson(
        territories, id_property=section["id"], name_property=section["name"], level=level
    )  # refuses before anything is written
    make(path, _toml({"city": {"name": name, "time_zone": time_zone}}, [section]), {level: territories})
    return path


@durable("making the city folder")
def make(
    path: Path, city_toml: str, territories: dict[str, Path], extra: Sequence[Path] = (), today: date | None = None
) -> None:
    """Write a city folder from a ready ``city.toml`` and the files that it names, with the grants it needs."""
    staging = path.with_name(f".{path.name}.new")
    shutil.rmtree(staging, ignore_errors=True)
    make_folder(path.parent)
    for part in ("territories", "sources", "systems", "keys"):
        (staging / part).mkdir(parents=True)
    (staging / "keys").chmod(0o700)
    for level, file in territories.items():
        (staging / "territories" / f"{level}.geojson").write_bytes(file.read_bytes())
    for file in extra:
        (staging / "territories" / file.name).write_bytes(file.read_bytes())
    (staging / "city.toml").write_text(city_toml, encoding="utf-8")
    new = Folder(staging)
    draft(new.grants, today or Clock().now().date())
    create_signer(new.signing_key)
    load_or_create_key(new.pseudonym_key)
    if path.exists():
        path.rmdir()  # empty: checked by the caller
    sync_tree(staging)  # before it gets its name: a city that is there is whole
    staging.replace(path)
    sync_folder(path.parent)


def guess_properties(geojson: Path) -> tuple[str, str]:
    """Return the properties of a GeoJSON that identify and name its features.

    The identifier is the first property whose values are all there and all different; the name the
    first text with a telling key, else the identifier.
    """
    rows = [feature["properties"] for feature in read_features(geojson)]
    keys = [key for key in rows[0] if all(row.get(key) is not None for row in rows)]
    unique = [key for key in keys if len({str(row[key]) for row in rows}) == len(rows)]
    if not unique:
        raise TerritoryError(
            f"{geojson.name}: no property identifies the features.",
            "Add a property 'id' with a different value in each.",
        )
    telling = ("id", "code", "num", "gid", "key", "area")
    unique.sort(key=lambda key: not any(word in key.lower() for word in telling))
    names = [key for key in keys if isinstance(rows[0][key], str)]
    named = [key for key in names if any(word in key.lower() for word in ("name", "nombre", "nome", "nom"))]
    return unique[0], (named or names or unique)[0]


def load_territories(folder: Path, section: TerritorySection) -> tuple[TerritoryIndex, list[Territory]]:
    """Read one level of territories with what is known about each."""
    columns = {key: getattr(section, key) for key in _ATTRIBUTES if getattr(section, key)}
    index = TerritoryIndex.from_geojson(
        folder / section.file,
        id_property=section.id,
        name_property=section.name,
        level=section.level,
        keep=(*columns.values(), *([section.parent] if section.parent else ())) if not section.attributes else (),
    )
    known = _attributes(folder, section) if section.attributes else dict(zip(index.ids, index.properties, strict=True))
    _check_parent(section, index)
    if section.attributes_name:
        better = [known.get(identifier, {}).get(section.attributes_name) for identifier in index.ids]
        names = tuple(str(given or name) for given, name in zip(better, index.names, strict=True))
        index = dataclasses.replace(index, names=names)
    return index, [
        _territory(
            identifier,
            name,
            section.level,
            {key: _number(known.get(identifier, {}).get(column)) for key, column in columns.items()},
            _parent(known.get(identifier, {}).get(section.parent)) if section.parent else None,
        )
        for identifier, name in zip(index.ids, index.names, strict=True)
    ]


def _check_parent(section: TerritorySection, index: TerritoryIndex) -> None:
    """Raise unless the column of parents is there and is not that of the areas themselves."""
    if section.parent is None:
        return
    if section.parent in {section.level, section.id}:
        raise TerritoryError(
            f"The parent of a territory cannot be its own '{section.parent}'.",
            "Name the column of city.toml's 'parent' after what a group of areas is called.",
        )
    if not section.attributes and all(row.get(section.parent) is None for row in index.properties):
        raise TerritoryError(
            f"{section.file} has no property '{section.parent}', which city.toml names as parent.",
            "Name another property, or take the key 'parent' away.",
        )


def _parent(value: Any) -> str | None:
    """The name of a group as text; None when it is blank."""
    return (" ".join(str(value).split())[:_PARENT_CHARS] or None) if value is not None else None


def _territory(
    identifier: str, name: str, level: str, values: dict[str, float | None], parent: str | None
) -> Territory:
    percent = values.pop("internet_percent", None)
    share = None if percent is None or not 0 <= percent <= 100 else percent / 100
    return Territory(id=identifier, name=name, level=level, internet_share=share, parent=parent, **values)


def _attributes(folder: Path, section: TerritorySection) -> dict[str, dict[str, Any]]:
    path = folder / str(section.attributes)
    key = section.attributes_id or section.id
    try:
        table = pl.read_csv(path, infer_schema_length=None)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise TerritoryError(
            f"{path.name} cannot be read ({type(error).__name__}).", "Give a CSV with a header."
        ) from None
    missing = [
        name
        for name in (key, section.attributes_name, *(getattr(section, part) for part in _ATTRIBUTES), section.parent)
        if name and name not in table.columns
    ]
    if missing:
        raise TerritoryError(
            f"{path.name} has no column '{missing[0]}', which city.toml names.",
            f"Its columns are: {', '.join(table.columns[:20])}.",
        )
    return {str(row[key]).removesuffix(".0"): row for row in table.iter_rows(named=True)}


def area_figures(folder: Path, section: TerritorySection, word: str) -> dict[str, dict[str, float | None]]:
    """Columns of the attributes' file with ``word`` in their name: by column, the figure of each area."""
    if not section.attributes:
        return {}
    known = _attributes(folder, section)
    columns = dict.fromkeys(name for row in known.values() for name in row if word in name.lower())
    return {name: {identifier: _number(row.get(name)) for identifier, row in known.items()} for name in columns}


def area_table(folder: Path, section: TerritorySection) -> pl.DataFrame | None:
    """Return the attributes' file as it is, each area named by its identifier in ``territory``; None without one."""
    if not section.attributes:
        return None
    known = _attributes(folder, section)
    rows = [{**row, "territory": identifier} for identifier, row in known.items()]
    return pl.DataFrame(rows, infer_schema_length=None)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if number >= 0 and math.isfinite(number) else None


def _toml(tables: dict[str, dict[str, str]], territories: list[dict[str, str]]) -> str:
    lines = ["# Everything a city chooses. Unknown keys are errors; 'cityward run' names the line.", ""]
    for title, table in tables.items():
        lines += [
            f"[{title}]",
            *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()),
            "",
        ]
    for section in territories:
        lines += [
            "[[territories]]",
            *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in section.items()),
            "",
        ]
    return "\n".join([*lines, _EXAMPLES])
