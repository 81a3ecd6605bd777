"""``cityward guard``: what the door would do, without doing it, and which authorisations stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from cityward.cli.main import as_json, city_option, json_option
from cityward.core.errors import SourceError, UserError


@click.group(name="guard")
def guard() -> None:
    """Ask the door what it would do."""


@guard.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--map", "map_file", type=click.Path(path_type=Path), help="Mapping that declares classes (TOML).")
@json_option
def check(file: Path, map_file: Path | None, json_: bool) -> None:
    """Say for each row and field of FILE what the door would do; no value is printed or kept.

    FILE is NDJSON, CSV or Parquet. Without --map every field is judged by its content alone.
    """
    from cityward.guard.check import check_row

    classes, fields = _classes_of(map_file)
    counts: Counter[tuple[str, str, str, str]] = Counter()
    rows = 0
    for rows, row in enumerate(_rows_of(file), start=1):
        for field, finding in check_row(row, classes, fields):
            if json_:
                line = {"row": rows, "field": field, "class": finding.field_class, "verdict": finding.verdict}
                click.echo(msgspec.json.encode({**line, "rule": finding.rule}).decode())
            else:
                counts[field, finding.field_class, finding.verdict, finding.rule] += 1
    if json_:
        return
    click.echo(f"{rows:,} rows of {file.name}")
    for (field, field_class, verdict, rule), count in sorted(counts.items(), key=lambda item: (item[0][0], -item[1])):
        click.echo(f"  {field[:40]:<40} {verdict:<13} {field_class:<19} {count:>9,}  {rule}")


@guard.command()
@city_option
@json_option
def authorisations(folder: str, json_: bool) -> None:
    """List the authorisations of a city and say which stand now."""
    from cityward.city import open_city
    from cityward.guard.authorisations import standings

    with open_city(folder) as city:
        given = standings(city.folder.authorisations, city.clock.now(), frozenset(city.mappings()))
    if json_:
        as_json(
            [
                {"file": one.file, "source": one.source, "stands": not one.because, "because": one.because}
                for one in given
            ]
        )
        return
    if not given:
        click.echo("No authorisation is registered: every biometric or recorded payload is refused.")
    for one in given:
        told = f"does not stand: {one.because}" if one.because else "stands"
        click.echo(f"{one.file}  {one.source or '(no source)'}  {told}")


def _classes_of(map_file: Path | None) -> tuple[dict[str, str], set[str] | None]:
    """Declared class by column of the source, and the columns that are read at all."""
    if map_file is None:
        return {}, None
    from cityward.sense.mapping import load_mapping

    mapping = load_mapping(map_file)
    classes = {source: mapping.class_of(name) for name, source in mapping.sources().items()}
    return {**classes, **mapping.classes}, set(mapping.wanted())


def _rows_of(file: Path) -> Iterator[dict[str, Any]]:
    from cityward.sense.files import format_of

    if not file.exists():
        raise UserError(f"{file} is not there.", "Check the path.")
    kind = format_of(file)
    if kind == "parquet":
        yield from _parquet(file)
    elif kind == "csv":
        yield from _csv(file)
    else:
        yield from _ndjson(file)


def _parquet(file: Path) -> Iterator[dict[str, Any]]:
    import polars as pl

    from cityward.cli.tables import read_table

    yield from read_table(file, pl.read_parquet).iter_rows(named=True)


def _csv(file: Path) -> Iterator[dict[str, Any]]:
    import polars as pl

    from cityward.cli.tables import read_table

    def read(path: Path) -> pl.DataFrame:
        return pl.read_csv(path, infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy")

    yield from read_table(file, read).iter_rows(named=True)


def _ndjson(file: Path) -> Iterator[dict[str, Any]]:
    """Rows of NDJSON, or of one array of objects; a line that is none becomes a row of one field, judged as text."""
    import gzip
    import json

    opened = gzip.open if file.name.endswith(".gz") else open
    try:
        with opened(file, "rb") as lines:
            for number, line in enumerate(lines, start=1):
                text = line.decode("utf-8", errors="replace").strip().lstrip("\ufeff")
                if number == 1 and text.startswith("["):
                    rest = text + lines.read().decode("utf-8", errors="replace")
                    yield from _array(rest, file.name)
                    return
                if not text:
                    continue
                try:
                    row = json.loads(text)
                except (ValueError, RecursionError):
                    row = None
                yield row if isinstance(row, dict) else {"(line)": text}
    except OSError as error:
        raise SourceError(f"{file.name} cannot be read.", "Check that it is whole.") from error


def _array(text: str, name: str) -> Iterator[dict[str, Any]]:
    import json

    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{name} is not an array of objects.", "Give NDJSON: one object a line.") from error
    yield from (row if isinstance(row, dict) else {"(line)": row} for row in rows)
