"""Gathers the messages of the console and merges them into its catalogues: python docs/write_translations.py

Messages come from templates, whose text is wrapped as at run time, and from ``say``, ``say_many`` and ``marked`` in
Python. New ones stand in ``console.po`` without a translation, those that are gone are left out, and ``console.mo`` is
compiled. ``--missing es`` prints what has no translation. A test compares the files with what is gathered.
"""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from cityward.console.tongue import LANGUAGES

CONSOLE = Path(__file__).resolve().parents[1] / "src" / "cityward" / "console"
KEYWORDS = {
    "say": None,
    "marked": None,
    "gettext": None,
    "_": None,
    "say_many": (1, 2),
    "marked_many": (1, 2),
    "ngettext": (1, 2),
}
TEMPLATES = {"extensions": "jinja2.ext.i18n,cityward.console.wrapping.Wrapping", "encoding": "utf-8", "silent": "false"}
TEMPLATES |= {"trim_blocks": "true", "lstrip_blocks": "true"}
WIDTH = 110
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
"""Not now: the same messages give the same files."""

PLURAL = "(n != 1)"

_LEFT_OUT = (
    "Report-Msgid-Bugs-To",
    "POT-Creation-Date",
    "PO-Revision-Date",
    "Last-Translator",
    "Language-Team",
    "Generated-By",
)


def gathered() -> Catalog:
    """Every message of the console with the files that it stands in."""
    found = Catalog(project="cityward", charset="utf-8")
    for path in sorted([*CONSOLE.glob("*.py"), *CONSOLE.glob("templates/*.html")]):
        python = path.suffix == ".py"
        with path.open("rb") as file:
            messages = extract("python" if python else "jinja2", file, KEYWORDS, options={} if python else TEMPLATES)
            for _, message, _, _ in messages:
                if message:
                    found.add(message, locations=[(path.relative_to(CONSOLE).as_posix(), 0)])
    return found


def po_path(language: str) -> Path:
    """Where the catalogue of a language stands."""
    return CONSOLE / "locale" / language / "LC_MESSAGES" / "console.po"


def read(language: str) -> Catalog:
    """The catalogue of a language as it is kept; an empty one where there is none yet."""
    path = po_path(language)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def merged(language: str, template: Catalog) -> Catalog:
    """The messages of the template with the translations that are kept; nothing is guessed."""
    kept = read(language)
    catalog = Catalog(locale=language, project="cityward", version="1", charset="utf-8", fuzzy=False)
    catalog.header_comment = f"# {LANGUAGES[language]} of the console. The words are those of docs/languages.md."
    catalog.creation_date = catalog.revision_date = MOMENT
    catalog._num_plurals, catalog._plural_expr = 2, PLURAL  # CLDR has a third form, for millions alone
    for message in template:
        if message.id:
            old = kept.get(_key(message))
            catalog.add(message.id, old.string if old else "", locations=message.locations)
    return catalog


def _key(message: Message) -> str:
    return message.id[0] if isinstance(message.id, tuple) else message.id


def po_text(catalog: Catalog) -> str:
    """The catalogue as text, sorted, without what changes from one run to the next."""
    out = io.BytesIO()
    write_po(out, catalog, width=WIDTH, sort_output=True, ignore_obsolete=True, include_lineno=False)
    lines = out.getvalue().decode("utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith(tuple(f'"{name}:' for name in _LEFT_OUT))) + "\n"


def missing(catalog: Catalog) -> list[Message]:
    """Messages without a whole translation."""
    return [one for one in catalog if one.id and not all([one.string] if isinstance(one.string, str) else one.string)]


def write(language: str, template: Catalog) -> int:
    """Write both files of a language; gives how many messages have no translation."""
    catalog, path = merged(language, template), po_path(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(po_text(catalog), encoding="utf-8")
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, catalog)
    return len(missing(catalog))


def main() -> None:
    """Gather, merge and compile, or print what is missing."""
    template = gathered()
    if sys.argv[1:2] == ["--missing"]:
        for message in missing(merged(sys.argv[2], template)):
            print(message.id)
        return
    for language in LANGUAGES:
        if language != "en":
            print(f"{language}: {write(language, template)} without a translation")


if __name__ == "__main__":
    main()
