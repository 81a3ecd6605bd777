"""A repository on a server whose clock tests set, and a writer of snapshots who says what time he likes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cityward.secure.backup.places import FolderPlace, Held
from cityward.secure.backup.repository import Repository
from cityward.secure.backup.sealing import Epoch, Reader, Summed, Writer
from cityward.secure.backup.snapshot import Entry, Figures, Listing, Proof, Snapshot, signed
from cityward.secure.keys import public_bytes

START = datetime(2026, 1, 1, 3, tzinfo=UTC)
PASSPHRASE = b"a passphrase of tests"
FIGURES = Figures(files=100, plain_bytes=200 * 2**20, entropy_bits=4.5, replaced=0, renamed=0, gone=0)
CHEAP = 2


class Server(FolderPlace):
    """A folder on a server: no program can set the time of a file, so the tests set the server's clock."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.clock = START
        self.arrived: dict[str, datetime] = {}

    def put(self, name: str, data: bytes) -> None:
        super().put(name, data)
        self.arrived[name] = self.clock

    def list(self, prefix: str) -> Iterator[Held]:
        for held in super().list(prefix):
            yield Held(held.name, held.size_bytes, self.arrived.get(held.name, self.clock))

    def now(self) -> datetime:
        return self.clock


@dataclass
class Maker:
    """A city's machine, or whoever took it over: it has the city's keys."""

    server: Server
    signer: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def __post_init__(self) -> None:
        self.repository = Repository.make(self.server, PASSPHRASE, public_bytes(self.signer.public_key()), CHEAP)
        self.epoch = Epoch.of("2026-01-01", self.repository.unlocked(PASSPHRASE), b"e" * 32)

    def make(
        self,
        content: bytes,
        *,
        says: datetime | None = None,
        figures: Figures = FIGURES,
        signer: Ed25519PrivateKey | None = None,
    ) -> Snapshot:
        """A snapshot of one file; ``says`` is what the maker's clock says, the server's by default."""
        before = self.repository.newest()
        writer = Writer(self.repository, self.epoch)
        whole = Summed(self.epoch)
        whole.add(content)
        digests = [writer.put(content[at : at + 2**20]) for at in range(0, len(content), 2**20)]
        entry = Entry(
            path="a.txt", kind="plain", size_bytes=len(content), digest=whole.digest(), parts=writer.parts(digests)
        )
        header = writer.finish(
            Listing(files=(entry,), gone=(), facts={}),
            before,
            figures,
            signer or self.signer,
            made_at=says or self.server.clock,
            ledger=(0, ""),
        )
        return self.repository.snapshot(header.sequence)

    def days(self, count: int, content: bytes = b"the good city ") -> list[Snapshot]:
        """One honest snapshot a day."""
        made = []
        for day in range(count):
            made.append(self.make(content + str(day).encode()))
            self.server.clock += timedelta(days=1)
        self.server.clock -= timedelta(hours=23)
        return made

    def prove(self, snapshot: Snapshot, drill: str) -> None:
        proof = Proof(
            repository=self.repository.about.id,
            sequence=snapshot.header.sequence,
            step=0,
            header=snapshot.digest,
            drill=drill,
        )
        self.server.put(f"proofs/{snapshot.header.sequence:08d}-{drill}", signed(proof, self.signer))

    def read(self, snapshot: Snapshot) -> bytes:
        reader = Reader(Repository(self.server), {self.epoch.day: self.epoch})
        (entry,) = reader.listing(snapshot.header).files
        return b"".join(reader.bytes_of(entry, self.epoch))
