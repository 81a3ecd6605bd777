"""The rights of a person over what is held: it is found, and taken out so that no file holds it any more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import polars as pl

from cityward.core.disk import replace_file
from cityward.core.errors import CitywardError, StoreError
from cityward.core.identifiers import make_id
from cityward.core.work import Job, WorkOrder
from cityward.guard.erase_cases import cases_of, forget_inputs, inputs_left, named_cases
from cityward.guard.holds import Holding, holding
from cityward.guard.outbox import Outbox
from cityward.guard.registers import Registers
from cityward.private.pseudonym import Pseudonyms
from cityward.store.engine import compact
from cityward.store.erasure import columns_of, exclusive, left_over, rewrite, vacuum
from cityward.store.gone import remember_gone
from cityward.store.history import HistoryReader
from cityward.store.history_table import DECISIONS, INTERACTIONS
from cityward.store.outbox import Outbox as HeldOutbox
from cityward.store.registers import Registers as HeldRegisters
from cityward.store.restrictions import read_restrictions, write_restrictions

RULE: Final = "person-rights 1"

LITERAL_CHARS_MIN: Final = 6
"""A shorter identifier is part of too many other words to be looked for as text."""

ERASED: Final = "[erased]"
HELD: Final = ("held_interactions", "held_orders", "held_decisions")
"""Counts of what a hold on evidence keeps of a person."""

SHOWN: Final = (
    "source",
    "id",
    "service",
    "occurred_at",
    "closed_at",
    "status",
    "address",
    "text",
    "territory",
    "channel",
)
"""What a person is shown of each row."""

_ANSWER = re.compile(r"^(A resident says that it is (?:not )?fixed):.*", re.DOTALL)
CLOSED: Final = ("confirmed", "cancelled")
_COARSE_DIGITS = 2  # 0.01 degrees: about a kilometre


class NotErased(CitywardError):
    """Something of the person is left; the request stays open."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where things of persons lie in a city."""

    city: Path
    history: Path
    registers: Registers
    outbox: Outbox


@dataclass(frozen=True, slots=True, repr=False)
class Subject:
    """Who asks: by the identifier that a source knows, by one order or one decision. Never shown, logged or kept."""

    identifier: str | None = None
    pseudonyms: dict[str, str] = field(default_factory=dict)
    order: str | None = None
    decision: str | None = None

    @property
    def literal(self) -> str | None:
        """The identifier as text to look for, when it is long enough to be one."""
        return self.identifier if self.identifier and len(self.identifier) >= LITERAL_CHARS_MIN else None


def subject_of(identifier: str, history: Path, pseudonyms: Pseudonyms, sources: Iterable[str] = ()) -> Subject:
    """The pseudonyms of an identifier in every source that history knows, and in ``sources``."""
    known = HistoryReader(history).scan().select(pl.col("source").unique()).collect()["source"].to_list()
    value = pl.Series([identifier])
    every = sorted({*known, *sources})
    return Subject(identifier, {name: str(pseudonyms.column(value, f"history of {name}")[0]) for name in every})


def held_rows(history: Path, subject: Subject) -> pl.DataFrame:
    """Current rows of a person, with the columns of history."""
    return HistoryReader(history).scan().join(_names(subject).lazy(), on=["source", "person"], how="semi").collect()


def held_orders(place: Place, subject: Subject, keys: list[int]) -> list[WorkOrder]:
    """Orders for what a person reported (by the keys of his rows), or the one order that he proved."""
    if subject.order is not None:
        held = place.outbox._inside.get(subject.order)
        return [held] if held else []
    return place.outbox._inside.by_jobs([make_id("job", key) for key in keys])


def held_cases(history: Path, subject: Subject) -> pl.DataFrame:
    """Decisions about a person as they stand: of the case that he proved, under his name, or asked of him."""
    return cases_of(history, subject.identifier, word_of(subject), subject.decision)


def word_of(subject: Subject) -> str | None:
    """The identifier as an expression for columns, when it is long enough to be looked for."""
    return _in_column(subject.literal) if subject.literal else None


def names(subject: Subject, text: str) -> bool:
    """Whether a text names a person by the identifier that a source knows."""
    return bool(subject.literal and re.search(_in_bytes(subject.literal.encode()), text.encode()))


