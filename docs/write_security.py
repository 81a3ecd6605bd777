"""Writes asvs.md, threats.md and limits.md of docs/security from TOML and code: python docs/write_security.py."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "security"
SOURCE = FOLDER.parents[1] / "src" / "cityward"
CHAPTERS = {
    1: "Encoding", 2: "Validation and logic", 3: "Browser", 4: "API", 5: "Files", 6: "Authentication", 7: "Sessions",
    8: "Authorisation", 9: "Self-contained tokens", 10: "OAuth and OpenID Connect", 11: "Cryptography", 12: "Transport",
    13: "Configuration", 14: "Data protection", 15: "Code and architecture", 16: "Logs and errors", 17: "WebRTC",
}  # fmt: skip


def told(name: str) -> list[dict[str, Any]]:
    """Entries of one of the files."""
    found = tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))
    return next(iter(found.values()))


def pages() -> dict[str, str]:
    """Pages by file name."""
    return {"asvs.md": asvs(told("asvs.toml")), "threats.md": threats(told("threats.toml")), "limits.md": limits()}


def limits() -> str:
    """Every bound of ``core/limits.py`` with its reason, as it stands there."""
    tree = ast.parse((SOURCE / "core" / "limits.py").read_text(encoding="utf-8"))
    lines = [
        "# Limits",
        "",
        "Sizes and counts beyond which something is refused, told in words and never cut. Files are told by their "
        "content, not by their name: CSV, NDJSON, JSON, GeoJSON, Parquet and gzip of these at the intake; TOML for "
        "settings; DMN, GoRules JSON and CSV for rules; zip for timetables; XLSX for workbooks. No file that was sent "
        "is ever served again as it came. Written by `docs/write_security.py` from `core/limits.py`.",
        "",
        "| name | value | why |",
        "|---|---|---|",
    ]
    after = [*tree.body[1:], ast.Pass()]
    for one, following in zip(tree.body, after, strict=True):
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and one.value is not None:
            says = following.value if isinstance(following, ast.Expr) else None
            why = str(says.value) if isinstance(says, ast.Constant) else "with the one below"
            lines.append(f"| `{one.target.id}` | {_figure(one.value)} | {' '.join(why.split()).replace('|', '/')} |")
    return "\n".join(lines) + "\n"


def _figure(value: ast.expr) -> str:
    number = eval(compile(ast.Expression(value), "limits", "eval"), {"__builtins__": {}})  # noqa: S307 - our own file
    return f"{number:,}" if isinstance(number, int) and number >= 10_000 else f"{number:g}"


def asvs(all_: list[dict[str, Any]]) -> str:
    """One row a requirement, by chapter."""
    count = Counter(one["state"] for one in all_)
    lines = [
        "# Security requirements",
        "",
        "The requirements of levels 1 and 2 of the OWASP Application Security Verification Standard 5.0.0, each with "
        "the test that shows it, or why it is not met or does not apply. The words are ours; the "
        "[standard](https://github.com/OWASP/ASVS) says it in full. Written by `docs/write_security.py` from "
        "`asvs.toml`; a test checks that every requirement is there and every named test exists.",
        "",
        f"{count['met']} of {len(all_)} are met, {count['not met']} are not met, "
        f"{count['not applicable']} do not apply. Nobody outside has checked this.",
    ]
    for number, title in CHAPTERS.items():
        lines += [
            "",
            f"## V{number} {title}",
            "",
            "| id | level | what | state | shown by, or why |",
            "|---|---|---|---|---|",
        ]
        for one in all_:
            if one["id"].split(".")[0] == f"V{number}":
                why = "; ".join(f"`{test}`" for test in one.get("tests", ())) or one["reason"]
                lines.append(f"| {one['id']} | {one['level']} | {one['words']} | {one['state']} | {why} |")
    return "\n".join(lines) + "\n"


def threats(all_: list[dict[str, Any]]) -> str:
    """One table a door."""
    lines = [
        "# Threats",
        "",
        "What could be tried at each door, by STRIDE (spoofing, tampering, repudiation, information disclosure, denial "
        "of service, elevation of privilege), and the test that shows the answer. **open** is not answered yet. "
        "Written by `docs/write_security.py` from `threats.toml`.",
    ]
    for door in dict.fromkeys(one["door"] for one in all_):
        lines += ["", f"## {door}", "", "| | threat | answer |", "|---|---|---|"]
        for one in all_:
            if one["door"] == door:
                answer = "; ".join(f"`{test}`" for test in one.get("tests", ())) or f"**open**: {one['open']}"
                lines.append(f"| {one['kind']} | {one['threat']} | {answer} |")
    return "\n".join(lines) + "\n\n" + (FOLDER / "tried.txt").read_text(encoding="utf-8")


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
