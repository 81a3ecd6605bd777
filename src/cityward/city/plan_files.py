"""Reads crews and jobs from CSV; a mistake is named with its line."""

from __future__ import annotations

import csv
import math
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Final, TypeVar

from cityward.act.plan_check import CREWS_MAX, DAY_MINUTES, JOBS_MAX
from cityward.core.errors import SettingsError
from cityward.core.limits import BODY_BYTES, ID_CHARS
from cityward.core.work import Crew, Job

_CREWS: Final = ("id", "name", "skills", "lon", "lat", "begins", "hours")
_JOBS: Final = ("id", "lon", "lat", "minutes", "skill")
T = TypeVar("T")


def read_crews(path: Path) -> tuple[Crew, ...]:
    """Read ``id,name,skills,lon,lat,begins,hours``; skills have blanks between, begins is 08:00, hours up to 24.

    Raises
    ------
    SettingsError
        Names the line, what is wrong with it, and what to write.
    """
    return _distinct(path, [_crew(line) for line in _lines(path, _CREWS, CREWS_MAX)])


def read_jobs(path: Path, made_on: date | None = None) -> tuple[tuple[Job, ...], date]:
    """Read jobs, and the day up to which waiting is known.

    Columns: ``id, lon, lat, minutes, skill``, and where known ``waiting_since`` (2014-06-30) or ``waiting_days``,
    ``priority`` (0 to 1), ``group``, ``service``, ``title``. Without ``made_on`` it is the latest ``waiting_since``.

    Raises
    ------
    SettingsError
        As `read_crews`.
    """
    lines = _lines(path, _JOBS, JOBS_MAX)
    if made_on is None:
        stated = [line.day("waiting_since") for line in lines if line.cells.get("waiting_since")]
        made_on = max(stated, default=date(2000, 1, 1))
    return _distinct(path, [_job(line, made_on) for line in lines]), made_on


class _Line:
    """One line of a file, and how to read its cells."""

    def __init__(self, path: Path, number: int, cells: dict[str, str]) -> None:
        self.path, self.number, self.cells = path, number, cells

    def wrong(self, what: str, remedy: str) -> SettingsError:
        """A mistake of this line."""
        return SettingsError(f"{self.path.name} line {self.number}: {what}", remedy)

    def text(self, name: str) -> str:
        """A cell that must be there."""
        value = self.cells.get(name, "")
        if not value:
            raise self.wrong(f"{name} is empty.", f"Write the {name} of every line.")
        if len(value) > ID_CHARS:
            raise self.wrong(f"{name} has {len(value):,} characters.", f"At most {ID_CHARS} are kept.")
        return value

    def number_of(self, name: str, low: float, high: float, example: str) -> float:
        """A number between two bounds."""
        value = self.text(name)
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not low <= number <= high:
            raise self.wrong(
                f"{name} is “{value[:40]}”.", f"Write a number from {low:,g} to {high:,g}, such as {example}."
            )
        return number

    def day(self, name: str) -> date:
        """A date."""
        try:
            return date.fromisoformat(self.cells[name])
        except ValueError:
            raise self.wrong(f"{name} is “{self.cells[name][:40]}”.", "Write a date such as 2014-06-30.") from None


def _lines(path: Path, needed: tuple[str, ...], most: int) -> list[_Line]:
    try:
        if path.stat().st_size > BODY_BYTES:
            raise SettingsError(f"{path.name} is larger than {BODY_BYTES // 2**20} MB.", "Send it in parts.")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    except OSError as error:
        raise SettingsError(f"{path.name} cannot be read ({error.strerror}).", "Check the path.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path.name} is not a CSV in UTF-8 ({error}).", "Save it as CSV, UTF-8.") from None
    names = [name.strip().lower() for name in rows[0]] if rows else []
    missing = [name for name in needed if name not in names]
    if missing:
        raise SettingsError(
            f"{path.name} has no column '{missing[0]}'.", f"Its first line names the columns: {','.join(needed)}."
        )
    if len(rows) - 1 > most:
        raise SettingsError(
            f"{path.name} has {len(rows) - 1:,} lines; the limit is {most:,}.",
            "Plan one skill or one side of the city at a time.",
        )
    lines = []
    for number, row in enumerate(rows[1:], start=2):
        if any(cell.strip() for cell in row):
            cells = dict(zip(names, (cell.strip() for cell in row), strict=False))
            lines.append(_Line(path, number, cells))
    return lines


def _crew(line: _Line) -> Crew:
    begins = line.text("begins")
    clock = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", begins)
    if not clock:
        raise line.wrong(f"begins is “{begins[:40]}”.", "Write a time such as 08:00.")
    minutes = round(60 * line.number_of("hours", 0, DAY_MINUTES / 60, "8"))
    if minutes < 1:
        raise line.wrong("the shift has no hours.", "Leave out a crew that does not work, or write its hours.")
    return Crew(
        id=line.text("id"),
        name=line.cells.get("name") or line.text("id"),
        skills=tuple(dict.fromkeys(line.text("skills").split())),
        lon=line.number_of("lon", -180, 180, "-87.63"),
        lat=line.number_of("lat", -90, 90, "41.88"),
        shift_begins_minutes=60 * int(clock[1]) + int(clock[2]),
        shift_minutes=minutes,
    )


def _job(line: _Line, made_on: date) -> Job:
    cells = line.cells
    since = made_on
    if cells.get("waiting_since"):
        since = line.day("waiting_since")
        if since > made_on:
            raise line.wrong(f"waiting_since is {since}, after {made_on}.", "Give the day of the plan with --day.")
    elif cells.get("waiting_days"):
        since = made_on - timedelta(days=int(line.number_of("waiting_days", 0, 36_600, "12")))
    service = cells.get("service") or line.text("skill")
    return Job(
        id=line.text("id"),
        about=line.text("id"),
        service=service,
        title=cells.get("title") or service,
        territory=cells.get("group") or cells.get("territory") or None,
        lon=line.number_of("lon", -180, 180, "-87.63"),
        lat=line.number_of("lat", -90, 90, "41.88"),
        minutes=math.ceil(line.number_of("minutes", 1, DAY_MINUTES, "25")),
        skill=line.text("skill"),
        waiting_since=since,
        priority=line.number_of("priority", 0, 1, "0.5") if cells.get("priority") else 0.5,
    )


def _distinct(path: Path, records: list[T]) -> tuple[T, ...]:
    seen: dict[str, int] = {}
    for at, record in enumerate(records):
        name: str = record.id  # type: ignore[attr-defined]
        if name in seen:
            raise SettingsError(f"{path.name}: two lines have the id “{name[:60]}”.", "Give each its own identifier.")
        seen[name] = at
    return tuple(records)
