"""Catalogues: whole, with the placeholders and tags of their messages, sorted and compiled as they are written."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel import dates, numbers
from babel.messages.catalog import Catalog, Message
from jinja2 import Environment

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs"))

import write_translations  # type: ignore[import-not-found]

from cityward.act import outcome
from cityward.answerable.register import shape
from cityward.console import tongue, vocabulary
from cityward.console.wrapping import Wrapper
from cityward.core.frames import DOMAINS
from cityward.core.properties import PROPERTIES
from cityward.private.purposes import PURPOSES

OTHERS = [one for one in tongue.LANGUAGES if one != "en"]
_PLACE = re.compile(r"%\(\w+\)s|\{\w+\}|%%")
_TAG = re.compile(r"<[^>]*>")


@pytest.fixture(scope="module")
def template() -> Catalog:
    return write_translations.gathered()


@pytest.fixture(scope="module", params=OTHERS)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def kept(language: str) -> Catalog:
    return write_translations.read(language)


def _pairs(catalog: Catalog) -> list[tuple[str, str]]:
    """Each message with each of its forms in the language; the forms of a count are held to that of many."""
    pairs = []
    for one in catalog:
        if one.id and isinstance(one.id, str):
            pairs.append((one.id, str(one.string)))
        elif one.id:
            pairs += [(one.id[1], form) for form in one.string]
    return pairs


def _key(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def test_every_message_of_the_console_has_a_translation(template: Catalog, kept: Catalog, language: str) -> None:
    lacking = [one.id for one in write_translations.missing(write_translations.merged(language, template))]
    assert lacking == [], (
        f"Translate them in {write_translations.po_path(language)}, then run docs/write_translations.py."
    )
    assert {_key(one) for one in kept if one.id} == {_key(one) for one in template if one.id}
    assert [one.id for one in kept if one.fuzzy and one.id] == []


def test_a_translation_has_the_placeholders_and_tags_of_its_message(kept: Catalog) -> None:
    pairs = _pairs(kept)
    assert len(pairs) > 1_000
    for message, told in pairs:
        assert set(_PLACE.findall(told)) >= set(_PLACE.findall(message)) - {"%(num)s"}, (message, told)
        assert set(_PLACE.findall(told)) <= {*_PLACE.findall(message), "%(num)s"}, (message, told)
        assert Counter(_TAG.findall(told)) == Counter(_TAG.findall(message)), (message, told)
        bare = _TAG.sub("", re.sub(r"<code[^>]*>.*?</code>", "", told))
        assert '"' not in bare, f"A quote would end an attribute: {told}"


def test_the_files_are_as_they_would_be_written(template: Catalog, language: str) -> None:
    text = write_translations.po_text(write_translations.merged(language, template))
    assert write_translations.po_path(language).read_text("utf-8") == text, "Run docs/write_translations.py."


def test_what_is_compiled_is_what_is_written(kept: Catalog, language: str) -> None:
    with write_translations.po_path(language).with_suffix(".mo").open("rb") as file:
        compiled = GNUTranslations(file)
    for one in kept:
        if one.id and isinstance(one.id, str):
            assert compiled.gettext(one.id) == one.string
        elif one.id:
            assert (compiled.ngettext(*one.id, 1), compiled.ngettext(*one.id, 2)) == one.string


def test_words_of_records_are_in_the_vocabulary() -> None:
    words = {word for name in dir(vocabulary) if name.isupper() for word in getattr(vocabulary, name)}
    words |= set(write_translations.read("es")._messages)  # the pages say some of them themselves
    wanted = {*DOMAINS, *outcome.VERDICTS, *shape.DUTIES, *shape.DUTIES.values(), *PURPOSES}
    wanted |= {one.words for one in PURPOSES.values()}
    wanted |= {one.label for one in PROPERTIES.values() if one.label.islower()}
    assert wanted <= words


@pytest.mark.parametrize("language", tongue.LANGUAGES)
def test_numbers_and_days_are_written_as_the_language_writes_them(language: str) -> None:
    locale = {"en": "en_GB", "es": "es", "pt": "pt_BR"}[language]
    tongue.use(language)
    for value in (0, 7, 999, 1_234, 12_345, 1_234_567):
        assert tongue.number(value) == numbers.format_decimal(value, locale=locale)
    assert tongue.number(1_234.56, 1) == numbers.format_decimal(1_234.6, format="#,##0.0", locale=locale)
    assert tongue.number(-0.4) == "0"
    assert tongue.number(-7.9) == "−8"
    assert tongue.significant(0.0123, 3).endswith("0123")
    for day in (date(2014, month, 9) for month in range(1, 13)):
        assert tongue.day(day) == dates.format_date(day, "long", locale=locale)
        assert tongue.weekday(day) == dates.format_date(day, "EEEE", locale=locale)
    moment = tongue.moment(datetime(2014, 6, 30, 21, 5, tzinfo=UTC), "America/Chicago")
    written = {"en": "30 Jun 2014", "es": "30 jun 2014", "pt": "30 de jun. de 2014"}[language]
    assert moment == f"{written}, 16:05 CDT"
    assert (
        tongue.month(date(2014, 6, 30)) == {"en": "June 2014", "es": "junio de 2014", "pt": "junho de 2014"}[language]
    )
    tongue.use("en")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("es", "es"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        ("de, es;q=0.2, pt;q=0.7", "pt"),
        ("en;q=0.1, es;q=0.5", "es"),
        ("es;q=0, pt;q=0", "en"),
        ("*;q=0.5, es;q=0.4", "en"),
        ("es;q=nonsense", "en"),
        ("fr, de", "en"),
        (", ;;q=1,\x00" * 50, "en"),
    ],
)
def test_a_browser_gets_the_language_that_it_weighs_most(header: str, language: str) -> None:
    assert tongue.accepted(header) == language


WRAPPED = [
    ("<h1>{{ n }} wait</h1>", "<h1>{{ gettext('%(n)s wait', n=(n)) }}</h1>"),
    (
        '<p>See <a href="/x/{{ a.id }}">it</a>.</p>',
        "<p>{{ gettext('See <a href=\"/x/%(id)s\">it</a>.', id=(a.id)) }}</p>",
    ),
    ("<td>{{ value | number }}</td>", "<td>{{ value | number }}</td>"),
    ("<p>Run <code>cityward run</code>.</p>", "<p>{{ gettext('Run <code>cityward run</code>.') }}</p>"),
    ("<p><code>cityward run</code></p>", "<p><code>cityward run</code></p>"),
    ('<a aria-label="Why {{ id }}">1</a>', "<a aria-label=\"{{ gettext('Why %(id)s', id=(id)) }}\">1</a>"),
    ("{% if a %}Yes{% else %}No{% endif %}", "{% if a %}{{ gettext('Yes') }}{% else %}{{ gettext('No') }}{% endif %}"),
    ("<p>90 % of it's</p>", "<p>{{ gettext('90 %% of it\\'s') }}</p>"),
    ('<b>{{ "on" if lit else "off" }}</b>', "<b>{{ gettext('on') if lit else gettext('off') }}</b>"),
    ("<script>let a = 'text';</script>", "<script>let a = 'text';</script>"),
]


@pytest.mark.parametrize(("source", "wrapped"), WRAPPED)
def test_text_of_a_template_becomes_a_message(source: str, wrapped: str) -> None:
    assert Wrapper(source, Environment(autoescape=True)).wrapped() == wrapped


def test_the_catalogues_are_read_by_the_standard_library_alone() -> None:
    code = (
        "import sys; sys.modules['babel'] = None\n"
        "from cityward.console import tongue; tongue.use('es'); print(tongue.gettext('Now'), tongue.gettext('Ledger'))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["Ahora", "Libro"]
