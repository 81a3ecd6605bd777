"""What becomes of each row and column of a batch on the threshold: by its declared class, and by its content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.core.batch import Batch
from cityward.core.errors import Defect
from cityward.guard.authorisations import Standing
from cityward.guard.content.columns import Found, is_payload, look_at
from cityward.private.coarsen import coarsen_address, coarsen_point
from cityward.private.pseudonym import Pseudonyms
from cityward.private.redact import redact

RULE: Final = "admit-by-class 1"
"""The rule that refuses what a mapping itself declares; rules of content have names of their own."""

_OWN: Final = frozenset(
    {"source", "kind", "domain", "status", "marked_duplicate", "territory", "placed_by", "unit", "occurred_at"}
)
"""Columns of a frame whose values the program or its mapping chose."""


@dataclass(frozen=True, slots=True)
class Treated:
    """A batch on the threshold; made by `treat`.

    Attributes
    ----------
    batch : Batch
        As it came.
    frame : polars.DataFrame
        Its rows that are not refused, every column treated by its class and content.
    quarantine : polars.DataFrame
        That of the batch, without what its rows may not keep.
    refused : polars.Series
        Which rows of ``batch.frame`` are refused.
    refused_for : tuple of str
        The columns that they are refused for.
    refused_class : str
        Class of what was refused; of several the gravest.
    rule : str
        Rule that refused.
    because : str
        The refusal in plain words.
    authorised : int
        Rows that a registered authorisation let in, without their payload.
    authorised_by : str
        File name of that authorisation.
    """

    batch: Batch
    frame: pl.DataFrame
    quarantine: pl.DataFrame
    refused: pl.Series
    refused_for: tuple[str, ...] = ()
    refused_class: str = ""
    rule: str = ""
    because: str = ""
    authorised: int = 0
    authorised_by: str = ""


def treat(batch: Batch, pseudonyms: Pseudonyms, standing: Callable[[str], Standing | None]) -> Treated:
    """Return ``batch`` treated; nothing is written, and nothing of a refused row is kept.

    Parameters
    ----------
    batch : Batch
        As it came.
    pseudonyms : Pseudonyms
        Those of the city.
    standing : callable
        Gives the authorisation registered for a source, whether it stands or not; called only where one is needed.
    """
    found = look_at(batch.frame, skip=_skipped(batch), payloads_only=_by_class_anyway(batch))
    if batch.extra.width:
        beside = look_at(batch.extra, skip=_declared(batch), payloads_only=batch.extra.columns)
        found |= {f"{name}\0": here for name, here in beside.items()}
    case = _Case(batch, found)
    given = standing(batch.source) if case.payload.any() else None
    allowed = case.payload & given.covers(batch.frame) if given else np.zeros(batch.frame.height, dtype=np.bool_)
    refused = case.other | (case.payload & ~allowed)
    kept = batch.frame.filter(~refused) if refused.any() else batch.frame
    frame = _by_content(_by_class(kept, batch, pseudonyms), kept, found, batch, refused, pseudonyms)
    quarantine = _without_content(batch.quarantine)
    if not refused.any():
        if not allowed.any() or given is None:
            return Treated(batch, frame, quarantine, pl.Series(refused))
        return Treated(
            batch, frame, quarantine, pl.Series(refused), authorised=int(allowed.sum()), authorised_by=given.file
        )
    columns, field_class, rule = case.blame(refused)
    return Treated(
        batch,
        frame,
        quarantine,
        pl.Series(refused),
        columns,
        field_class,
        rule,
        _because(batch, int(refused.sum()), columns, field_class, rule, given),
        int((allowed & ~refused).sum()),
        given.file if given else "",
    )


def _skipped(batch: Batch) -> set[str]:
    """Columns that nothing can be hidden in: our own, numbers, and those of which nothing is kept."""
    return set(_OWN) | _declared(batch)


def _declared(batch: Batch) -> set[str]:
    return {name for name, field_class in batch.classes.items() if field_class == "biometric"}


def _by_class_anyway(batch: Batch) -> set[str]:
    """Columns whose class replaces what is a person's: only payloads matter there."""
    return {name for name, kind in batch.classes.items() if kind in ("personal", "free-text", "sensitive")}


