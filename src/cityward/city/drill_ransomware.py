"""The drill of ransomware: from the first encrypted file of a copy to the first right answer of what was restored."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from cityward.city.backing_up import passphrase_in
from cityward.city.drill_login import GUESS_SECONDS, Guessed, WayIn, guess, let_in, summed
from cityward.city.drill_served import Served, needs_digest, outfit, served
from cityward.core.clock import monotonic, pause, rng
from cityward.core.errors import CitywardError, UserError
from cityward.secure.backup.places import Missing, open_place
from cityward.secure.backup.repository import Repository
from cityward.secure.drill.canary import READER, SOURCE, Book, Loss, Writer
from cityward.secure.drill.emulate import SUFFIX, Variant
from cityward.secure.drill.report import (
    DETECT_SECONDS,
    LOST_FILES_MIN,
    LOST_SHARE,
    RTO_SECONDS,
    DrillReport,
    Step,
    Target,
    at_most,
    told,
)
from cityward.secure.drill.salvage import Salvaged, salvage
from cityward.secure.drill.sandbox import MARKER, Sandbox, copy_city
from cityward.secure.drill.strike import PER_SECOND, Attack, attacked
from cityward.secure.keys import load_public_key
from cityward.secure.watch.decoys import decoys_of, lay
from cityward.secure.watch.files import FileWatch
from cityward.secure.watch.kinds import HEAD_BYTES, strange

if TYPE_CHECKING:
    from cityward.city.city import City
    from cityward.secure.backup.snapshot import Snapshot

FIRST_CANARIES: Final = 3
"""So many are acknowledged before the attack may begin: without one there is nothing to lose."""

_ANSWER_PAUSE_SECONDS: Final = 0.02
_LOOK_SECONDS: Final = 0.2
BACKUP_SECONDS_MAX: Final = 3_600.0
"""A first backup that takes longer is one of a city too large for a drill in one go."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a drill of ransomware is done.

    ``wait_seconds`` are the bounds between which the attack begins at random. ``per_second`` is its pace in files.
    """

    variant: Variant = "samsam"
    seed: int = 1
    wait_seconds: tuple[float, float] = (5.0, 30.0)
    per_second: float = PER_SECOND


SMALL: Final = (0.5, 2.0)
"""Bounds of the wait of a drill that runs with every change of the program."""


@dataclass(slots=True)
class _Timeline:
    """Moments of one monotonic clock."""

    steps: list[tuple[float, str]] = field(default_factory=list)

    def note(self, what: str, at: float | None = None) -> float:
        moment = monotonic() if at is None else at
        self.steps.append((moment, what))
        return moment

    def since(self, zero: float) -> tuple[Step, ...]:
        return tuple(Step(at=round(at - zero, 3), what=what) for at, what in sorted(self.steps))


@dataclass(frozen=True, slots=True)
class _Before:
    """The sandbox at work: what it answered, and what was noted of it."""

    sandbox: Sandbox
    repo: Path
    book: Book
    needs: str | None
    backup_seconds: float
    clock_offset: float
    guessed: Guessed


@dataclass(frozen=True, slots=True)
class _After:
    """What came back."""

    snapshot: str
    tries: int
    salvaged: Salvaged
    answered_at: float
    right: bool
    loss: Loss
    plain_bytes: int


def ransomware(city: City, box: Path, name: str, plan: Plan, say: Callable[[str], None]) -> DrillReport:
    """Attack a copy, notice it, isolate it, restore it, and ask it; return what was measured.

    The copy is served by a process of its own, which takes in numbered, signed canaries all the time, and is copied
    into a repository of its own all the time. At a random moment an emulation begins to encrypt it. RPO is counted in
    canaries that were acknowledged and did not come back, RTO from the alarm to the first answer that is right: the
    list of needs as before, and canaries counted.

    Parameters
    ----------
    city : City
        Read only; `box` holds the copy.
    box : pathlib.Path
        An empty folder.
    name : str
        Identifier of the drill.
    say : callable
        Is told how far it is.
    """
    began_at, timeline = city.clock.now(), _Timeline()
    say("The city is copied.")
    sandbox = copy_city(city.path, box / "sandbox")
    repository = box / "repository"
    outfit(sandbox.root, city.clock, repository)
    way, book = let_in(sandbox.root, city.clock), Book(name)
    say("The copy is served and backed up.")
    with _at_work(city, sandbox, repository, book, timeline) as (held, watch, backup_seconds):
        say("Somebody guesses at the sign-in of the copy.")
        guessed = _guessed(held, sandbox, way, city, timeline)
        needs = needs_digest(held)
        pause(float(rng(plan.seed, "drill", "moment").uniform(*plan.wait_seconds)))
        say("The attack begins.")
        attack = attacked(
            sandbox,
            watch,
            held.kill,
            variant=plan.variant,
            seed=plan.seed,
            per_second=plan.per_second,
        )
    before = _Before(
        sandbox, repository, book, needs, backup_seconds, city.clock.now().timestamp() - monotonic(), guessed
    )
    _note_attack(timeline, attack)
    say(f"The attack was noticed after {attack.lost} of {attack.files} files; the copy is restored.")
    after = _restored(city, box, before, attack, timeline)
    return _report(city, name, plan, began_at, before, attack, after, timeline)


@contextmanager
def _at_work(
    city: City, sandbox: Sandbox, repository: Path, book: Book, timeline: _Timeline
) -> Iterator[tuple[Served, FileWatch, float]]:
    """The sandbox served, with canaries, watched; it copies itself all the time, as ``continuous = true`` says."""
    # The city's own came with the copy; their key stays with the city.
    decoys = lay(sandbox.root, book.signer.private_bytes_raw(), anew=True)
    began = monotonic()
    with served(sandbox.root) as held:
        held.until_it_answers()
        writer = Writer(book, held.url, city.clock)
        writer.start()
        try:
            timeline.note("The copy answers and takes in canaries; its backup has begun")
            while _newest(repository, sandbox) is None:
                if held.process.poll() is not None or monotonic() - began > BACKUP_SECONDS_MAX:
                    raise CitywardError("The backup of the copy did not come to an end.")
                pause(_LOOK_SECONDS)
            _await_canaries(book)
            seconds = timeline.note("The backup is whole; from here on every change is copied") - began
            # As a city keeps them elsewhere: keys lie in no backup.
            shutil.copytree(sandbox.root / "keys", repository.with_name("keys"))
            watch = FileWatch(sandbox.root, decoys)
            watch.arm()
            yield held, watch, seconds
        finally:
            writer.stop()


def _guessed(held: Served, sandbox: Sandbox, way: WayIn, city: City, timeline: _Timeline) -> Guessed:
    """Let somebody guess at the sign-in of the copy, as SamSam came in."""
    timeline.note("The first password is guessed at the sign-in of the copy")
    told = guess(held, sandbox.root, way, city.clock)
    timeline.steps += told.steps
    return told


def _newest(repository: Path, sandbox: Sandbox) -> Snapshot | None:
    if not repository.exists():
        return None
    try:
        return _opened(repository, sandbox.root / "keys").newest()
    except (UserError, Missing):
        return None


def _opened(repository: Path, keys: Path) -> Repository:
    return Repository(open_place(str(repository)), load_public_key(keys / "ledger.pub"))


def _await_canaries(book: Book) -> None:
    """Until the first canaries are acknowledged; the server is the one who writes then."""
    began = monotonic()
    while len(book.acknowledged) < FIRST_CANARIES:
        if monotonic() - began > RTO_SECONDS:
            raise CitywardError("The copy took in no canary: the drill cannot say what would be lost.")
        pause(_ANSWER_PAUSE_SECONDS)


def _note_attack(timeline: _Timeline, attack: Attack) -> None:
    if attack.struck:
        timeline.note("The first file is encrypted", attack.struck[0].at)
        timeline.note(f"The last of {attack.lost} files is encrypted", attack.struck[-1].at)
    if attack.signs_at is not None:
        timeline.note("The watch sees a first sign; later copies are not used", attack.signs_at)
    if attack.alarm is not None:
        timeline.note(f"Alarm: {attack.alarm.because}", attack.alarm.at)
    timeline.note("Isolated: the server is stopped, the copy can be read only", attack.isolated_at)


def _restored(city: City, box: Path, before: _Before, attack: Attack, timeline: _Timeline) -> _After:
    """Restore the newest copy that is whole, serve it, and wait for the first right answer."""
    sign = attack.signs_at if attack.signs_at is not None else attack.isolated_at
    repository = _opened(before.repo, before.repo.with_name("keys"))
    copies = [one for base in repository.snapshots() for one in (base, *repository.steps(base.header.sequence))]
    # What arrived before the first sign was read before it.
    clean = [one for one in copies if one.at.timestamp() <= sign + before.clock_offset][::-1]
    for tries, snapshot in enumerate(clean, 1):
        target = box / f"restored-{tries}"
        given, wrong = _give_back(before, snapshot, target)
        wrong = wrong or _damaged(target, before.book)
        if wrong:
            timeline.note(f"Copy {snapshot.id} is not used: {wrong}")
            continue
        timeline.note(f"Copy {snapshot.id} is restored")
        salvaged = salvage(before.sandbox.root, target)
        if salvaged.more_bytes:
            timeline.note(f"{salvaged.more_bytes:,} bytes of the log that survived are laid onto it")
        answered_at, right = _asked(target, before, timeline)
        return _After(snapshot.id, tries, salvaged, answered_at, right, _loss(city, target, before.book), given)
    raise CitywardError(f"No copy of the sandbox could be restored. The last reason: {timeline.steps[-1][1]}")


def _give_back(before: _Before, snapshot: Snapshot, target: Path) -> tuple[int, str]:
    """Restore a copy with the keys that lie outside; return its bytes, or why it cannot be restored."""
    from cityward.city.restoring import restore

    keys = before.repo.with_name("keys")
    passphrase = passphrase_in(keys / "backup.passphrase")
    try:
        return restore(str(before.repo), target, keys, passphrase, snapshot=snapshot.id).plain_bytes, ""
    except UserError as error:
        return 0, error.what


def _damaged(restored: Path, book: Book) -> str:
    """What of the attack a restored folder holds: decoys touched, suffixes, files against their kind; else nothing."""
    if decoys_of(restored, book.signer.private_bytes_raw()).touched():
        return "decoys in it were touched"
    for path in restored.rglob("*"):
        if path.suffix == SUFFIX:
            return "it holds encrypted files"
        if path.is_file() and path.name != MARKER:
            with path.open("rb") as file:
                if strange(path.relative_to(restored).as_posix(), file.read(HEAD_BYTES)) is not None:
                    return f"a file of the kind '{path.suffix}' is not what its name promises"
    return ""


def _asked(target: Path, before: _Before, timeline: _Timeline) -> tuple[float, bool]:
    """Serve the restored city and ask until it is right; when, and whether it became so at all."""
    with served(target) as held:
        held.until_it_answers()
        timeline.note("The restored city answers")
        ended = monotonic() + RTO_SECONDS
        while monotonic() < ended:
            if needs_digest(held) == before.needs and _counts(held):
                return timeline.note("First right answer: needs as before, canaries counted"), True
            pause(_LOOK_SECONDS)
    return monotonic(), False


def _counts(held: Served) -> bool:
    """Whether the restored city says that canaries came in."""
    body = held.get("/api/intake?limit=1")
    if body is None:
        return False
    sums = msgspec.json.decode(body)["conservation"]["by_source"]
    return any(one["source"] == SOURCE and one["added"] > 0 for one in sums)


def _loss(city: City, target: Path, book: Book) -> Loss:
    """Hold the canaries of the restored city against those that were acknowledged."""
    from cityward.city.city import open_city

    with open_city(target, city.clock) as restored, restored.writing() as door:
        door.flush()
        rows = restored.read(READER, "audit").frame(("source", "id"))
        return book.lost(rows.filter(source=SOURCE)["id"].to_list())


def _report(
    city: City,
    name: str,
    plan: Plan,
    began_at: datetime,
    before: _Before,
    attack: Attack,
    after: _After,
    timeline: _Timeline,
) -> DrillReport:
    alarm_at = attack.alarm.at if attack.alarm else attack.isolated_at
    targets: tuple[Target, ...] = (
        at_most("time to detect", max(0.0, alarm_at - attack.first_at), DETECT_SECONDS, "s"),
        at_most("share of files lost", 100 * attack.lost / max(1, attack.files), _lost_wanted(attack.files), "%"),
        at_most("RPO, acknowledged reports lost", after.loss.missing, 0, ""),
        at_most("RTO, alarm to first right answer", after.answered_at - alarm_at, RTO_SECONDS, "s"),
        at_most("guessing, last wrong try to alert", before.guessed.alert_seconds, GUESS_SECONDS, "s"),
    )
    slowed = before.guessed.slowed_at is not None
    passed = attack.alarm is not None and after.right and slowed and all(one.met for one in targets)
    notes = list(_small(attack))
    summed(before.guessed, notes.append)
    return DrillReport(
        id=name,
        kind="ransomware",
        variant=plan.variant,
        seed=plan.seed,
        began_at=began_at,
        ended_at=city.clock.now(),
        passed=passed,
        headline=_headline(attack, after, targets),
        targets=targets,
        timeline=timeline.since(attack.first_at),
        figures={
            "files": attack.files,
            "files lost": attack.lost,
            "bytes lost": sum(one.size_bytes for one in attack.struck),
            "bytes restored": after.plain_bytes,
            "canaries sent": before.book.sent,
            "canaries acknowledged": after.loss.acknowledged,
            "last acknowledged minus last recovered": after.loss.numbers,
            "canaries changed": after.loss.changed,
            "canaries doubled": after.loss.doubled,
            "seconds of acknowledged reports lost": after.loss.seconds,
            "seconds from alarm to isolation": round(attack.isolated_at - alarm_at, 3),
            "seconds of the first backup": round(before.backup_seconds, 3),
            "wrong tries at sign-in": before.guessed.tries,
            "seconds that guessing was told to wait": before.guessed.slowed_seconds,
            "copies tried": after.tries,
            "bytes of the log salvaged": after.salvaged.more_bytes,
        },
        notes=tuple(notes),
    )


def _lost_wanted(files: int) -> float:
    """Per cent of files that may be lost."""
    return round(100 * max(LOST_SHARE, LOST_FILES_MIN / max(1, files)), 2)


def _small(attack: Attack) -> tuple[str, ...]:
    """What is to be known of a city that is too small for a share."""
    if LOST_SHARE * attack.files >= LOST_FILES_MIN:
        return ()
    return (
        f"In a city of {attack.files} files 1 % is less than goes between two looks: {LOST_FILES_MIN} files are "
        f"allowed. Lost: {attack.lost}.",
    )


def _headline(attack: Attack, after: _After, targets: tuple[Target, ...]) -> str:
    if attack.alarm is None:
        return "The attack was not noticed"
    if not after.right:
        return "The restored city did not give the right answer"
    return told(targets)
