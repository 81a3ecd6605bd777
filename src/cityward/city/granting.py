"""The grants that the city's own parts need: written for people to review, never in force by themselves."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Final

from cityward.core.disk import durable, replace_file

YEARS: Final = 2
"""A proposed grant ends with the second year after it was written: somebody has to look at it again."""

_LINE: Final = "valid_until = 2000-01-01"


def proposed(today: date) -> dict[str, str]:
    """Texts of the proposed grants by the name of their file."""
    folder = files(__package__) / "grants"
    ends = f"valid_until = {date(today.year + YEARS, 12, 31)}"
    return {
        file.name: file.read_text("utf-8").replace(_LINE, ends)
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".toml")
    }


@durable("writing the grants")
def draft(folder: Path, today: date) -> list[str]:
    """Write the proposed grants that are not there yet into ``folder``; return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = proposed(today)
    new = [name for name in texts if not (folder / name).exists()]
    for name in new:
        replace_file(folder / name, texts[name].encode())
    return new
