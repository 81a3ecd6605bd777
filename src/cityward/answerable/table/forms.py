"""The forms in which a rule is kept or exchanged, by the ending of the file's name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from cityward.answerable.table import csv_form, dmn, gorules, toml_form
from cityward.answerable.table.table import Table, make_table
from cityward.core.errors import SettingsError
from cityward.core.limits import RULE_FILE_BYTES, RULE_VERSIONS
from cityward.core.toml_text import read_toml as read_text

ENDINGS: Final = {".toml": "toml", ".csv": "csv", ".json": "gorules", ".dmn": "dmn", ".xml": "dmn"}
FORMS: Final = ("toml", "csv", "gorules", "dmn")


def read_form(path: Path, *, units: Mapping[str, str] | None = None, decision: str | None = None) -> Table:
    """Read a rule from a file.

    Parameters
    ----------
    units : mapping of str to str, optional
        Units of numbers by column, for forms that know none.
    decision : str, optional
        Name of the decision, where a file of DMN or GoRules holds several.

    Raises
    ------
    SettingsError
        The file is not there, too large, of an unknown form, or has a mistake.
    """
    form = ENDINGS.get(path.suffix.lower())
    if form is None:
        raise SettingsError(f"{path.name} is of no form that is known.", f"Known endings: {', '.join(ENDINGS)}.")
    if path.is_file() and path.stat().st_size > RULE_FILE_BYTES:
        raise SettingsError(
            f"{path.name} has more than {RULE_FILE_BYTES / 2**20:.0f} MB.", "Part it into rules that use each other."
        )
    text = read_text(path)
    if form == "toml":
        sheet = toml_form.read_toml(text, path.name)
    elif form == "csv":
        sheet = csv_form.read_csv(text, path.name, path.stem)
    else:
        read = gorules.read_gorules if form == "gorules" else dmn.read_dmn
        sheet = read(text, path.name, path.stem, units or {}, decision)
    return make_table(sheet, path.name)


def write_form(table: Table, form: str) -> str:
    """Write a rule in one of `FORMS`."""
    writers = {
        "toml": toml_form.write_toml,
        "csv": csv_form.write_csv,
        "gorules": gorules.write_gorules,
        "dmn": dmn.write_dmn,
    }
    return writers[form](table.sheet)


def losses(table: Table, form: str) -> tuple[str, ...]:
    """What other programs will not see of a rule that is written in a form; cityward itself reads it back whole."""
    if form in ("toml", "csv"):
        return ()
    return (gorules.losses if form == "gorules" else dmn.losses)(table.sheet)


def load_tables(folder: Path | None = None) -> tuple[Table, ...]:
    """Return the rules shipped with cityward and a city's own, all versions.

    A city's own versions take the place of all shipped ones of that identifier.

    Raises
    ------
    SettingsError
        A file has a mistake, or two versions are valid at once.
    """
    from cityward.answerable.table.validity import check_versions

    with as_file(files("cityward.answerable") / "rules") as shipped:
        own = _read_all(folder) if folder else []
        taken = {table.id for table in own}
        tables = [*(table for table in _read_all(shipped) if table.id not in taken), *own]
    check_versions(tables)
    return tuple(tables)


def _read_all(folder: Path) -> list[Table]:
    paths = sorted(folder.glob("*.toml"))
    if len(paths) > RULE_VERSIONS:
        raise SettingsError(f"{folder} holds more than {RULE_VERSIONS:,} rules.", "Take away those of the past.")
    return [read_form(path) for path in paths]
