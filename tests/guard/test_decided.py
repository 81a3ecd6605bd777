"""What the ledger proves of a decision: its canonical text is fixed, and any other text is another decision."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.core.errors import LedgerError
from cityward.core.frames import DECISION
from cityward.guard.decided import ENTERED, canonical, case_decision
from cityward.secure.leaves import BLOCK, Leaves
from cityward.secure.merkle import leaf_hash, root_of

MOMENT = datetime(2026, 5, 1, 12, 0, 0, 250, tzinfo=UTC)
FIXED = {
    "id": "D-0123456789abcdef", "batch": "G-0123456789", "system": "s", "version": "1", "system_digest": "d",
    "rule": "r", "rule_version": "2", "rule_digest": "e", "case": "é\"\n1", "territory": None, "row": 3,
    "recommended": "full", "outcome": None, "state": "waiting", "agreed": None, "own_view": None, "by": "",
    "competence": "", "because": "", "looked_seconds": None, "inputs": '{"income":1}', "inputs_digest": "f",
    "estimate": 0.25, "low": 1e-9, "high": 1e20, "cost": -3.0, "decided_at": MOMENT, "changed_at": MOMENT,
}  # fmt: skip
TEXT = (
    '{"agreed":null,"batch":"G-0123456789","because":"","by":"","case":"é\\"\\n1",'
    '"changed_at":"2026-05-01T12:00:00.000250Z","competence":"","cost":-3.0,'
    '"decided_at":"2026-05-01T12:00:00.000250Z","estimate":0.25,"high":1e+20,"id":"D-0123456789abcdef",'
    '"inputs_digest":"f","looked_seconds":null,"low":1e-9,"outcome":null,"own_view":null,"recommended":"full",'
    '"row":3,"rule":"r","rule_digest":"e","rule_version":"2","state":"waiting","system":"s","system_digest":"d",'
    '"territory":null,"version":"1"}'
)


def frame(**changed: object) -> pl.DataFrame:
    return pl.DataFrame([{**FIXED, **changed}], schema=DECISION)


def test_the_text_that_the_ledger_proves_never_changes() -> None:
    """Proofs of years ago stand or fall with these bytes, whatever library writes them."""
    assert canonical(frame()) == [TEXT]
    assert "income" not in TEXT  # what was asked can be forgotten; its digest stands for it


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = {"case": TEXTS, "because": TEXTS, "cost": st.floats(allow_nan=False, allow_infinity=False)}


@given(st.fixed_dictionaries(VALUES), st.fixed_dictionaries(VALUES))
def test_two_decisions_have_the_same_text_only_if_they_are_the_same(one: dict, other: dict) -> None:
    first, second = canonical(frame(**one)), canonical(frame(**other))
    same = {name: repr(value) for name, value in one.items()} == {name: repr(value) for name, value in other.items()}
    assert (first == second) == same
    read = json.loads(first[0])
    assert tuple(read) == ENTERED
    assert all(read[name] == value for name, value in one.items())


def test_a_row_is_read_back_as_a_record() -> None:
    told = case_decision(frame().row(0, named=True))
    assert (told.inputs, told.outcome, told.decided_at) == ({"income": 1}, None, MOMENT)
    assert case_decision({**FIXED, "inputs": None, "by": None}).inputs == {}


@pytest.mark.parametrize("size", [1, 2, 3, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5])
def test_each_row_is_proved_by_a_tree_that_is_kept_in_blocks(size: int) -> None:
    rows = [f"row {at}" for at in range(size)]
    names = b"".join((7 * at).to_bytes(8, "big") for at in range(size))
    tree = Leaves.from_bytes(Leaves.of(names, rows).to_bytes())
    assert tree.root() == root_of([leaf_hash(row.encode()) for row in rows])
    for at in {0, size // 2, size - 1}:
        assert tree.find((7 * at).to_bytes(8, "big")) == at
        assert tree.proves(leaf_hash(rows[at].encode()), at, tree.root())
        assert not tree.proves(leaf_hash(b"other"), at, tree.root())
    assert tree.find((1).to_bytes(8, "big")) is None


@pytest.mark.parametrize("cut", [0, 5, 17, 30, -1])
def test_a_file_of_leaves_that_was_cut_is_none(cut: int) -> None:
    whole = Leaves.of(b"\x00" * 8, ["row"]).to_bytes()
    with pytest.raises(LedgerError, match="damaged"):
        Leaves.from_bytes(whole[:cut])
    assert Leaves.from_bytes(whole).root() == sha256(b"\x00row").digest()
