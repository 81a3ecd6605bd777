"""The pages *Security*: how the city stands in one glance, and the report of a drill."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse

from cityward.console.tongue import english, marked, say, say_many, significant
from cityward.core.errors import CitywardError
from cityward.secure.drill.report import DrillReport, Target

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.city.backing_up import Standing
    from cityward.console.pages import Console
    from cityward.secure.watch.alerts import SecurityAlert

DRILLS_SHOWN: Final = 20
ALERTS_SHOWN: Final = 50
GRAVE: Final = {1: marked("act at once"), 2: marked("today"), 3: marked("this week")}


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/security`` and ``/security/drills/{identifier}``."""

    @router.get("/security")
    def security(request: Request) -> HTMLResponse:
        return console.page(request, "security.html", **security_page(console.city))

    @router.get("/security/drills/{identifier}")
    def drill(request: Request, identifier: str) -> HTMLResponse:
        report = console.city.drills.get(identifier)
        return console.page(request, "drill.html", report=report, targets=[target_told(one) for one in report.targets])


def security_page(city: City) -> dict[str, Any]:
    """Return what stands open, the last drill, backups and the ledger."""
    drills, alerts = city.drills.all(), list(city.alerts.all())
    last, late = city.drills.last(), city.drills.stale_days()
    open_ = [one for one in alerts if one.state != "closed"]
    backup, trouble = _backup(city)
    proof, isolated = city.verify(), city.isolation.standing()
    found = headline(open_, last, late)
    return {
        "headline": say("The city is isolated: nothing is taken in, changed or copied") if isolated else found,
        "isolated": isolated,
        "lifted": next((one for one in city.isolation.all() if one.state == "lifted"), None),
        "stopped": city.watched.deaths,
        "alerts": open_[:ALERTS_SHOWN],
        "closed": len(alerts) - len(open_),
        "grave": GRAVE,
        "last": last,
        "targets": [target_told(one) for one in last.targets] if last else [],
        "late": late,
        "every": city.settings.drill.every_days,
        "next_due": last.ended_at + timedelta(days=city.settings.drill.every_days) if last else None,
        "drills": drills[:DRILLS_SHOWN],
        "backup": backup,
        "trouble": trouble,
        "proof": proof,
        "watching": city.settings.watch.files,
        "isolates": city.settings.watch.isolate,
    }


def headline(alerts: list[SecurityAlert], last: DrillReport | None, late: float | None) -> object:
    """The finding in a sentence."""
    grave = [one for one in alerts if one.duty.grave == 1]
    if grave:
        return Markup("{} {}").format(say("Act now:"), english(grave[0].sentence))
    if last is None:
        return say("Nobody knows yet whether this city comes back: no drill was run")
    if late is None:
        came = say("The last drill met every target") if last.passed else say("The last drill missed a target")
    elif last.passed:
        came = say("The last drill met every target, and the next is overdue")
    else:
        came = say("The last drill missed a target, and the next is overdue")
    counted = say_many("%(num)s alert open", "%(num)s alerts open", len(alerts)) if alerts else say("no alert is open")
    return f"{came}; {counted}"


def target_told(one: Target) -> dict[str, Any]:
    """A target as a row: measured, wanted, and whether it was met."""
    unit = f" {one.unit}" if one.unit else ""
    return {
        "name": one.name,
        "measured": f"{significant(one.measured, 4)}{unit}",
        "wanted": say("at most %(value)s", value=significant(one.wanted, 4) + unit),
        "met": one.met,
    }


def _backup(city: City) -> tuple[Standing | None, str]:
    """How backups stand, or why that cannot be told."""
    if city.settings.backup.repository is None:
        return None, say("No repository of backups is named in city.toml ([backup] repository).")
    try:
        return city.backups.status(), ""
    except (CitywardError, OSError) as error:
        return None, say("The repository does not answer as it should: %(error)s", error=error)
