"""Deletes what the policy does not keep; run on the repository's side, with its credentials and no key of the city."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Final

from cityward.core.errors import Refused
from cityward.core.records import Record
from cityward.secure.backup.places import INCOMING
from cityward.secure.backup.repository import Repository, pack_name
from cityward.secure.backup.retention import Anomaly, Policy, anomalies, kept, pinned
from cityward.secure.backup.snapshot import Snapshot, snapshot_name

RULE: Final = "backup-pruning 1"
GRACE: Final = timedelta(days=1)
"""A pack that no snapshot names yet may be part of one that is being written."""

STEPS_OF: Final = 2
"""Newest snapshots whose steps stay: what is older is restored to the snapshot."""


class Pruning(Record, frozen=True, kw_only=True):
    """What a prune keeps, with reasons, and what it deletes, or would; what stands against it."""

    keeps: dict[str, list[str]]
    drops: tuple[str, ...]
    packs: int
    freed_bytes: int
    against: tuple[Anomaly, ...]
    done: bool


def look(
    repository: Repository, policy: Policy, accepted: AbstractSet[int] = frozenset(), *, read: bool = True
) -> Pruning:
    """Say what a prune would do and what stands against it; delete nothing.

    Parameters
    ----------
    accepted : set of int
        Numbers of snapshots whose anomalies a person has looked at.
    read : bool
        Read every pack of the newest and of the proven snapshots; else look at sizes only.
    """
    return _plan(repository, policy, accepted, read=read)[0]


def prune(
    repository: Repository, policy: Policy, accepted: AbstractSet[int] = frozenset(), *, read: bool = True
) -> Pruning:
    """Delete snapshots that the policy does not keep, and packs that nothing names.

    Headers stay for ever: they are small, and without them a snapshot that somebody else took away would not be missed.

    Raises
    ------
    Refused
        Something is out of the ordinary; nothing was deleted.
    """
    plan, dropped, packs = _plan(repository, policy, accepted, read=read)
    if plan.against:
        first = plan.against[0]
        named = f"Snapshot {first.snapshot}: " if first.snapshot else ""
        more = f" ({len(plan.against) - 1} more: look without --delete.)" if len(plan.against) > 1 else ""
        raise Refused(RULE, f"Nothing is deleted. {named}{first.what}{more}", first.remedy)
    place = repository.place
    for one in dropped:
        if not one.header.step:
            for step in repository.steps(one.header.sequence):
                _drop(repository, step)
        _drop(repository, one)
    for name in packs:
        place.delete(pack_name(name))
    for held in list(place.list(INCOMING)):
        if place.now() - held.at > GRACE:
            place.delete(held.name)
    return Pruning(
        keeps=plan.keeps, drops=plan.drops, packs=plan.packs, freed_bytes=plan.freed_bytes, against=(), done=True
    )


def _drop(repository: Repository, one: Snapshot) -> None:
    if one.header.step:
        repository.place.delete(snapshot_name(one.header.sequence, one.header.step))
    repository.place.delete(f"indexes/{one.header.index}")


def _plan(
    repository: Repository, policy: Policy, accepted: AbstractSet[int], *, read: bool
) -> tuple[Pruning, list[Snapshot], list[str]]:
    chain, now = repository.snapshots(), repository.place.now()
    against = [
        Anomaly(
            snapshot=0,
            what=f"The chain of snapshots is broken: {wrong}.",
            remedy="Somebody who can delete or write here has changed the repository. Keep it as it is, copy it, and "
            "look at who had access.",
        )
        for wrong in repository.broken_chain()
    ]
    against += [
        Anomaly(
            snapshot=0,
            what=f"The city is isolated ({name}): its files look attacked.",
            remedy="Older snapshots may be the last that are whole. Once a security officer has lifted it "
            "('cityward alerts lift'), do the same again.",
        )
        for name in repository.held_by()
    ]
    against += [one for one in anomalies(chain, now, policy) if one.snapshot not in accepted or not one.snapshot]
    indexes = repository.indexes()
    there = [one for one in chain if one.header.index in indexes]
    proofs = [(proof, at) for proof, at, right in repository.proofs() if right]
    reasons = kept(there, proofs, policy)
    staying = [one for one in there if one.header.sequence in reasons]
    dropped = [one for one in there if one.header.sequence not in reasons]
    against += _damage(
        repository, staying, {*pinned(there, proofs), *(one.header.sequence for one in there[-1:])}, read
    )
    needed, steps_gone = _needed(repository, staying)
    packs = {
        held.name.rsplit("/", 1)[-1]: held.size_bytes
        for held in repository.place.list("packs")
        if held.name.rsplit("/", 1)[-1] not in needed and now - held.at > GRACE
    }
    told = Pruning(
        keeps={one.id: reasons[one.header.sequence] for one in staying},
        drops=tuple(one.id for one in [*dropped, *steps_gone]),
        packs=len(packs),
        freed_bytes=sum(packs.values()),
        against=tuple(against),
        done=False,
    )
    return told, [*dropped, *steps_gone], sorted(packs)


def _damage(repository: Repository, staying: list[Snapshot], important: set[int], read: bool) -> list[Anomaly]:
    """Damage of what would stay: then what would go may be the last that is good."""
    found: list[Anomaly] = []
    read_packs: dict[str, bool] = {}
    for one in staying:
        deep = read and one.header.sequence in important
        bad = repository.damaged(one, read=deep, seen=read_packs if deep else None)
        if bad:
            found.append(
                Anomaly(
                    snapshot=0,
                    what=f"Snapshot {one.header.sequence} is damaged: of its packs {len(bad)} are missing or changed.",
                    remedy="Older snapshots may be the last that are whole. Copy the repository, then look at the disk "
                    "and at who can write there; 'cityward backup verify' names the packs.",
                )
            )
    return found


def _needed(repository: Repository, staying: list[Snapshot]) -> tuple[set[str], list[Snapshot]]:
    """Packs that must stay, and steps that need not."""
    needed: set[str] = set()
    gone: list[Snapshot] = []
    newest = {one.header.sequence for one in staying[-STEPS_OF:]}
    for one in staying:
        needed |= set(repository.packs_of(one.header))
        for step in repository.steps(one.header.sequence):
            if one.header.sequence in newest:
                needed |= set(repository.packs_of(step.header))
            else:
                gone.append(step)
    return needed, gone
