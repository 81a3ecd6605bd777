"""Backups of a city: made while it works, proved by drills, restored into a new folder."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from cityward.core.clock import monotonic
from cityward.core.disk import durable, replace_file
from cityward.core.errors import CityBusy, UserError
from cityward.core.receipts import receipt
from cityward.core.records import Record, to_json
from cityward.guard.backup import epoch_key
from cityward.guard.copying import Moment, Source, file_bytes, moment, moving
from cityward.secure.backup.places import Exists, open_place
from cityward.secure.backup.repository import Repository, chosen
from cityward.secure.backup.retention import Anomaly, Policy, anomalies, pinned
from cityward.secure.backup.sealing import PART_BYTES, Epoch, Reader, Summed, Writer, entropy_bits
from cityward.secure.backup.snapshot import Entry, Figures, Hold, Listing, Proof, Snapshot, signed
from cityward.secure.keys import load_public_key, load_signer, public_bytes

if TYPE_CHECKING:
    from cityward.city.city import City
    from cityward.city.restoring import Restoration

STATE: Final = ".backups.json"
"""What the city remembers of its repositories; in no backup itself."""

_COMPRESSED: Final = (".parquet", ".seg", ".gz", ".zip", ".png", ".jpg", ".pmtiles", ".arrow")
_DRILL_CHARS_MAX: Final = 64
_PASSPHRASE_BYTES: Final = 32


class Remembered(Record, frozen=True, kw_only=True):
    """The newest snapshot that this city made in a repository, and what the ledger does not say yet."""

    repository: str
    sequence: int
    digest: str
    at: datetime
    copied_at: datetime
    waiting: tuple[tuple[str, str, dict[str, str | int]], ...] = ()


class Made(Record, frozen=True, kw_only=True):
    """A snapshot that was made: its identifier, what it holds, what had to be written, and what is odd about it."""

    snapshot: str
    files: int
    plain_bytes: int
    written_bytes: int
    seconds: float
    odd: tuple[Anomaly, ...]


class Standing(Record, frozen=True, kw_only=True):
    """How backups stand: the newest snapshot, the last that a drill proved, and what is not copied yet.

    ``lag_seconds`` is the age of the oldest change that no copy holds; 0 when all is copied.
    """

    repository: str
    snapshot: str | None
    at: datetime | None
    steps: int
    copied_at: datetime | None
    lag_seconds: float
    proven: str | None
    opens_until: date | None
    wrong: tuple[str, ...]


@dataclass(slots=True)
class _Seen:
    """A file as it was when it was read: kept in memory, so that a copy each second reads what changed alone."""

    stamp: tuple[int, ...]
    entry: Entry
    entropy: float | None


class Backups:
    """Backups of ``city``; reached as ``city.backups``."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._seen: dict[str, _Seen] = {}
        self._sizes: dict[str, int] = {}
        self._seen_in: tuple[str, str] = ("", "")
        self._unlocked: tuple[str, bytes] = ("", b"")

    # -- keys and places ---------------------------------------------------------------------------

    @property
    def _keys(self) -> Path:
        return self._city.folder.signing_key.parent

    def url(self, repo: str | None) -> str:
        """The repository that is meant: the one named, or that of ``city.toml``."""
        named = repo or self._city.settings.backup.repository
        if named is None:
            raise UserError(
                "No repository is named.", "Give one with --to, or write repository in [backup] of city.toml."
            )
        if "://" not in named and Path(named).resolve().is_relative_to(self._city.path.resolve()):
            raise UserError("The repository lies in the city itself.", "Choose a place on another machine.")
        return named

    @cached_property
    def _passphrase(self) -> bytes:
        return passphrase_in(self._city.path / self._city.settings.backup.passphrase_file, make=True)

    def repository(self, repo: str | None = None, *, make: bool = False) -> Repository:
        """The repository that is meant; with ``make``, made when it is missing."""
        place = open_place(self.url(repo))
        city = load_public_key(self._city.folder.public_key)
        if make:
            Repository.make(place, self._passphrase, public_bytes(city))
        return Repository(place, city)

    def reader(self, repository: Repository) -> Reader:
        """Who opens what lies in a repository, with the keys of this city that are left."""
        return reader_of(repository, self._keys, self._repository_key(repository))

    def _epoch(self, repository: Repository, before: Snapshot | None) -> Epoch:
        """The epoch of the snapshot before, or a new one when that is over, or its key gone."""
        today = self._city.clock.now().date()
        begun = date.fromisoformat(before.header.epoch) if before else None
        if begun is None or not timedelta() <= today - begun < timedelta(
            days=self._city.settings.backup.full_every_days
        ):
            begun = today
        if epoch_key(self._keys, begun) is None:
            begun = today
        return Epoch.of(begun.isoformat(), self._repository_key(repository), self._epoch_key(begun))

    def _epoch_key(self, day: date) -> bytes:
        key = epoch_key(self._keys, day)
        if key is None:
            raise UserError(
                f"The key of {day} was destroyed already: the clock ran ahead when old keys were destroyed.",
                "Mend the clock, and restore keys/backup-epochs.key from your copy of keys/.",
            )
        return key

    def _repository_key(self, repository: Repository) -> bytes:
        # To unwrap it costs 64 MiB and a fifth of a second; a copy each second keeps it.
        if self._unlocked[0] != repository.about.id:
            self._unlocked = (repository.about.id, repository.unlocked(self._passphrase))
        return self._unlocked[1]

    # -- making ------------------------------------------------------------------------------------

    def make(self, repo: str | None = None) -> Made:
        """Make a snapshot of the city in a repository, which is made when it is missing; others may write meanwhile.

        Raises
        ------
        UserError
            The repository is of another city, has lost snapshots, or the passphrase is another.
        CityBusy
            The city is written so fast that no moment was found, or is isolated.
        """
        begun = monotonic()
        self._city.isolation.refuse_copy()
        repository = self.repository(repo, make=True)
        before = repository.newest()
        self._check(repository, before)
        epoch = self._epoch(repository, before)
        old = self._listed(repository, before)
        shared = bool(before and before.header.epoch == epoch.day)
        self._forget_unless(repository, epoch)
        if shared and before is not None:
            self._sizes |= repository.packs_of(before.header)
        writer = self._writer(repository, epoch, old.values() if shared else ())
        with moment(self._city.path, self._city.registers) as now:
            drafts = self._drafts(now, writer, old if shared else {})
            entries = placed(drafts, writer)
            header = writer.finish(
                Listing(files=tuple(entries), gone=(), facts=now.facts),
                before,
                figures_of(drafts, entries, old),
                load_signer(self._city.folder.signing_key),
                made_at=self._city.clock.now(),
                ledger=now.ledger,
            )
        self._seen = self._kept_in_mind(drafts, entries, writer)
        made = repository.snapshot(header.sequence)
        self._tell(repository, made)
        odd = anomalies([before, made] if before else [made], made.at, Policy())
        return Made(
            snapshot=made.id,
            files=header.figures.files,
            plain_bytes=header.figures.plain_bytes,
            written_bytes=sum(writer.packs.values()),
            seconds=round(monotonic() - begun, 3),
            odd=tuple(one for one in odd if one.snapshot == header.sequence),
        )

    def step(self, repository: Repository, last: Snapshot) -> Snapshot | None:
        """Copy what changed since ``last``, which this object made; None when nothing did."""
        with moment(self._city.path, self._city.registers) as now:
            paths = {one.path for one in now.sources}
            changed = [one for one in now.sources if self._held(one) is None]
            gone = tuple(sorted(set(self._seen) - paths))
            if not changed and not gone:
                return None
            day = last.header.epoch
            epoch = Epoch.of(day, self._repository_key(repository), self._epoch_key(date.fromisoformat(day)))
            writer = self._writer(repository, epoch, ())
            now.sources[:] = changed
            drafts = self._drafts(now, writer, {})
            entries = placed(drafts, writer)
            header = writer.finish(
                Listing(files=tuple(entries), gone=gone, facts=now.facts),
                last,
                msgspec.structs.replace(last.header.figures, replaced=0, renamed=0, gone=len(gone)),
                load_signer(self._city.folder.signing_key),
                made_at=self._city.clock.now(),
                ledger=now.ledger,
                step=True,
            )
        self._seen |= self._kept_in_mind(drafts, entries, writer)
        for path in gone:
            del self._seen[path]
        return repository.step(header.sequence, header.step)

    def _drafts(self, now: Moment, writer: Writer, old: dict[str, Entry]) -> list[_Draft]:
        by_digest = {(one.kind, one.digest): one for one in old.values()}
        drafts = []
        for source in now.sources:
            if not source.path.startswith("registers"):
                now.release()
            drafts.append(self._held(source) or _drafted(source, writer, by_digest))
        return drafts

    def _held(self, source: Source) -> _Draft | None:
        """What is remembered of a file that is as it was."""
        seen = self._seen.get(source.path)
        same = seen is not None and seen.stamp == source.stamp and len(source.stamp) > 1
        return _Draft(source, seen.entry, seen.entropy) if seen is not None and same else None

    def _writer(self, repository: Repository, epoch: Epoch, old: Iterable[Entry]) -> Writer:
        entries = [*old, *(one.entry for one in self._seen.values())]
        return Writer(repository, epoch, [part for one in entries for part in one.parts], self._sizes)

    def _kept_in_mind(self, drafts: list[_Draft], entries: list[Entry], writer: Writer) -> dict[str, _Seen]:
        """What is remembered once a header says it: what no header says is to be copied again."""
        self._sizes |= writer.packs
        told = zip(drafts, entries, strict=True)
        return {one.source.path: _Seen(one.source.stamp, entry, one.entropy) for one, entry in told}

    def _forget_unless(self, repository: Repository, epoch: Epoch) -> None:
        """Forget what was remembered of another repository or epoch."""
        if self._seen_in != (repository.about.id, epoch.day):
            self._seen, self._sizes, self._seen_in = {}, {}, (repository.about.id, epoch.day)

    def _listed(self, repository: Repository, before: Snapshot | None) -> dict[str, Entry]:
        """Files of the snapshot before, steps left out; none when its key was destroyed."""
        if before is None or before.header.index not in repository.indexes():
            return {}
        try:
            return {entry.path: entry for entry in self.reader(repository).listing(before.header).files}
        except UserError:
            return {}

    # -- what the city remembers -------------------------------------------------------------------

    def _check(self, repository: Repository, newest: Snapshot | None) -> None:
        """Raise unless the repository goes on from what this city made there last."""
        known = self.remembered()
        if newest is not None and not newest.right:
            raise UserError(
                f"Snapshot {newest.header.sequence} of this repository is not signed by this city.",
                "It belongs to another city, or somebody else writes there. Choose another repository, and look.",
            )
        if known is None or known.repository != repository.about.id:
            return
        there = newest.header.sequence if newest else 0
        if there < known.sequence or repository.snapshot(known.sequence).digest != known.digest:
            raise UserError(
                f"This city made snapshot {known.sequence} there, and the repository does not hold it any more.",
                "Somebody took snapshots away, or brought an older copy of the repository back. Look before you "
                "make more; to begin anew choose another place.",
            )

    def remembered(self) -> Remembered | None:
        """What is known of the newest snapshot without asking the repository."""
        try:
            return msgspec.json.decode((self._city.path / STATE).read_bytes(), type=Remembered)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def copied(self, repository: Repository, snapshot: Snapshot, *, at: datetime) -> None:
        """Remember that all was copied at ``at``."""
        known = self.remembered()
        waiting = known.waiting if known else ()
        self._write(repository, snapshot, at, waiting)

    def _write(self, repository: Repository, snapshot: Snapshot, at: datetime, waiting: tuple[_Waiting, ...]) -> None:
        told = Remembered(
            repository=repository.about.id,
            sequence=snapshot.header.sequence,
            digest=snapshot.digest
            if not snapshot.header.step
            else repository.snapshot(snapshot.header.sequence).digest,
            at=snapshot.at,
            copied_at=at,
            waiting=waiting,
        )
        with durable("remembering a backup"):
            replace_file(self._city.path / STATE, to_json(told))

    def _tell(self, repository: Repository, made: Snapshot) -> None:
        """Put the snapshot into the ledger, now or when this city is next written here."""
        known = self.remembered()
        facts: dict[str, str | int] = {
            "repository": repository.about.id,
            "sequence": made.header.sequence,
            "digest": made.digest,
            "files": made.header.figures.files,
        }
        waiting = (*(known.waiting if known else ()), ("backup", made.id, facts))
        self._write(repository, made, made.header.made_at, waiting)
        self._settle(repository, made)

    def _settle(self, repository: Repository, made: Snapshot) -> None:
        known = self.remembered()
        if known is None or not known.waiting:
            return
        all_copied = changed_at(self._city.path) <= made.header.made_at
        try:
            self.note(*known.waiting)
        except CityBusy:
            return  # who writes has the ledger; the next snapshot brings its receipt along
        # The receipt of a snapshot is no change that could be lost: the snapshot proves itself.
        self._write(repository, made, self._city.clock.now() if all_copied else made.header.made_at, ())

    def note(self, *acts: _Waiting) -> None:
        """Put acts (kind, subject, facts) into the ledger; raises `CityBusy` when another program writes."""
        now = self._city.clock.now()
        with self._city.writing():
            entries = [receipt(kind, subject, now, to_json(facts), **facts) for kind, subject, facts in acts]
            self._city.writable_ledger().append(entries)

    # -- proving, restoring, telling ---------------------------------------------------------------

    def prove(self, snapshot: str, drill_id: str, repo: str | None = None) -> Proof:
        """Mark a snapshot as one that a drill restored and found right: pruning does not touch it from then on.

        Raises
        ------
        UserError
            No such snapshot, or the name of the drill is no identifier.
        """
        if not drill_id or len(drill_id) > _DRILL_CHARS_MAX or not drill_id.replace("-", "").isalnum():
            raise UserError("A drill is named by letters, digits and hyphens.", f"At most {_DRILL_CHARS_MAX} of them.")
        repository = self.repository(repo)
        meant = chosen(repository, snapshot=snapshot)
        proof = Proof(
            repository=repository.about.id,
            sequence=meant.header.sequence,
            step=meant.header.step,
            header=meant.digest,
            drill=drill_id,
        )
        note = signed(proof, load_signer(self._city.folder.signing_key))
        repository.place.put(f"proofs/{meant.header.sequence:08d}-{drill_id}", note)
        self.note(("backup-proven", meant.id, {"repository": repository.about.id, "drill": drill_id}))
        return proof

    def hold(self, isolation: str, state: Literal["standing", "lifted"]) -> None:
        """Tell the repository of ``city.toml`` that the city is isolated, or no more: nothing is pruned until then.

        Does nothing where none is named, or nothing was copied into it yet.
        """
        if self._city.settings.backup.repository is None:
            return
        try:
            repository = self.repository()
        except UserError:
            return
        note = signed(
            Hold(repository=repository.about.id, isolation=isolation, state=state),
            load_signer(self._city.folder.signing_key),
        )
        with suppress(Exists):
            repository.place.put(f"holds/{isolation}-{state}", note)

    def restore(
        self, repo: str | None, folder: Path, as_of: datetime | None = None, snapshot: str | None = None
    ) -> Restoration:
        """Restore into the new ``folder`` with the keys of this city; see `cityward.city.restoring.restore`."""
        from cityward.city.restoring import restore

        return restore(self.url(repo), folder, self._keys, self._passphrase, as_of=as_of, snapshot=snapshot)

    def status(self, repo: str | None = None) -> Standing:
        """How backups stand; asks the repository."""
        repository = self.repository(repo)
        newest, known = repository.newest(), self.remembered()
        steps = repository.steps(newest.header.sequence) if newest else []
        copied = steps[-1].header.made_at if steps else newest.header.made_at if newest else None
        if known is not None and known.repository == repository.about.id:
            copied = max(copied, known.copied_at) if copied else known.copied_at
        chain = repository.snapshots()
        proven = pinned(chain, [(proof, at) for proof, at, right in repository.proofs() if right])
        return Standing(
            repository=repository.about.id,
            snapshot=newest.id if newest else None,
            at=steps[-1].at if steps else newest.at if newest else None,
            steps=len(steps),
            copied_at=copied,
            lag_seconds=self._lag(copied),
            proven=next((one.id for one in chain if proven and one.header.sequence == proven[0]), None),
            opens_until=date.fromisoformat(newest.header.epoch) + self._kept if newest else None,
            wrong=tuple(repository.broken_chain()),
        )

    @property
    def _kept(self) -> timedelta:
        return timedelta(days=self._city.settings.retention.backup_keys)

    def _lag(self, copied: datetime | None) -> float:
        """Seconds since the last copy, when something changed after it; 0 when nothing did."""
        changed = changed_at(self._city.path)
        if copied is None:
            return (self._city.clock.now() - changed).total_seconds()
        return max(0.0, (self._city.clock.now() - copied).total_seconds()) if changed > copied else 0.0


