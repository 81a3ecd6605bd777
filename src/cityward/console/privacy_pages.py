"""The page *Privacy*: what matters most now, who waits, what is held, what was published, and what was refused.

Each section is a function that returns what its part of the page shows; `SECTIONS` puts them in order. None of them
names a person: a request is its number, its kind and its days.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, HTMLResponse

from cityward.console import words
from cityward.console.grants_pages import CLASSES
from cityward.console.tongue import gettext, marked, month, say, say_many
from cityward.core.errors import UnknownId
from cityward.core.persons import Breach, PersonRequest, Right
from cityward.guard.open_data import CATALOGUE, name_of
from cityward.private.budget import days_of
from cityward.private.purposes import PURPOSES

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.console.pages import Console

RELEASES_SHOWN: Final = 100
ANSWERED_SHOWN: Final = 20
LOOKS_SEARCHED: Final = 1_000
"""The newest looks among which refused ones are counted."""

COLUMNS_NAMED: Final = 4
WHY_CHARS: Final = 600
"""Of a reason that is longer the beginning is shown; the whole stands behind its number."""

SOON_DAYS: Final = 7
"""A request that is due within a week comes before all that is not a deadline."""

OPEN_FILES: Final = {
    "data.csv": "text/csv; charset=utf-8",
    "data.parquet": "application/vnd.apache.parquet",
    "data.json": "application/json",
    "README.txt": "text/plain; charset=utf-8",
}
"""Files of a release, with their media types; nothing else of the folder is served."""

RIGHTS: Final[dict[Right, str]] = {
    "access": marked("access"),
    "rectify": marked("rectification"),
    "erase": marked("erasure"),
    "object": marked("objection"),
    "restrict": marked("restriction"),
}
KEPT: Final = {
    "interactions": marked("Reports, from the day that they tell of"),
    "personal": marked("Who reported, as a pseudonym"),
    "free_text": marked("What residents wrote, redacted"),
    "location": marked("Places of reports and of closed work; the area stays"),
    "answers": marked("Residents' words about work, from its last step"),
    "observations": marked("Measured values of sensors"),
    "decisions": marked("Decisions of cases, from the day that the rule was applied"),
    "quarantine": marked("Rows in quarantine"),
    "backup_keys": marked("Keys that open sealed backups"),
}
"""What ``[retention]`` of ``city.toml`` limits, in the words of the page."""

RECORDS: Final = {
    "processing": marked("Record of processing activities (GDPR article 30)"),
    "dpia": marked("Data protection impact assessment (GDPR article 35)"),
    "rights": marked("Fundamental rights impact assessment (Regulation (EU) 2024/1689, article 27)"),
}


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/privacy``, the drafts of records, and the files for the public."""

    @router.get("/privacy")
    def privacy(request: Request) -> HTMLResponse:
        shown: dict[str, Any] = {}
        for section in SECTIONS:
            shown |= section(console.city)
        finding = pressing(console.city) or _settled(shown)
        return console.page(request, "privacy.html", finding=finding, records=RECORDS, **shown)

    @router.get("/privacy/records/{kind}")
    def record(request: Request, kind: str) -> HTMLResponse:
        if kind not in RECORDS:
            raise UnknownId(
                say("There is no record '%(kind)s'.", kind=kind[:20]),
                say("Records: %(kinds)s.", kinds=", ".join(RECORDS)),
            )
        return console.page(request, "record.html", kind=kind, draft=console.city.processing.draft(kind))

    @router.get(f"/open/{CATALOGUE}")
    def catalogue() -> FileResponse:
        return _open_file(console.city, CATALOGUE, "application/ld+json")

    @router.get("/open/{place}/{name}")
    def file(place: str, name: str) -> FileResponse:
        if name not in OPEN_FILES or not re.fullmatch(r"[a-z0-9-]{1,80}", place):
            raise UnknownId(say("There is no such file."), say("The page Privacy links to all files of releases."))
        return _open_file(console.city, f"{place}/{name}", OPEN_FILES[name])


def _open_file(city: City, name: str, media: str) -> FileResponse:
    path = city.releases.open_folder / name
    if not path.is_file():
        raise UnknownId(say("There is no such file."), say("The page Privacy links to all files of releases."))
    return FileResponse(path, media_type=media)


# -- what matters most ---------------------------------------------------------------------------------