def words_of(order: WorkOrder) -> list[str]:
    """What residents answered about an order, in their own words."""
    return [event.because for event in order.events if _ANSWER.match(event.because)]


def erase(place: Place, subject: Subject, note: Callable[[dict[str, int]], None]) -> dict[str, int]:
    """Take everything of a person out of the city folder and prove it; the same erasure again finishes one cut off.

    Parameters
    ----------
    place : Place
        Where things lie. The city must be closed: this takes the locks of its writers.
    subject : Subject
        Who.
    note : callable
        Called with what was found, before anything is taken out, so that it is known after a death.

    Returns
    -------
    dict of str to int
        What was found, by kind; with `HELD`, what a hold on evidence keeps.

    Raises
    ------
    cityward.core.errors.CityBusy
        Another process writes to this city.
    NotErased
        Something is left, in a place that only a person can mend; it is named.
    """
    with exclusive(place.history):
        return _erase(place, subject, note)


def _erase(place: Place, subject: Subject, note: Callable[[dict[str, int]], None]) -> dict[str, int]:
    held = holding(place.history)
    meant = held.spares(_meant(subject))
    every = [part.filter(_meant(subject)(part)) for part in columns_of(place.history, INTERACTIONS, _LOOKED_AT)]
    found = pl.concat(every) if every else pl.DataFrame(schema={"source": pl.String, "id": pl.String, "key": pl.UInt64})
    rows = found.filter(~pl.col("key").is_in(held.interactions.implode()))
    keys = rows["key"].unique().to_numpy()
    every_order = held_orders(place, subject, found["key"].unique().to_list())
    orders = [order for order in every_order if order.id not in held.orders]
    quarantined = _quarantined(place.registers._inside, rows, subject.literal)
    told = held_cases(place.history, subject)
    kept_cases = told["id"].is_in(sorted(held.decisions))
    cases = told.filter(~kept_cases, pl.col("inputs").is_not_null())["id"].to_list()
    counts = {
        "interactions": int(keys.size),
        "versions": rows.height,
        "quarantined": len(quarantined),
        "orders": len(orders),
        "answers": sum(len(words_of(order)) for order in orders),
        "decisions": len(cases),
        "decisions_named": named_cases(place.history, subject.identifier, word_of(subject)),
    }
    kept = {
        "held_interactions": found["key"].n_unique() - int(keys.size),
        "held_orders": len(every_order) - len(orders),
        "held_decisions": int(kept_cases.sum()),
    }
    counts |= kept if any(kept.values()) else {}
    note(counts)
    # What the rows tell the way to goes first: after a death the same rows still lead there.
    place.registers._inside.delete_quarantine(quarantined)
    for order in orders:
        _scrub_order(place.outbox._inside, order)
    if subject.literal:
        _scrub_mentions(place, subject.literal, held)
    if not any(kept.values()):
        _drop_restrictions(place.history, subject)
    remember_gone(place.history, INTERACTIONS.name, keys.astype(np.uint64))
    rewrite(place.history, INTERACTIONS, _with_versions(meant, keys), _LOOKED_AT, lambda frame: frame.clear())
    if subject.literal:
        _rewrite_mentions(place.history, subject.literal, held)
    vacuum(place.history, INTERACTIONS)
    forget_inputs(place.history, cases)
    if inputs_left(place.history, cases):
        raise StoreError("What was asked of cases of the person is still held. Do the same again.")
    compact(place.registers._inside.engine)
    _prove(place, subject, meant, held=any(kept.values()))
    return counts


_LOOKED_AT = ("source", "id", "person", "key")


def _meant(subject: Subject) -> Callable[[pl.DataFrame], pl.Series]:
    names = _names(subject)

    def meant(part: pl.DataFrame) -> pl.Series:
        marked = part.select("source", "person").join(
            names.with_columns(mine=True), on=["source", "person"], how="left", maintain_order="left"
        )
        return marked["mine"].fill_null(value=False)

    return meant


