"""Files of systems for tests: one that is complete, and the same with something changed."""

from __future__ import annotations

from pathlib import Path

from cityward.answerable.registry import System, load_system

PARTIES = ("designer", "manufacturer", "owner", "operator", "overseer")


def a_text(*, replace: dict[str, str] | None = None, more: str = "", keys: dict[str, str] | None = None) -> str:
    """A system that affects rights and lacks nothing; ``replace`` changes lines, ``more`` is put before its tables."""
    text = """
id = "tree-permits"
name = "Order of tree permits"
version = "1"
purpose = "Says which applications to fell a tree a clerk reads first."
practice = "case-priority"
risk_class = "minimal"
risk_reason = "It stands in no point of annex III."
rights_affecting = true
random_arm = { share = 0.05 }
affected = ["Owners of trees"]
data_used = "Applications: kind and height of the tree, and the reason given."
oversight = "A clerk reads every application and decides alone."
appeal = "Write to the ombudsperson."
logs = "Every order is in the ledger for ten years."
ends = 2999-12-31
MORE
[model]
kind = "A sum of five points that people can read."
inputs = "Kind, height, reason."
output = "A number of points from 0 to 5."
limits = "Says nothing of trees that were not applied for."
not_for = "Deciding an application."

[[evaluation]]
name = "Share read within a week"
value = 0.7
low = 0.6
high = 0.8
on = "400 applications of 2025"
measured_on = 2026-01-31
audit = "audit 3 of 2026"
""".replace("MORE", more)
    for old, new in (replace or {}).items():
        assert old in text, old
        text = text.replace(old, new)
    for duty in PARTIES:
        text += f'\n[[parties]]\nduty = "{duty}"\nname = "Some {duty.title()}"\ncontact = "{duty}@city.example"\n'
        text += f'key = "{(keys or {}).get(duty, "none")}"\n'
        if duty == "overseer":
            text += 'competence = "Reads applications since 2010."\n'
    return text


def a_system(folder: Path, text: str | None = None, name: str = "tree-permits") -> System:
    """The system of a text, read from a file in ``folder``."""
    path = folder / f"{name}.toml"
    path.write_text(text or a_text(), encoding="utf-8")
    return load_system(path)
