"""The order of the pages, and the lines on *Now* that say where somebody waits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from cityward.console import words
from cityward.console.order_pages import headline
from cityward.console.privacy_pages import pressing
from cityward.core.identifiers import make_id
from cityward.core.work import WorkPlan

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.city.observing import Watch

Entry = tuple[str, str, str | tuple[str, ...], int, str]
"""Address, name, beginnings of the addresses of its parts, and how many wait there, and for what."""


def ways(waiting: int, alerts: int | None) -> tuple[tuple[str, tuple[Entry, ...]], ...]:
    """The pages in the order of the work: know, anticipate, act, answer.

    Parameters
    ----------
    waiting : int
        Proposals that wait for a person.
    alerts : int or None
        Open alerts of sensors; None in a city without sensors.
    """
    sensors: tuple[Entry, ...] = (("/sensors", "Sensors", "/sensors", alerts, "alerts"),) if alerts is not None else ()
    return (
        (
            "Know",
            (
                ("/", "Now", "/needs", 0, ""),
                ("/silence", "Silence", "/compare", 0, ""),
                ("/divide", "Divide", "", 0, ""),
                *sensors,
            ),
        ),
        ("Anticipate", (("/ahead", "Ahead", "", 0, ""), ("/cases", "Cases", "", 0, ""))),
        (
            "Act",
            (
                ("/proposals", "Proposals", "/proposals/", waiting, "waiting"),
                ("/decisions", "Decisions", "/decisions/", 0, ""),
                ("/plan", "Plan", "/plan", 0, ""),
                ("/work", "Work", "/work/", 0, ""),
                ("/outcomes", "Outcomes", "", 0, ""),
            ),
        ),
        (
            "Answer",
            (
                ("/intake", "Intake", "", 0, ""),
                ("/ledger", "Ledger", "/explain", 0, ""),
                ("/systems", "Systems", "/systems/", 0, ""),
                ("/rules", "Rules", "/rules/", 0, ""),
                ("/appeals", "Appeals", "/appeals/", 0, ""),
                ("/privacy", "Privacy", ("/privacy/", "/grants"), 0, ""),
                ("/security", "Security", ("/security/", "/risk"), 0, ""),
                ("/respond", "Respond", "/respond/", 0, ""),
            ),
        ),
    )


class Tiding(NamedTuple):
    """A line on *Now*: what it is about, what is to be said, and where one goes on."""

    label: str
    text: str
    href: str
    alarm: bool = False


def tidings(city: City, watched: Watch | None) -> list[Tiding]:
    """Where somebody waits, one line each, the most pressing first."""
    counts = city.orders.outbox.counts()
    found = []
    deadline = pressing(city)
    if deadline is not None:
        found.append(Tiding("Privacy", f"{deadline.text}.", f"/privacy#{deadline.place}", deadline.alarm))
    if counts:
        found.append(Tiding("Work", f"{headline(city, counts)}.", "/work", bool(counts.get("reopened"))))
    if watched and watched.open:
        text = f"{_many(len(watched.open), 'sensor alert')} open. {watched.open[0].sentence}"
        found.append(Tiding("Sensors", text, "/sensors", True))
    warnings = city.warnings()
    if warnings:
        text = f"{_many(len(warnings), 'early warning')}. {warnings[0].sentence}"
        found.append(Tiding("Ahead", text, "/ahead", True))
    late = city.appeals.late()
    if late:
        text = f"{_many(len(late), 'appeal')} overdue: the oldest answer was due on {words.day(late[0].due_on)}."
        found.append(Tiding("Appeals", text, "/appeals", True))
    systems = city.systems.all()
    suspended = [one.system.name for one in systems if one.suspended]
    if suspended:
        found.append(Tiding("Systems", f"Suspended: {', '.join(suspended)}.", "/systems", True))
    edited = [one.system.name for one in systems if one.state == "edited after approval"]
    if edited:
        text = f"The file of {', '.join(edited)} was edited after its approval."
        found.append(Tiding("Systems", text, "/systems", True))
    found += _plan(city)
    sums = city.outcomes.sums()
    if sums.all:
        told = f"{sums.told_apart} of {_many(sums.judged, 'outcome')} can be told from chance."
        found.append(Tiding("Outcomes", told if sums.judged else "No outcome can be judged yet.", "/outcomes"))
    return sorted(found, key=lambda one: not one.alarm)


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _plan(city: City) -> list[Tiding]:
    """Whether the next day has a plan, and whether it waits for a person."""
    turn = city.turn()
    if turn is None or city.settings.work.crews is None:
        return []
    day = turn.as_of + timedelta(days=1)
    # Not through ``city.planning``: the solver takes a moment to load.
    plan = next(iter(city.registers.list_of("plan", WorkPlan, newest_first=True)), None)
    if plan is None or plan.first_day != day:
        return [Tiding("Plan", f"{words.day(day)} has no plan yet.", "/plan")]
    proposal = make_id("proposal", plan.id)
    decision = next((one for one in city.decisions() if one.proposal == proposal), None)
    if decision is None:
        return [Tiding("Plan", f"The plan of {words.day(day)} waits for a person.", "/plan", True)]
    return [Tiding("Plan", f"The plan of {words.day(day)} was {decision.outcome} by {decision.by}.", "/plan")]