_Waiting = tuple[str, str, dict[str, str | int]]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A file on its way into a snapshot; ``digests`` are parts that have no place yet."""

    source: Source
    entry: Entry
    entropy: float | None
    digests: tuple[str, ...] = ()


def _drafted(source: Source, writer: Writer, old: dict[tuple[str, str], Entry]) -> _Draft:
    """Read a file, and put what is new of it into the repository."""
    whole = Summed(writer.epoch)
    if source.file is not None:  # turned into another form, which is another each time: the file decides
        for run in file_bytes(source.file):
            whole.add(run)
        held = old.get((source.kind, whole.digest()))
        if held is not None:
            return _Draft(source, msgspec.structs.replace(held, path=source.path), None)
        digests = tuple(writer.put(run) for run in runs(source.read()))
        return _Draft(source, _entry(source, source.size_bytes, whole.digest()), None, digests)
    size, sample, put = 0, b"", []
    for run in runs(source.read()):
        whole.add(run)
        put.append(writer.put(run))
        sample, size = sample or run, size + len(run)
    entropy = None if source.path.endswith(_COMPRESSED) else entropy_bits(sample)
    return _Draft(source, _entry(source, size, whole.digest()), entropy, tuple(put))


def placed(drafts: list[_Draft], writer: Writer) -> list[Entry]:
    """Entries of a listing, now that all parts have their place."""
    return [
        msgspec.structs.replace(one.entry, parts=writer.parts(one.digests)) if one.digests else one.entry
        for one in drafts
    ]


def _entry(source: Source, size: int, digest: str) -> Entry:
    return Entry(path=source.path, kind=source.kind, size_bytes=size, digest=digest, parts=())


def runs(data: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in runs of `PART_BYTES`, so that what is the same is cut alike."""
    held = bytearray()
    for one in data:
        if not held and len(one) == PART_BYTES:  # cut alike already: not copied twice
            yield one
            continue
        held += one
        while len(held) >= PART_BYTES:
            yield bytes(held[:PART_BYTES])
            del held[:PART_BYTES]
    if held:
        yield bytes(held)


