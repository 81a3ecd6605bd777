"""Watches a folder tree for what an encryption of it looks like, by looking every quarter of a second.

Each look stats every folder (a new, renamed or deleted name changes its folder's time), the decoys, and a slice of
the files (a file overwritten in place changes nothing but itself). What changed is held against its kind. Within a
span of `WINDOW_SECONDS` signs add up; `Limits` says how many make an alarm, and the reason for each figure.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from cityward.core.records import Record
from cityward.secure.watch.decoys import Decoys
from cityward.secure.watch.kinds import HEAD_BYTES, strange

Sign = Literal["decoy", "strange", "renamed", "gone", "unknown suffix", "written", "ledger"]

WINDOW_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.25
"""Longest time between two looks. The cost of one is in docs/watch.md."""

LOOK_SECONDS_MIN: Final = 0.05
LOOK_SHARE: Final = 0.05
"""A small tree is looked at more often, up to `LOOK_SECONDS_MIN`, as long as looking takes no more than this share of
the time: what goes between two looks is what a small city loses."""

ROUND_LOOKS: Final = 20
"""Looks in which every file is seen at least once: 5 s."""

HISTORY_CHECK: Final = 64
"""Most files of one look whose beginning is read; a folder full of new files waits for the next looks."""

SUFFIX_CHARS: Final = 24

TEMPORARY: Final = (".new", ".tmp", ".db-journal", ".db-wal", ".db-shm", ".lock")
"""Suffixes that come and go: a name that has one tells of a file that is being written."""

ASIDE: Final = ".commit"
"""Suffix of folders, hidden ones, in which a table's next version is made ready: they hold a link to each of its
versions, come with every commit and go with it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many signs within `WINDOW_SECONDS` make an alarm.

    Attributes
    ----------
    decoy : int
        Decoys touched. One: nothing of ours touches them.
    strange : int
        Files that are not what their name promises. Two: one can be a disk's fault, which other checks name.
    renamed : int
        Files in whose place lies one with its name and a suffix more. Two: ours write ``.NAME.new`` and rename it to
        NAME, never the other way.
    unknown_suffix : int
        New files with a suffix that the folder did not hold. Thirty: people lay files into a city's folder, and its
        own work brought three at most.
    gone : int
        Files that went without another in their place. Everyday work took three at once away; an erasure rewrites a
        file for each month, twenty years of them are 240; so 400.
    written : int
        Files that changed or are new. Everyday work wrote 51 at once, that erasure writes some 500; so 2,000.
    ledger : int
        Looks that found the ledger's newest file gone or shorter.
    """

    decoy: int = 1
    strange: int = 2
    renamed: int = 2
    unknown_suffix: int = 30
    gone: int = 400
    written: int = 2_000
    ledger: int = 1

    def of(self, sign: Sign) -> int:
        """Limit of a sign."""
        return int(getattr(self, sign.replace(" ", "_")))


class Alarm(Record, frozen=True, kw_only=True):
    """The tree looks attacked.

    ``at`` is a moment of the monotonic clock (seconds); ``signs`` counts what was seen within the window, and
    ``first`` is the sign that reached its limit. Paths are left out: names of files can tell of people.
    """

    at: float
    first: Sign
    signs: dict[str, int]
    because: str


@dataclass(slots=True)
class _Held:
    """A file as it was last seen."""

    size: int
    changed_ns: int
    inode: int


@dataclass(slots=True)
class FileWatch:
    """Watches one tree; call `look` every `LOOK_SECONDS` with the time.

    Parameters
    ----------
    root : pathlib.Path
        The tree. Nothing outside is read; symbolic links are not followed.
    decoys : Decoys or None
        Laid before.
    limits : Limits
    """

    root: Path
    decoys: Decoys | None = None
    limits: Limits = field(default_factory=Limits)
    _files: dict[str, dict[str, _Held]] = field(default_factory=dict)
    _folders: dict[str, int] = field(default_factory=dict)
    _suffixes: set[str] = field(default_factory=set)
    _signs: deque[tuple[float, Sign]] = field(default_factory=deque)
    _waiting: dict[str, None] = field(default_factory=dict)
    _round: list[str] = field(default_factory=list)
    _ledger: tuple[str, int] = ("", 0)
    _stamps: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    _prefix: str = ""
    looks: int = 0

    def arm(self) -> int:
        """Take the tree as it is for whole; return its number of files."""
        self._prefix = f"{self.root}/"
        self._files.clear()
        self._folders.clear()
        self._scan_new(".")
        self._suffixes = {_suffix(name) for held in self._files.values() for name in held}
        self._ledger = self._newest_ledger()
        return sum(map(len, self._files.values()))

    def look(self, now: float) -> Alarm | None:
        """Look once.

        Parameters
        ----------
        now : float
            Seconds of the monotonic clock.
        """
        self.looks += 1
        for folder, held_ns in list(self._folders.items()):
            seen = _folder_ns(self._at(folder))
            if seen is None:
                self._forget(folder, now)
            elif seen != held_ns:
                self._folders[folder] = seen
                self._compare(folder, now)
        self._slice(now)
        self._read_waiting(now)
        if self.decoys is not None:
            self._note("decoy", now, len(self._touched(self.decoys)))
        self._look_at_ledger(now)
        return self._judge(now)

    def _at(self, path: str) -> str:
        return self._prefix + path  # a Path costs more than the look at the file

    # -- what is seen ------------------------------------------------------------------------------

    def _scan_new(self, top: str) -> list[str]:
        """Take in a folder and all below; return the files in it."""
        found, stack = [], [top]
        while stack:
            folder = stack.pop()
            seen = _folder_ns(self._at(folder))
            if seen is None:
                continue
            self._folders[folder] = seen
            files, folders = _listed(self._at(folder))
            self._files[folder] = files
            found += [f"{folder}/{name}" for name in files]
            stack += [f"{folder}/{name}" for name in folders]
        return found

    def _compare(self, folder: str, now: float) -> None:
        """A folder's names changed: which, and how."""
        before = self._files.get(folder, {})
        files, folders = _listed(self._at(folder))
        self._files[folder] = files
        fresh = [name for name in files if name not in before]
        lost = [name for name in before if name not in files]
        self._note_names(folder, fresh, lost, now)
        self._changed(folder, [name for name in files if name in before and _differs(files[name], before[name])], now)
        for name in folders:
            if f"{folder}/{name}" not in self._folders:
                self._came(self._scan_new(f"{folder}/{name}"), now)

    def _note_names(self, folder: str, fresh: list[str], lost: list[str], now: float) -> None:
        self._came([f"{folder}/{name}" for name in fresh], now)
        lasting = [name for name in lost if not name.endswith(TEMPORARY)]
        renamed = {name for name in lasting if any(_lengthens(name, new) for new in fresh)}
        self._note("renamed", now, len(renamed))
        self._note("gone", now, len(lasting) - len(renamed))

    def _came(self, paths: list[str], now: float) -> None:
        lasting = [path for path in paths if not path.endswith(TEMPORARY)]
        self._note("unknown suffix", now, sum(_suffix(path) not in self._suffixes for path in lasting))
        self._note("written", now, len(lasting))
        self._waiting.update(dict.fromkeys(lasting))

    def _changed(self, folder: str, names: Iterable[str], now: float) -> None:
        paths = [f"{folder}/{name}" for name in names if not name.endswith(TEMPORARY)]
        self._note("written", now, len(paths))
        self._waiting.update(dict.fromkeys(paths))

    def _forget(self, gone: str, now: float) -> None:
        below = [folder for folder in self._folders if folder == gone or folder.startswith(f"{gone}/")]
        for folder in below:
            self._note("gone", now, len(self._files.pop(folder, {})))
            del self._folders[folder]

    def _slice(self, now: float) -> None:
        """Stat a part of the files, so that all have been seen after `ROUND_LOOKS`."""
        if not self._round:
            self._round = [f"{folder}/{name}" for folder, files in self._files.items() for name in files]
            self._per_look = -(-len(self._round) // ROUND_LOOKS)
        part, self._round = self._round[-self._per_look :], self._round[: -self._per_look]
        for path in part:
            folder, _, name = path.rpartition("/")
            held = self._files.get(folder, {}).get(name)
            try:
                seen = os.lstat(self._at(path))
            except OSError:
                continue  # its folder's time has changed too
            if held is not None and (seen.st_size, seen.st_mtime_ns) != (held.size, held.changed_ns):
                self._files[folder][name] = _Held(seen.st_size, seen.st_mtime_ns, seen.st_ino)
                self._changed(folder, [name], now)

    _per_look: int = 1

    def _read_waiting(self, now: float) -> None:
        for path in list(self._waiting)[:HISTORY_CHECK]:
            del self._waiting[path]
            try:
                descriptor = os.open(self._at(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except OSError:
                continue
            try:
                head = os.read(descriptor, HEAD_BYTES)
            finally:
                os.close(descriptor)
            self._note("strange", now, int(strange(path, head) is not None))

    def _touched(self, decoys: Decoys) -> list[str]:
        """Decoys that are not as laid; one whose times and size are as they were is read once a round only."""
        seen = {path: _stamp(self._at(path)) for path in decoys.content}
        every = self.looks % ROUND_LOOKS == 1
        doubtful = [path for path, stamp in seen.items() if every or stamp != self._stamps.get(path)]
        touched = decoys.touched(doubtful)
        self._stamps = {path: stamp for path, stamp in seen.items() if path not in touched}
        return touched

    def _newest_ledger(self) -> tuple[str, int]:
        for name in ("checkpoint", "checkpoints"):
            path = self.root / "ledger" / name
            if path.exists():
                return f"ledger/{name}", path.stat().st_size if name == "checkpoints" else 1
        return "", 0

    def _look_at_ledger(self, now: float) -> None:
        """The ledger only grows; one that shrinks or is gone says nothing any more."""
        before, seen = self._ledger, self._newest_ledger()
        if before[0] and (seen[0] != before[0] or seen[1] < before[1]):
            self._note("ledger", now, 1)
        else:
            self._ledger = seen

    # -- what it means -----------------------------------------------------------------------------

    def _note(self, sign: Sign, now: float, times: int) -> None:
        self._signs.extend([(now, sign)] * times)

    def _judge(self, now: float) -> Alarm | None:
        while self._signs and self._signs[0][0] < now - WINDOW_SECONDS:
            self._signs.popleft()
        counts: dict[Sign, int] = {}
        for _, sign in self._signs:
            counts[sign] = counts.get(sign, 0) + 1
        order: tuple[Sign, ...] = ("decoy", "renamed", "strange", "ledger", "unknown suffix", "gone", "written")
        for sign in order:
            if counts.get(sign, 0) >= self.limits.of(sign):
                signs = {str(name): count for name, count in sorted(counts.items())}
                return Alarm(at=now, first=sign, signs=signs, because=_WORDS[sign].format(counts[sign]))
        return None

    def signs(self) -> dict[str, int]:
        """Signs within the window, for figures of how far from an alarm a time without one was."""
        found: dict[str, int] = {}
        for _, sign in self._signs:
            found[sign] = found.get(sign, 0) + 1
        return found


_WORDS: Final[dict[Sign, str]] = {
    "decoy": "a decoy was touched, which nothing of the city does",
    "renamed": "{} files went, and in their place lie others with a suffix more",
    "strange": "{} files are not what their names promise",
    "ledger": "the ledger is gone or shorter than it was (seen {} times)",
    "unknown suffix": "{} files came with a suffix that the city does not know",
    "gone": "{} files went without another in their place",
    "written": "{} files were written within ten seconds",
}


def pause_after(look_seconds: float) -> float:
    """Seconds until the next look, after one that took ``look_seconds``."""
    return min(LOOK_SECONDS, max(LOOK_SECONDS_MIN, look_seconds / LOOK_SHARE))


def _listed(folder: str) -> tuple[dict[str, _Held], list[str]]:
    files: dict[str, _Held] = {}
    folders: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if not (entry.name.startswith(".") and entry.name.endswith(ASIDE)):
                        folders.append(entry.name)
                    continue
                try:
                    seen = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if stat.S_ISREG(seen.st_mode):
                    files[entry.name] = _Held(seen.st_size, seen.st_mtime_ns, seen.st_ino)
    except OSError:
        pass  # gone since: the next look at its parent says so
    return files, folders


def _folder_ns(path: str) -> int | None:
    try:
        return os.lstat(path).st_mtime_ns
    except OSError:
        return None


def _stamp(path: str) -> tuple[int, int, int]:
    try:
        seen = os.lstat(path)
    except OSError:
        return 0, 0, 0
    return seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


def _differs(now: _Held, before: _Held) -> bool:
    return (now.size, now.changed_ns) != (before.size, before.changed_ns)


def _lengthens(old: str, new: str) -> bool:
    """Whether ``new`` is ``old`` with a suffix more."""
    return new.startswith(f"{old}.") and len(new) - len(old) <= SUFFIX_CHARS


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()  # noqa: PTH122 - Path is ten times slower
