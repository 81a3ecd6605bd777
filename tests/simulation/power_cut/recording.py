"""What a process asked of the disk, from a trace of its system calls: every write, rename and fsync, whoever made it.

The trace is made by ``strace``, which sees the calls of Python, of the table library (Rust) and of SQLite (C) alike.
`read_trace` is a pure function of the trace's text and of the folder that is watched.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CALLS = (
    "open,openat,creat,close,lseek,write,pwrite64,writev,pwritev,pwritev2,truncate,ftruncate,fallocate,"
    "fsync,fdatasync,sync,syncfs,sync_file_range,rename,renameat,renameat2,link,linkat,symlink,symlinkat,"
    "unlink,unlinkat,mkdir,mkdirat,rmdir,mmap,sendfile,copy_file_range,splice"
)
STRING_BYTES = 1 << 26
"""Longest buffer that the trace shows; a longer one is an error, not cut."""

ROOT = 0
"""The inode of the folder that is watched."""

_UNSEEN = {"sendfile", "copy_file_range", "splice", "symlink", "symlinkat"}
PASSING = re.compile(r"-shm$|^\..*\.commit$")
_LINE = re.compile(r"^(?P<pid>\d+)\s+(?P<rest>.*)$")
_UNFINISHED = re.compile(r"^(?P<text>\w+\(.*?),?\s*<unfinished \.\.\.>$", re.DOTALL)
_RESUMED = re.compile(r"^<\.\.\. (?P<name>\w+) resumed>,?\s*(?P<text>.*)$", re.DOTALL)
_CALL = re.compile(r"^(?P<name>\w+)\((?P<given>.*)\)\s+=\s+(?P<result>-?\d+|0x[0-9a-f]+)(?P<more>.*)$", re.DOTALL)
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_NUMBER = re.compile(r"^(\d+)(?:<.*>)?$")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a file's content: ``data`` written at ``offset``, or (without data) its length set to ``offset``.

    ``begin`` and ``end`` are the places in the trace at which the call began and returned.
    """

    begin: int
    end: int
    inode: int
    offset: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Naming:
    """A change of names that happens wholly or not at all: (folder, name, inode or None when the name goes)."""

    begin: int
    end: int
    edits: tuple[tuple[int, str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Sync:
    """An fsync of a file or folder that returned without an error."""

    begin: int
    end: int
    inode: int


@dataclass(slots=True)
class Recording:
    """What happened to a folder that was empty at first.

    Attributes
    ----------
    changes, namings, syncs
        In the order in which they began.
    folders : set of int
        Inodes that are folders.
    passing : set of int
        Inodes that nobody needs after a restart: SQLite's index of its log, and where commits are prepared.
    told : list of (int, bytes)
        What the process wrote to the file of acknowledgements, with the place in the trace at which it began to.
    length : int
        Number of lines of the trace.
    """

    changes: list[Change] = field(default_factory=list)
    namings: list[Naming] = field(default_factory=list)
    syncs: list[Sync] = field(default_factory=list)
    folders: set[int] = field(default_factory=lambda: {ROOT})
    passing: set[int] = field(default_factory=set)
    told: list[tuple[int, bytes]] = field(default_factory=list)
    length: int = 0


class UnseenError(Exception):
    """The process changed a file in a way that the trace does not show."""


def record(command: Sequence[str], trace: Path, *, fsync_delay_us: int = 0) -> None:
    """Run ``command`` under strace; the trace of it and of its threads goes to ``trace``.

    With ``fsync_delay_us`` every fsync takes so much longer, whoever calls it: what does not wait for it shows.
    """
    strace = ["strace", "-f", "-qq", "-y", "-xx", "--seccomp-bpf", "-s", str(STRING_BYTES), "-e", "signal=none"]
    wanted = ["-e", f"trace={CALLS}", "-o", str(trace)]
    if fsync_delay_us:
        wanted += ["-e", f"inject=fsync,fdatasync:delay_enter={fsync_delay_us}"]
    done = subprocess.run([*strace, *wanted, *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"The recorded program failed:\n{done.stderr[-3000:]}")


def read_trace(trace: Path, folder: Path, told: Path) -> Recording:
    """Return what a trace says about ``folder`` (empty when it began) and the acknowledgements in ``told``.

    Raises
    ------
    UnseenError
        A file in the folder was changed by a call that this reader does not know.
    """
    reader = _Reader(folder, told)
    with trace.open(encoding="ascii") as lines:
        for begin, end, name, given, result in _calls(lines, reader.recording):
            reader.take(begin, end, name, given, result)
    for one in (reader.recording.changes, reader.recording.namings, reader.recording.syncs):
        one.sort(key=lambda event: event.begin)  # type: ignore[attr-defined]
    return reader.recording


def _calls(lines: Iterator[str], recording: Recording) -> Iterator[tuple[int, int, str, str, int]]:
    """Yield (begin, end, name, arguments, result) of calls that succeeded, in the order in which they returned."""
    begun: dict[str, tuple[int, str]] = {}
    for at, line in enumerate(lines):
        recording.length = at + 1
        matched = _LINE.match(line.rstrip("\n"))
        if matched is None:
            continue
        pid, rest, begin = matched["pid"], matched["rest"], at
        if unfinished := _UNFINISHED.match(rest):
            begun[pid] = (at, unfinished["text"])
            # A descriptor is free for other threads as soon as its closing begins, not when that returns.
            if unfinished["text"].startswith("close("):
                yield at, at, "close", unfinished["text"].removeprefix("close("), 0
                del begun[pid]
            continue
        if resumed := _RESUMED.match(rest):
            if pid not in begun:
                continue
            begin, first = begun.pop(pid)
            rest = _joined(first, resumed["text"])
        call = _CALL.match(rest)
        if call and not call["result"].startswith("-"):
            yield begin, at, call["name"], call["given"], int(call["result"], 0)


def _joined(first: str, second: str) -> str:
    """A call's text that was written in two parts; arguments are told apart by ``, `` again."""
    return first + second if second.startswith(")") or first.endswith("(") else f"{first}, {second}"


class _Reader:
    """Follows descriptors and names through a trace."""

    def __init__(self, folder: Path, told: Path) -> None:
        self.recording = Recording()
        self._folder, self._told = str(folder), str(told)
        self._names: dict[tuple[int, str], int] = {}
        self._sizes: dict[int, int] = {}
        self._held: dict[int, list[int]] = {}  # descriptor: inode, position, whether it appends
        self._inodes = ROOT

    def take(self, begin: int, end: int, name: str, given: str, result: int) -> None:
        take = getattr(self, f"_{name.rstrip('0123456789')}", None)
        if name in _UNSEEN:
            if self._folder in _shown(given):
                raise UnseenError(f"{name}({given[:200]})")
        elif take is not None:
            take(begin, end, given, result)

    # -- descriptors -------------------------------------------------------------------------------

    def _openat(self, begin: int, end: int, given: str, result: int) -> None:
        path, flags = _paths(given)[-1], given.rsplit('"', 1)[1]
        self._held.pop(result, None)
        if path == self._told:
            self._held[result] = [-1, 0, 1]
            return
        if (found := self._find(path)) is None:
            return
        parent, base, inode = found
        if inode is None:
            inode = self._new(parent, base)
            self._name(begin, end, (parent, base, inode))
        elif "O_TRUNC" in flags and self._sizes.get(inode, 0):
            self._change(begin, end, inode, 0, None)
        self._held[result] = [inode, 0, int("O_APPEND" in flags)]

    _open = _openat

    def _close(self, begin: int, end: int, given: str, result: int) -> None:
        self._held.pop(_descriptor(given), None)

    def _lseek(self, begin: int, end: int, given: str, result: int) -> None:
        if held := self._held.get(_descriptor(given)):
            held[1] = result

    # -- content -----------------------------------------------------------------------------------

    def _write(self, begin: int, end: int, given: str, result: int) -> None:
        held = self._held.get(_descriptor(given))
        if held is None:
            return
        data = _bytes(given)[:result]
        if held[0] < 0:
            self.recording.told.append((begin, data))
            return
        offset = self._sizes.get(held[0], 0) if held[2] else held[1]
        held[1] = offset + result
        self._change(begin, end, held[0], offset, data)

    _writev = _write

    def _pwrite(self, begin: int, end: int, given: str, result: int) -> None:
        if held := self._held.get(_descriptor(given)):
            self._change(begin, end, held[0], int(given.rsplit(", ", 1)[1]), _bytes(given)[:result])

    def _pwritev(self, begin: int, end: int, given: str, result: int) -> None:
        if self._held.get(_descriptor(given)):
            raise UnseenError(f"pwritev({given[:200]})")

    def _ftruncate(self, begin: int, end: int, given: str, result: int) -> None:
        if held := self._held.get(_descriptor(given)):
            self._change(begin, end, held[0], int(given.rsplit(", ", 1)[1]), None)

    def _truncate(self, begin: int, end: int, given: str, result: int) -> None:
        found = self._find(_paths(given)[0])
        if found and found[2] is not None:
            self._change(begin, end, found[2], int(given.rsplit(", ", 1)[1]), None)

    def _fallocate(self, begin: int, end: int, given: str, result: int) -> None:
        if self._held.get(_descriptor(given)):
            raise UnseenError(f"fallocate({given[:200]})")

    def _mmap(self, begin: int, end: int, given: str, result: int) -> None:
        shown = _shown(given) if "MAP_SHARED" in given and "PROT_WRITE" in given else ""
        # SQLite's index of its log is made anew after a power cut: what it holds then does not matter.
        if self._folder in shown and "-shm>" not in shown:
            raise UnseenError(f"mmap({shown[:200]})")

    def _change(self, begin: int, end: int, inode: int, offset: int, data: bytes | None) -> None:
        grown = max(self._sizes.get(inode, 0), offset + len(data)) if data is not None else offset
        self._sizes[inode] = grown
        self.recording.changes.append(Change(begin, end, inode, offset, data))

    # -- durability --------------------------------------------------------------------------------

    def _fsync(self, begin: int, end: int, given: str, result: int) -> None:
        if (held := self._held.get(_descriptor(given))) and held[0] >= 0:
            self.recording.syncs.append(Sync(begin, end, held[0]))

    _fdatasync = _fsync

    # -- names -------------------------------------------------------------------------------------

    def _rename(self, begin: int, end: int, given: str, result: int) -> None:
        old, new = (self._find(path) for path in _paths(given))
        if old is None and new is None:
            return
        if old is None or new is None or old[2] is None:
            raise UnseenError(f"rename({_shown(given)[:200]}) into or out of the folder")
        self._name(begin, end, (old[0], old[1], None), (new[0], new[1], old[2]))

    _renameat = _rename

    def _link(self, begin: int, end: int, given: str, result: int) -> None:
        old, new = (self._find(path) for path in _paths(given))
        if new is None:
            return
        if old is None or old[2] is None:
            raise UnseenError(f"link({_shown(given)[:200]})")
        self._name(begin, end, (new[0], new[1], old[2]))

    _linkat = _link

    def _unlink(self, begin: int, end: int, given: str, result: int) -> None:
        found = self._find(_paths(given)[-1])
        if found and found[2] is not None:
            self._name(begin, end, (found[0], found[1], None))

    _unlinkat = _rmdir = _unlink

    def _mkdir(self, begin: int, end: int, given: str, result: int) -> None:
        if found := self._find(_paths(given)[-1]):
            inode = self._new(*found[:2])
            self.recording.folders.add(inode)
            self._name(begin, end, (found[0], found[1], inode))

    _mkdirat = _mkdir

    def _name(self, begin: int, end: int, *edits: tuple[int, str, int | None]) -> None:
        for parent, name, inode in edits:
            if inode is None:
                self._names.pop((parent, name), None)
            else:
                self._names[parent, name] = inode
        self.recording.namings.append(Naming(begin, end, edits))

    def _new(self, parent: int, name: str) -> int:
        self._inodes += 1
        if parent in self.recording.passing or PASSING.search(name):
            self.recording.passing.add(self._inodes)
        return self._inodes

    def _find(self, path: str) -> tuple[int, str, int | None] | None:
        """Folder, name and inode of a path in the watched folder; None when it is elsewhere."""
        if path == self._folder:
            return ROOT, ".", ROOT
        if not path.startswith(f"{self._folder}/"):
            return None
        *above, name = path.removeprefix(f"{self._folder}/").rstrip("/").split("/")
        parent = ROOT
        for part in above:
            parent = self._names[parent, part]
        return parent, name, self._names.get((parent, name))


def _descriptor(given: str) -> int:
    number = re.match(r"\d+", given)
    return int(number[0]) if number else -1


def _paths(given: str) -> list[str]:
    return [
        bytes.fromhex(text.replace("\\x", "")).decode("utf-8", "surrogateescape") for text, _ in _TEXT.findall(given)
    ]


def _bytes(given: str) -> bytes:
    found = _TEXT.findall(given)
    if any(cut for _, cut in found):
        raise UnseenError("A buffer is longer than the trace shows.")
    return b"".join(bytes.fromhex(text.replace("\\x", "")) for text, _ in found)


def _shown(given: str) -> str:
    """Arguments with hexadecimal text as text, for messages and comparisons."""
    return re.sub(r"(?:\\x[0-9a-f]{2})+", lambda run: bytes.fromhex(run[0].replace("\\x", "")).decode("latin-1"), given)
