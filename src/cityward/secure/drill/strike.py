"""Runs the emulation as a child, watches the sandbox beside it, and isolates it at the alarm."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from cityward.core.clock import monotonic, pause
from cityward.core.errors import Defect
from cityward.secure.drill.emulate import SUFFIX, Struck, Variant
from cityward.secure.drill.sandbox import MARKER, Sandbox
from cityward.secure.watch.files import Alarm, FileWatch, pause_after

PER_SECOND: Final = 40.0
"""Files a second of the emulation, what a disk of that time did with files of a few hundred kB."""

LONGEST_SECONDS: Final = 300.0
"""An attack that nobody noticed by then has won."""


@dataclass(frozen=True, slots=True)
class Attack:
    """What happened: moments of the monotonic clock in seconds, and files.

    ``signs_at`` is when the watch saw the first sign at all; ``lost`` counts files that were struck before isolation:
    those that the emulation told of, or ``found`` that lie there with its suffix, when it was killed before it told.
    """

    struck: tuple[Struck, ...]
    alarm: Alarm | None
    signs_at: float | None
    isolated_at: float
    files: int
    found: int = 0

    @property
    def first_at(self) -> float:
        """When the first file was struck; when none was, the end."""
        return self.struck[0].at if self.struck else self.isolated_at

    @property
    def lost(self) -> int:
        """Files struck."""
        return max(len(self.struck), self.found)


class Emulation:
    """The child; it is stopped with `stop`, at the latest when this object is left."""

    def __init__(self, sandbox: Sandbox, variant: Variant, seed: int, per_second: float) -> None:
        self._told = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        # -P: nothing is imported from the sandbox, in which the child runs.
        command = [sys.executable, "-P", "-m", "cityward.secure.drill.emulate", str(sandbox.root), variant]
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(Path(__file__).parents[3])}
        self._child = subprocess.Popen(  # noqa: S603 - our own module, in the sandbox
            [*command, str(seed), str(per_second)],
            cwd=sandbox.root,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=self._told,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if self._child.stdin is not None:
            self._child.stdin.write(sandbox.token + "\n")
            self._child.stdin.close()

    @property
    def ended(self) -> bool:
        """Whether it has nothing left to do."""
        return self._child.poll() is not None

    def stop(self) -> None:
        """Kill it and wait."""
        if not self.ended:
            self._child.kill()
        self._child.wait()

    def struck(self) -> tuple[Struck, ...]:
        """What it told, once it was stopped."""
        self._told.seek(0)
        lines = self._told.read().split(b"\n")[:-1]  # a kill may cut the last line
        if not lines and self._child.returncode > 0:
            raise Defect(f"The emulation of a drill ended with code {self._child.returncode} before its first file.")
        return tuple(msgspec.json.decode(line, type=Struck) for line in lines)

    def __enter__(self) -> Emulation:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._told.close()


def attacked(
    sandbox: Sandbox,
    watch: FileWatch,
    isolate: Callable[[], None],
    *,
    variant: Variant,
    seed: int,
    per_second: float = PER_SECOND,
    longest_seconds: float = LONGEST_SECONDS,
) -> Attack:
    """Let the emulation loose on the sandbox until the armed watch raises its alarm; then stop it and isolate.

    Parameters
    ----------
    isolate : callable
        Stops who serves the sandbox; the folder is made read-only afterwards.
    """
    files, began = sum(1 for _ in _files(sandbox.root)), monotonic()
    signs_at, alarm = None, None
    with Emulation(sandbox, variant, seed, per_second) as emulation:
        while alarm is None and monotonic() - began < longest_seconds:
            looked = monotonic()
            alarm = watch.look(looked)
            if signs_at is None and set(watch.signs()) - {"written", "gone"}:
                signs_at = looked
            if alarm is not None or emulation.ended:
                break
            pause(pause_after(monotonic() - looked))
        alarm = alarm or watch.look(monotonic())
        emulation.stop()
        isolate()
        read_only(sandbox.root)
        isolated_at = monotonic()
        found = sum(path.suffix == SUFFIX for path in _files(sandbox.root))
        return Attack(emulation.struck(), alarm, signs_at, isolated_at, files, found)


def read_only(root: Path) -> None:
    """Take the right to write from every folder and file below ``root``."""
    for folder, _, files, descriptor in os.fwalk(root, follow_symlinks=False):
        for name in files:
            mode = os.lstat(name, dir_fd=descriptor).st_mode
            if stat.S_ISREG(mode):
                os.chmod(name, stat.S_IMODE(mode) & ~0o222, dir_fd=descriptor)
        Path(folder).chmod(0o500)


def writable(root: Path) -> None:
    """Undo `read_only`, so that the sandbox can be removed."""
    root.chmod(0o700)
    for folder, names, _, descriptor in os.fwalk(root, follow_symlinks=False):
        Path(folder).chmod(0o700)
        for name in names:
            if stat.S_ISDIR(os.lstat(name, dir_fd=descriptor).st_mode):
                os.chmod(name, 0o700, dir_fd=descriptor)


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and path.name != MARKER]