def _with_versions(
    meant: Callable[[pl.DataFrame], pl.Series], keys: np.ndarray[tuple[int], np.dtype[np.uint64]]
) -> Callable[[pl.DataFrame], pl.Series]:
    """Also versions of the same rows that name nobody: they say the same."""
    held = pl.Series(keys, dtype=pl.UInt64).implode()
    return lambda part: meant(part) | (part["key"].is_in(held) & part["person"].is_null())


def _names(subject: Subject) -> pl.DataFrame:
    return pl.DataFrame(
        {"source": list(subject.pseudonyms), "person": list(subject.pseudonyms.values())},
        schema={"source": pl.String, "person": pl.String},
    )


def _quarantined(registers: HeldRegisters, rows: pl.DataFrame, literal: str | None) -> list[int]:
    """Rows in quarantine that carry the number of one of the person's rows, or his identifier."""
    found: set[int] = set()
    for (source,), part in rows.group_by("source"):
        names = part["id"].unique()
        # As JSON writes a text, and a number (of a source that numbers its rows).
        numbers = [form.format(name) for name in names for form in ('"{}"', ": {},", ":{},", ":{}}}", ": {}}}")]
        found |= set(registers.find_quarantine(str(source), lambda raw, n=numbers: raw.str.contains_any(n)))  # type: ignore[misc]
    if literal:
        found |= set(registers.find_quarantine(None, lambda raw: raw.str.contains(_in_column(literal))))
    return sorted(found)


def without_words(order: WorkOrder) -> WorkOrder:
    """The order without what residents said in their own words; that they said it is fixed, or not, stays."""
    events = tuple(msgspec.structs.replace(event, because=_ANSWER.sub(r"\1.", event.because)) for event in order.events)
    return msgspec.structs.replace(order, events=events)


def roughly(job: Job) -> Job:
    """The job placed to about a kilometre; its territory stays."""
    return msgspec.structs.replace(job, lon=round(job.lon, _COARSE_DIGITS), lat=round(job.lat, _COARSE_DIGITS))


def _scrub_order(outbox: HeldOutbox, order: WorkOrder) -> None:
    """Take a resident's words and link out of an order; what the city did stays, roughly placed once it is closed."""
    closed = order.state in CLOSED

    def scrubbed(held: WorkOrder) -> WorkOrder:
        return msgspec.structs.replace(without_words(held), job=roughly(held.job) if closed else held.job)

    dead = sha256(f"erased {order.id}".encode()).hexdigest()  # the digest of nothing that a link can hold
    outbox.rewrite_orders(scrubbed, order.id, dead)
    outbox.delete_messages(lambda message: closed or message.kind == "ask", order.id)


_BEFORE, _AFTER = r"[A-Za-z0-9_.+-]", r"[A-Za-z0-9_]"
"""What makes an identifier a part of something longer: another address, a decimal, a longer number."""


def _in_column(literal: str) -> str:
    """The identifier as a word of its own, for expressions of columns (which cannot look around)."""
    return rf"(^|{_BEFORE.replace('[', '[^', 1)}){pl.escape_regex(literal)}($|{_AFTER.replace('[', '[^', 1)})"


def _in_bytes(word: bytes) -> bytes:
    return rb"(?<!%b)%b(?!%b)" % (_BEFORE.encode(), re.escape(word), _AFTER.encode())


def _scrub_mentions(place: Place, literal: str, held: Holding) -> None:
    """Take the identifier out of texts of orders, messages and files of orders, but for those that are held."""
    word, spared = re.compile(_in_bytes(literal.encode())), held.orders

    def without(text: str) -> str:
        return word.sub(ERASED.encode(), text.encode()).decode()

    def scrubbed(order: WorkOrder) -> WorkOrder:
        if order.id in spared:
            return order
        events = tuple(
            msgspec.structs.replace(event, by=without(event.by), because=without(event.because))
            for event in order.events
        )
        return msgspec.structs.replace(order, events=events, instructions=without(order.instructions))

    place.outbox._inside.rewrite_orders(scrubbed)
    place.outbox._inside.delete_messages(
        lambda message: (
            message.order not in spared
            and any(word.search((text or "").encode()) for text in (message.body, message.error, message.reference))
        )
    )
    for path in _files(place.city / "orders"):
        data = path.read_bytes()
        if word.search(data) and path.name.split(".", maxsplit=1)[0] not in spared:
            replace_file(path, word.sub(ERASED.encode(), data))


