"""What is kept, by the server's time, and what must be looked at before anything is deleted. Pure.

Whoever holds the city's machine can sign what he likes, so nothing here trusts what a header says of time: a snapshot
counts for the day on which the server got it. Of each day, week and month the *first* snapshot is kept, so that what
comes later cannot take the place of what is there, and days are counted by snapshots, not by the distance from now, so
that no clock that runs ahead makes anything old. What is left to an intruder is to add: one snapshot a day that counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from cityward.core.records import Record
from cityward.secure.backup.snapshot import Proof, Snapshot

PROVEN_DAYS: Final = 3
"""Days with a drill whose proven snapshots are pinned: a forged proof of today does not free the one before it."""


class Policy(Record, frozen=True, kw_only=True):
    """How many are kept, and what is out of the ordinary.

    ``keep_…`` count snapshots, and days, weeks and months that have one. Bytes may shrink by ``shrink_share`` and grow
    to ``growth_times``; ``changed_share`` of files may be replaced, renamed or gone; texts may gain ``entropy_bits`` a
    byte. The city's clock may differ by ``skew_minutes`` from the server's, and the newest snapshot be
    ``silence_days`` old. What is smaller than ``small_bytes`` or ``small_files`` says nothing.
    """

    keep_last: int = 3
    keep_daily: int = 14
    keep_weekly: int = 8
    keep_monthly: int = 12
    shrink_share: float = 0.3
    growth_times: float = 2.0
    changed_share: float = 0.2
    entropy_bits: float = 1.0
    skew_minutes: int = 60
    silence_days: int = 7
    small_bytes: int = 64 * 2**20
    small_files: int = 20


class Anomaly(Record, frozen=True, kw_only=True):
    """Something to look at: in which snapshot (0: in the repository), what, and what to do."""

    snapshot: int
    what: str
    remedy: str


def kept(
    snapshots: Sequence[Snapshot], proofs: Sequence[tuple[Proof, datetime]], policy: Policy
) -> dict[int, list[str]]:
    """Numbers of the snapshots that stay, with the reasons.

    Parameters
    ----------
    snapshots : sequence of Snapshot
        Whole chain, in order of numbers.
    proofs : sequence of (Proof, datetime)
        Signed markers, with when the server got each.
    policy : Policy
        How many.
    """
    reasons: dict[int, list[str]] = {}

    def keep(one: Snapshot, why: str) -> None:
        reasons.setdefault(one.header.sequence, []).append(why)

    newest_first = sorted(snapshots, key=lambda one: one.header.sequence, reverse=True)
    for one in newest_first[: max(policy.keep_last, 1)]:
        keep(one, "newest")
    buckets: tuple[tuple[str, int, Callable[[datetime], object]], ...] = (
        ("day", policy.keep_daily, lambda at: at.date()),
        ("week", policy.keep_weekly, lambda at: at.isocalendar()[:2]),
        ("month", policy.keep_monthly, lambda at: (at.year, at.month)),
    )
    for name, count, bucket_of in buckets:
        firsts: dict[object, Snapshot] = {}
        for one in newest_first:
            firsts[bucket_of(one.at)] = one  # the earliest comes last and stays
        for one in list(firsts.values())[:count]:
            keep(one, name)
    numbers = {one.header.sequence: one for one in snapshots}
    for number in pinned(snapshots, proofs):
        keep(numbers[number], "proven")
    return reasons


def pinned(snapshots: Sequence[Snapshot], proofs: Sequence[tuple[Proof, datetime]]) -> list[int]:
    """Numbers of the snapshots that drills proved on the last `PROVEN_DAYS` days with a drill, the newest first."""
    digests = {one.header.sequence: one.digest for one in snapshots}
    found: dict[object, list[int]] = {}
    for proof, at in sorted(proofs, key=lambda one: one[1], reverse=True):
        # A step is proven with the snapshot that it stands on; of that the marker names the digest.
        if proof.step or digests.get(proof.sequence) == proof.header:
            found.setdefault(at.date(), []).append(proof.sequence)
    days = [numbers for _, numbers in sorted(found.items(), key=lambda one: str(one[0]), reverse=True)]
    return list(dict.fromkeys(one for numbers in days[:PROVEN_DAYS] for one in numbers if one in digests))


def anomalies(snapshots: Sequence[Snapshot], now: datetime, policy: Policy) -> list[Anomaly]:
    """What is out of the ordinary in each snapshot, against the one before it, and in the times."""
    found = []
    for before, one in zip([None, *snapshots[:-1]], snapshots, strict=True):
        found += _skewed(one, policy)
        if before is not None:
            found += _changed(before, one, policy)
    if snapshots:
        found += _silent(snapshots[-1], now, policy)
    return found


def _skewed(one: Snapshot, policy: Policy) -> list[Anomaly]:
    apart = one.header.made_at - one.at
    if abs(apart) <= timedelta(minutes=policy.skew_minutes):
        return []
    ahead = "ahead of" if apart > timedelta() else "behind"
    return [
        Anomaly(
            snapshot=one.header.sequence,
            what=f"Its maker's clock was {_long(abs(apart))} {ahead} the server's.",
            remedy="Mend the clock of the city's machine (chrony, NTP). If it was right, somebody forged the time, "
            "or touched the file in the repository.",
        )
    ]


def _changed(before: Snapshot, one: Snapshot, policy: Policy) -> list[Anomaly]:
    old, new, found = before.header.figures, one.header.figures, []

    def note(what: str) -> None:
        found.append(
            Anomaly(
                snapshot=one.header.sequence,
                what=what,
                remedy=f"Restore snapshot {one.header.sequence} into a new folder and look, or compare the city "
                f"with snapshot {before.header.sequence}. If the change is yours, accept it.",
            )
        )

    lost = old.plain_bytes - new.plain_bytes
    if lost > max(policy.shrink_share * old.plain_bytes, policy.small_bytes * policy.shrink_share):
        note(f"The city shrank from {_big(old.plain_bytes)} to {_big(new.plain_bytes)}.")
    if new.plain_bytes > policy.growth_times * old.plain_bytes and -lost > policy.small_bytes:
        note(f"The city grew from {_big(old.plain_bytes)} to {_big(new.plain_bytes)}.")
    changed = new.replaced + new.renamed + new.gone
    if changed > max(policy.changed_share * old.files, policy.small_files):
        note(
            f"Of {old.files:,} files {new.replaced:,} have other content, {new.renamed:,} other names, and "
            f"{new.gone:,} are gone."
        )
    if new.entropy_bits - old.entropy_bits > policy.entropy_bits:
        note(f"Its texts look encrypted: {new.entropy_bits:.1f} bits a byte, and {old.entropy_bits:.1f} before it.")
    return found


def _silent(newest: Snapshot, now: datetime, policy: Policy) -> list[Anomaly]:
    age = now - newest.at
    if age > timedelta(days=policy.silence_days):
        return [
            Anomaly(
                snapshot=0,
                what=f"By the clock of this repository its newest snapshot is {_long(age)} old.",
                remedy="Either the city makes no backups any more, or the clock runs ahead. Look at both.",
            )
        ]
    if age < -timedelta(minutes=policy.skew_minutes):
        return [
            Anomaly(
                snapshot=0,
                what=f"By the clock of this repository its newest snapshot comes from {_long(-age)} ahead.",
                remedy="The clock runs behind, or ran ahead before. Mend it.",
            )
        ]
    return []


def _long(span: timedelta) -> str:
    if span >= timedelta(days=2):
        return f"{span.days:,} days"
    hours = span / timedelta(hours=1)
    return f"{hours:.0f} hours" if hours >= 2 else f"{hours * 60:.0f} minutes"


def _big(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:,.0f} MiB"
