"""Looks at whole frames: a cheap columnar pattern finds the few cells that are looked at one by one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.guard.content import bodies, vectors, words
from cityward.guard.content.finding import PAYLOADS, Finding, refusal
from cityward.guard.content.look import look

_WORDS: Final = 100
SHORT_BYTES: Final = 24
"""No packed payload is shorter; shorter cells are looked at for identifiers only."""
IDENTIFIER_BYTES: Final = 6
"""No identifier of a person that shows what it is, is shorter."""


def _literal(pattern: str) -> str:
    """Write characters for their escapes, which Polars and Python spell differently."""
    return re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), pattern)


_NESTED: Final = r"|^\s*[\[{(\"]|[!-~]{80}"
_PACKED: Final = _literal(
    r"[A-Za-z0-9+/=_-]{40}|(?i:data:[a-z]|<\?xml|<gpx|<trk|<kml|<img)|\$G[PNLAB]|[\x00-\x08\x0e-\x1f\ufffd]|ÿØÿ"
    r"|(?:[-+.0-9][0-9.eE+-]*[\s,;:|/_\]\[)(]+){10}|(?:[0-9A-Fa-f]{2}[\s:,"
    r"-]){10}|(?:\\x[0-9A-Fa-f]{2}){6}|(?:%[0-9A-Fa-f]{2}){6}"
    r"|(?:[A-Za-z0-9+/]{4}\s){8}|(?:[A-Za-z0-9+/]{8}\s){4}|(?:[A-Za-z0-9+/]{16}\s){3}|(?:[A-Za-z0-9+/]{32}\s)"
    r"|/9j/|iVBORw|R0lGOD|UklGR|SUQz|T2dnU|ZkxhQ|ZnR5c|SUkqA|Rk1S|GkXfo|(?i:ffd8ff|89504e47|47494638|52494646|464d52)"
    r"|(?:0x[0-9A-Fa-f]{2},? ){6}|0x[01]\.[0-9a-f]|BIF|bifurcation|rs[0-9]{5}|[0-9]f0[,\s]|[0-9]°|<[A-Za-z]{1,20} "
    r"[^<>]{0,80}=[\"'][-0-9]"
    r"|(?:=[0-9A-F]{2}){4}|(?:\\[0-3][0-7]{2}){4}|(?:&#[0-9x]{1,4};){4}|\nM[!-`]{40}|\n *- [-0-9]"
    r"|[0-9]{2}:[0-9]{2}[^\n]{0,30}[^0-9.][0-9]{1,3}\.[0-9]{3,}[^0-9.]{1,6}[0-9]{1,3}\.[0-9]{3}"
    r"|[0-9]\.[0-9]{3,}[^0-9.]{1,6}[0-9]{1,3}\.[0-9]{3,}[^0-9.]{1,8}(?:[12][0-9]{3}-|[0-9]{2}:|1[0-9]{9})"
)
_PLAIN: Final = r"^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9A-F]{32}|[0-9A-F]{64}|https?://[^\s;,]{1,120})$"
"""Hashes and addresses of pages: long, frequent and nobody's."""

_SHOWS: Final = _literal(
    r"@|[＠﹫\u200b-\u200f\u2060\ufeff]|[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-][0"
    r"-9A-Fa-f]{2}[:-]|[0-9]{3}-[0-9]{2}-[0-9]{4}"
    r"|[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4}|\+[0-9(][0-9 ()-]{7}|"
    r"(?:^|[^0-9.])[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{1,7}|"
    r"(?i:rtsps?://|rtmps?://|\.m3u8|\.mpd|/mjpe?g|idfa|gaid|imei|imsi|android_?id|\bmac[=: ])|"
    r"(?:[0-9A-Fa-f]{1,4}:){4}|bc1[0-9a-z]{20}|"
    r"<<|[A-HJ-NPR-Z0-9]{13}[0-9]{4}|[A-Z]{4}[0-9]{6}|[0-9]{8}-?[A-Z]|[0-9]{3}\.[0-9]{3}\.[0-9]{3}[-/]"
)
"""Identifiers that show what they are in any column."""


