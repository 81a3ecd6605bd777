"""What a liability file says of itself, for whoever opens it without cityward."""

from __future__ import annotations

from typing import Final

README: Final = """\
Liability file of one decision: who held which duty, what happened, and what stood on record before.
It states duties and facts. What follows from them is not for this file to say.

liability.html   the file, for people
liability.json   the same, for programs
prov.json        the same as provenance (W3C PROV, in the form of PROV-JSON)
system.json      the version of the system by which was decided: its SHA-256 is its digest in the register
rule.toml        the version of the rule; uses/ holds the rules that it uses
records/         records whose SHA-256 the entries of the ledger hold
proof.json       for a decision of a case: its row, with the path to the root of those decided together
ledger/          entries of the city's ledger, by their number
ledger.json      proofs that each is in the ledger (RFC 6962)
checkpoint.txt   size and root of the ledger, signed (C2SP signed-note)
city.pub         the city's public key (Ed25519, hexadecimal)
manifest.json    SHA-256 of each file; the ledger holds the SHA-256 of it

With cityward, on any machine:  cityward liability verify FILE.zip --key city.pub
Take city.pub from somebody whom you trust, not from here: the one here proves only that the parts fit together.

By hand: sha256sum manifest.json is the "sha256" of the entry of kind "liability" in ledger/. A leaf is
SHA-256(0x00 and the bytes of an entry); with its path in ledger.json it gives the root in checkpoint.txt.
"""
