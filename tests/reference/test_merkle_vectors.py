"""Inclusion and consistency proofs against published vectors, good and bad."""

from __future__ import annotations

import base64
import json
import tarfile
from pathlib import Path

from cityward.secure.merkle import (
    verify_consistency,
    verify_inclusion,
    verify_subtree_consistency,
    verify_subtree_inclusion,
)


def vectors(shared_data: Path, kind: str) -> list[dict]:
    with tarfile.open(shared_data / "ledger" / "merkle_vectors.tar.gz") as archive:
        wanted = [member for member in archive if f"/testdata/{kind}/" in member.name and member.name.endswith(".json")]
        return [json.load(archive.extractfile(member)) for member in wanted]


def raw(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def test_inclusion(shared_data: Path):
    found = vectors(shared_data, "inclusion")
    assert len(found) > 90
    for vector in found:
        path = [raw(step) for step in vector["proof"] or []]
        held = verify_inclusion(
            raw(vector["leafHash"]), vector["leafIdx"], vector["treeSize"], path, raw(vector["root"])
        )
        assert held is not vector["wantErr"], vector["desc"]


def test_consistency(shared_data: Path):
    found = vectors(shared_data, "consistency")
    assert len(found) > 90
    for vector in found:
        path = [raw(step) for step in vector["proof"] or []]
        held = verify_consistency(vector["size1"], vector["size2"], path, raw(vector["root1"]), raw(vector["root2"]))
        assert held is not vector["wantErr"], vector["desc"]


def test_inclusion_in_subtrees(shared_data: Path):
    found = vectors(shared_data, "subtreeinclusion")
    assert len(found) == 204
    for vector in found:
        path = [raw(step) for step in vector["proof"] or []]
        held = verify_subtree_inclusion(
            raw(vector["leafHash"]), vector["leafIdx"], vector["start"], vector["end"], path, raw(vector["root"])
        )
        assert held is not vector["wantErr"], vector["desc"]


def test_consistency_of_subtrees(shared_data: Path):
    found = vectors(shared_data, "subtreeconsistency")
    assert len(found) == 118
    for vector in found:
        path = [raw(step) for step in vector["proof"] or []]
        held = verify_subtree_consistency(
            vector["start"], vector["end"], vector["size"], path, raw(vector["root1"]), raw(vector["root2"])
        )
        assert held is not vector["wantErr"], vector["desc"]
