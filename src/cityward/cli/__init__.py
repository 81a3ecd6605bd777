"""The command line: one command a verb.

Enters: arguments. Leaves: text for people, or JSON with ``--json``. Never: shows a traceback for a
mistake of the user (exit code 2), a refusal or a failed check (1).
"""

from cityward.cli.main import main

__all__ = ["main"]
