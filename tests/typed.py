"""Commands as a person types them, from the words to the exit code, run in the process of the test.

A process of its own imports the whole city each time, which takes longer than most commands do. That the program
starts as one, and what several do to each other, is tested by ``docs`` and by ``cli/test_two_writers.py``.
"""

from __future__ import annotations

import sys
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from click.testing import CliRunner

from cityward.cli import main


@dataclass(frozen=True, slots=True)
class Told:
    """How a command ended, and what it wrote."""

    code: int
    stdout: str
    stderr: str


def ended(*words: str | Path, said: str = "", cwd: Path | None = None) -> Told:
    """Run ``cityward`` with ``words`` in ``cwd``; the person types ``said``. A defect is raised, with its traceback."""
    code = 0
    with chdir(cwd or Path.cwd()), CliRunner().isolation(said) as (out, err, _):
        with patch.object(sys, "argv", ["cityward", *map(str, words)]):
            try:
                main()
            except SystemExit as leaving:
                code = int(leaving.code or 0)
        sys.stdout.flush()
        sys.stderr.flush()
        return Told(code, out.getvalue().decode(), err.getvalue().decode())


def typed(*words: str | Path, code: int = 0, said: str = "", cwd: Path | None = None) -> Told:
    """The same for a command that must end with ``code``."""
    told = ended(*words, said=said, cwd=cwd)
    assert told.code == code, (told.stdout, told.stderr)
    return told
