"""Smaller drills: a lost disk, a lost key, a poisoned backup, an insider, a database that does not answer.

Each works on a copy with a backup of its own, does one thing to it, and measures what the city then does.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cityward.city.backing_up import passphrase_in
from cityward.city.drill_served import outfit
from cityward.city.restoring import Restoration, restore
from cityward.core.clock import monotonic
from cityward.core.errors import CitywardError, Refused, SettingsError, UserError
from cityward.core.records import to_json
from cityward.secure.drill.canary import READER, SOURCE, Book
from cityward.secure.drill.report import RTO_SECONDS, DrillReport, Step, Target, at_most, told
from cityward.secure.drill.sandbox import Guard, Sandbox, copy_city

if TYPE_CHECKING:
    from cityward.city.city import City

CANARIES: Final = 20


@dataclass(slots=True)
class _Scene:
    """A copy of the city with canaries in it, backed up; and the times of one clock."""

    city: City
    box: Path
    sandbox: Sandbox
    book: Book
    needs: str
    zero: float
    steps: list[Step]
    began_at: datetime

    @property
    def repository(self) -> Path:
        return self.box / "repository"

    @property
    def keys(self) -> Path:
        return self.box / "keys"

    def note(self, what: str) -> float:
        now = monotonic()
        self.steps.append(Step(at=round(now - self.zero, 3), what=what))
        return now

    def restored(self, snapshot: str | None = None) -> tuple[Path, Restoration]:
        target = self.box / f"restored-{len(self.steps)}"
        passphrase = passphrase_in(self.keys / "backup.passphrase")
        return target, restore(str(self.repository), target, self.keys, passphrase, snapshot=snapshot)

    def missing(self, folder: Path) -> int:
        """Acknowledged canaries that a folder does not hold; raises when its needs are others."""
        with _opened(folder, self.city) as city:
            if _needs(city) != self.needs:
                raise CitywardError("The restored copy lists other needs than before.")
            rows = city.read(READER, "audit").frame(("source", "id")).filter(source=SOURCE)
            return self.book.lost(rows["id"].to_list()).missing

    def report(self, name: str, kind: str, seed: int, targets: tuple[Target, ...], **figures: float) -> DrillReport:
        return DrillReport(
            id=name,
            kind=kind,
            variant="one scenario",
            seed=seed,
            began_at=self.began_at,
            ended_at=self.city.clock.now(),
            passed=all(one.met for one in targets),
            headline=told(targets),
            targets=targets,
            timeline=tuple(self.steps),
            figures=dict(figures),
        )


def _opened(folder: Path, city: City) -> City:
    from cityward.city.city import open_city

    return open_city(folder, city.clock)


def _needs(city: City) -> str:
    return sha256(to_json(city.need_list())).hexdigest()


def _scene(city: City, box: Path, name: str) -> _Scene:
    began_at = city.clock.now()
    sandbox = copy_city(city.path, box / "sandbox")
    outfit(sandbox.root, city.clock, box / "repository")
    book = Book(name)
    with _opened(sandbox.root, city) as copied:
        for number in range(1, CANARIES + 1):
            if copied.take(SOURCE, book.line(number, city.clock.now())).added:
                book.acknowledged[number] = monotonic()
        with copied.writing() as door:
            door.flush()
        needs = _needs(copied)
        copied.backups.make()
    shutil.copytree(sandbox.root / "keys", box / "keys")
    return _Scene(city, box, sandbox, book, needs, monotonic(), [], began_at)


def lost_disk(city: City, box: Path, name: str, seed: int) -> DrillReport:
    """The folder is gone; what is left are the repository and the copy of the keys."""
    scene = _scene(city, box, name)
    shutil.rmtree(scene.sandbox.root)
    scene.note("The disk of the copy is lost")
    target, given = scene.restored()
    scene.note(f"Snapshot {given.snapshot} is restored: {given.files} files")
    missing = scene.missing(target)
    end = scene.note("First right answer: needs as before, canaries counted")
    targets = (
        at_most("acknowledged reports lost", missing, 0, ""),
        at_most("time to the first right answer", end - scene.zero, RTO_SECONDS, "s"),
    )
    return scene.report(name, "lost-disk", seed, targets, files=given.files, bytes=given.plain_bytes)


def lost_key(city: City, box: Path, name: str, seed: int) -> DrillReport:
    """Keys are gone one by one: the city refuses to write, and goes on once they are brought back."""
    scene = _scene(city, box, name)
    went_on = unread = 0
    for key in ("ledger.key", "pseudonyms.key"):
        held = scene.sandbox.root / "keys" / key
        held.unlink()
        try:
            with _opened(scene.sandbox.root, city) as copied:
                copied.take(SOURCE, scene.book.line(CANARIES + 1, city.clock.now()))
            went_on += 1
            scene.note(f"Without {key} the copy went on as if nothing was lost")
        except (SettingsError, CitywardError) as error:
            scene.note(f"Without {key} nothing is written: {error}")
        shutil.copyfile(scene.keys / key, held)
        held.chmod(0o600)
    unread = scene.missing(scene.sandbox.root)
    end = scene.note("With the keys brought back the copy answers rightly")
    targets = (
        at_most("keys without which it went on", went_on, 0, ""),
        at_most("acknowledged reports lost", unread, 0, ""),
        at_most("time to the first right answer", end - scene.zero, RTO_SECONDS, "s"),
    )
    return scene.report(name, "lost-key", seed, targets)


def poisoned_backup(city: City, box: Path, name: str, seed: int) -> DrillReport:
    """Somebody changes what lies in the repository: it is noticed, and the copy from before is restored."""
    scene = _scene(city, box, name)
    safe = scene.box / "elsewhere"
    shutil.copytree(scene.repository, safe)
    packs = sorted(path for path in (scene.repository / "packs").rglob("*") if path.is_file())
    poisoned = packs[seed % len(packs)]
    data = bytearray(poisoned.read_bytes())
    data[len(data) // 2] ^= 0xFF
    poisoned.chmod(0o600)
    poisoned.write_bytes(bytes(data))
    scene.note(f"A byte of one of {len(packs)} packs is changed")
    unnoticed = 0
    try:
        scene.restored()
        unnoticed = 1
        scene.note("The restore did not notice")
    except UserError as error:
        scene.note(f"The restore refuses: {error.what[:160]}")
    shutil.rmtree(scene.repository)
    safe.rename(scene.repository)
    target, given = scene.restored()
    missing = scene.missing(target)
    end = scene.note(f"From the second repository snapshot {given.snapshot} is restored, and answers rightly")
    targets = (
        at_most("changed packs that were not noticed", unnoticed, 0, ""),
        at_most("acknowledged reports lost", missing, 0, ""),
        at_most("time to the first right answer", end - scene.zero, RTO_SECONDS, "s"),
    )
    return scene.report(name, "poisoned-backup", seed, targets, packs=len(packs))


def insider_deletion(city: City, box: Path, name: str, seed: int) -> DrillReport:
    """Somebody with access to the disk deletes decisions and cuts the ledger: both are named and come back."""
    scene = _scene(city, box, name)
    root = scene.sandbox.root
    with closing(sqlite3.connect(root / "registers.db")) as registers, registers:
        rows = registers.execute("DELETE FROM records WHERE kind IN ('need', 'proposal')").rowcount
    with _opened(root, city) as copied:
        size = copied.ledger_size
    guard = Guard(root, scene.sandbox.token)
    held = "ledger/entries" if (root / "ledger" / "entries").is_file() else _newest_entries(root)
    descriptor = guard.open(held, os.O_RDWR)
    try:
        os.pwrite(descriptor, secrets.token_bytes(8), max(0, os.fstat(descriptor).st_size // 2))
    finally:
        os.close(descriptor)
        guard.close()
    scene.note(f"{rows} records are deleted, and one of {size} entries of the ledger is overwritten")
    with _opened(root, city) as copied:
        found = copied.verify()
    scene.note(f"Verified: {found.message}")
    target, given = scene.restored()
    missing = scene.missing(target)
    end = scene.note(f"Snapshot {given.snapshot} is restored: needs as before")
    targets = (
        at_most("changes of the ledger that were not noticed", int(found.ok), 0, ""),
        at_most("acknowledged reports lost", missing, 0, ""),
        at_most("time to the first right answer", end - scene.zero, RTO_SECONDS, "s"),
    )
    return scene.report(name, "insider-deletion", seed, targets, **{"records deleted": rows})


def _newest_entries(root: Path) -> str:
    found = sorted(path for path in (root / "ledger" / "tile" / "entries").rglob("*") if path.is_file())
    return found[-1].relative_to(root).as_posix()


def database_unavailable(city: City, box: Path, name: str, seed: int) -> DrillReport:
    """Another program holds the registers: what comes in then is refused, and nothing of it is half done."""
    scene = _scene(city, box, name)
    refused = acknowledged = 0
    with closing(sqlite3.connect(scene.sandbox.root / "registers.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        scene.note("The registers are locked by somebody else")
        try:
            with _opened(scene.sandbox.root, city) as copied:
                if copied.take(SOURCE, scene.book.line(CANARIES + 1, city.clock.now())).added:
                    scene.book.acknowledged[CANARIES + 1] = monotonic()
                    acknowledged = 1
        except (CitywardError, Refused) as error:
            refused = 1
            scene.note(f"A report is refused: {error}")
        other.execute("ROLLBACK")
    scene.note("The registers answer again")
    missing = scene.missing(scene.sandbox.root)
    end = scene.note("The copy answers rightly")
    targets = (
        at_most("reports neither acknowledged nor refused", 1 - refused - acknowledged, 0, ""),
        at_most("acknowledged reports lost", missing, 0, ""),
        at_most("time to the first right answer", end - scene.zero, 2 * RTO_SECONDS, "s"),
    )
    return scene.report(name, "database-unavailable", seed, targets)


FURTHER: Final[dict[str, Callable[[City, Path, str, int], DrillReport]]] = {
    "lost-disk": lost_disk,
    "lost-key": lost_key,
    "poisoned-backup": poisoned_backup,
    "insider-deletion": insider_deletion,
    "database-unavailable": database_unavailable,
}
