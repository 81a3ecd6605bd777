"""The emulation: encrypts the files of a sandbox as SamSam did, as a process of its own.

SamSam (MITRE ATT&CK S0370) came in by guessed logins, looked for backups, and encrypted each file with AES into a new
one with a suffix, then deleted the first. Here the keys are made at random and thrown away, nothing is sent, no note is
left, and every change goes through `cityward.secure.drill.sandbox.Guard`. Each file that was done is told on the
standard output with a moment of the monotonic clock, which all processes of a machine share.

Run by `cityward.secure.drill.run`: ``python -m cityward.secure.drill.emulate ROOT VARIANT SEED PER_SECOND``, the token
on standard input.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from cityward.core.clock import monotonic, pause, rng
from cityward.core.disk import write_all
from cityward.core.errors import Refused
from cityward.secure.drill.sandbox import Guard

Variant = Literal["samsam", "in-place", "slow", "newest", "backups-first"]

SUFFIX: Final = ".weapologize-drill"
_CHUNK_BYTES: Final = 2**20
SLOW_PER_SECOND: Final = 0.5


class Struck(msgspec.Struct, frozen=True):
    """One file was made unreadable: when (monotonic seconds), and how large it was."""

    at: float
    size_bytes: int


def ordered(paths: list[str], variant: Variant, seed: int, age: Callable[[str], float]) -> list[str]:
    """Paths in the order in which a variant takes them."""
    if variant == "newest":
        return sorted(paths, key=age, reverse=True)
    shuffled = [paths[at] for at in rng(seed, "drill", variant).permutation(len(paths))]
    if variant == "backups-first":
        return sorted(shuffled, key=lambda path: not ("backup" in path or path.startswith("ledger")))
    return shuffled


def strike(guard: Guard, path: str, *, in_place: bool) -> int:
    """Encrypt one file under a key that is thrown away; return its size in bytes."""
    cipher = Cipher(algorithms.AES(secrets.token_bytes(32)), modes.CTR(secrets.token_bytes(16))).encryptor()
    source = guard.open(path, os.O_RDWR if in_place else os.O_RDONLY)
    try:
        target = source if in_place else guard.open(path + SUFFIX, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            size = 0
            while data := os.pread(source, _CHUNK_BYTES, size):
                if in_place:
                    os.lseek(target, size, os.SEEK_SET)
                write_all(target, cipher.update(data))
                size += len(data)
        finally:
            if not in_place:
                os.close(target)
    finally:
        os.close(source)
    if not in_place:
        guard.unlink(path)
    return size


def run(root: Path, token: str, variant: Variant, seed: int, per_second: float) -> None:
    """Encrypt the sandbox file by file until nothing is left or somebody stops this process."""
    guard = Guard(root, token)
    paths = [path for path in guard.files() if not path.endswith(SUFFIX)]
    age = {path: os.lstat(root / path).st_mtime for path in paths}
    encode, began = msgspec.json.Encoder(), monotonic()
    pace = SLOW_PER_SECOND if variant == "slow" else per_second
    for number, path in enumerate(ordered(paths, variant, seed, age.__getitem__)):
        early = began + number / pace - monotonic()
        if early > 0:
            pause(early)
        try:
            size = strike(guard, path, in_place=variant == "in-place")
        except Refused:
            continue  # it went since it was listed, or is not ours to touch
        sys.stdout.buffer.write(encode.encode(Struck(monotonic(), size)) + b"\n")
        sys.stdout.buffer.flush()


def main(arguments: list[str]) -> None:
    """Read the arguments and the token, and run."""
    root, variant, seed, per_second = arguments
    if variant not in get_args(Variant):
        raise SystemExit(f"'{variant}' is no variant.")
    run(Path(root), sys.stdin.readline().strip(), variant, int(seed), float(per_second))  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1:])
