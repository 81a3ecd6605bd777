"""A list of assets in CSV: one row an asset, columns by the names of the record."""

from __future__ import annotations

import csv
import io
import math
from typing import Any, Final

import msgspec

from cityward.core.errors import SourceError
from cityward.core.limits import ID_CHARS, RISK_ASSETS
from cityward.secure.risk.records import Asset, Need

TEXTS: Final = (
    "name",
    "kind",
    "owner",
    "supplier",
    "vendor",
    "product",
    "version",
    "address",
    "exposure",
    "manual",
    "minimum",
    "contact",
)
LISTS: Final = ("data", "tags", "drilled_by")
NUMBERS: Final = ("fallback", "repair_hours", "restart_hours", "repair_cost", "cost_per_hour")
_KNOWN: Final = {"id", "needs", "territory", "people", *TEXTS, *LISTS, *NUMBERS}


def read(body: bytes, name: str) -> list[Asset]:
    """Read a list; ``tags``, ``data`` and ``needs`` hold several things with ``|`` between them.

    Raises
    ------
    SourceError
        No column ``id``, an unknown column, or a cell that is no number; names the row.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SourceError(f"{name} is not UTF-8 text.", "Save it as UTF-8.") from None
    head = text.partition("\n")[0]
    try:
        rows = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=head.count))
        columns = list(rows.fieldnames or ())
        _check_columns(columns, name)
        made = [_asset(row, name, at) for at, row in enumerate(rows, start=2)]
    except csv.Error as error:
        raise SourceError(f"{name} is no CSV: {error}.", "Quote values that hold separators.") from None
    if len(made) > RISK_ASSETS:
        raise SourceError(f"{name} has more than {RISK_ASSETS:,} rows.", "Join what is mended together.")
    return made


def _check_columns(columns: list[str], name: str) -> None:
    unknown = [column for column in columns if column not in _KNOWN]
    if "id" not in columns or unknown or len(set(columns)) < len(columns):
        what = f"an unknown column '{unknown[0][:60]}'" if unknown else "no column 'id', or one column twice"
        raise SourceError(f"{name} has {what}.", f"Columns are: {', '.join(sorted(_KNOWN))}.")


def _asset(row: dict[str, Any], name: str, at: int) -> Asset:
    if None in row or None in row.values():
        raise SourceError(f"{name}, row {at}: more or fewer fields than the first line names.", "Mend the row.")
    id_ = row["id"].strip()
    if not id_ or len(id_) > ID_CHARS or not id_.isprintable():
        raise SourceError(f"{name}, row {at}: no id, or one that is too long.", "Give each asset an id.")
    fields: dict[str, Any] = {key: row[key].strip() for key in TEXTS if row.get(key)}
    fields |= {key: tuple(_parts(row[key])) for key in LISTS if row.get(key)}
    fields |= {key: _number(row[key], f"{name}, row {at}: {key}") for key in NUMBERS if row.get(key)}
    if row.get("people"):
        people = _number(row["people"], f"{name}, row {at}: people")
        fields["serves"] = {(row.get("territory") or "").strip() or "all": people}
    fields["needs"] = tuple(Need(of=(part,)) for part in _parts(row.get("needs", "")))
    try:
        return msgspec.convert({"id": id_, **msgspec.to_builtins(fields)}, Asset)
    except msgspec.ValidationError as error:
        raise SourceError(f"{name}, row {at}: {error}.", "Correct the row.") from None


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split("|") if part.strip()]


def _number(text: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise SourceError(f"{where} is no number.", "Write digits with a point.")
    return number
