"""Explains: answers *why* from stored records alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import singledispatch
from typing import NamedTuple

from cityward.core.appeals import Appeal
from cityward.core.cases import Case
from cityward.core.consults import Consult
from cityward.core.liability import Hold, SeriousIncident
from cityward.core.persons import Breach, PersonRequest, Retained
from cityward.core.records import (
    Alert,
    Decision,
    EarlyWarning,
    Evidence,
    Explanation,
    Need,
    Option,
    Outcome,
    Proposal,
    Record,
    Refusal,
    Silence,
)
from cityward.core.releases import Release
from cityward.core.rules import RuleVersion
from cityward.core.systems import SystemEvent
from cityward.core.words import day, days, moment, percent
from cityward.core.work import Job, OrderEvent, WorkOrder, WorkPlan

_Parts = tuple[str, str, list[tuple[str, str]], str]


class _Words(NamedTuple):
    """In which time zone moments are told, and what people call the crews."""

    zone: str
    crew: Callable[[str], str]

    def at(self, moment_: datetime) -> str:
        return moment(moment_, self.zone)


_CHECK = "Run 'cityward verify': it re-computes the ledger and proves that entry {} has not changed."
_NO_RECEIPT = "There is no receipt in the ledger for this; that should not be. Run 'cityward verify'."


def explain(
    record: Record,
    *,
    receipt: int | None,
    decisions: Sequence[Decision] = (),
    counted: Evidence | None = None,
    out: str = "",
    time_zone: str = "UTC",
    called: Callable[[str], str] = str,
) -> Explanation:
    """Return why ``record`` is as it is.

    Parameters
    ----------
    record : Record
        One of those that `_parts` knows.
        What to explain.
    receipt : int or None
        Ledger index of its entry.
    decisions : sequence of Decision
        Decisions about it, when it is a proposal.
    counted : Evidence, optional
        The first interactions that it counts, when it is a need.
    out : str, optional
        The order or plan in which a waiting case stands.
    time_zone : str, optional
        Time zone of the moments that are told.
    called : callable, optional
        From the identifier of a crew to what people call it.
    """
    kind, sentence, evidence, rule = _parts(record, _Words(time_zone, called))
    evidence += _counted(counted) if counted and counted.sha256 else []
    evidence += [("stands in", out)] if out else []
    for decision in decisions:
        told = f"{decision.by}, {moment(decision.at, time_zone)}: {decision.because} ({decision.id})"
        evidence.append((f"{decision.outcome} by", told))
    check = _CHECK.format(receipt) if receipt is not None else _NO_RECEIPT
    return Explanation(
        id=record.id,  # type: ignore[attr-defined]
        kind=kind,
        sentence=sentence,
        evidence=tuple(evidence),
        rule=rule,
        receipt=receipt,
        how_to_check=check,
    )


def _counted(found: Evidence) -> list[tuple[str, str]]:
    """What a need rests on, so that somebody else can look it up and check that it is the same."""
    names = ", ".join(f"{item.id} ({day(item.day)})" for item in found.items)
    more = found.count - len(found.items)
    gone = f"; {found.count - found.present:,} are no longer held" if found.present < found.count else ""
    since = f"{found.changed:,} revised since" if found.changed else "none revised since"
    return [
        (
            "reports counted",
            f"{names}{f' and {more:,} more' if more > 0 and names else ''} (all: /api/needs/{found.need}/evidence)",
        ),
        ("are they the same still?", f"{since}{gone}; SHA-256 of the list, which the receipt covers: {found.sha256}"),
    ]


@singledispatch
def _parts(record: Record, _words: _Words) -> _Parts:
    raise TypeError(f"{type(record).__name__} is not explained.")


@_parts.register
def _need(record: Need, _words: _Words) -> _Parts:
    evidence = [
        ("reports of " + record.service, f"{record.observed:,} {days(record.starts, record.ends)}"),
        ("expected", f"{record.expected:,.1f}, from how this service and these places share the past"),
        (
            "how much more",
            f"{record.relative_risk:.1f} times (90 % interval {record.relative_risk_low:.1f} to "
            f"{record.relative_risk_high:.1f})",
        ),
        ("where", ", ".join(record.names)),
        (
            "state",
            record.state
            if not record.moments
            else f"{record.state}; last found by the turn of {day(record.moments[-1].day)}",
        ),
        ("people living there", f"{record.population:,.0f}" if record.population else "not known"),
        ("strength", f"log-likelihood ratio {record.statistic:.2f}"),
        (
            "by chance",
            f"p = {record.p_value:.4f} in {record.replicates:,} shuffles: {record.chance}",
        ),
        *(("take care", caveat) for caveat in record.caveats),
    ]
    return "need", record.sentence, evidence, "prospective space-time permutation scan (Kulldorff and others 2005)"


@_parts.register
def _silence(record: Silence, _words: _Words) -> _Parts:
    evidence = [
        ("heard in a year", f"{record.heard:,}"),
        ("expected", f"{record.expected:,.0f}, from comparable places"),
        ("ratio", f"{record.ratio:.2f} (90 % interval {record.ratio_low:.2f} to {record.ratio_high:.2f})"),
        ("people living there", f"{record.population:,.0f}"),
        ("compared with", ", ".join(record.compared_with)),
    ]
    return "silence", record.sentence, evidence, "comparison with similar territories, uncertainty included"


@_parts.register
def _alert(record: Alert, words: _Words) -> _Parts:
    ended = f"{words.at(record.cleared_at)}: {record.cleared_because}" if record.cleared_at else "not yet"
    evidence = [
        ("state", record.state),
        ("opened", words.at(record.opened_at)),
        ("cleared", ended),
        ("source", record.source),
        ("sensors", ", ".join(record.sensors[:20])),
        *record.evidence,
        ("what to do", record.advice),
        ("known by", words.at(record.known_at)),
    ]
    return "alert", record.sentence, evidence, record.rule


@_parts.register
def _proposal(record: Proposal, _words: _Words) -> _Parts:
    evidence = [
        ("because", record.because),
        ("what would be done", record.action),
        ("effect", record.effect),
        *((f"option {at}", _option(option)) for at, option in enumerate(record.options, start=1)),
        ("proposed by", f"{record.system}, a registered system"),
        ("about", record.about),
        ("state", record.state),
    ]
    return "proposal", record.title, evidence, "proposal-approval: a named person decides and says why"


def _option(option: Option) -> str:
    hours = "hours not known" if option.crew_hours is None else f"about {option.crew_hours:,.1f} hours"
    mark = ", recommended" if option.recommended else ""
    return f"{option.title} ({hours}{mark}). {option.action} Effect: {option.effect} {option.known_from}"


@_parts.register
def _outcome(record: Outcome, _words: _Words) -> _Parts:
    def span(name: str, what: str) -> list[tuple[str, str]]:
        mean, low, high = (getattr(record, key) for key in (name, f"{name}_low", f"{name}_high"))
        told = f"{mean:,.1f} (90 % interval {low:,.0f} to {high:,.0f})" if mean is not None else "cannot be told"
        return [(what, told)]

    known = record.observed is not None
    evidence = [
        ("verdict", record.verdict),
        ("about", record.about),
        ("decision", record.decision),
        ("what was decided", record.option or "to act"),
        ("reports of " + record.service, f"{record.observed:,} in {record.days} days" if known else "not counted"),
        *(span("fading", "expected had it faded as past surges do") if known else []),
        *(span("going_on", "expected had the days before gone on") if known else []),
        *([("past surges of its kind", f"{record.past_surges:,}")] if known else []),
        ("counted from", f"the day after {day(record.action_day)}, as known on {day(record.as_of)}"),
        ("settled", "yes" if record.settled else "no, later turns may change it"),
        *(("take care", caveat) for caveat in record.caveats),
    ]
    rule = "a difference is told only outside the intervals of both comparisons, and never before 14 days"
    return "outcome", record.sentence, evidence, rule


@_parts.register
def _case(record: Case, _words: _Words) -> _Parts:
    toward = [reason for reason in record.reasons if reason.odds > 1]
    evidence = [
        (
            "probability",
            f"{percent(record.probability)} (90 % interval {percent(record.low)} to {percent(record.high)})",
        ),
        ("of all visits", percent(record.usual)),
        ("known to", day(record.known_to)),
        *(
            (
                "speaks for an early visit" if reason.odds > 1 else "speaks for a later visit",
                f"{reason.name}: {reason.value} (odds times {reason.odds:.2f})",
            )
            for reason in record.reasons
        ),
        ("what would change it", _changes(toward[0].name if toward else None)),
        ("ranked by", f"{record.system}, a registered system; a person makes the plan"),
        ("how to contest it", record.appeal),
    ]
    sentence = (
        f"Place {record.place:,} of {record.of:,} in the order of visits, in {record.area}: a visit finds what it "
        f"looks for with a probability of {percent(record.probability)}."
    )
    return (
        "case",
        sentence,
        evidence,
        "learned from earlier visits only, calibrated on later ones; see the system's card",
    )


def _changes(strongest: str | None) -> str:
    if strongest is None:
        return "Nothing stands out; a visit with a finding, here or nearby, would move it forward."
    return f"Mostly '{strongest}': when that changes, or was recorded wrongly and is corrected, so does the place."


@_parts.register
def _refusal(record: Refusal, words: _Words) -> _Parts:
    evidence = [
        ("source", record.source),
        ("columns", ", ".join(record.columns)),
        ("class", record.field_class),
        ("rows refused", f"{record.rows:,}"),
        ("when", words.at(record.at)),
        ("kept of the payload", "nothing"),
    ]
    return "refusal", record.because, evidence, record.rule


@_parts.register
def _decision(record: Decision, words: _Words) -> _Parts:
    evidence = [
        ("decided by", f"{record.by}, {words.at(record.at)}"),
        ("reason", record.because),
        ("proposal", record.proposal),
        *([("option that was chosen", record.option_title)] if record.option_title else []),
        *([("known when it was decided", f"days to {day(record.as_of)}")] if record.as_of else []),
        ("system", record.system),
        *((f"{party.duty}", party.name) for party in record.parties),
        ("how to contest it", record.appeal),
    ]
    return "decision", record.explanation, evidence, record.rule


@_parts.register
def _system_event(record: SystemEvent, words: _Words) -> _Parts:
    duty = f" the duty {record.duty} of" if record.duty else ""
    over = f" over to {record.taker}" if record.taker else ""
    verb = {"handed over": "handed"}.get(record.what, record.what)
    because = f": {record.because}" if record.because else "."
    evidence = [
        ("system", f"{record.system} {record.version}"),
        ("digest of the version", record.digest),
        ("by", f"{record.by}, {words.at(record.at)}"),
        *([("valid from", day(record.valid_from))] if record.valid_from else []),
        *([("valid until", day(record.valid_until))] if record.valid_until else []),
        *([("changed by", record.party)] if record.what == "modified" else []),
        *((("substantial" if record.substantial else "changed"), change) for change in record.changes),
        *_signed(record),
    ]
    told = f"{record.by} {verb}{duty} {record.system} {record.version}{over}{because}"
    return "system", told, evidence, "register-of-systems 1"


def _signed(record: SystemEvent) -> list[tuple[str, str]]:
    """What came with an event: a signed note, or where the figures of an audit are read."""
    if record.what == "audited":
        return [("figures", f"on the page /systems/{record.system}/audits/{record.id}")]
    return [("signed", record.note)] if record.note else []


@_parts.register
def _rule_version(record: RuleVersion, words: _Words) -> _Parts:
    evidence = [
        ("rule", f"{record.rule} {record.version}"),
        ("valid from", day(record.valid_from)),
        *([("replaces", f"version {record.replaces}, which ends the day before")] if record.replaces else []),
        ("signed off by", f"{record.by}, {words.at(record.at)}"),
        ("replayed", f"{record.says}." if record.cases else record.says),
        ("digest of the rule", record.digest),
        ("digest of the replay", record.evidence_digest),
    ]
    told = f"{record.by} published version {record.version} of {record.rule}: {record.because}"
    return "rule", told, evidence, "rules-as-tables 1"


@_parts.register
def _warning(record: EarlyWarning, _words: _Words) -> _Parts:
    source = "as the city states it" if record.capacity_from == "stated" else "from what was closed in the last year"
    evidence = [
        ("probability", f"{percent(record.probability)}; in an ordinary week {percent(record.climatology)}"),
        (
            f"expected in {record.horizon_days} days",
            f"{record.expected:,.0f} (80 % interval {record.low:,.0f} to {record.high:,.0f})",
        ),
        ("can be done in these days", f"{record.capacity:,.0f}, {source}"),
        ("waiting already", f"{record.open_cases:,}"),
        (
            "how well this has worked",
            f"Brier score {record.brier:.3f} in {record.weeks} past weeks, climatology {record.brier_climatology:.3f} "
            "(smaller is better)",
        ),
        ("open since", day(record.opened)),
        *((f"probability on {day(at)}", percent(chance)) for at, chance in record.moments[-5:]),
        ("state", record.state),
    ]
    rule = "a warning opens at a probability of 50 % and closes below 30 %, only where it beat climatology"
    return "warning", record.sentence, evidence, rule


@_parts.register
def _order(record: WorkOrder, words: _Words) -> _Parts:
    job = record.job
    evidence = [
        ("what", record.instructions),
        ("service", job.service),
        ("for", job.about),
        ("allowed by", record.decision),
        ("who goes", _who(record, words)),
        *((words.at(event.at), _step(event)) for event in record.events),
    ]
    rule = "an order is confirmed by a resident, or by a named person who did not do the work; never by the worker"
    return "order", f"{record.id} is {record.state}. {record.events[-1].because}", evidence, rule


def _who(order: WorkOrder, words: _Words) -> str:
    if not order.crew:
        return "nobody is planned"
    return f"{words.crew(order.crew)}{f', {day(order.day)}' if order.day else ''}"


def _step(event: OrderEvent) -> str:
    proof = "" if event.receipt is None else f" Ledger entry {event.receipt}."
    return f"{event.state} by {event.by}: {event.because}{proof}"


@_parts.register
def _job(record: Job, _words: _Words) -> _Parts:
    evidence = [
        ("service", record.service),
        ("waiting since", day(record.waiting_since)),
        ("on the spot", f"{record.minutes} minutes, skill {record.skill}"),
        ("case", record.about),
    ]
    rule = "reports of the same thing are one case; it waits since the first of them"
    return "waiting case", f"{record.title} waits for a visit since {day(record.waiting_since)}.", evidence, rule


@_parts.register
def _plan(record: WorkPlan, words: _Words) -> _Parts:
    worst = max(record.groups, key=lambda group: group.ratio, default=None)
    names = {crew.id: crew.name for crew in record.crews}
    evidence = [
        (
            "made from",
            f"{len(record.jobs):,} open cases known to the end of {day(record.made_on)}, {len(record.crews)} crews",
        ),
        ("visits", f"{len(record.visits):,} from {day(record.first_day)}, {record.tours} tours"),
        (
            "floor",
            "none" if record.floor is None else f"no group waits more than {record.floor:g} times the city's mean",
        ),
        ("expected waiting", f"{record.waiting_days:,.0f} days in all, from the report to the visit"),
        *([("waits longest", f"{worst.group}: {worst.ratio:.2f} times the city's mean")] if worst else []),
        (
            "how good",
            "not proven"
            if record.gap is None
            else f"at most {percent(record.gap, 2)} above the best: {record.objective:,.2f}, and no plan is below "
            f"{record.bound:,.2f} (weighted days of waiting, and travel)",
        ),
        *(("goes out beside the usual crews", crew.name) for crew in record.crews if crew.id.startswith("extra-")),
        *(
            (
                "moved by",
                f"{one.by}, {words.at(one.at)}: job {one.job} to {names.get(one.crew, one.crew)}. {one.because}",
            )
            for one in record.moves
        ),
        *(("take care", caveat) for caveat in record.caveats),
    ]
    sentence = f"{len(record.visits):,} of {len(record.jobs):,} cases are visited from {day(record.first_day)}."
    return "plan", sentence, evidence, "least waiting with a floor; a named person approves it (docs/planning.md)"


@_parts.register
def _release(record: Release, _words: _Words) -> _Parts:
    asked = record.request
    cost = f"epsilon {asked.epsilon:g}" if asked.epsilon is not None else f"rho {asked.rho:g}"
    evidence = [
        ("whose data", f"'{asked.group}', {days(asked.first, asked.last)}"),
        ("cost", f"{cost}, from the budget of {', '.join(record.periods)}; ledger entry {record.spent_receipt}"),
        ("what counts of one person", f"at most {asked.rows} rows in a cell, and {asked.cells} cells"),
        ("noise", f"discrete {record.mechanism.capitalize()}, scale {record.scale:.4g}"),
        ("95 % error", f"up to {record.error_95:,.4g} {record.unit}"),
        ("too noisy to allocate by", f"{record.too_noisy:,} of {record.rows:,} figures"),
        *(
            [("left out", f"{record.suppressed:,} figures below {asked.suppress_below}")]
            if asked.suppress_below
            else []
        ),
        ("file", f"SHA-256 {record.sha256}"),
    ]
    return "release", f"{record.title}.", evidence, "figures leave with noise, paid from a budget, or not at all"


@_parts.register
def _consult(record: Consult, words: _Words) -> _Parts:
    evidence = [
        ("who", record.reader),
        ("for what", record.purpose),
        ("what was asked for", f"{', '.join(record.fields) or 'nothing that is held'} of {record.table}"),
        ("when", words.at(record.at)),
        *([("as known on", words.at(record.as_of))] if record.as_of else []),
        *([("rows", f"{record.rows:,}")] if record.rows is not None else []),
        *([("grant", f"grants/{record.grant}.toml")] if record.grant else []),
        *([("refused", record.refused), ("what to do", record.remedy)] if record.refused else []),
    ]
    did = "was refused a look into" if record.refused else "looked into"
    return "consult", f"{record.reader} {did} {record.table} for {record.purpose}.", evidence, record.rule


@_parts.register
def _request(record: PersonRequest, _words: _Words) -> _Parts:
    ended = day(record.done_at) if record.done_at else f"not yet; due on {day(record.due_on)}"
    evidence = [
        ("came", day(record.made_at)),
        ("answered", ended),
        *(
            [("extended", f"as the person was told on {day(record.told_on)}: {record.extended_because}")]
            if record.told_on
            else []
        ),
        ("proof", record.proof),
        *((f"number of {name}", f"{count:,}") for name, count in record.counts.items()),
        ("about whom", "is not kept"),
    ]
    return "request", f"A person asked for {_RIGHTS[record.right]}.", evidence, "person-rights 1"


_RIGHTS = {
    "access": "access to what is held (GDPR article 15)",
    "rectify": "rectification (GDPR article 16)",
    "erase": "erasure (GDPR article 17)",
    "restrict": "restriction (GDPR article 18)",
    "object": "not to be counted any more (GDPR article 21)",
}


@_parts.register
def _appeal(record: Appeal, _words: _Words) -> _Parts:
    ended = (
        f"{record.state} on {day(record.closed_at)}" if record.closed_at else f"not yet; due on {day(record.due_on)}"
    )
    row = f", row {record.row}" if record.row else ""
    evidence = [
        ("rests on", f"{record.rule} {record.rule_version}{row}; {record.system} {record.version}"),
        ("came", f"{day(record.opened_at)}; in time until {day(record.appeal_by)}"),
        ("answered", ended),
        ("decides", record.assigned_to or "nobody yet"),
        *([("reason", record.because)] if record.because else []),
        *([("facts that were wrong", ", ".join(record.wrong))] if record.wrong else []),
        *([("like it", f"{record.similar:,} decisions on the same row and fact")] if record.similar else []),
        *([("told", ", ".join(f"{one.name} ({one.duty})" for one in record.parties))] if record.parties else []),
        ("what was said", "is shown to whoever decides, and to the person"),
    ]
    return "appeal", "A decision was contested.", evidence, "appeals 1"


@_parts.register
def _breach(record: Breach, words: _Words) -> _Parts:
    told = words.at(record.told_at) if record.told_at else "not yet"
    evidence = [
        ("state", record.state),
        ("aware", words.at(record.aware_at)),
        ("to be told by", words.at(record.due_at)),
        ("told", told),
        *((name, f"{count:,}") for name, count in record.affected.items()),
        *((("how this was counted", record.counted),) if record.counted else ()),
    ]
    return "breach", record.what, evidence, "breach-clock 1"


@_parts.register
def _hold(record: Hold, words: _Words) -> _Parts:
    evidence = [
        ("decision", record.decision),
        ("placed", f"{words.at(record.placed_at)} by {record.by}"),
        ("covers", f"{record.orders} orders, {record.interactions} reports, {record.decisions} decisions of cases"),
        ("released", "not yet" if record.released_at is None else f"{words.at(record.released_at)}"),
    ]
    return "hold on evidence", record.because, evidence, "evidence-hold 1 (GDPR article 17(3)(e))"


@_parts.register
def _serious(record: SeriousIncident, words: _Words) -> _Parts:
    told = words.at(record.told_at) if record.told_at else "not yet"
    evidence = [
        ("decision", record.decision),
        ("state", record.state),
        ("aware", words.at(record.aware_at)),
        ("to be told by", words.at(record.due_at)),
        ("told", told),
    ]
    return "serious incident", record.what, evidence, "incident-clock 1 (AI Act, article 73)"


@_parts.register
def _retained(record: Retained, _words: _Words) -> _Parts:
    evidence = [
        (
            name,
            f"{count:,} deleted; limit {record.limits[name]:,} days; oldest left: {record.oldest.get(name, '–')}",
        )
        for name, count in record.deleted.items()
        if name in record.limits
    ]
    return "retention", "What was kept for long enough was deleted.", evidence, "retention-by-class 1"