def _rewrite_mentions(history: Path, literal: str, held: Holding) -> None:
    """Take the identifier out of what others wrote, but for rows that are held."""
    texts, word = ("text", "address"), _in_column(literal)

    def touches(part: pl.DataFrame) -> pl.Series:
        return part.select(
            pl.any_horizontal(pl.col(name).str.contains(word).fill_null(value=False) for name in texts)
        ).to_series()

    def change(rows: pl.DataFrame) -> pl.DataFrame:
        # Twice: of two mentions that share the character between them the first pass takes one.
        once = rows.with_columns(pl.col(name).str.replace_all(word, f"${{1}}{ERASED}${{2}}") for name in texts)
        return once.with_columns(pl.col(name).str.replace_all(word, f"${{1}}{ERASED}${{2}}") for name in texts)

    rewrite(history, INTERACTIONS, held.spares(touches), (*texts, "key"), change)


def _drop_restrictions(history: Path, subject: Subject) -> None:
    held = read_restrictions(history)
    left = held.join(_names(subject), on=["source", "person"], how="anti")
    if left.height < held.height:
        write_restrictions(history, left)


def restrict(history: Path, subject: Subject, kind: str) -> None:
    """Leave the person's rows, present and to come, out of what ``kind`` (restriction, objection) allows nobody."""
    write_restrictions(
        history, pl.concat([read_restrictions(history), _names(subject).with_columns(kind=pl.lit(kind))])
    )


def lift(history: Path, subject: Subject) -> int:
    """Take the person off the list; return how many entries that were."""
    before = read_restrictions(history).height
    _drop_restrictions(history, subject)
    return before - read_restrictions(history).height


def restrictions_of(history: Path, subject: Subject) -> list[str]:
    """Kinds of restriction that stand for a person."""
    held = read_restrictions(history).join(_names(subject), on=["source", "person"], how="semi")
    return sorted(held["kind"].unique())


# -- proof -----------------------------------------------------------------------------------------


def _prove(place: Place, subject: Subject, meant: Callable[[pl.DataFrame], pl.Series], *, held: bool) -> None:
    """Look for the person once more, in the table and in every byte of every file.

    What a hold keeps is there still, so that bytes prove nothing while one does; rows that it does not keep are gone.
    """
    left = sum(int(meant(part).sum()) for part in columns_of(place.history, INTERACTIONS, _LOOKED_AT))
    if left or left_over(INTERACTIONS.path(place.history)):
        raise StoreError("Rows of the person are still held. Do the same again.")
    if held:
        return
    where = sweep(place.city, [*subject.pseudonyms.values(), *([subject.literal] if subject.literal else [])])
    # Of decisions the name of the case and the reason stay, which the ledger proves; what else is left was looked for.
    acts = f"{DECISIONS.path(place.history).relative_to(place.city)}/"
    where = [one for one in where if not one.startswith(acts)]
    if where:
        raise NotErased(
            f"Everything that cityward keeps was erased, but the person is still named in {', '.join(where[:5])}. "
            "That is a file of yours: mend or delete it, then do the same again. The request stays open."
        )


def sweep(folder: Path, words: list[str]) -> list[str]:
    """Names (in the folder) of the files that hold one of ``words``, byte by byte; keys are left out.

    Compressed columns hide what they hold: history is looked through by its rows, not here.
    """
    needles = [re.compile(_in_bytes(word.encode())) for word in words]
    return [
        str(path.relative_to(folder)) for path in _files(folder) if path.parent.name != "keys" and _holds(path, needles)
    ]


_WINDOW_BYTES: Final = 2**24


_OVERLAP_BYTES: Final = 2**12  # longer than any identifier and its surroundings


def _holds(path: Path, needles: list[re.Pattern[bytes]]) -> bool:
    with path.open("rb") as file:
        tail = b""
        while part := file.read(_WINDOW_BYTES):
            seen = tail + part
            if any(needle.search(seen) for needle in needles):
                return True
            tail = seen[-_OVERLAP_BYTES:]
    return False


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
