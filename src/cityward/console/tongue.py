"""The language of a request, its messages, and its way to write numbers and days.

What enters: a message in English, which is its own key. What leaves: the same in the language of whoever asked for the
page. Messages stand in ``locale/LANGUAGE/LC_MESSAGES/console.po``; ``docs/write_translations.py`` gathers them. Names
of services and areas, words that people wrote, and what stands in the ledger are never translated here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import date, datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from markupsafe import Markup
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from cityward.console.forms import fields_of
from cityward.secure.access.access import LANGUAGE_COOKIE, SECURE

LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "es": "Español", "pt": "Português"}
"""Each by its own name."""

QUERY_FIELDS_MAX: Final = 50
ACCEPTED_MAX: Final = 10
"""Languages of a browser that are looked at."""

_LOCALE: Final = Path(__file__).parent / "locale"
_language: ContextVar[str] = ContextVar("language", default="en")


class Form(NamedTuple):
    """How a language writes numbers and days."""

    thousands: str
    point: str
    day: str
    months: str
    short_months: str
    weekdays: str


FORMS: Final[Mapping[str, Form]] = {
    "en": Form(
        ",", ".", "{day} {month} {year}",
        "January February March April May June July August September October November December",
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    ),
    "es": Form(
        ".", ",", "{day} de {month} de {year}",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "ene feb mar abr may jun jul ago sept oct nov dic",
        "lunes martes miércoles jueves viernes sábado domingo",
    ),
    "pt": Form(
        ".", ",", "{day} de {month} de {year}",
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "jan. fev. mar. abr. mai. jun. jul. ago. set. out. nov. dez.",
        "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
    ),
}  # fmt: skip
"""Source: Unicode CLDR 46, ``es`` and ``pt``; ``en`` as in ``core/words.py``."""


# -- which language ----------------------------------------------------------------------------------------------------


def language() -> str:
    """The language of the request that is being answered; English outside one."""
    return _language.get()


def use(code: str) -> None:
    """Speak a language from here on, in this request alone; an unknown one is English."""
    _language.set(code if code in LANGUAGES else "en")


def accepted(header: str) -> str:
    """The best of our languages for an ``Accept-Language``, by its weights (RFC 9110, 12.5.4); English if none is."""
    best, found = 0.0, "en"
    for part in header.split(",")[:ACCEPTED_MAX]:
        name, *parameters = (one.strip().lower() for one in part.split(";"))
        weight = next((_weight(one[2:]) for one in parameters if one.startswith("q=")), 1.0)
        code = "en" if name == "*" else name.partition("-")[0]
        if code in LANGUAGES and weight > best:
            best, found = weight, code
    return found


def _weight(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0


class Tongues:
    """Sets the language of each request: ``?lang=``, else the cookie, else what the browser accepts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in the language of who asks."""
        if scope["type"] == "http":
            use(_of(scope))
        await self._app(scope, receive, send)


def _of(scope: Scope) -> str:
    query = fields_of(scope["query_string"], QUERY_FIELDS_MAX).get("lang", [""])[0]
    if query in LANGUAGES:
        return query
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    cookies: dict[str, str] = cookie_parser(headers.get(b"cookie", ""))
    chosen = cookies.get(f"{SECURE}{LANGUAGE_COOKIE}", cookies.get(LANGUAGE_COOKIE, ""))
    return chosen if chosen in LANGUAGES else accepted(headers.get(b"accept-language", ""))


# -- messages ----------------------------------------------------------------------------------------------------------


@cache
def catalogue(code: str) -> NullTranslations:
    """The messages of a language; English has none, since each is its own key."""
    if code == "en":
        return NullTranslations()
    with (_LOCALE / code / "LC_MESSAGES" / "console.mo").open("rb") as file:
        return GNUTranslations(file)


def gettext(message: str) -> str:
    """A message as it stands in the catalogue, its placeholders still in it; templates fill them."""
    return catalogue(language()).gettext(message) if message else ""


def ngettext(one: str, many: str, count: int) -> str:
    """A message of a count, by the rule of the language."""
    return catalogue(language()).ngettext(one, many, count)


class Said(str):
    """A message that is in the language of the request; a plain text may be in English alone."""

    __slots__ = ()


def say(message: str, **values: object) -> str:
    """A whole message with its values: ``say("Plan of %(day)s", day=day)``. A per cent sign is written twice."""
    return Said(gettext(message) % values)


def say_many(one: str, many: str, count: int, **values: object) -> str:
    """The same for a count: ``say_many("%(num)s waits", "%(num)s wait", 2)``."""
    return ngettext(one, many, count) % {"num": number(count), **values}


def marked(message: str) -> str:
    """A message that stands in a table of a module; it is said where it is shown."""
    return message


def marked_many(one: str, many: str) -> tuple[str, str]:
    """The same for a count, to be given to `say_many`."""
    return one, many


def listed(parts: list[str]) -> str:
    """``a, b and c``."""
    return parts[0] if len(parts) == 1 else say("%(parts)s and %(last)s", parts=", ".join(parts[:-1]), last=parts[-1])


def english(text: object) -> object:
    """What was composed in English below the console, marked so that a screen reader speaks it as English.

    Where the catalogue knows the whole text, it is said in the language of the request.
    """
    if language() == "en" or not text:
        return text
    known = gettext(str(text))
    return known if known != text else Markup('<span lang="en">{}</span>').format(text)


def told(text: str) -> object:
    """A text that is either said by the console or comes from below it."""
    return text if isinstance(text, Said) else english(text)


def problem_of(error: Exception) -> object:
    """What an error says, and what to do about it."""
    what, remedy = getattr(error, "what", str(error)), getattr(error, "remedy", "")
    if language() == "en":
        return f"{what} {remedy}".strip()
    return Markup("{} {}").format(told(what), told(remedy)) if remedy else told(what)


# -- numbers and days --------------------------------------------------------------------------------------------------


def number(value: float, digits: int = 0) -> str:
    """``1234.5`` → ``1,235`` or ``1.235``; ``-7.9`` → ``−8``."""
    form = FORMS[language()]
    whole, _, part = f"{abs(value):.{digits}f}".partition(".")
    whole = f"{int(whole):,}".replace(",", form.thousands)
    minus = "−" if value < 0 and f"{value:.{digits}f}".strip("-0.") else ""
    return minus + whole + (form.point + part if part else "")


def significant(value: float, figures: int) -> str:
    """So many figures that count, and no zeros behind the point: ``0.01230`` → ``0.0123``."""
    digits = max(0, figures - 1 - math.floor(math.log10(abs(value)))) if value else 0
    plain = f"{value:.{digits}f}"
    return number(value, len(plain.rstrip("0").partition(".")[2]) if "." in plain else 0)


def percent(share: float, digits: int = 0) -> str:
    """``0.985`` → ``98.5 %``; the space does not break, so that no sign begins a line (SI Brochure, 5.4.7)."""
    return f"{number(100 * share, digits)}\u00a0%"


def day(value: date) -> str:
    """``30 June 2014``, ``30 de junio de 2014``."""
    return day_in(language(), value)


def day_in(code: str, value: date) -> str:
    """The same in a language that is named."""
    form = FORMS[code]
    return form.day.format(day=value.day, month=form.months.split()[value.month - 1], year=value.year)


def month(value: date, year: bool = True) -> str:
    """``June 2014``, ``junio de 2014``."""
    form = FORMS[language()]
    name = form.months.split()[value.month - 1]
    return form.day.partition(" ")[2].format(month=name, year=value.year).removeprefix("de ") if year else name


def weekday(value: date) -> str:
    """``Monday``, ``lunes``."""
    return FORMS[language()].weekdays.split()[value.weekday()]


def moment(value: datetime, time_zone: str) -> str:
    """``30 Jun 2014, 16:05 CDT``: in a time zone, with its name."""
    here = value.astimezone(ZoneInfo(time_zone))
    short = FORMS[language()].short_months.split()[here.month - 1]
    between = " de " if language() == "pt" else " "
    return f"{here.day}{between}{short}{between}{here.year}, {here:%H:%M %Z}"