class Finding(NamedTuple):
    """One sentence without its full stop, where on the page it is told, and whether somebody must act now."""

    text: str
    place: str
    alarm: bool = False


def pressing(city: City) -> Finding | None:
    """The deadline that matters most now, or None: the clock of a breach before a request of a resident."""
    clock = next(iter(_clocks(city)), None)
    if clock is not None:
        return Finding(_clock_told(city.breaches.hours_left(clock)), "waits", True)
    waiting = _waiting(city)
    late = [one for one in waiting if city.persons.is_overdue(one)]
    if late:
        told = say_many(
            "%(num)s request of a resident is overdue: it was due on %(day)s",
            "%(num)s requests of residents are overdue: the oldest was due on %(day)s",
            len(late),
            day=words.day(late[0].due_on),
        )
        return Finding(told, "waits", True)
    if waiting and _days_left(city, waiting[0]) <= SOON_DAYS:
        return Finding(say("A resident has to be answered by %(day)s", day=words.day(waiting[0].due_on)), "waits", True)
    return None


def _clock_told(hours: float) -> str:
    if hours < 0:
        return say(
            "The authority was not told of a breach of personal data: its 72 hours ended %(time)s ago",
            time=_hours(-hours),
        )
    return say("The authority has to be told of a breach of personal data within %(time)s", time=_hours(hours))


def _hours(hours: float) -> str:
    return say_many("%(num)s hour", "%(num)s hours", int(hours)) if hours >= 1 else say("less than an hour")


def _settled(shown: dict[str, Any]) -> Finding:
    """What matters most while no deadline does: a broken grant, then the budget."""
    if shown["problems"]:
        count = shown["problems"]
        told = say_many(
            "%(num)s thing in the grants is to be mended", "%(num)s things in the grants are to be mended", count
        )
        return Finding(told, "held")
    budgets = shown["budgets"]
    if not budgets:
        if shown["released"]:
            told = say("Nothing more is published of residents: no group of people has a privacy budget")
        else:
            told = say("Nothing is published of residents: no group of people has a privacy budget")
        return Finding(told, "published")
    most = max(budgets, key=lambda one: one["share"])
    if not most["releases"]:
        return Finding(say("Nothing about residents was published yet: their privacy budget is whole"), "published")
    about = {"group": gettext(most["group"]), "period": most["period"]}
    if most["left"] <= 0:
        told = say(
            "The privacy budget of %(group)s for %(period)s is used up: nothing more can be published of them", **about
        )
        return Finding(told, "budget")
    share = words.percent(most["share"], 0).replace("\u00a0", " ")
    told = say("%(share)s of the privacy budget of %(group)s for %(period)s is spent", share=share, **about)
    return Finding(told, "budget")


# -- sections ------------------------------------------------------------------------------------------


def _waits(city: City) -> dict[str, Any]:
    """Requests and breaches with their deadlines, and whom residents are told to ask."""
    done = [one for one in city.persons.requests() if one.state == "done"]
    done.sort(key=lambda one: one.done_at or one.made_at, reverse=True)
    requests = [
        {
            "id": one.id,
            "kind": RIGHTS[one.right],
            "made_at": one.made_at,
            "due_on": one.due_on,
            "done_at": one.done_at,
            "days": None if one.done_at else _days_left(city, one),
            "overdue": city.persons.is_overdue(one),
            "told_on": one.told_on,
        }
        for one in [*_waiting(city), *done[:ANSWERED_SHOWN]]
    ]
    clocks = [(one, city.breaches.hours_left(one)) for one in _clocks(city)]
    return {"requests": requests, "answered": len(done), "clocks": clocks, "contact": city.settings.privacy.contact}


def _held(city: City) -> dict[str, Any]:
    """What is read for which purpose, and what is kept for how long."""
    checked = city.keeper.grants()
    in_force = checked.in_force().values()
    purposes = []
    for purpose in PURPOSES.values():
        mine = [grant for grant in in_force if grant.purpose == purpose.id]
        if mine:
            fields = {name for grant in mine if grant.table != "observations" for name in grant.fields}
            purposes.append(
                {
                    "what": _capital(gettext(purpose.words)),
                    "name": purpose.id,
                    "readers": sorted({grant.reader for grant in mine}),
                    "sees": [told for told, part in CLASSES if part & fields],
                    "until": max(grant.valid_until for grant in mine),
                    "days": max(grant.retention_days for grant in mine),
                }
            )
    jobs, limits = city.persons.retentions(), city.settings.retention
    last = jobs[-1] if jobs else None
    kept = [(told, getattr(limits, name), _day(last.oldest.get(name)) if last else "") for name, told in KEPT.items()]
    return {
        "purposes": purposes,
        "unreviewed": sum(grant.is_proposal for grant in in_force),
        "problems": len(checked.problems),
        "kept": kept,
        "job": last,
    }


