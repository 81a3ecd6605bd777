"""Explains: answers *why* from stored records alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

from cityward.core.records import Decision, Explanation, Need, Proposal, Record, Refusal, Silence
from cityward.core.work import WorkPlan

_Parts = tuple[str, str, list[tuple[str, str]], str]
_CHECK = "Run 'cityward verify': it re-computes the ledger and proves that entry {} has not changed."
_NO_RECEIPT = "There is no receipt in the ledger for this; that should not be. Run 'cityward verify'."


def explain(record: Record, *, receipt: int | None, decisions: Sequence[Decision] = ()) -> Explanation:
    """Return why ``record`` is as it is.

    Parameters
    ----------
    record : Need, Silence, Proposal, Refusal or Decision
        What to explain.
    receipt : int or None
        Ledger index of its entry.
    decisions : sequence of Decision
        Decisions about it, when it is a proposal.
    """
    kind, sentence, evidence, rule = _parts(record)
    for decision in decisions:
        evidence.append(
            (f"{decision.outcome} by", f"{decision.by}, {decision.at:%Y-%m-%d %H:%M} UTC: {decision.because}")
        )
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


@singledispatch
def _parts(record: Record) -> _Parts:
    raise TypeError(f"{type(record).__name__} is not explained.")


@_parts.register
def _need(record: Need) -> _Parts:
    evidence = [
        ("reports of " + record.service, f"{record.observed:,} from {record.starts} to {record.ends}"),
        ("expected", f"{record.expected:,.1f}, from how this service and these places share the past"),
        (
            "how much more",
            f"{record.relative_risk:.1f} times (90 % interval {record.relative_risk_low:.1f} to "
            f"{record.relative_risk_high:.1f})",
        ),
        ("where", ", ".join(record.names)),
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
def _silence(record: Silence) -> _Parts:
    evidence = [
        ("heard in a year", f"{record.heard:,}"),
        ("expected", f"{record.expected:,.0f}, from comparable places"),
        ("ratio", f"{record.ratio:.2f} (90 % interval {record.ratio_low:.2f} to {record.ratio_high:.2f})"),
        ("people living there", f"{record.population:,.0f}"),
        ("compared with", ", ".join(record.compared_with)),
    ]
    return "silence", record.sentence, evidence, "comparison with similar territories, uncertainty included"


@_parts.register
def _proposal(record: Proposal) -> _Parts:
    evidence = [
        ("because", record.because),
        ("what would be done", record.action),
        ("effect", record.effect),
        ("proposed by", f"{record.system}, a registered system"),
        ("about", record.about),
        ("state", record.state),
    ]
    return "proposal", record.title, evidence, "proposal-approval: a named person decides and says why"


@_parts.register
def _refusal(record: Refusal) -> _Parts:
    evidence = [
        ("source", record.source),
        ("columns", ", ".join(record.columns)),
        ("class", record.field_class),
        ("rows refused", f"{record.rows:,}"),
        ("when", f"{record.at:%Y-%m-%d %H:%M} UTC"),
        ("kept of the payload", "nothing"),
    ]
    return "refusal", record.because, evidence, record.rule


@_parts.register
def _decision(record: Decision) -> _Parts:
    evidence = [
        ("decided by", f"{record.by}, {record.at:%Y-%m-%d %H:%M} UTC"),
        ("reason", record.because),
        ("proposal", record.proposal),
        ("system", record.system),
        *((f"{party.duty}", party.name) for party in record.parties),
        ("how to contest it", record.appeal),
    ]
    return "decision", record.explanation, evidence, record.rule


@_parts.register
def _plan(record: WorkPlan) -> _Parts:
    worst = max(record.groups, key=lambda group: group.ratio, default=None)
    evidence = [
        (
            "made from",
            f"{len(record.jobs):,} open cases known to the end of {record.made_on}, {len(record.crews)} crews",
        ),
        ("visits", f"{len(record.visits):,} from {record.first_day}, {record.tours} tours"),
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
            else f"at most {record.gap:.2%} above the best: {record.objective:,.2f}, and no plan is below "
            f"{record.bound:,.2f} (weighted days of waiting, and travel)",
        ),
        *(
            ("moved by", f"{one.by}, {one.at:%Y-%m-%d %H:%M} UTC: job {one.job} to crew {one.crew}. {one.because}")
            for one in record.moves
        ),
        *(("take care", caveat) for caveat in record.caveats),
    ]
    sentence = f"{len(record.visits):,} of {len(record.jobs):,} cases are visited from {record.first_day}."
    return "plan", sentence, evidence, "least waiting with a floor; a named person approves it (docs/planning.md)"
