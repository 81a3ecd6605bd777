"""Days without a computer: numbered sheets of paper for each service, and taking them in afterwards, once each.

The number of a sheet is the identifier of its report. Whoever enters a sheet that was entered before adds nothing: the
door knows it by its number, as it knows a report that a source sends twice.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from jinja2 import Environment, StrictUndefined
from stdnum import damm

from cityward.core.errors import UserError
from cityward.core.identifiers import make_id
from cityward.core.limits import ID_CHARS
from cityward.core.records import Intake, Record
from cityward.sense import mapping as reading

if TYPE_CHECKING:
    from cityward.city.city import City

DIGITS: Final = 7
SHEETS_MAX: Final = 500
"""Most sheets printed at once for a service."""

FILE_BYTES_MAX: Final = 8 * 2**20
ROWS_MAX: Final = 20_000
_NAMED: Final = 5
_LETTERS: Final = str.maketrans("0123456789", "abcdefghij")
"""In identifiers numbers are spelt in letters: to the door in, digits in a row can be a telephone number."""

_LABELS: Final = {
    "occurred_at": "Day and time",
    "service": "What it is about",
    "stated_territory": "District or area number",
    "address": "Street and number",
    "text": "What was reported, in their own words",
    "person": "Who reports (leave empty if they do not want to say)",
    "channel": "How it came (counter, telephone, letter)",
    "lon": "Longitude, if known",
    "lat": "Latitude, if known",
}
"""What is asked on paper, by column; what the city fills in itself is not."""


class Printed(Record, frozen=True, kw_only=True):
    """A run of sheets: of which source and service, and the numbers ``first`` to ``last`` without check digits."""

    id: str
    source: str
    service: str
    first: int
    last: int
    at: datetime
    receipt: int | None = None


class Entered(Record, frozen=True, kw_only=True):
    """What became of a file of sheets; ``known`` were entered before with the same words, ``changed`` with others."""

    sheets: int
    new: int
    known: int
    changed: int
    quarantined: int
    refused: int


def sheet_number(number: int) -> str:
    """A number as it is printed: seven digits, a hyphen and a check digit.

    Source: H. M. Damm, Total anti-symmetrische Quasigruppen, thesis, Marburg 2004: every wrong digit and every two
    neighbours that changed places are noticed.
    """
    digits = f"{number:0{DIGITS}d}"
    return f"{digits}-{damm.calc_check_digit(digits)}"


def read_number(text: str) -> int | None:
    """The number of a sheet, or None when the check digit does not fit."""
    digits = text.strip().replace("-", "").replace(" ", "")
    if len(digits) != DIGITS + 1 or not digits.isascii() or not digits.isdigit() or not damm.is_valid(digits):
        return None
    return int(digits[:-1])


class Continuity:
    """Paper sheets of ``city``; reached as ``city.continuity``."""

    def __init__(self, city: City) -> None:
        self._city = city

    def printed(self) -> Sequence[Printed]:
        """Runs of sheets, oldest first."""
        found: Sequence[Printed] = self._city.registers.list_of("sheets", Printed)
        return found

    def services(self) -> list[tuple[str, str]]:
        """Source and service of everything that is reported here by people."""
        found = []
        for mapping in self._mappings().values():
            names = {one.name for one in mapping.service.names.values()} if mapping.columns.service else set()
            default = mapping.service.default
            found += [(mapping.source, name) for name in sorted(names | ({default} if default else set()))]
        return found

    def _mappings(self) -> dict[str, reading.Mapping]:
        return {
            name: one
            for name, one in self._city.mappings().items()
            if isinstance(one, reading.Mapping) and one.kind in ("request", "complaint", "appeal")
        }

    def sheets(self, folder: Path, count: int = 20) -> list[Path]:
        """Print ``count`` numbered sheets of each service into the new ``folder``, one HTML file (A4) a service.

        Raises
        ------
        UserError
            The folder is not empty, or nothing can be reported here.
        """
        services = self.services()
        if not services:
            raise UserError(
                "No source of this city says which services people report.", "Add a mapping: 'cityward sense --guess'."
            )
        if not 1 <= count <= SHEETS_MAX:
            raise UserError(f"Print 1 to {SHEETS_MAX} sheets of a service.", "Print again when they run out.")
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UserError(f"{folder.name} is not empty.", "Choose a new folder: sheets are numbered once.")
        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        template = environment.from_string((files(__package__) / "continuity_sheet.html").read_text("utf-8"))
        written = []
        for source, service in services:
            run = self._number(source, service, count)
            page = template.render(
                city=self._city.name,
                service=service,
                fields=self._fields(source),
                numbers=[sheet_number(one) for one in range(run.first, run.last + 1)],
                call=self._city.settings.drill.call,
                run=run,
            )
            path = folder / f"{run.first:0{DIGITS}d}-{source}.html"
            path.write_text(page, "utf-8")
            written.append(path)
        return written

    def _number(self, source: str, service: str, count: int) -> Printed:
        with self._city.writing():
            first = max((one.last for one in self.printed()), default=0) + 1
            if first + count > 10**DIGITS:
                raise UserError("All numbers of sheets are used up.", "Ask the makers for longer numbers.")
            run = Printed(
                id=make_id("sheets", first),
                source=source,
                service=service,
                first=first,
                last=first + count - 1,
                at=self._city.clock.now(),
            )
            return self._city.keep("sheets", run, {"source": source, "first": run.first, "last": run.last})

    def _fields(self, source: str) -> list[tuple[str, str]]:
        """Label and column of the source of what is asked on paper."""
        columns = self._mappings()[source].sources()
        return [(label, columns[name]) for name, label in _LABELS.items() if name in columns]

    def enter(self, path: Path) -> Entered:
        """Take in a CSV of sheets through the usual door: the column ``sheet``, and those named on the sheets.

        Everything is checked first: a file with a wrong number takes in nothing.

        Raises
        ------
        UserError
            The file cannot be read, or numbers are wrong, were never printed, or stand twice in the file.
        """
        rows = _rows(path)
        runs = self.printed()
        by_source: dict[str, list[dict[str, Any]]] = {}
        wrong: list[str] = []
        seen: set[int] = set()
        for line, row in enumerate(rows, 2):
            number = read_number(row.get("sheet") or "")
            run = _run_of(number, runs)
            if number is None:
                wrong.append(f"line {line}: the check digit of the sheet does not fit")
            elif run is None:
                wrong.append(f"line {line}: sheet {sheet_number(number)} was never printed")
            elif number in seen:
                wrong.append(f"line {line}: sheet {sheet_number(number)} stands in this file twice")
            else:
                seen.add(number)
                by_source.setdefault(run.source, []).append(self._report(run, number, row))
        if wrong:
            more = f", and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
            raise UserError(
                f"{path.name}: {'; '.join(wrong[:_NAMED])}{more}.",
                "Look at the sheets, mend the file and enter it again; nothing was taken in.",
            )
        return _summed([self._take(source, reports) for source, reports in by_source.items()])

    def enter_one(self, sheet: str, values: Mapping[str, str]) -> Entered:
        """Take in one sheet as somebody types it: ``values`` by column of an interaction.

        It counts once, whether it is typed here, in a file, or in both.

        Raises
        ------
        UserError
            Its number is wrong or was never printed.
        """
        number = read_number(sheet[:ID_CHARS])
        run = _run_of(number, self.printed())
        if number is None or run is None:
            what = "The check digit of the sheet does not fit." if number is None else "This sheet was never printed."
            raise UserError(what, "Look at the number on the sheet.")
        columns = self._mappings()[run.source].sources()
        row = {columns[name]: value for name, value in values.items() if name in columns}
        return _summed([self._take(run.source, [self._report(run, number, row)])])

    def _report(self, run: Printed, number: int, row: dict[str, str]) -> dict[str, Any]:
        mapping = self._mappings()[run.source]
        columns = mapping.sources()
        report: dict[str, Any] = {column: row[column] for _, column in self._fields(run.source) if row.get(column)}
        report[columns["id"]] = "paper-" + f"{number:0{DIGITS}d}".translate(_LETTERS)
        if "service" in columns and not report.get(columns["service"]):
            words = {one.name: word for word, one in mapping.service.names.items()}
            report[columns["service"]] = words.get(run.service, run.service)
        return report

    def _take(self, source: str, reports: list[dict[str, Any]]) -> Intake:
        body = b"".join(msgspec.json.encode(one) + b"\n" for one in reports)
        return self._city.take(source, body, origin="paper")


def _run_of(number: int | None, runs: Sequence[Printed]) -> Printed | None:
    """The run of sheets in which a number was printed."""
    return next((one for one in runs if number is not None and one.first <= number <= one.last), None)


def _rows(path: Path) -> list[dict[str, str]]:
    if path.stat().st_size > FILE_BYTES_MAX:
        raise UserError(f"{path.name} is larger than {FILE_BYTES_MAX // 2**20} MB.", "Enter it in parts.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
        found = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path.name} is no CSV in UTF-8 ({type(error).__name__}).", "Save it as CSV, UTF-8.") from None
    if not found or "sheet" not in found[0]:
        raise UserError(f"{path.name} has no rows, or no column 'sheet'.", "Begin with the columns of the sheet.")
    if len(found) > ROWS_MAX:
        raise UserError(f"{path.name} has more than {ROWS_MAX:,} rows.", "Enter it in parts.")
    return found


def _summed(intakes: list[Intake]) -> Entered:
    return Entered(
        sheets=sum(one.received for one in intakes),
        new=sum(one.added for one in intakes),
        known=sum(one.repeated for one in intakes),
        changed=sum(one.revised for one in intakes),
        quarantined=sum(one.quarantined for one in intakes),
        refused=sum(one.refused for one in intakes),
    )
