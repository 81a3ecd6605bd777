"""CSV: a file an order in ``orders/out``, and files of states in ``orders/in``, for cities without interfaces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from cityward.act.send.way import NotDelivered, Report, Way
from cityward.core.disk import durable, replace_file
from cityward.core.errors import StoreError
from cityward.core.neutral_csv import neutral_csv
from cityward.core.work import Message

FILE_BYTES: Final = 16 * 2**20
"""Largest file of states: far more rows than a city has orders."""

COLUMNS: Final = ("order", "state", "by", "because", "at", "round")
_NEEDED: Final = ("order", "state", "by")
_FIELDS: Final = (
    "order", "round", "service", "title", "instructions", "territory", "lon", "lat", "minutes", "skill", "crew", "day",
    "decision", "link",
)  # fmt: skip


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """CSV has no options."""


class Csv:
    """Files in the city folder. A file has the name of its message, so that the same one again changes nothing."""

    asks = False
    kinds = ("dispatch", "cancel", "ask")

    def __init__(self, way: Way) -> None:
        way.read_options(Options)
        self._out, self._in = way.folder / "out", way.folder / "in"
        with durable("making the folders of orders"):
            for folder in (self._out, self._in):
                folder.mkdir(parents=True, exist_ok=True)

    def send(self, message: Message) -> str | None:
        """Write the file of a message, whole or not at all."""
        data = msgspec.json.decode(message.body)["data"]
        row = {"message": message.key, "kind": message.kind, **{name: data.get(name) for name in _FIELDS}}
        frame = pl.DataFrame([{name: None if value is None else str(value) for name, value in row.items()}])
        try:
            with durable("writing the file of an order"):
                replace_file(self._out / f"{message.key}.csv", neutral_csv(frame))
        except StoreError as error:
            raise NotDelivered(str(error)) from None
        return f"{message.key}.csv"

    def ask(self, _: Message) -> tuple[Report | None, str | None]:
        """Nothing: states come as files."""
        return None, None

    def collect(self) -> Iterator[tuple[Report, Callable[[str], None]]]:
        """Give the rows of all files; then a file lies in ``taken``, and what could not be used in ``refused``.

        Files that begin with a dot or end in ``.part`` are still being written.
        """
        for path in sorted(self._in.glob("*.csv")):
            if path.name.startswith(".") or not path.is_file():
                continue
            refused: list[dict[str, str | None]] = []
            rows, problem = _rows(path)
            if problem:
                refused.append({"reason": problem})
            for row in rows:
                report, wrong = _report(row)
                if report is None:
                    refused.append({**row, "reason": wrong})
                    continue
                yield report, partial(_refuse, refused, row)
            self._put_away(path, refused)

    @durable("putting a file of states away")
    def _put_away(self, path: Path, refused: list[dict[str, str | None]]) -> None:
        for folder in ("taken", "refused"):
            (self._in / folder).mkdir(exist_ok=True)
        if refused:
            frame = pl.DataFrame(refused, schema=dict.fromkeys((*COLUMNS, "reason"), pl.String))
            replace_file(self._in / "refused" / path.name, neutral_csv(frame))
        path.replace(self._in / "taken" / path.name)

    def close(self) -> None:
        """Nothing is held."""


def _refuse(refused: list[dict[str, str | None]], row: dict[str, str | None], why: str) -> None:
    refused.append({**row, "reason": why})


def open_way(way: Way) -> Csv:
    """Return the way of a ``[[send]]`` table."""
    return Csv(way)


def _rows(path: Path) -> tuple[list[dict[str, Any]], str]:
    """Rows of a file as texts, and what is wrong with it as a whole."""
    try:
        if path.stat().st_size > FILE_BYTES:
            return [], f"The file is larger than {FILE_BYTES // 2**20} MB."
        frame = pl.read_csv(path.read_bytes(), infer_schema=False, encoding="utf8-lossy")
        # Two columns that differ by blanks or by capitals are one: no file says which counts.
        frame = frame.rename({name: name.strip().strip("\ufeff").lower() for name in frame.columns}, strict=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        return [], f"The file cannot be read as CSV ({type(error).__name__})."
    missing = [name for name in _NEEDED if name not in frame.columns]
    if missing:
        return [], f"The file has no column '{missing[0]}'. Columns: {', '.join(COLUMNS)}."
    return frame.select(pl.col(name) for name in COLUMNS if name in frame.columns).to_dicts(), ""


def _report(row: dict[str, Any]) -> tuple[Report | None, str]:
    """A row as a report, or why it is none."""
    texts = {name: (row.get(name) or "").strip() for name in COLUMNS}
    empty = next((name for name in _NEEDED if not texts[name]), "")
    if empty:
        return None, f"'{empty}' is empty."
    try:
        at = datetime.fromisoformat(texts["at"]) if texts["at"] else None
        number = int(texts["round"]) if texts["round"] else None
    except ValueError:
        return None, "'at' is no moment such as 2014-06-30T14:00:00-05:00, or 'round' no number."
    if at is not None and at.tzinfo is None:
        return None, "'at' has no time zone."
    key = sha256("\x1f".join(texts.values()).encode()).hexdigest()
    return (
        Report(
            key=f"csv:{key}", order=texts["order"], state=texts["state"].lower(), by=texts["by"],
            because=texts["because"], at=at, round=number,
        ),
        "",
    )  # fmt: skip
