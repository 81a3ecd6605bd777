"""Commits of a table that a power cut leaves whole or not at all.

The table library writes a commit under its final name and does not fsync it, so that a power cut could leave half of
one, which no reader can open. It therefore writes in a folder aside, which holds links to the commits so far; what it
wrote there is made durable first and gets its name in the table then.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cityward.core.disk import SUMS, make_folder, note_sum, replace_file, sync_file, sync_folder

_COMMITS: Final = "_delta_log"
_NEWEST: Final = "_last_checkpoint"


def commit(path: Path, write: Callable[[str], object]) -> None:
    """Add what ``write`` commits to the table at ``path``, wholly or not at all, durably.

    For the holder of the table's writer lock.

    Parameters
    ----------
    path : pathlib.Path
        The table; made when missing.
    write : callable
        Given a folder that looks like the table, lets the table library commit there. Data files are in ``path``, and
        durable already.
    """
    table, aside = path / _COMMITS, path.with_name(f".{path.name}.commit")
    make_folder(path)
    make_folder(table)
    shutil.rmtree(aside, ignore_errors=True)  # of one that was never finished
    (aside / _COMMITS).mkdir(parents=True)
    for held in table.iterdir():
        if held.name == _NEWEST:
            shutil.copyfile(held, aside / _COMMITS / held.name)  # replaced there, and here only once that is durable
        elif not held.name.startswith("."):
            os.link(held, aside / _COMMITS / held.name)
    write(str(aside))
    new = sorted(one for one in (aside / _COMMITS).iterdir() if one.name != _NEWEST and not (table / one.name).exists())
    for file in new:
        sync_file(file)
        note_sum(path / SUMS, table / file.name, file.read_bytes())
    for file in new:
        os.link(file, table / file.name)
    sync_folder(table)
    newest = aside / _COMMITS / _NEWEST
    if newest.exists():
        replace_file(table / _NEWEST, newest.read_bytes())
    shutil.rmtree(aside, ignore_errors=True)
