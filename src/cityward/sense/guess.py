"""Proposes a mapping for a file nobody has seen: a text to read, correct and keep."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from cityward.core.errors import SourceError
from cityward.core.identifiers import slug
from cityward.sense.files import format_of
from cityward.sense.guess_words import (
    BIOMETRIC,
    BIRTH,
    CLOSED,
    CLOSED_STEMS,
    COLUMNS,
    DUPLICATE,
    FILLERS,
    NOT,
    OPEN,
    PERSONAL,
    SENSITIVE,
)
from cityward.sense.mapping import Columns
from cityward.sense.sources import csv, geojson, ndjson
from cityward.sense.stamps import to_utc
from cityward.sense.text import blocks

_ROWS: Final = 100_000
_FEW: Final = 40
"""Most different values of a column of states."""

_WORD_CHARS: Final = 60
"""Longest name of a service that is proposed."""

_PARTS: Final = re.compile(r"^(\d{1,2})[/-](\d{1,2})[/-]\d{4}")


def guess(path: Path) -> str:
    """Return a commented mapping (TOML) for ``path``.

    Columns are told by their names in five languages and by their values; what cannot be known from the
    file (its time zone, its domain) stands there as a question with a usable default. Columns that look
    personal are left unread.

    Raises
    ------
    SourceError
        The file cannot be read at all.
    """
    table, delimiter = _sample(path)
    if not table.height:
        raise SourceError(f"{path.name} has no rows.", "Give a file with rows.")
    found = _columns(table)
    lines = [
        f"# Proposed from the first {table.height:,} rows of {path.name}. Read it, correct it, then run:",
        "#   cityward sense FILE --map THIS_FILE --city DIR",
        "# Lines with a question mark are guesses that the file could not settle.",
        "",
        f"source = {_quote(slug(path.name.split('.')[0])[:64].strip('-'))} # a short name of your choice",
        'kind = "request" # ? request, complaint, visit, vote or appeal',
        'domain = "public space" # ? health, education, culture, environment, mobility, construction, security,',
        "# energy, public space or participation",
        *_zone(table, found),
        *_order(table, found),
        *([f"delimiter = {_quote(delimiter)}"] if delimiter else []),
        "",
        "[columns]",
        *_column_lines(found),
        "",
        *_status(table, found),
        *_services(table, found),
        *_classes(table, found),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _sample(path: Path) -> tuple[pl.DataFrame, str | None]:
    """First rows of a file, all columns, and the delimiter if it is CSV."""
    kind = format_of(path)
    if kind == "csv":
        return csv.table_of(path, _ROWS)
    if kind == "parquet":
        try:
            return pl.scan_parquet(path).head(_ROWS).collect(), None
        except (pl.exceptions.PolarsError, OSError):
            raise SourceError(f"{path.name} is not a whole Parquet file.", "Fetch or write it again.") from None
    if kind == "geojson":
        features = [msgspec.json.decode(raw) for raw in geojson.load(path)[:_ROWS]]
        rows = [feature.get("properties") or {} for feature in features]
        return _table(rows), None
    block = next((block for block, too_long in blocks(path) if not too_long), b"")
    return _table(ndjson.objects_of(block, _ROWS)), None


def _table(rows: list[dict[str, object]]) -> pl.DataFrame:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return ndjson.table(names, [[row.get(name) for row in rows] for name in names])


def _columns(table: pl.DataFrame) -> dict[str, str]:
    """Canonical column → column of the file; each column is used once, the surest first."""
    found: dict[str, str] = {}
    ranks = sorted(
        (rank, order, at, name, canonical)
        for order, canonical in enumerate(Columns.__struct_fields__)
        for at, name in enumerate(table.columns)
        if (rank := _rank(name, canonical)) is not None and _fits(table[name], canonical)
    )
    for *_, name, canonical in ranks:
        if canonical not in found and name not in found.values():
            found[canonical] = name
    for canonical in ("id", "occurred_at"):
        if canonical not in found:
            left = [name for name in table.columns if name not in found.values() and not _is_birth(name)]
            free = [name for name in left if _fits(table[name], canonical)]
            if free:
                found[canonical] = free[0]
    if ("lon" in found) != ("lat" in found):
        found.pop("lon", None), found.pop("lat", None)
    return found


def _rank(name: str, canonical: str) -> int | None:
    """How well a name fits: its place in the word list; one that only contains a word comes later."""
    parts, words = slug(name).split("-"), COLUMNS[canonical]
    if canonical in ("occurred_at", "closed_at") and _is_birth(name):
        return None
    plain, short = "".join(parts), "".join(part for part in parts if part not in FILLERS)
    ranks = [words.index(form) for form in (plain, short) if form in words]
    if ranks:
        return min(ranks)
    within = [at for at, word in enumerate(words) if len(word) > 3 and (word in parts or plain.startswith(word))]
    return 1_000 + min(within) if within else None


def _is_birth(name: str) -> bool:
    return any(part.startswith(BIRTH) for part in slug(name).split("-"))


def _fits(values: pl.Series, canonical: str) -> bool:
    """Whether values can be what the name says."""
    if values.dtype.is_nested() or not len(values.drop_nulls()):
        return False
    if canonical == "id":
        return values.null_count() == 0 and values.n_unique() >= 0.95 * len(values) and not _are_times(values)
    if canonical in ("occurred_at", "closed_at"):
        return _are_times(values)
    if canonical in ("lon", "lat"):
        numbers = values.cast(pl.String).str.replace(",", ".", literal=True).cast(pl.Float64, strict=False).drop_nulls()
        most = 180 if canonical == "lon" else 90
        return len(numbers) > 0 and float((numbers.abs() <= most).mean() or 0) > 0.9  # type: ignore[arg-type]
    if canonical == "status":
        words = values.drop_nulls().cast(pl.String).unique().head(_FEW + 1).to_list()
        return len(words) <= _FEW and any(_state(word) for word in words)
    return not _are_times(values)


def _are_times(values: pl.Series) -> bool:
    kind = values.dtype
    if kind.is_temporal():
        return True
    if kind.is_float() or kind == pl.Boolean:
        return False
    given = values.drop_nulls()
    if kind == pl.String:
        given = given.filter(given.str.strip_chars() != "")
        if not len(given) or float(given.str.contains(r"\d.*[-/.: ].*\d|^\d{8}$").mean() or 0) < 0.7:  # type: ignore[arg-type]
            return False
    elif not given.is_between(10**9, 2 * 10**12).all():
        return False
    read = to_utc(given, "UTC", order="day").is_not_null() | to_utc(given, "UTC", order="month").is_not_null()
    return float(read.mean() or 0) > 0.5  # type: ignore[arg-type]


def _zone(table: pl.DataFrame, found: dict[str, str]) -> list[str]:
    name = found.get("occurred_at")
    if name and table[name].dtype == pl.String:
        stamps = table[name].drop_nulls()
        if len(stamps) and stamps.str.contains(r":\d\d.*(Z|UTC|[+-]\d\d:?\d\d)$").all():
            return ['time_zone = "UTC" # stamps carry their own offset; this only decides what a day is']
    return [
        'time_zone = "UTC" # ? the zone of the stamps, an IANA name: "America/Bogota", "America/Sao_Paulo",',
        '# "Europe/Berlin", "Europe/Paris", ... With the wrong one, every time is hours off.',
    ]


def _order(table: pl.DataFrame, found: dict[str, str]) -> list[str]:
    """What comes first in 03/04/2014, if any date shows it."""
    values = [table[found[name]] for name in ("occurred_at", "closed_at") if name in found]
    texts = [value for column in values if column.dtype == pl.String for value in column.drop_nulls().to_list()]
    pairs = [(int(match[1]), int(match[2])) for match in map(_PARTS.match, texts) if match]
    if not pairs:
        return []
    if max(first for first, _ in pairs) > 12:
        return ['date_order = "day" # 03/04/2014 is the 3rd of April']
    if max(second for _, second in pairs) > 12:
        return ['date_order = "month" # 03/04/2014 is the 4th of March']
    return ['date_order = "day" # ? day or month first: no date in the file shows what 03/04/2014 means']


def _column_lines(found: dict[str, str]) -> list[str]:
    lines = []
    for canonical in Columns.__struct_fields__:
        if canonical in found:
            lines.append(f"{canonical} = {_quote(found[canonical])}")
        elif canonical in ("id", "occurred_at"):
            lines.append(f'{canonical} = "?" # no column looks like it, and one is needed')
        else:
            lines.append(f'# {canonical} = "..."')
    return lines


def _status(table: pl.DataFrame, found: dict[str, str]) -> list[str]:
    name = found.get("status")
    if name is None:
        return []
    counted = table[name].cast(pl.String).drop_nulls().str.strip_chars().value_counts(sort=True)
    words = [word for word in counted.to_series(0).to_list() if word]
    kinds: dict[str, list[str]] = {"open": [], "closed": [], "duplicate": []}
    doubtful = []
    for word in words:
        duplicate = bool(set(slug(word).split("-")) & set(DUPLICATE))
        state = _state(word)
        if duplicate:
            kinds["duplicate"].append(word)
        if state:
            kinds[state].append(word)
        elif not duplicate:
            kinds["open"].append(word)
            doubtful.append(word)
    lines = ["[status]"]
    if doubtful:
        lines.append(f"# ? not recognised, taken for open: {', '.join(map(_quote, doubtful))}")
    lines += [f"{kind} = [{', '.join(map(_quote, kinds[kind]))}]" for kind in kinds]
    return [*lines, ""]


def _state(word: str) -> str | None:
    """``open``, ``closed`` or None when the word is not known."""
    parts = slug(word).split("-")
    plain = "".join(parts)
    if {*parts, plain} & set(CLOSED) or any(part.startswith(CLOSED_STEMS) for part in parts):
        return "open" if parts[0] in NOT else "closed"
    return "open" if {*parts, plain} & set(OPEN) or plain.startswith(OPEN) else None


def _services(table: pl.DataFrame, found: dict[str, str]) -> list[str]:
    name = found.get("service")
    if name is None:
        return ["[service]", 'default = "service request" # ? no column says what was asked for', ""]
    lines = ["[service]", 'default = "unspecified" # for rows where the column is empty', ""]
    words = table[name].cast(pl.String).drop_nulls()
    words = words.filter((words.str.len_chars() <= _WORD_CHARS) & words.is_duplicated())  # no sentences of one person
    counted = words.value_counts(sort=True).to_series(0).head(12).to_list()
    lines += ["[service.names] # optional: names for people, and domains of their own"]
    lines += [f"# {_quote(word)} = {{ name = {_quote(word)} }}" for word in counted]
    return [*lines, ""]


def _classes(table: pl.DataFrame, found: dict[str, str]) -> list[str]:
    """What each column holds. A column that is neither mapped nor classed is not read."""
    lines = [
        "[classes] # public, personal, sensitive, biometric, location-of-person or free-text",
        "# Unless said here, address is location-of-person, text is free-text, person is personal, the rest public.",
    ]
    if "lon" in found:
        lines.append("# If a point can be somebody's home, write location-of-person for both of these:")
        lines += [f'{_quote(found[name])} = "public"' for name in ("lon", "lat")]
    rest = [name for name in table.columns if name not in found.values()]
    if rest:
        lines.append("# Not read, because neither mapped nor classed:")
        lines += [f"# {_quote(name)} = {_quote(_class_of(name))}" for name in rest[:100]]
    return lines


def _class_of(name: str) -> str:
    parts = slug(name).split("-")
    for words, field_class in ((BIOMETRIC, "biometric"), (SENSITIVE, "sensitive"), (PERSONAL, "personal")):
        if any(part.startswith(words) for part in parts):
            return field_class
    kinds = (("address", "location-of-person"), ("text", "free-text"), ("person", "personal"))
    return next((field_class for kind, field_class in kinds if _rank(name, kind) is not None), "public")


def _quote(text: str) -> str:
    """A TOML basic string; its escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