def _published(city: City) -> dict[str, Any]:
    """Releases, the newest first, and what is left of the budgets."""
    made = city.releases.all()[::-1]
    releases = [
        {
            "id": one.id,
            "title": one.heading,
            "made_at": one.made_at,
            "error": one.error_95,
            "unit": one.unit,
            "rows": one.rows,
            "too_noisy": one.too_noisy,
            "cost": one.cost,
            "files": [(name, f"/open/{name_of(one)}/{name}") for name in OPEN_FILES],
        }
        for one in made[:RELEASES_SHOWN]
    ]
    return {"releases": releases, "released": len(made), "budgets": list(_budgets(city)), "catalogue": CATALOGUE}


def _budgets(city: City) -> Iterator[dict[str, Any]]:
    for row in city.releases.budget().iter_rows(named=True):
        yield {
            "group": row["group"],
            "period": told_period(row["period"]),
            "releases": row["releases"],
            "spent": row["spent_epsilon"],
            "of": row["budget_epsilon"],
            "left": row["largest_epsilon_left"],
            "share": min(1.0, row["spent_epsilon"] / row["budget_epsilon"]),
        }


def _refused(city: City) -> dict[str, Any]:
    """What was refused, one line for each rule and source however often it was tried; the newest first."""
    told = [
        (one.at, one.rule, one.source, one.id, one.rows, one.because, _remedy(one.source, one.columns))
        for one in city.refusals()
    ]
    told += [
        (one.at, one.rule, one.reader, one.id, 0, one.refused, one.remedy)
        for one in city.keeper.consults(LOOKS_SEARCHED)
        if one.refused
    ]
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for at, rule, who, identifier, rows, because, remedy in sorted(told, reverse=True):
        newest = {"rule": rule, "who": who, "id": identifier, "at": at, "because": because, "remedy": remedy}
        line = found.setdefault((rule, who), newest | {"times": 0, "rows": 0})
        line["times"] += 1
        line["rows"] += rows
    return {"refused": list(found.values()), "refusals": len(told), "why_chars": WHY_CHARS}


def _remedy(source: str, columns: tuple[str, ...]) -> str:
    """What to do about rows that the door refused; a release says so itself."""
    if source == "release":
        return ""
    if not columns:
        return say("Ask whoever runs %(source)s to send its rows without it; they are then taken in.", source=source)
    named = ", ".join(columns[:COLUMNS_NAMED]) + (" …" if len(columns) > COLUMNS_NAMED else "")
    return say(
        "Ask whoever runs %(source)s to send its rows without %(columns)s; they are then taken in.",
        source=source,
        columns=named,
    )


SECTIONS: Final[tuple[Callable[[City], dict[str, Any]], ...]] = (_waits, _held, _published, _refused)
"""What the page is made of; a new section adds its function here and its part to ``privacy.html``."""


# -- words ---------------------------------------------------------------------------------------------


def told_period(name: str) -> str:
    """A period of data as people name it: ``2013``, ``April to June 2013``, ``June 2013``."""
    if name == "any":
        return say("any period")
    first, last = days_of(name)
    if first.month == last.month:
        return month(first)
    return name if len(name) == 4 else say("%(first)s to %(last)s", first=month(first, year=False), last=month(last))


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _day(text: str | None) -> str:
    """A day that a retention job noted, or what it noted instead."""
    try:
        return words.day(date.fromisoformat(text or ""))
    except ValueError:
        return text or ""


# -- deadlines -----------------------------------------------------------------------------------------


def _clocks(city: City) -> Sequence[Breach]:
    """Breaches of which the authority was not told yet, the most pressing first."""
    return city.breaches.running()


def _waiting(city: City) -> list[PersonRequest]:
    """Requests that are open, the most pressing first."""
    return sorted(city.persons.requests(only_open=True), key=lambda one: (one.due_on, one.made_at))


def _days_left(city: City, request: PersonRequest) -> int:
    return (request.due_on - city.today).days
