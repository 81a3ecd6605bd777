"""Decisions of cases: one rule, applied to many at once, each settled by a person where it touches rights."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Literal

from cityward.core.records import Party, Record

DecisionState = Literal["waiting", "decided", "reversed"]
STATES: Final[tuple[DecisionState, ...]] = ("waiting", "decided", "reversed")
"""A decision waits for a person, counts, or counts otherwise since it was contested."""


class DecisionBatch(Record, frozen=True, kw_only=True):
    """Cases that were decided together: by one version of a system under one version of a rule, with one receipt.

    ``root`` is the Merkle root over the rows in the order of their identifiers (hexadecimal). ``caveats`` is what had
    to be said of the system when it decided, in sentences: that nobody accepted a duty, for example.
    """

    id: str
    system: str
    version: str
    rule: str
    rule_version: str
    decided_at: datetime
    cases: int
    waiting: int
    root: str
    receipt: int = -1
    caveats: str = ""


class CaseDecision(Record, frozen=True, kw_only=True):
    """One row of `cityward.core.frames.DECISION`, as a person reads it; ``inputs`` by the name of the rule's input.

    ``withheld`` says that it waits and what the rule says is left out, for somebody who has not said a view yet.
    """

    id: str
    batch: str
    system: str
    version: str
    system_digest: str
    rule: str
    rule_version: str
    rule_digest: str
    case: str
    territory: str | None
    row: int | None
    recommended: str
    outcome: str | None
    state: DecisionState
    agreed: bool | None
    by: str
    competence: str
    because: str
    looked_seconds: float | None
    inputs: dict[str, Any]
    inputs_digest: str
    estimate: float | None
    low: float | None
    high: float | None
    cost: float | None
    decided_at: datetime
    changed_at: datetime
    own_view: str | None = None
    withheld: bool = False


class Told(Record, frozen=True, kw_only=True):
    """A decision in plain words: what mattered, what would have changed it, who answers, and where to contest it.

    ``text`` says which text of the rule decided, when it was valid, and whether it is still kept as it was; ``caveats``
    what had to be said of the system, as in `DecisionBatch`.
    """

    decision: CaseDecision
    says: str
    law: str
    factors: tuple[str, ...]
    would_change: tuple[str, ...]
    uncertainty: str
    overseer: str
    parties: tuple[Party, ...]
    appeal: str
    receipt: int | None
    text: str = ""
    caveats: str = ""


class KeptRule(Record, frozen=True, kw_only=True):
    """A version of a rule as it was when something was decided by it.

    ``body`` is its TOML, ``uses`` that of the rules that it uses; ``digest`` is the SHA-256 of all, the last being its
    own, with 0x1e between them.
    """

    id: str
    rule: str
    version: str
    digest: str
    body: str
    uses: tuple[str, ...] = ()

    def holds(self, digest: str) -> bool:
        """Whether its text is the one that ``digest`` names."""
        return digest == self.digest == text_digest((*self.uses, self.body))


def text_digest(texts: Sequence[str]) -> str:
    """SHA-256 (hex) of a rule's text, after those of the rules that it uses; see `KeptRule`."""
    return sha256("\x1e".join(texts).encode()).hexdigest()


class ProvedChange(Record, frozen=True, kw_only=True):
    """What became of a decision after it was made, with the entry of the ledger that says so.

    ``row`` is the canonical text of the decision then; the entry holds its SHA-256.
    """

    row: str
    entry: str
    entry_index: int
    entry_path: tuple[str, ...]


class Proof(Record, frozen=True, kw_only=True):
    """What proves a decision of a case, to be checked without the city by `cityward.secure.proofs.check_proof`.

    ``row`` is the canonical text of the decision as it was made; its leaf hash is leaf ``index`` of the tree of
    ``size`` rows with root ``root``, by the hashes of ``path``. ``entry`` is the entry of the ledger that names the
    root, entry ``entry_index`` of the tree of ``checkpoint``, by ``entry_path``. Hashes are hexadecimal. ``rule`` is
    the text that decided, whose digest the row holds. ``problem`` says why the decision is not proved, and is empty
    where it is. ``erased`` names what was erased of it since, for which its digest in ``row`` stands. ``handovers``
    are the notes by which the key of the ledger was handed over, for who knows an earlier key.
    """

    id: str
    batch: str
    problem: str
    row: str = ""
    index: int = -1
    size: int = 0
    path: tuple[str, ...] = ()
    root: str = ""
    entry: str = ""
    entry_index: int = -1
    entry_path: tuple[str, ...] = ()
    change: ProvedChange | None = None
    checkpoint: str = ""
    erased: tuple[str, ...] = ()
    rule: KeptRule | None = None
    handovers: tuple[str, ...] = ()

    @property
    def proved(self) -> bool:
        """Whether the ledger proves it."""
        return not self.problem


class OverseerWatch(Record, frozen=True, kw_only=True):
    """How one person settles decisions, told so that nobody is accused by a small number.

    ``faster`` of ``looked`` were settled faster than the words that were shown can be read. ``overridden`` of
    ``compared`` (those of which the rule said something) went against the rule, a share with its 95 % interval;
    ``others`` is the share of all other people, None where there is nobody else. ``moved`` of ``viewed`` own views,
    written before the rule was shown, were given up for what the rule says.
    """

    by: str
    count: int
    looked: int
    median_seconds: float | None
    faster: int
    compared: int
    overridden: int
    override_share: float
    override_low: float
    override_high: float
    others: float | None
    viewed: int
    moved: int
    small: bool
    says: str