def figures_of(drafts: list[_Draft], entries: list[Entry], old: dict[str, Entry]) -> Figures:
    """What tells a city from an encrypted one; see `cityward.secure.backup.snapshot.Figures`."""
    bits = [one.entropy for one in drafts if one.entropy is not None and one.entry.size_bytes]
    new = {entry.path: entry.digest for entry in entries}
    content = set(new.values())
    changing = {one.source.path for one in drafts if one.source.changes}
    gone = [entry for path, entry in old.items() if path not in new]
    return Figures(
        files=len(entries),
        plain_bytes=sum(entry.size_bytes for entry in entries),
        entropy_bits=round(sum(bits) / len(bits), 3) if bits else 0.0,
        replaced=sum(path in new and new[path] != entry.digest and path not in changing for path, entry in old.items()),
        renamed=sum(entry.digest in content for entry in gone),
        gone=sum(entry.digest not in content for entry in gone),
    )


def changed_at(city: Path) -> datetime:
    """When something of the city changed last, by its files."""
    return datetime.fromtimestamp(max((size_time[2] for size_time in moving(city)), default=0) / 1e9, UTC)


def reader_of(repository: Repository, keys: Path, secret: bytes) -> Reader:
    """Who opens what lies in a repository, with its unlocked key and the keys that are left in ``keys``."""
    days = {one.header.epoch for one in repository.snapshots() if one.right}
    held = {day: epoch_key(keys, date.fromisoformat(day)) for day in days}
    return Reader(repository, {day: Epoch.of(day, secret, key) for day, key in held.items() if key is not None})


def passphrase_in(path: Path, *, make: bool = False) -> bytes:
    """The passphrase in a file; with ``make``, a random one is written there when it is missing.

    Raises
    ------
    UserError
        There is no such file.
    """
    if make and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_hex(_PASSPHRASE_BYTES).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    try:
        return path.read_bytes().strip()
    except OSError:
        raise UserError(
            f"The passphrase of backups is not in {path.name}.", "Give its file with --passphrase-file."
        ) from None
