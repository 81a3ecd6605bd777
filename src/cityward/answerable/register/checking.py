"""Checks a system file: what cannot be registered, what is wrong, what is still to be said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cityward.answerable.register.annex_iii import USES, looks_like
from cityward.answerable.register.forbidden import FORBIDDEN, PRACTICES, suspicions
from cityward.answerable.register.shape import ALWAYS, ANNEX_III, DUTIES, RISK_CLASSES, System
from cityward.core.errors import Refused, SettingsError
from cityward.core.toml_text import line_of


@dataclass(frozen=True, slots=True)
class Finding:
    """What is still to be said of a system.

    A ``question`` is raised by its words and nobody can approve it before a person has answered; what is ``missing``
    stands in the way of a high-risk or rights-affecting system, and is told of any other.
    """

    rule: str
    weight: Literal["question", "missing"]
    says: str
    remedy: str


def refuse_if_forbidden(system: System) -> None:
    """Raise `Refused`, with the clause, for a practice that article 5 forbids."""
    clause = FORBIDDEN.get(system.practice)
    if clause:
        raise Refused(
            f"ai-act-{clause}",
            f"'{system.id}' cannot be registered: {system.practice.replace('-', ' ')} is forbidden by "
            f"article {clause} of the EU AI Act.",
            "Nobody in the city can allow it; take the file away.",
        )


def check_meaning(system: System, name: str, text: str) -> None:
    """Raise for what a file of the right shape still says wrongly; ``name`` and ``text`` are those of the file.

    Raises
    ------
    Refused
        Article 5 forbids it.
    SettingsError
        Names the line and what to write instead.
    """
    refuse_if_forbidden(system)
    for key, what, remedy in _wrong(system):
        raise SettingsError(f"{name}, line {line_of(text, f'.{key}')}: {what}", remedy)


def _wrong(system: System) -> Iterator[tuple[str, str, str]]:
    """Mistakes as key of the file, what is wrong, and the remedy."""
    if system.practice not in PRACTICES:
        yield "practice", f"practice '{system.practice}' is unknown.", f"Known: {', '.join(PRACTICES)}."
    if system.risk_class not in RISK_CLASSES:
        known = "minimal, article 50, article 6(1), or a point of annex III such as 'annex III 5(a)'"
        yield (
            "risk_class",
            f"risk_class '{system.risk_class[:60]}' is unknown.",
            f"Write one of: {known}. The reason goes into risk_reason.",
        )
    unknown = [point for point in system.annex_iii if point not in ANNEX_III]
    if unknown:
        yield "annex_iii", f"annex III has no point '{unknown[0]}'.", f"Known: {', '.join(ANNEX_III)}."
    yield from _wrong_risk(system)
    yield from _wrong_parties(system)
    if system.starts and system.ends and system.ends < system.starts:
        yield "ends", f"it ends on {system.ends}, before it starts on {system.starts}.", "Correct one of the days."
    for at, metric in enumerate(system.evaluation):
        if not metric.low <= metric.value <= metric.high:
            what = f"{metric.name}: {metric.value} is not within {metric.low} to {metric.high}."
            yield f"evaluation[{at}]", what, "Give low <= value <= high; a figure without its interval says too much."


def _wrong_risk(system: System) -> Iterator[tuple[str, str, str]]:
    if system.annex_iii and not system.high_risk and system.derogation is None:
        points = "; ".join(f"{point}, {USES[point]}" for point in system.annex_iii if point in USES)
        yield (
            "risk_class",
            f"the use stands in annex III ({points}) and cannot be called {system.risk_class} without a reason.",
            "Write risk_class = 'annex III …', or a [derogation] table with the condition of article 6(3) and because.",
        )
    if system.derogation is not None and system.profiles_people:
        yield (
            "derogation",
            "a use of annex III that profiles people is always high-risk (article 6(3), last paragraph).",
            "Write risk_class = 'annex III …' and take the [derogation] table away.",
        )
    if system.high_risk and system.derogation is not None:
        yield (
            "derogation",
            f"it is called {system.risk_class} and not high-risk at once.",
            "Keep risk_class or [derogation].",
        )


def _wrong_parties(system: System) -> Iterator[tuple[str, str, str]]:
    wrong = [party.duty for party in system.parties if party.duty not in DUTIES]
    if wrong:
        yield "parties", f"duty '{wrong[0]}' is unknown.", f"Known: {', '.join(DUTIES)}."
    held = {party.duty for party in system.parties}
    missing = [duty for duty in ALWAYS if duty not in held]
    if missing:
        yield (
            "parties",
            f"nobody is named as {', '.join(sorted(missing))}.",
            "Add a [[parties]] table for each duty.",
        )
    if any(party.duty == "manufacturer" and party.outside for party in system.parties) and "importer" not in held:
        yield (
            "parties",
            "its manufacturer is outside the Union and nobody is named as importer.",
            "Add a [[parties]] table with duty = 'importer' (article 23), and a distributor where there is one.",
        )
    twice = [one.duty for at, one in enumerate(system.parties) if one in system.parties[:at]]
    if twice:
        yield "parties", f"the same {twice[0]} is named twice.", "Take one of the tables away."


def findings(system: System) -> tuple[Finding, ...]:
    """What is still to be said of a system that may be registered; questions first."""
    return (*_questions(system), *_missing(system))


def _questions(system: System) -> Iterator[Finding]:
    for doubt in suspicions(system):
        if not system.stated(f"article {doubt.clause}"):
            yield Finding(
                f"ai-act-{doubt.clause}",
                "question",
                f"Its words “{doubt.words}” bring article {doubt.clause} of the EU AI Act to mind, which forbids it.",
                f"If it is that, take the file away. If not, add [[statements]] with about = 'article {doubt.clause}', "
                "says = why it is not, and by = the name of who says so.",
            )
    known = {f"annex III {point}" for point in system.annex_iii} | {system.risk_class}
    for use in looks_like(system):
        point = use.clause.removeprefix("annex III ")
        if use.clause not in known and not system.stated(use.clause):
            yield Finding(
                "ai-act-6(2)",
                "question",
                f"Its words “{use.words}” bring {use.clause} to mind ({USES[point]}), a high-risk use.",
                f"Write annex_iii = ['{point}'] and risk_class, or [[statements]] with about = '{use.clause}'.",
            )


def _missing(system: System) -> Iterator[Finding]:
    """Whatever an auditor would ask for next."""
    gaps = [
        (system.rights_affecting is None, "answerability", "It does not say whether it affects rights of people.",
         "Write rights_affecting = true or false; left out it counts as true."),
        (system.risk_class == "minimal" and not system.risk_reason, "ai-act-6",
         "It does not say why its risk is minimal.", "Write risk_reason."),
        (system.model is None, "ai-act-13", "It has no model card.", "Add a [model] table."),
        (not system.logs, "ai-act-12", "It does not say what it logs, and for how long.", "Write logs."),
        (not system.evaluation, "ai-act-15", "No evaluation is given.", "Add [[evaluation]] with date and interval."),
        (not system.affected, "ai-act-27", "It does not say which groups of people it affects.", "Write affected."),
        (system.strict and not any(one.audit for one in system.evaluation), "ai-act-26(5)",
         "No evaluation refers to an audit.", "Name the audit in [[evaluation]], key audit."),
        (system.ends is None, "answerability", "It does not say when it ends or is looked at again.", "Write ends."),
        (_lacks_lot(system), "random-arm",
         "It selects, and no share of what it selects is drawn by lot: how often it is wrong about the rest nobody "
         "can know.", "Add random_arm = { share = 0.05 }; without effect on rights also share = 0 with because."),
    ]  # fmt: skip
    yield from (Finding(rule, "missing", says, remedy) for lacks, rule, says, remedy in gaps if lacks)
    for party in system.parties:
        lacks = [what for what in ("contact", "key") if not getattr(party, what)]
        if party.duty == "overseer" and not party.competence and system.strict:
            lacks.append("competence")
        if lacks:
            says = f"Of its {party.duty}, {party.name}, it does not give {' and '.join(lacks)}."
            yield Finding("answerability", "missing", says, "Complete the [[parties]] table.")


def _lacks_lot(system: System) -> bool:
    if not system.chooses:
        return False
    arm = system.random_arm
    return arm is None or (arm.share == 0 and (system.strict or len(arm.because) < 20))


def stands_in_the_way(system: System, found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings because of which it cannot be approved."""
    return tuple(one for one in found if one.weight == "question" or system.strict)
