"""The door of decisions of cases: the only module that writes them, and the one that proves them.

A decision is kept once its row is durable, and counts once the ledger names it: rows that are decided together by the
root of a Merkle tree over them, each later change by an entry of its own. A row that the ledger does not prove counts
for nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from cityward.answerable.table.validity import SKEW
from cityward.core.clock import Clock
from cityward.core.decided import CaseDecision, DecisionBatch, KeptRule, Proof, ProvedChange
from cityward.core.disk import durable, make_folder, replace_file
from cityward.core.errors import Defect, LedgerError, Refused, UnknownId, UserError
from cityward.core.frames import DECISION, conform
from cityward.core.identifiers import make_id
from cityward.core.limits import BATCH_ROWS
from cityward.core.receipts import receipt
from cityward.private.pseudonym import Pseudonyms
from cityward.secure.leaves import Leaves
from cityward.secure.ledger import Ledger
from cityward.secure.merkle import leaf_hash
from cityward.secure.proofs import CHANGES, MADE, STAYS
from cityward.secure.receipts import read_receipt
from cityward.store.history import HistoryReader
from cityward.store.history_table import DECISIONS
from cityward.store.history_writer import REPEATED, HistoryWriter
from cityward.store.registers import Registers

RULE: Final = "decisions-of-cases 1"
BATCH, RULES = "decision-batch", "rule-version"
"""Kinds of records."""

_NOT_ENTERED: Final = ("inputs",)  # the digest stands for them, so that they can be forgotten
ENTERED: Final = tuple(sorted(name for name in DECISION if name not in _NOT_ENTERED))
"""Columns of the canonical text of a row, which the ledger proves, in their order."""

PART_ROWS: Final = 50_000
"""Rows whose texts are in memory at once."""

_FLUSHED_ABOVE_ROWS: Final = 10_000


def canonical(rows: pl.DataFrame) -> list[str]:
    """The canonical text of each row: a JSON object of `ENTERED`, without spaces, moments in UTC to the microsecond."""
    moments = [pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ") for name in ("decided_at", "changed_at")]
    entered = conform(rows, DECISION).with_columns(moments).select(pl.struct(ENTERED).struct.json_encode())
    return entered.to_series().to_list()


def case_decision(row: dict[str, Any]) -> CaseDecision:
    """A row as a record."""
    given = {name: row.get(name) for name in DECISION}
    inputs = msgspec.json.decode(given["inputs"]) if given["inputs"] else {}
    texts = {name: given[name] or "" for name in ("by", "competence", "because", "recommended")}
    return msgspec.convert({**given, **texts, "inputs": inputs}, CaseDecision)


class Proofs:
    """What the ledger proves of decisions; reading alone, so that it needs no lock.

    Parameters
    ----------
    folder : pathlib.Path
        The history folder.
    registers : Registers
        Records and receipts.
    pseudonyms : callable
        The city's pseudonyms, whose key the digests of inputs are made with.
    ledger : callable
        The ledger, open for reading.
    """

    def __init__(
        self,
        folder: Path,
        registers: Registers,
        pseudonyms: Callable[[], Pseudonyms],
        ledger: Callable[[], Ledger],
    ) -> None:
        self._inside = (folder, registers, pseudonyms, ledger)
        self._trees: dict[str, Leaves] = {}
        self._made: dict[str, dict[str, Any]] = {}

    def problems(self, identifiers: Sequence[str]) -> dict[str, str]:
        """Why each of these decisions is not proved; an empty text for one that is."""
        folder = self._inside[0]
        found = dict.fromkeys(identifiers, "There is no such decision.")
        return found | self._judged(HistoryReader(folder, DECISIONS).versions(identifiers))

    def _judged(self, versions: pl.DataFrame) -> dict[str, str]:
        """Why decisions are not proved, given all versions of each, the oldest first."""
        texts = canonical(versions)
        asked = _input_digests(versions, self._inside[2]())
        held = self._inside[3]()
        places: dict[str, list[int]] = {}
        for at, name in enumerate(versions["id"]):
            places.setdefault(name, []).append(at)
        found = {}
        for name, mine in places.items():
            first, last = versions.row(mine[0], named=True), versions.row(mine[-1], named=True)
            # What was asked may be forgotten after a time; what is there must be what was decided on.
            same = all(versions["inputs"][at] is None or asked[at] == first["inputs_digest"] for at in mine)
            problem = "" if same else "What was asked of the case is not what was decided on."
            problem = problem or self._not_made(first, texts[mine[0]], held)
            if not problem and len(mine) > 1:
                problem = self._not_changed(first, last, texts[mine[-1]], held)
            found[name] = problem
        return found

    def all_problems(self, kept_since: datetime | None = None) -> dict[str, str]:
        """Why decisions are not proved, of all that are kept; those that are proved are not named.

        Every entry of the ledger is read, so that a change that was taken back in silence is found too, and a row that
        was taken out, unless it was decided before ``kept_since``: those may have been deleted after their time.
        """
        reader, held = HistoryReader(self._inside[0], DECISIONS), self._inside[3]()
        changes, batches = dict[str, dict[str, Any]](), dict[str, dict[str, Any]]()
        for at, entry in enumerate(held.entries(0, held.size)):
            read = read_receipt(entry, at)
            if read["kind"] in CHANGES:
                changes[read["subject"]] = read
            if read["kind"] == MADE:
                batches[read["subject"]] = read
        found: dict[str, str] = {}
        rows = reader.scan()
        kept = rows.select("batch", "rule_digest").unique().collect()
        for batch in sorted({*kept["batch"], *batches}):
            found |= self._batch_problems(reader, batch, batches.get(batch, {}), kept_since)
        lost = {digest for digest in kept["rule_digest"].unique() if self.rule(digest) is None}
        found |= {batch: RULE_LOST for batch, digest in kept.iter_rows() if digest in lost and batch not in found}
        changed = rows.filter(pl.col("id").is_in(list(changes)) | pl.col("revision")).collect()
        found |= {name: why for name, why in self.problems(changed["id"].to_list()).items() if why}
        for name, text in zip(changed["id"], canonical(changed), strict=True):
            if changes.pop(name, {}).get("sha256") != _sha256(text):
                found[name] = "It is not what the last entry of the ledger about it says."
        gone = [name for name, entry in changes.items() if _held_since(entry, kept_since)]
        return found | dict.fromkeys(gone, "The ledger tells of it, but it is not kept any more.")

    def _batch_problems(
        self, reader: HistoryReader, batch: str, entry: dict[str, Any], kept_since: datetime | None
    ) -> dict[str, str]:
        """Why rows that were decided together are not proved; looked at one by one only where they do not add up."""
        made = reader.first_versions("batch", batch)
        asked = made.filter(pl.col("inputs").is_not_null())
        same = (_input_digests(asked, self._inside[2]()) == asked["inputs_digest"]).all()
        if same and made.height and _tree_of(made).root() == _root(entry):
            return {}
        found = {name: why for name, why in self._judged(made).items() if why}
        count = entry.get("facts", {}).get("count", 0)
        if made.height < count and _held_since(entry, kept_since):
            found[batch] = f"The ledger tells of {count:,} decisions, of which {made.height:,} are kept."
        return found

    def rule(self, digest: str) -> KeptRule | None:
        """The text of a rule that decided, by its digest; None when it is not kept, or not as it was."""
        kept = self._inside[1].get(digest[:16], KeptRule)
        return kept if kept is not None and kept.holds(digest) else None

    def caveats(self, batch: str) -> str:
        """What had to be said of the system when these were decided, as the ledger tells it."""
        entry = self._entry(self._inside[1].get_receipt(batch), self._inside[3]())
        mine = (entry.get("kind"), entry.get("subject")) == (MADE, batch)
        return str(entry["facts"].get("caveats", "")) if mine else ""

    def proof(self, identifier: str) -> Proof:
        """What proves a decision, for whoever has only the public key; raises UnknownId."""
        folder, registers, _, ledger = self._inside
        versions = HistoryReader(folder, DECISIONS).versions([identifier])
        if not versions.height:
            raise UnknownId(f"There is no decision '{identifier[:40]}'.", "'cityward decisions list' names them.")
        texts, batch = canonical(versions), versions["batch"][0]
        rule = self.rule(versions["rule_digest"][0])
        problem = self.problems([identifier])[identifier] or ("" if rule is not None else RULE_LOST)
        if problem:
            return Proof(id=identifier, batch=batch, problem=problem, row=texts[0])
        held, tree, index = ledger(), self._tree(batch), registers.get_receipt(batch)
        at = tree.find(_name(identifier))
        if index is None or at is None:
            raise Defect(f"{identifier} is proved and not found.")
        change = None
        changed = registers.get_receipt(identifier)
        if texts[-1] != texts[0] and changed is not None:
            change = ProvedChange(
                row=texts[-1],
                entry=held.entry(changed).decode(),
                entry_index=changed,
                entry_path=_hex(held.inclusion_proof(changed)),
            )
        return Proof(
            id=identifier,
            batch=batch,
            problem="",
            row=texts[0],
            index=at,
            size=tree.size,
            path=_hex(tree.path(at)),
            root=tree.root().hex(),
            entry=held.entry(index).decode(),
            entry_index=index,
            entry_path=_hex(held.inclusion_proof(index)),
            change=change,
            checkpoint=held.checkpoint(),
            erased=() if versions["inputs"].is_not_null().any() else _NOT_ENTERED,
            rule=rule,
            handovers=held.handovers(),
        )

    def _not_made(self, made: dict[str, Any], text: str, ledger: Ledger) -> str:
        """Why the ledger does not prove a decision as it was made."""
        batch = made["batch"]
        if batch not in self._made:
            self._made[batch] = self._entry(self._inside[1].get_receipt(batch), ledger)
        entry = self._made[batch]
        if (entry.get("kind"), entry.get("subject")) != (MADE, batch):
            return "The ledger does not tell of those that were decided together with it."
        tree = self._tree(batch)
        at = tree.find(_name(made["id"]))
        if at is not None and tree.proves(leaf_hash(text.encode()), at, _root(entry)):
            return ""
        return "It is not among those of which the ledger tells, or was changed by hand."

    def _not_changed(self, made: dict[str, Any], now: dict[str, Any], text: str, ledger: Ledger) -> str:
        """Why the ledger does not prove what became of a decision later."""
        if any(now[name] != made[name] for name in STAYS):
            return "What was decided was exchanged later for something else."
        change = self._entry(self._inside[1].get_receipt(made["id"]), ledger)
        if change.get("kind") not in CHANGES or change.get("subject") != made["id"]:
            return "The ledger does not tell of what became of it."
        return "" if change["sha256"] == _sha256(text) else "It is not what the ledger says became of it."

    def _entry(self, index: int | None, ledger: Ledger) -> dict[str, Any]:
        if index is None or not 0 <= index < ledger.size:
            return {}
        return read_receipt(ledger.entry(index), index)

    def _tree(self, batch: str) -> Leaves:
        if batch not in self._trees:
            folder = self._inside[0]
            path = leaves_path(folder, batch)
            try:
                tree = Leaves.from_bytes(path.read_bytes())
            except (FileNotFoundError, LedgerError):
                tree = _tree_of(HistoryReader(folder, DECISIONS).first_versions("batch", batch))
            self._trees = {batch: tree}  # one at a time: a tree of a million rows has 40 MB
        return self._trees[batch]


class Deciding(Proofs):
    """Keeps decisions; made by `open_deciding`, which takes the lock of the table."""

    def __init__(
        self,
        folder: Path,
        registers: Registers,
        pseudonyms: Callable[[], Pseudonyms],
        ledger: Callable[[], Ledger],
        clock: Clock,
    ) -> None:
        super().__init__(folder, registers, pseudonyms, ledger)
        self._clock = clock
        self._writer = HistoryWriter(folder, clock, DECISIONS)

    def make(self, rows: pl.DataFrame, rule: KeptRule, caveats: str = "") -> DecisionBatch:
        """Keep decisions that were made together.

        Parameters
        ----------
        rows : polars.DataFrame
            As `cityward.answerable.batch.decide_cases` makes them.
        rule : KeptRule
            The rule by which they were.
        caveats : str
            What has to be said of the system, in sentences that may be public.

        Raises
        ------
        UserError
            The very same were decided at the same moment already.
        """
        folder, registers, pseudonyms, ledger = self._inside
        rows, batch = _named(rows, pseudonyms())
        if registers.get(batch, DecisionBatch) is not None:
            raise UserError(f"These cases were decided at that moment already: {batch}.", "Decide each case once.")
        first, tree = rows.row(0, named=True), _tree_of(rows)
        for start in range(0, rows.height, BATCH_ROWS):
            self._writer.commit(self._writer.plan(rows[start : start + BATCH_ROWS]))
        _write_leaves(leaves_path(folder, batch), tree)
        registers.put(RULES, [rule], update=("body",))  # a text that was changed by hand is put right
        made = DecisionBatch(
            id=batch,
            system=first["system"],
            version=first["version"],
            rule=first["rule"],
            rule_version=first["rule_version"],
            decided_at=first["decided_at"],
            cases=rows.height,
            waiting=int((rows["state"] == "waiting").sum()),
            root=tree.root().hex(),
            caveats=caveats,
        )
        facts: dict[str, str | int] = {
            "system": f"{made.system} {made.version}",
            "system_digest": first["system_digest"],
            "rule": f"{made.rule} {made.rule_version}",
            "rule_digest": first["rule_digest"],
            "decided_at": made.decided_at.isoformat(),
            "count": made.cases,
            "waiting": made.waiting,
            "root": made.root,
            **({"caveats": caveats} if caveats else {}),
        }
        entry = receipt(MADE, batch, self._clock.now(), msgspec.json.encode(made, order="sorted"), **facts)
        (index,) = ledger().append([entry])
        made = msgspec.structs.replace(made, receipt=index)
        registers.put(BATCH, [made], update=())
        registers.put_receipts({batch: index})
        if rows.height > _FLUSHED_ABOVE_ROWS:
            self._writer.flush()
        return made

    def change(self, identifier: str, kind: str, allowed: Callable[[CaseDecision], dict[str, Any]]) -> CaseDecision:
        """Change what became of a decision, with an entry of its own.

        Parameters
        ----------
        identifier : str
            Which.
        kind : {"settled", "reversed"}
            What happens to it.
        allowed : callable
            Takes the decision as it stands, says no by raising, or returns the columns that change.

        Raises
        ------
        UnknownId
            There is none.
        Refused
            The ledger does not prove it: nothing is built on it.
        UserError
            The clock stands before what is changed.
        """
        folder, registers, _, ledger = self._inside
        versions = HistoryReader(folder, DECISIONS).versions([identifier])
        if not versions.height or kind not in CHANGES:
            raise UnknownId(f"There is no decision '{identifier[:40]}'.", "'cityward decisions list' names them.")
        problem = self.problems([identifier])[identifier]
        if problem:
            raise Refused(RULE, f"{identifier} is not proved by the ledger and counts for nothing: {problem}", PROVE)
        row = versions.row(-1, named=True)
        changes = allowed(case_decision(row))
        now, before = self._clock.now(), max(row["decided_at"], row["changed_at"])
        if before - now > SKEW:
            raise UserError(
                f"The city's clock says {now:%Y-%m-%d %H:%M %Z}, before {identifier} was {row['state']} "
                f"({before:%Y-%m-%d %H:%M %Z}).",
                "Set the clock of this machine, and try again.",
            )
        row = {**row, **changes, "changed_at": max(now, before)}
        frame = pl.DataFrame([{name: row[name] for name in DECISION}], schema=DECISION)
        plan = self._writer.plan(frame)
        if (plan.outcome == REPEATED).any():
            raise UserError(f"{identifier} says that already.", "Nothing is to be done.")
        self._writer.commit(plan)
        facts = {"batch": row["batch"], "decided_at": row["decided_at"].isoformat()}
        (index,) = ledger().append([receipt(kind, identifier, now, canonical(frame)[0].encode(), **facts)])
        registers.put_receipts({identifier: index})
        return case_decision(row)

    def flush(self) -> None:
        """Move acknowledged rows into the table."""
        self._writer.flush()

    def close(self) -> None:
        """Flush and give the lock back."""
        self._writer.close()


RULE_LOST: Final = "The text of the rule that decided is not kept as it was, so that nobody can tell what decided."
PROVE: Final = "'cityward decisions prove' names all such rows; restore a backup, or decide the case again."


def leaves_path(folder: Path, batch: str) -> Path:
    """Where the tree of those that were decided together lies."""
    return folder / "decided" / f"{batch}.leaves"


@durable("writing the tree of decisions")
def _write_leaves(path: Path, tree: Leaves) -> None:
    make_folder(path.parent)
    replace_file(path, tree.to_bytes())


def _named(rows: pl.DataFrame, pseudonyms: Pseudonyms) -> tuple[pl.DataFrame, str]:
    """Rows with identifiers and digests, in the order of their identifiers, and the identifier of all of them.

    Identifiers are keyed: names of cases can be guessed, and the ledger, which names decisions, is public.
    """
    first = rows.row(0, named=True)
    content = hashlib.sha256()
    for column in ("case", "inputs"):
        for start in range(0, rows.height, BATCH_ROWS):
            content.update("\x1e".join(rows[column][start : start + BATCH_ROWS]).encode())
    (keyed,) = pseudonyms.digests(pl.Series([content.hexdigest()]), "batches of decisions")
    parts = (first["system"], first["system_digest"], first["rule_digest"], first["decided_at"].isoformat(), keyed)
    batch = make_id("decisions", *parts)
    names = _digests(rows["case"], pseudonyms, f"decisions of {batch}").str.slice(0, 2 * 8)
    if names.n_unique() != rows.height:
        raise Defect("Two decisions of one batch have the same identifier.")
    rows = rows.with_columns(("D-" + names).alias("id"), pl.lit(batch).alias("batch"))
    rows = rows.with_columns(_input_digests(rows, pseudonyms).alias("inputs_digest"))
    return conform(rows.sort("id"), DECISION), batch


def _input_digests(rows: pl.DataFrame, pseudonyms: Pseudonyms) -> pl.Series:
    told = rows.select(pl.concat_str("id", "inputs", separator="\x1f")).to_series()
    return _digests(told, pseudonyms, "inputs of decisions")


def _digests(values: pl.Series, pseudonyms: Pseudonyms, purpose: str) -> pl.Series:
    # In parts: of a million values there is never a list of a million texts.
    parts = [pseudonyms.digests(values.slice(at, PART_ROWS), purpose) for at in range(0, len(values), PART_ROWS)]
    return pl.concat(parts) if parts else values.cast(pl.String)


def _tree_of(rows: pl.DataFrame) -> Leaves:
    """The tree over the canonical texts of rows in the order of their identifiers."""
    texts = chain.from_iterable(canonical(part) for part in rows.iter_slices(PART_ROWS))
    return Leaves.of(b"".join(map(_name, rows["id"])), texts)


def _name(identifier: str) -> bytes:
    return bytes.fromhex(identifier.removeprefix("D-"))


def _held_since(entry: dict[str, Any], kept_since: datetime | None) -> bool:
    """Whether what an entry tells of must still be kept."""
    return kept_since is None or str(entry["facts"].get("decided_at", "")) >= kept_since.isoformat()


def _root(entry: dict[str, Any]) -> bytes:
    try:
        return bytes.fromhex(str(entry.get("facts", {}).get("root", "")))
    except ValueError:
        return b""


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _hex(hashes: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(one.hex() for one in hashes)