class _Case:
    """Which rows hold payloads, which other things that may not come in, and what is to blame."""

    def __init__(self, batch: Batch, found: dict[str, Found]) -> None:
        self._height = batch.frame.height
        self._found = found
        self.payload: NDArray[np.bool_] = np.zeros(self._height, dtype=np.bool_)
        self.other: NDArray[np.bool_] = np.zeros(self._height, dtype=np.bool_)
        self._declared: dict[str, NDArray[np.bool_]] = {}
        for part in (batch.extra, batch.frame):
            for name in part.columns:
                if batch.classes.get(name) == "biometric":
                    mask = part[name].is_not_null().to_numpy()
                    if mask.any():
                        self._declared[name] = mask
                        self.payload |= mask
        for here in found.values():
            for row, finding in zip(here.rows, here.findings, strict=True):
                if finding.verdict == "refuse":
                    (self.payload if is_payload(finding) else self.other)[row] = True

    def blame(self, refused: NDArray[np.bool_]) -> tuple[tuple[str, ...], str, str]:
        """Columns, class and rule of the rows that are refused."""
        columns = [name for name, mask in self._declared.items() if (mask & refused).any()]
        classes, rules = ["biometric"] * len(columns), [RULE] * len(columns)
        for name, here in self._found.items():
            for row, finding in zip(here.rows, here.findings, strict=True):
                if finding.verdict == "refuse" and refused[row]:
                    columns.append(name.rstrip("\0"))
                    classes.append(finding.field_class)
                    rules.append(finding.rule)
        gravest = "biometric" if "biometric" in classes else classes[0]
        return tuple(dict.fromkeys(columns)), gravest, rules[classes.index(gravest)]


_CODED: Final = r"[A-Za-z0-9+/=_-]{40}"

_WORDS: Final = {
    "biometric": "biometric templates (faces, voices or the like)",
    "image": "pictures",
    "audio": "recordings of sound",
    "video": "film",
    "unreadable": "values that cannot be looked into within bounds",
    "opaque": "locked or unknown packages",
}


def _because(
    batch: Batch, rows: int, columns: tuple[str, ...], field_class: str, rule: str, given: Standing | None
) -> str:
    how = "its mapping declares" if rule == RULE else "its content shows"
    many = "s" if len(columns) > 1 else ""
    told = (
        f"{rows:,} rows of {batch.source} were refused: {how} {_WORDS[field_class]} in column{many} "
        f"{', '.join(columns)}. Nothing of these rows was kept."
    )
    if given is None:
        return told
    why = given.because or "these rows lie outside its area or its window."
    return f"{told} The authorisation in authorisations/{given.file} does not let them in: {why}"


def _by_class(frame: pl.DataFrame, batch: Batch, pseudonyms: Pseudonyms) -> pl.DataFrame:
    """Return ``frame`` with every column treated by its field class."""
    columns = []
    for name in frame.columns:
        values, field_class = frame[name], batch.classes.get(name, "public")
        match field_class:
            case "public":
                continue
            case "personal":
                columns.append(pseudonyms.column(values, f"history of {batch.source}").alias(name))
            case "free-text":
                columns.append(redact(values).alias(name))
            case "location-of-person":
                columns.append(frame.select(_coarsened(name, values.dtype)).to_series())
            case "sensitive" | "biometric":
                columns.append(pl.repeat(None, frame.height, dtype=values.dtype, eager=True).alias(name))
            case _:
                raise Defect(f"Field class '{field_class}' has no treatment at the door.")
    return frame.with_columns(columns)


def _coarsened(name: str, dtype: pl.DataType) -> pl.Expr:
    return coarsen_point(pl.col(name)) if dtype.is_float() else coarsen_address(pl.col(name))


def _by_content(
    frame: pl.DataFrame,
    raw: pl.DataFrame,
    found: dict[str, Found],
    batch: Batch,
    refused: NDArray[np.bool_],
    pseudonyms: Pseudonyms,
) -> pl.DataFrame:
    """Return ``frame`` with the cells treated that hold what their column's class does not tell.

    ``raw`` is the frame before its classes were treated, row by row beside it.
    """
    changed = []
    for name, here in found.items():
        if name not in frame.columns:
            continue
        values, height = frame[name], batch.frame.height
        emptied, named, redacted = (
            pl.Series(here.mask(height, verdicts)[~refused])
            for verdicts in (("empty", "refuse"), ("pseudonymise",), ("redact", "coarsen"))
        )
        if named.any():
            names = pseudonyms.column(raw[name].filter(named), f"history of {batch.source}")
            values = values.scatter(named.arg_true(), names)
        if redacted.any():
            values = values.scatter(redacted.arg_true(), redact(values.filter(redacted)))
        if emptied.any():
            values = frame.select(pl.when(~emptied).then(values)).to_series()
        changed.append(values.alias(name))
    return frame.with_columns(changed) if changed else frame


def _without_content(quarantine: pl.DataFrame) -> pl.DataFrame:
    """Quarantine keeps what is needed to mend a row, and nothing that may not come in."""
    if not quarantine.height:
        return quarantine
    found = look_at(quarantine, skip={"row", "column"}, nested=False)
    height, columns = quarantine.height, []
    for name, instead in (
        ("raw", "{}"),
        ("reason", "The row does not fit, and holds what may not be kept. Correct it."),
    ):
        if name in found or name == "reason":
            mask = pl.Series(
                found.get(name, Found()).mask(height, ("pseudonymise", "redact", "coarsen", "empty", "refuse"))
            )
            if name == "reason":
                mask |= quarantine[name].str.contains(_CODED)  # a part of a payload cannot be told from a hash
            columns.append(pl.when(~mask).then(pl.col(name)).otherwise(pl.lit(instead)).alias(name))
    return quarantine.with_columns(columns) if columns else quarantine