_SMALL_ROWS: Final = 100
"""Rows up to which a pattern is tried cell by cell: expressions cost more to set up than so few cells."""


@lru_cache(maxsize=16)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _holds(values: pl.Series, pattern: str) -> pl.Series:
    """Whether each text holds ``pattern``; null of null."""
    if values.len() > _SMALL_ROWS:
        return values.str.contains(pattern)
    search = _compiled(pattern).search
    held = [None if value is None else search(value) is not None for value in values.to_list()]
    return pl.Series(held, dtype=pl.Boolean)


@dataclass(slots=True)
class Found:
    """What a look at a column found: the rows (Int64 numbers) and the finding of each."""

    rows: list[int] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def mask(self, height: int, verdicts: Collection[str]) -> NDArray[np.bool_]:
        """Which of ``height`` rows have one of ``verdicts``."""
        mask = np.zeros(height, dtype=np.bool_)
        mask[[row for row, found in zip(self.rows, self.findings, strict=True) if found.verdict in verdicts]] = True
        return mask


def look_at(
    frame: pl.DataFrame, *, skip: Collection[str], payloads_only: Collection[str] = (), nested: bool = True
) -> dict[str, Found]:
    """Return what the columns of ``frame`` hold that may not pass as it is.

    Parameters
    ----------
    frame : polars.DataFrame
        Any columns.
    skip : collection of str
        Columns that are not looked at: the program itself wrote them, or nothing of them is kept.
    payloads_only : collection of str
        Columns that are looked at for payloads but not for identifiers: what they hold of persons is treated
        by their class, or they go no further.
    nested : bool
        Whether every text that begins like JSON is looked into; not where the program itself wrote it.
    """
    packed = _PACKED + _NESTED if nested else _PACKED
    wanted = {name: dtype for name, dtype in frame.schema.items() if name not in skip}
    texts = [name for name, dtype in wanted.items() if dtype == pl.String]
    longest = _longest(frame, texts)
    found: dict[str, Found] = {}
    for name, most in zip(texts, longest, strict=True):
        values, identifiers = frame[name], name not in payloads_only
        if not most or most < IDENTIFIER_BYTES:
            continue
        few = _words(values)
        if few is not None and _suspicious(few, most, packed, identifiers=identifiers) is None:
            continue
        mask = _suspicious(values, most, packed, identifiers=identifiers)
        if mask is not None:
            _add(found, name, frame[name], mask, payloads_only)
    for name, dtype in wanted.items():
        if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
            _add(found, name, frame[name], _long_lists(frame[name]), payloads_only)
    for name, rows, finding in _spread(frame, skip):
        found.setdefault(name, Found()).rows += rows
        found[name].findings += [finding] * len(rows)
    return found


def _longest(frame: pl.DataFrame, texts: list[str]) -> tuple[int, ...]:
    """Bytes of the longest text of each column; 0 of one without any."""
    if frame.height <= _SMALL_ROWS:
        cells = (frame[name].drop_nulls().to_list() for name in texts)
        return tuple(max((len(cell.encode()) for cell in column), default=0) for column in cells)
    return (
        tuple(most or 0 for most in frame.select(pl.col(name).str.len_bytes().max() for name in texts).row(0))
        if texts
        else ()
    )


def _words(values: pl.Series) -> pl.Series | None:
    """The different values of a column that has few, as names of services are; None: it has many."""
    if values.len() < 10 * _WORDS or values.head(_WORDS * 4).n_unique() > _WORDS:
        return None
    words_of_it = values.unique()
    return words_of_it if words_of_it.len() < values.len() // 4 else None


