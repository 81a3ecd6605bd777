"""The order of the pages, and the lines on *Now* that say where somebody waits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from cityward.console import words
from cityward.console.order_pages import headline
from cityward.console.privacy_pages import pressing
from cityward.console.sentences import sentence
from cityward.console.tongue import listed, say, say_many
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
    sensors: tuple[Entry, ...] = (
        (("/sensors", say("Sensors"), "/sensors", alerts, say("alerts")),) if alerts is not None else ()
    )
    return (
        (
            say("Know"),
            (
                ("/", say("Now"), "/needs", 0, ""),
                ("/silence", say("Silence"), "/compare", 0, ""),
                ("/divide", say("Divide"), "", 0, ""),
                *sensors,
            ),
        ),
        (say("Anticipate"), (("/ahead", say("Ahead"), "", 0, ""), ("/cases", say("Cases"), "", 0, ""))),
        (
            say("Act"),
            (
                ("/proposals", say("Proposals"), "/proposals/", waiting, say("waiting")),
                ("/decisions", say("Decisions"), "/decisions/", 0, ""),
                ("/plan", say("Plan"), "/plan", 0, ""),
                ("/work", say("Work"), "/work/", 0, ""),
                ("/outcomes", say("Outcomes"), "", 0, ""),
            ),
        ),
        (
            say("Answer"),
            (
                ("/intake", say("Intake"), "", 0, ""),
                ("/ledger", say("Ledger"), "/explain", 0, ""),
                ("/systems", say("Systems"), "/systems/", 0, ""),
                ("/rules", say("Rules"), "/rules/", 0, ""),
                ("/appeals", say("Appeals"), "/appeals/", 0, ""),
                ("/privacy", say("Privacy"), ("/privacy/", "/grants"), 0, ""),
                ("/security", say("Security"), ("/security/", "/risk"), 0, ""),
                ("/respond", say("Respond"), "/respond/", 0, ""),
            ),
        ),
    )


def told_with(count: str, first: object) -> object:
    """How many, and what the first of them says, which may have no other language than English."""
    return Markup("{} {}").format(count, sentence(first))


class Tiding(NamedTuple):
    """A line on *Now*: what it is about, what is to be said, and where one goes on."""

    label: str
    text: object
    href: str
    alarm: bool = False


def tidings(city: City, watched: Watch | None) -> list[Tiding]:
    """Where somebody waits, one line each, the most pressing first."""
    counts = city.orders.outbox.counts()
    found = []
    deadline = pressing(city)
    if deadline is not None:
        found.append(Tiding(say("Privacy"), f"{deadline.text}.", f"/privacy#{deadline.place}", deadline.alarm))
    if counts:
        found.append(Tiding(say("Work"), f"{headline(city, counts)}.", "/work", bool(counts.get("reopened"))))
    if watched and watched.open:
        text = told_with(
            say_many("%(num)s sensor alert open.", "%(num)s sensor alerts open.", len(watched.open)), watched.open[0]
        )
        found.append(Tiding(say("Sensors"), text, "/sensors", True))
    warnings = city.warnings()
    if warnings:
        text = told_with(say_many("%(num)s early warning.", "%(num)s early warnings.", len(warnings)), warnings[0])
        found.append(Tiding(say("Ahead"), text, "/ahead", True))
    late = city.appeals.late()
    if late:
        text = say_many(
            "%(num)s appeal overdue: the answer was due on %(day)s.",
            "%(num)s appeals overdue: the oldest answer was due on %(day)s.",
            len(late),
            day=words.day(late[0].due_on),
        )
        found.append(Tiding(say("Appeals"), text, "/appeals", True))
    systems = city.systems.all()
    suspended = [one.system.name for one in systems if one.suspended]
    if suspended:
        found.append(
            Tiding(say("Systems"), say("Suspended: %(systems)s.", systems=", ".join(suspended)), "/systems", True)
        )
    edited = [one.system.name for one in systems if one.state == "edited after approval"]
    if edited:
        text = say("The file of %(systems)s was edited after its approval.", systems=listed(edited))
        found.append(Tiding(say("Systems"), text, "/systems", True))
    found += _plan(city)
    sums = city.outcomes.sums()
    if sums.all:
        told = say_many(
            "%(told)s of %(num)s outcome can be told from chance.",
            "%(told)s of %(num)s outcomes can be told from chance.",
            sums.judged,
            told=sums.told_apart,
        )
        found.append(
            Tiding(say("Outcomes"), told if sums.judged else say("No outcome can be judged yet."), "/outcomes")
        )
    return sorted(found, key=lambda one: not one.alarm)


def _plan(city: City) -> list[Tiding]:
    """Whether the next day has a plan, and whether it waits for a person."""
    turn = city.turn()
    if turn is None or city.settings.work.crews is None:
        return []
    day = turn.as_of + timedelta(days=1)
    # Not through ``city.planning``: the solver takes a moment to load.
    plan = next(iter(city.registers.list_of("plan", WorkPlan, newest_first=True)), None)
    if plan is None or plan.first_day != day:
        return [Tiding(say("Plan"), say("%(day)s has no plan yet.", day=words.day(day)), "/plan")]
    proposal = make_id("proposal", plan.id)
    decision = next((one for one in city.decisions() if one.proposal == proposal), None)
    if decision is None:
        return [Tiding(say("Plan"), say("The plan of %(day)s waits for a person.", day=words.day(day)), "/plan", True)]
    if decision.outcome == "approved":
        told = say("The plan of %(day)s was approved by %(by)s.", day=words.day(day), by=decision.by)
    else:
        told = say("The plan of %(day)s was rejected by %(by)s.", day=words.day(day), by=decision.by)
    return [Tiding(say("Plan"), told, "/plan")]
