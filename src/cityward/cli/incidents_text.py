"""Security incidents in words, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from cityward.cli.main import as_json, some

if TYPE_CHECKING:
    from cityward.city.incidents import Filed
    from cityward.secure.incidents.records import Expected, SecurityIncident, SecuritySilence, Step, Touched

STEPS: Final = 12
SERVICES: Final = 8
UNNAMED: Final = "a host that is not named"


def told_filed(filed: Filed, *, json_: bool = False) -> None:
    """Say what became of findings."""
    if json_:
        as_json(filed)
        return
    click.echo(
        f"{some(filed.received, 'sighting')}: {filed.grouped:,} in security incidents, {filed.silent:,} silent, "
        f"{filed.not_grave:,} too slight to open one, {filed.closed:,} of closed ones, {filed.beyond_sightings:,} "
        "beyond what is opened at once. "
        f"Opened: {', '.join(filed.opened) or 'none'}. Grown: {', '.join(filed.grown) or 'none'}."
    )
    if filed.joined:
        click.echo(f"Became part of others: {', '.join(filed.joined)}.")
    if filed.beyond:
        click.echo(f"{filed.beyond:,} more were not opened, the slightest ones: work through what stands open first.")


def told_silence(one: SecuritySilence) -> str:
    """A silence in two lines."""
    what = "; ".join(f"{rule} at {place or UNNAMED}" for rule, place in one.pairs[:3])
    more = f" and {len(one.pairs) - 3} more" if len(one.pairs) > 3 else ""
    actor = f", by {one.actor}" if one.actor else ""
    return (
        f"{one.id}  silent until {one.until:%Y-%m-%d %H:%M} UTC: {what}{more}{actor}\n"
        f"    {one.counted:,} matches held back. {one.by}: {one.because}"
    )


def when(one: SecurityIncident) -> str:
    """First and last moment."""
    return f"from {one.first:%Y-%m-%d %H:%M} to {one.last:%Y-%m-%d %H:%M} UTC"


def matched(one: SecurityIncident) -> str:
    """How often rules matched, and when; one event can match several rules."""
    return f"{one.events:,} {'match' if one.events == 1 else 'matches'} of {some(len(one.rules), 'rule')}, {when(one)}"


def costs(one: SecurityIncident) -> str:
    """What it may cost, in a sentence."""
    if not one.expected:
        return "No scenario of the city covers its techniques."
    return (
        f"Expected loss {one.loss:,.0f} {one.currency} and {one.lost_hours:,.0f} hours of people without a service "
        f"({one.expected[0].name})."
    )


def story(one: SecurityIncident) -> list[str]:
    """An incident in lines for a person."""
    lines = [f"{one.id}  {one.level}, {one.state}", one.headline, f"{matched(one)}.", ""]
    lines += ["What happened, in order:", *(_step(step) for step in one.steps[:STEPS])]
    if (more := len(one.steps) - STEPS + one.steps_more) > 0:
        lines.append(f"  and {more:,} more")
    lines += ["", "Where:", *(_place(place) for place in one.places)]
    if one.places_more or not one.places:
        lines.append(f"  and {one.places_more:,} more" if one.places_more else "  the logs name no host")
    who = ", ".join(one.actors) + (f" and {one.actors_more:,} more" if one.actors_more else "")
    lines += ["", f"By whom: {who or 'nobody is named'}."]
    lines += [f"Why it is one: {'; '.join(one.reasons) or 'it is one finding'}.", "", *_behind(one), ""]
    lines += [*_costs(one), *one.remarks, ""]
    lines.append(f"Next: act by the playbooks of {', '.join(one.techniques) or 'its rules'}.")
    if one.state == "open":
        lines.append(f"Say that you do with 'cityward incidents take {one.id}'.")
    if one.because:
        lines.append(f"{one.by}: {one.because}")
    return lines


def _step(step: Step) -> str:
    ends = "" if step.first == step.last else f"–{step.last:%m-%d %H:%M}"
    by = f", {some(step.actors, 'actor')}" if step.actors else ""
    tags = f" [{', '.join(step.techniques)}]" if step.techniques else ""
    return (
        f"  {step.first:%m-%d %H:%M}{ends}  {step.title}{tags} at {step.place or UNNAMED}: "
        f"{step.events:,} times{by}; rule {step.rule}"
    )


def _place(place: Touched) -> str:
    known = f"asset {place.id}, told by its {place.how}" if place.how != "unknown" else "not in the inventory"
    return f"  {place.name} ({known}{f'; {place.owner}' if place.owner else ''})"


def _behind(one: SecurityIncident) -> list[str]:
    if not one.services:
        return ["No service of residents is known to stand on this."]
    named = ", ".join(f"{service.name} ({service.people:,.0f})" for service in one.services[:SERVICES])
    more = len(one.services) - SERVICES + one.services_more
    rest = f" and {some(more, 'more service')}" if more > 0 else ""
    return [f"{one.people:,.0f} people at least use what stands on this: {named}{rest}."]


def _costs(one: SecurityIncident) -> list[str]:
    if not one.expected:
        return ["No scenario of the city covers its techniques, so nothing is said of what it may cost."]
    told = [_scenario(each, one.currency) for each in one.expected]
    return [*told, "± is the error of simulation, not of the estimates."]


def _scenario(each: Expected, currency: str) -> str:
    systems = "but other systems" if each.fits == "techniques" else "and these systems"
    return (
        f"If this is “{each.name}” and succeeds, as {each.success:.0%} of tries do: {each.money:,.0f} ± "
        f"{each.money_error:,.0f} {currency}, and {each.citizen_hours:,.0f} ± {each.citizen_hours_error:,.0f} hours of "
        f"people without a service. It names these techniques, {systems}."
    )
