"""``cases/*.toml``: what a type of case is, from which table it is read, and what may be learned from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import polars as pl

from cityward.core.errors import SettingsError
from cityward.core.toml_text import decode_toml

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{3,60}$")]


class CaseType(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One type of case.

    ``table`` is a Parquet or CSV file in ``cases/`` with one row a visit. ``time`` is the day of the visit,
    ``entity`` who is visited, ``outcome`` what the visit found (a count or 0/1), ``features`` what is known before
    it, ``results`` what is known only after it (used for later visits alone), ``forbidden`` what must not be used.
    ``same`` names, in words, columns by which visits belong together. ``round_days`` is how long a list is worked
    on: its cases are ranked by what was known on its first day. ``complaints`` asks for the city's own reports near
    each place as a feature. ``words`` puts columns into plain words. ``rule`` decides how soon each is visited; see
    `cityward.city.case_inputs` for what it is asked with.
    """

    id: Code
    title: Name
    service: Name
    system: Code
    table: Name
    time: Name
    entity: Name
    outcome: Name
    found: Name
    name: Name | None = None
    lon: Name | None = None
    lat: Name | None = None
    features: list[Name] = []
    results: list[Name] = []
    forbidden: list[Name] = []
    same: dict[str, Name] = {}
    words: dict[str, Name] = {}
    complaints: bool = False
    rule: Code | None = None
    minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)] = 30
    skill: Name = "general"
    round_days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 60

    def columns(self) -> list[str]:
        """Columns that the table must have."""
        named = [self.time, self.entity, self.outcome, self.name, self.lon, self.lat]
        wanted = [*named, *self.features, *self.results, *self.same.values()]
        return list(dict.fromkeys(name for name in wanted if name))


def load_case_types(folder: Path) -> dict[str, CaseType]:
    """Return the types of case of a city folder's ``cases/``, by their identifier.

    Raises
    ------
    SettingsError
        A file has a mistake; names the line, or the keys that contradict each other.
    """
    found: dict[str, CaseType] = {}
    for path in sorted(folder.glob("*.toml")):
        one = decode_toml(path, CaseType)
        _check(one, path)
        if one.id in found:
            raise SettingsError(f"{path.name}: the type '{one.id}' is declared twice.", "Give it another id.")
        found[one.id] = one
    return found


def read_visits(file: Path) -> pl.DataFrame:
    """Read a table of visits; of a CSV the types of columns are read off all rows, and wrong bytes become marks.

    Raises
    ------
    OSError, polars.exceptions.PolarsError
        The file is not there, or is neither Parquet nor CSV.
    """
    if file.suffix.lower() != ".csv":
        return pl.read_parquet(file)
    return pl.read_csv(file, try_parse_dates=True, infer_schema_length=None, encoding="utf8-lossy")


def _check(one: CaseType, path: Path) -> None:
    banned = sorted(set(one.forbidden) & {*one.features, *one.results, *one.same.values()})
    if banned:
        raise SettingsError(
            f"{path.name}: '{banned[0]}' is forbidden, and yet to be used.", "Take it out of one of the lists."
        )
    after = sorted(set(one.features) & {*one.results, one.outcome})
    if after:
        raise SettingsError(
            f"{path.name}: '{after[0]}' is known only after the visit and cannot be a feature.",
            "Leave it in 'results': it is used for later visits.",
        )
    if (one.lon is None) != (one.lat is None):
        raise SettingsError(f"{path.name}: 'lon' and 'lat' go together.", "Name both columns, or neither.")
    if Path(one.table).name != one.table:
        raise SettingsError(f"{path.name}: table '{one.table}' is not a file in cases/.", "Give its name alone.")