def _suspicious(values: pl.Series, longest: int, pattern_of_packed: str, *, identifiers: bool) -> pl.Series | None:
    pattern = _SHOWS if identifiers and longest >= IDENTIFIER_BYTES else None
    mask = _holds(values, pattern) if pattern else None
    if longest >= SHORT_BYTES:
        # Long cells are few in most columns: only they are searched for what is packed.
        long = (values.str.len_bytes() >= SHORT_BYTES).fill_null(value=False)
        some = values.filter(long)
        packed = _holds(some, pattern_of_packed) & ~_holds(some, _PLAIN)
        if packed.any():
            rows = np.flatnonzero(long.to_numpy())[packed.to_numpy()]
            both = np.zeros(values.len(), dtype=np.bool_)
            both[rows] = True
            mask = pl.Series(both) if mask is None else mask.fill_null(value=False) | pl.Series(both)
    return mask if mask is not None and mask.any() else None


def _long_lists(values: pl.Series) -> pl.Series:
    """Lists of a few numbers are positions, ranges or codes."""
    dtype = values.dtype
    if isinstance(dtype, pl.List) and dtype.inner.is_numeric():
        return values.list.len() >= vectors.NAMED_MIN
    return values.is_not_null()


def _add(
    found: dict[str, Found], name: str, values: pl.Series, mask: pl.Series, payloads_only: Collection[str]
) -> None:
    mask = mask.fill_null(value=False)
    rows = np.flatnonzero(mask.to_numpy())
    if not rows.size:
        return
    here = Found()
    known: dict[str, Finding] = {}
    for row, value in zip(rows.tolist(), _plain(values.filter(mask)), strict=True):
        finding = known.get(value) if isinstance(value, str) else None
        if finding is None:
            finding = look(value, name, prose=False)
            if isinstance(value, str) and len(known) < 100_000:
                known[value] = finding
        if (
            finding.verdict == "refuse"
            or (finding.verdict != "pass" and name not in payloads_only)
            or finding.verdict == "empty"
        ):
            here.rows.append(row)
            here.findings.append(finding)
    if here.rows:
        found[name] = here


def _plain(values: pl.Series) -> Iterable[object]:
    return values.to_list()


PARTS_MIN: Final = 4
"""Fewest columns into which a template is split."""
_NUMBERED: Final = re.compile(r"(.{0,60}?)[ _.\-\[(]?(\d{1,4})[\])]?$")


def _spread(frame: pl.DataFrame, skip: Collection[str]) -> Iterator[tuple[str, list[int], Finding]]:
    """Yield rows whose columns are a template only together, with the first column's name and the finding."""
    wanted = [name for name, dtype in frame.schema.items() if name not in skip and not dtype.is_temporal()]
    told = bodies.of_keys(wanted)
    if told:
        name = bodies.telling(wanted)[0]
        yield name, np.flatnonzero(frame[name].is_not_null().to_numpy()).tolist(), refusal(*told)
    for names in numbered(wanted):
        word = words.in_words(names[0])
        rows = []
        for at, cells in enumerate(frame.select(names).iter_rows()):
            numbers = together(cells)
            if numbers is not None and vectors.is_template(numbers, word):
                rows.append(at)
        if rows:
            yield names[0], rows, refusal("biometric", "embedding-in-columns")


def numbered(names: Iterable[str]) -> list[list[str]]:
    """Return groups of `PARTS_MIN` or more names that differ by a number at the end only, in its order."""
    groups: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        match = _NUMBERED.fullmatch(name)
        if match:
            groups.setdefault(match[1], []).append((int(match[2]), name))
    return [[name for _, name in sorted(group)] for group in groups.values() if len(group) >= PARTS_MIN]


def together(cells: Sequence[Any]) -> vectors.Numbers | None:
    """Return the numbers that ``cells`` (numbers, written numbers or lists of them) are; None: they are others."""
    numbers: list[float] = []
    for cell in cells:
        try:
            for part in cell if isinstance(cell, list) else [cell]:
                numbers.append(float(part))  # noqa: PERF401 (what came before a failure is thrown away)
        except (TypeError, ValueError):
            return None
    return np.array(numbers) if len(numbers) >= vectors.NUMBERS_MIN else None


def is_payload(finding: Finding) -> bool:
    """Whether an authorisation could let it pass."""
    return finding.field_class in PAYLOADS
