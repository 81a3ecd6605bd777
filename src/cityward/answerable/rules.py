"""Rules as decision tables that people can read and the program executes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import as_file, files
from typing import Literal

import msgspec

from cityward.core.errors import Defect
from cityward.core.toml_text import decode_toml


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row: all conditions of ``when`` must hold; an empty ``when`` always does."""

    when: dict[str, bool]
    then: Literal["allow", "refuse"]
    because: str


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decision table; the first row that holds applies (DMN hit policy F)."""

    id: str
    version: str
    title: str
    reference: str
    rows: tuple[Row, ...]

    def evaluate(self, facts: Mapping[str, bool]) -> tuple[int, Row]:
        """Return the number (from 1) and the row that applies to ``facts``.

        Raises
        ------
        Defect
            A fact is missing, or no row applies.
        """
        for number, row in enumerate(self.rows, start=1):
            missing = set(row.when) - set(facts)
            if missing:
                raise Defect(f"Rule {self.id} asks for facts that were not given: {', '.join(sorted(missing))}.")
            if all(facts[name] is wanted for name, wanted in row.when.items()):
                return number, row
        raise Defect(f"Rule {self.id} has no row for these facts.")


def load_rule(name: str) -> Rule:
    """Return a rule shipped with cityward."""
    with as_file(files("cityward.answerable") / "rules" / f"{name}.toml") as path:
        return decode_toml(path, Rule)
