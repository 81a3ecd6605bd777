"""Reads what other cities published: files of ``open/`` alone, never anything else of their folders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import numpy as np
import polars as pl

from cityward.core.errors import UserError
from cityward.core.limits import NATION_RELEASES, TABLE_BYTES
from cityward.equitable.divide.nation import Published
from cityward.equitable.divide.ranking import Law, half_width

ADDED: Final = frozenset({"count", "sum", "trips"})
"""Kinds whose figures of several periods and areas add up; persons of two months may be the same."""

_CATALOGUE: Final = "catalogue.jsonld"
_NAME_CHARS: Final = 80


class _Request(msgspec.Struct):
    kind: str
    first: str
    last: str
    services: tuple[str, ...] = ()


class _Release(msgspec.Struct):
    id: str
    request: _Request
    mechanism: Literal["laplace", "gaussian"] = "laplace"
    title: str = ""
    unit: str = ""


class _Row(msgspec.Struct):
    territory: str
    level: str | None = None
    noisy: float | None = None
    value: float | None = None
    error_95: float | None = None
    suppressed: bool = False


class _File(msgspec.Struct):
    release: _Release
    rows: list[_Row]


def read_published(source: Path) -> tuple[list[Published], list[str]]:
    """Return the totals that ``source`` publishes, and what is to be said of them.

    Parameters
    ----------
    source : pathlib.Path
        The folder of a city, of which nothing but ``open/`` is read; such an ``open/`` folder; the folder of a release;
        or its ``data.json`` or ``data.csv``.

    Raises
    ------
    UserError
        Nothing is published there, or a file is no release.
    """
    if source.is_file():
        files, root = [source], source.parent
    else:
        root = source / "open" if (source / "open").is_dir() else source
        files = list(_files_of(root))
    if not files:
        raise UserError(
            f"{source} publishes nothing.", "Give a city folder with releases, its open/ folder, or a data.json of it."
        )
    city, notes, found = _city_of(root, source), [], []
    for file in files:
        figure, said = _total(file, city)
        found += [figure] if figure else []
        notes += [f"{city}: {said}"] if said else []
    return found, notes


def _files_of(root: Path) -> Iterator[Path]:
    """``data.json`` of every release, as long as it really lies there and is no way to somewhere else."""
    home = root.resolve()
    own = [root / "data.json"] if (root / "data.json").is_file() else sorted(root.glob("*/data.json"))
    if len(own) > NATION_RELEASES:
        raise UserError(f"{root} has more than {NATION_RELEASES:,} releases.", "Give folders of single releases.")
    for file in own:
        if file.resolve().is_relative_to(home):
            yield file


def _city_of(root: Path, source: Path) -> str:
    """The publisher that the catalogue names, else the name of the folder."""
    for folder in (root, root.parent):
        file = folder / _CATALOGUE
        if file.is_file():
            try:
                named = json.loads(_read(file))["dct:publisher"]["foaf:name"]
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
            if isinstance(named, str) and named.strip():
                return " ".join(named.split())[:_NAME_CHARS]
    here = source.resolve()
    return (here.parent.name if here.is_file() or here.name == "open" else here.name)[:_NAME_CHARS]


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            body = opened.read(TABLE_BYTES + 1)
    except OSError:
        raise UserError(f"{file} cannot be read.", "Check the path and its rights.") from None
    if len(body) > TABLE_BYTES:
        raise UserError(f"{file} has more than {TABLE_BYTES // 2**20} MB.", "Give a release with fewer figures.")
    return body


def _total(file: Path, city: str) -> tuple[Published | None, str]:
    """The sum of the figures of the coarsest level of a release; None and why where they do not add up."""
    told = _of_csv(file) if file.suffix.lower() == ".csv" else _of_json(file)
    about = told.release
    if about.request.kind not in ADDED:
        return None, f"'{about.title or about.id}' is left out: figures of {about.request.kind} do not add up."
    levels: dict[str, set[str]] = {}
    for row in told.rows:
        levels.setdefault(row.level or "", set()).add(row.territory)
    if not levels:
        return None, f"'{about.title or about.id}' is left out: it has no figures."
    level = min(levels, key=lambda name: len(levels[name]))
    rows = [row for row in told.rows if (row.level or "") == level]
    known = [row for row in rows if _figure(row) is not None and not row.suppressed]
    if any(row.error_95 is None or not row.error_95 >= 0 for row in known) or not known:
        return None, f"'{about.title or about.id}' is left out: it does not state its error."
    law: Law = "laplace" if about.mechanism == "laplace" else "normal"
    errors = np.array([row.error_95 for row in known], dtype=float) / half_width(0.95, law)
    services = ", ".join(sorted(about.request.services)) or "all services"
    unit = about.unit or about.request.kind
    return (
        Published(
            city=city,
            question=f"{unit} of {services}, {about.request.first} to {about.request.last}",
            value=float(sum(_figure(row) or 0.0 for row in known)),
            error=float(np.sqrt((errors**2).sum())),
            cells=len(known),
            suppressed=len(rows) - len(known),
            release=about.id,
            source=str(file),
        ),
        f"{len(rows) - len(known):,} suppressed figures are in no sum." if len(known) < len(rows) else "",
    )


def _figure(row: _Row) -> float | None:
    """As measured, without bias; where it is not told, as it was made whole."""
    return row.value if row.noisy is None else row.noisy


def _of_json(file: Path) -> _File:
    try:
        return msgspec.json.decode(_read(file), type=_File, strict=False)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UserError(f"{file} is no release: {error}.", "Give a data.json of an open/ folder.") from None


def _of_csv(file: Path) -> _File:
    """A table of figures with their error; what it was made with is in ``data.json`` beside it, if that is there."""
    beside = file.with_name("data.json")
    if beside.is_file():
        return _of_json(beside)
    try:
        table = pl.read_csv(_read(file), infer_schema=False)
    except pl.exceptions.PolarsError:
        raise UserError(f"{file} cannot be read as a CSV.", "Give a data.csv of an open/ folder.") from None
    lacks = [name for name in ("territory", "error_95") if name not in table.columns]
    if lacks or not {"noisy", "value"} & set(table.columns):
        raise UserError(
            f"{file} is no release: it needs the columns territory, error_95, and noisy or value.",
            "Give a data.csv of an open/ folder.",
        )
    periods = table["period"].drop_nulls().sort() if "period" in table.columns else pl.Series([""])
    rows: list[dict[str, Any]] = table.select(set(_Row.__struct_fields__) & set(table.columns)).to_dicts()
    try:
        read = [msgspec.convert(row, _Row, strict=False) for row in rows]
    except msgspec.ValidationError as error:
        raise UserError(f"{file} is no release: {error}.", "Give a data.csv of an open/ folder.") from None
    services = table["service"].unique().drop_nulls().to_list() if "service" in table.columns else []
    services = [] if services == ["all services"] else services
    first, last = (str(periods[0]), str(periods[-1])) if periods.len() else ("", "")
    request = _Request("count", first, last, tuple(services))
    return _File(_Release(file.stem, request, "gaussian"), read)
