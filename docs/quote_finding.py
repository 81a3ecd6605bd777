"""Quotes the demonstration in the README: python docs/quote_finding.py (after a change of what it finds).

A test compares the README with a fresh demonstration by the same functions.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from cityward.city import City
from cityward.city.demo import run_demo
from cityward.cli.serving import findings

README = Path(__file__).resolve().parents[1] / "README.md"


def quoted(text: str, city: City) -> str:
    """Return the README with the finding, the demonstration's output and the identifiers of ``city``."""
    need, proposal = city.need_list()[0], city.proposals("waiting")[0]
    text = _between(text, "finding", f"> {need.sentence}")
    text = _between(text, "demo", "\n".join(["```text", *printed(city), "```"]))
    outside = re.split(r"(<!-- demo -->.*<!-- /demo -->)", text, flags=re.DOTALL)
    for at in (0, 2):
        outside[at] = re.sub(r"\bN-[0-9a-f]{10}\b", need.id, outside[at])
        outside[at] = re.sub(r"\bP-[0-9a-f]{10}\b", proposal.id, outside[at])
    return "".join(outside)


def printed(city: City) -> list[str]:
    """The lines that the demonstration prints; identifiers of refusals and looks hold their moment and are left out."""
    lines = [re.sub(r" [KR]-[0-9a-f]{10}$", "", line.replace(str(city.path), "demo-city")) for line in findings(city)]
    return [line for line in lines if line and not line.startswith("Why?")]


def _between(text: str, mark: str, content: str) -> str:
    pattern = rf"(<!-- {mark} -->\n).*?(\n<!-- /{mark} -->)"
    made, count = re.subn(pattern, lambda found: found[1] + content + found[2], text, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"The README needs one pair of <!-- {mark} --> and <!-- /{mark} -->.")
    return made


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, run_demo(Path(folder) / "city") as demonstration:
        README.write_text(quoted(README.read_text(encoding="utf-8"), demonstration), encoding="utf-8")
