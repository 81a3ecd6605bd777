"""Folders and archives of rules, and the cache of their compiled form."""

from __future__ import annotations

import hashlib
import importlib.util
import tarfile
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

import msgspec

from cityward.core.disk import replace_file
from cityward.core.errors import UserError
from cityward.core.limits import MONITOR_RULE_BYTES, MONITOR_RULE_FILES
from cityward.secure.monitor.printable import printable
from cityward.secure.monitor.terms import RuleSet

if TYPE_CHECKING:
    from collections.abc import Iterator

SHIPPED: Final = Path(__file__).with_name("rules")
FORM: Final = "1"
"""Of the compiled rules: raised when the same rules compile to something else."""

_FILES = (".yml", ".yaml")


def files_of(path: Path) -> dict[str, bytes]:
    """Contents of the rule files in a folder (with its sub-folders), an archive (.tar, .tar.gz, .tgz) or one file.

    Raises
    ------
    UserError
        Nothing is there, it cannot be read, or it holds no rule file or too many.
    """
    try:
        if path.is_dir():
            names = sorted(one for one in path.rglob("*") if one.suffix in _FILES and one.is_file())
            _bounded(len(names), path)
            found = {one.relative_to(path).as_posix(): _read(one) for one in names}
        elif path.suffix in _FILES:
            found = {path.name: _read(path)}
        else:
            found = dict(_archived(path))
    except (OSError, tarfile.TarError, EOFError) as error:
        raise UserError(
            f"No rules can be read from {path}: {printable(str(error), 200)}.", "Name a folder or an archive of rules."
        ) from None
    if not found:
        raise UserError(f"{path} holds no rule.", "Rules are files that end in .yml; name the folder they lie in.")
    return found


def _bounded(count: int, path: Path) -> None:
    if count > MONITOR_RULE_FILES:
        raise UserError(f"{path} holds more than {MONITOR_RULE_FILES:,} files of rules.", "Name a smaller folder.")


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MONITOR_RULE_BYTES + 1)


def _archived(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        for count, member in enumerate(one for one in archive if one.isfile()):
            _bounded(count, path)
            held = archive.extractfile(member)
            if PurePosixPath(member.name).suffix in _FILES and held:
                yield member.name, held.read(MONITOR_RULE_BYTES + 1)


def load(files: dict[str, bytes], cache: Path | None) -> RuleSet:
    """Compile rules, or take the compiled form of the very same bytes from ``cache``.

    Raises
    ------
    UserError
        The parser of rules is not installed.
    """
    needed("sigma", "re2")
    from cityward.secure.monitor.compiling import compile_rules

    digest = hashlib.sha256(f"{FORM} {version('pysigma')}".encode())
    for name, content in files.items():
        digest.update(f"\0{name}\0{len(content)}\0".encode())
        digest.update(content)
    kept = cache / f"{digest.hexdigest()}.rules" if cache else None
    if kept and kept.is_file():
        try:
            return msgspec.msgpack.decode(kept.read_bytes(), type=RuleSet)
        except (OSError, msgspec.MsgspecError):
            pass  # compiled anew, and written over
    made = compile_rules(files)
    if kept:
        try:
            kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(kept, msgspec.msgpack.encode(made))
        except OSError:
            pass  # a cache that cannot be written costs seconds, nothing else
    return made


def needed(*modules: str) -> None:
    """Raise `UserError` when a module of the extra ``monitor`` is not installed."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise UserError(
                f"The module '{module}' is not installed.", "Install it with: pip install 'cityward[monitor]'."
            )
