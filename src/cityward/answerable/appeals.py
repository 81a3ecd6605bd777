"""The life of an appeal: who may open it until when, who may decide it, what follows. Pure: no folder, no clock.

Source: Charter of Fundamental Rights of the European Union, articles 41 and 47; Regulation (EU) 2016/679, article 22(3)
(to contest a decision); Regulation (EU) 2024/1689, article 86 (to have it explained) and article 14 (oversight).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Final, Literal

import msgspec
import numpy as np
import polars as pl

from cityward.answerable.audit.intervals import clopper_pearson
from cityward.core.appeals import CLOSED, RESIDENT, Appeal, AppealOutcome, AppealStep, Said
from cityward.core.decided import CaseDecision
from cityward.core.errors import Refused, UserError
from cityward.core.identifiers import make_id
from cityward.core.person_names import NAME_CHARS_MAX, is_full_name, same_person
from cityward.core.records import Party

WORDS_CHARS_MAX: Final = 4_000
SAID_MAX: Final = 20
"""Most things said in one appeal; a link that is passed around must not fill the registers."""

REASON_CHARS_MIN, REASON_CHARS_MAX = 10, 2_000
ANSWERING: Final = ("manufacturer", "owner")
"""Duties whose holders are told of a decision that was changed: provider and deployer."""

RULE: Final = "appeals 1"


@dataclass(frozen=True, slots=True)
class Terms:
    """Days to appeal from the day on which one was told, and to answer from the day on which the appeal came."""

    appeal_days: int
    answer_days: int
    appeal_law: str
    answer_law: str


Why = Literal[
    "early", "running", "judged", "reversed", "late", "fact", "much", "closed", "clock", "nothing", "long", "none"
]
"""Why a step is not taken: a key, by which a page says it in the language of who reads it."""


class NotTaken(UserError):
    """A step that a person wants to take in an appeal and cannot."""

    def __init__(self, why: Why, what: str, remedy: str = "") -> None:
        self.why = why
        super().__init__(what, remedy)


# -- days ----------------------------------------------------------------------------------------------


def last_day_to_appeal(told_on: date, terms: Terms) -> date:
    """The last day on which an appeal is in time; one that would fall on a weekend is the Monday after.

    Source: Regulation (EEC, Euratom) 1182/71, article 3(1) (the first day does not count) and 3(4).
    """
    last = told_on + timedelta(days=terms.appeal_days)
    return last + timedelta(days=max(0, 7 - last.weekday()) if last.weekday() >= 5 else 0)


def last_day_to_answer(opened_on: date, terms: Terms) -> date:
    """The last day on which the city's answer is in time; the city gets no weekend for it."""
    return opened_on + timedelta(days=terms.answer_days)


# -- persons -------------------------------------------------------------------------------------------


def named(person: str) -> str:
    """A first and last name, tidied; raises `UserError` when it is none."""
    person = " ".join(person.split())
    if same_person(person, RESIDENT) or not is_full_name(person):
        raise UserError("Who does this?", f"Give a first and last name of at most {NAME_CHARS_MAX} characters.")
    return person


def reasoned(because: str, what: str = "This") -> str:
    """A reason, tidied; raises `UserError` when it is too short or long."""
    because = " ".join(because.split())
    if not REASON_CHARS_MIN <= len(because) <= REASON_CHARS_MAX:
        raise UserError(
            f"{what} needs a reason of {REASON_CHARS_MIN} to {REASON_CHARS_MAX:,} characters.",
            "Write it and try again.",
        )
    return because


def check_independent(person: str, decided_by: str, overseers: Iterable[str]) -> None:
    """Raise unless somebody neither made nor oversaw what is contested.

    Raises
    ------
    Refused
        He did: nobody judges his own case.
    """
    if same_person(person, decided_by):
        raise Refused(
            RULE, f"{person} made this decision and cannot decide the appeal against it.", "Assign somebody else."
        )
    if any(same_person(person, overseer) for overseer in overseers):
        raise Refused(
            RULE,
            f"{person} oversees the system that this decision rests on, or did when it was made, and cannot decide "
            "the appeal against it.",
            "Assign somebody who neither decided nor oversaw it.",
        )


# -- steps ---------------------------------------------------------------------------------------------


def open_appeal(
    decision: CaseDecision,
    before: Sequence[Appeal],
    *,
    at: datetime,
    today: date,
    told_on: date,
    terms: Terms,
    by: str,
    said: Sequence[Said],
    contests: Sequence[str] = (),
    excused: bool = False,
    like: str = "",
) -> Appeal:
    """Open an appeal against a decision.

    Parameters
    ----------
    decision : CaseDecision
        What is contested; it must have taken effect.
    before : sequence of Appeal
        Earlier appeals against the same decision.
    at, today : datetime.datetime, datetime.date
        Now, and the day that it is in the city.
    told_on : datetime.date
        When the person was told of the decision.
    terms : Terms
        The deadlines.
    by : str
        Who opens it.
    said : sequence of Said
        Why it is contested, and why it is taken in late.
    contests : sequence of str
        Facts that are said to be wrong, by their names in the rule.
    excused : bool
        A person takes it in although the time is over.
    like : str
        The appeal after which a person of the city reopens this decision; no time limit holds for that.

    Raises
    ------
    UserError
        Nothing is decided yet; it is contested already, or was; it is too late; a fact is not one of the rule; the
        clock stands before the decision.
    """
    _check_contestable(decision, before)
    if at < decision.changed_at or told_on > today:
        raise NotTaken(
            "clock",
            f"The clock of this machine stands before the decision (now: {at:%Y-%m-%d %H:%M} UTC), or the day on which "
            "the person was told is still to come.",
            "Set the clock, or correct the day.",
        )
    last = last_day_to_appeal(told_on, terms)
    if today > last and not (excused or like):
        raise NotTaken(
            "late",
            f"The time to contest this decision ended on {last} ({terms.appeal_law}).",
            "If you could not come earlier, tell the city why: a person can still take it in, with that reason.",
        )
    opening = Appeal(
        id=make_id("appeal", decision.id, len(before)),
        decision=decision.id,
        system=decision.system,
        version=decision.version,
        rule=decision.rule,
        rule_version=decision.rule_version,
        row=decision.row,
        territory=decision.territory,
        state="open",
        opened_at=at,
        told_on=told_on,
        appeal_by=last,
        due_on=last_day_to_answer(today, terms),
        by=by,
        made_by=decision.by,
        before=decision.outcome or "",
        late=today > last and not like,
        like=like,
        contests=facts_of(decision, contests),
        said=tuple(said),
    )
    return stepped(opening, "opened", at, by)


def _check_contestable(decision: CaseDecision, before: Sequence[Appeal]) -> None:
    if decision.state == "waiting":
        raise NotTaken(
            "early",
            "Nothing is decided yet in this case: a person has still to look at it.",
            "It can be contested when it is decided. What the person should know can be said to the city now.",
        )
    running = next((one for one in before if one.state not in CLOSED), None)
    if running is not None:
        raise NotTaken(
            "running", f"This decision is contested already ({running.id}).", "Add what is missing to that appeal."
        )
    judged = next((one for one in before if one.state in ("upheld", "changed")), None)
    if judged is not None:
        raise NotTaken(
            "judged", f"This decision was contested already, and {judged.id} was decided.", "The next step is a court."
        )
    if decision.state == "reversed":
        raise NotTaken("reversed", "This decision was reversed already.", "Ask the city what counts instead.")


def facts_of(decision: CaseDecision, names: Iterable[str]) -> tuple[str, ...]:
    """Names of facts that the rule asked of the case, each once; raises `UserError` for another one."""
    wanted = tuple(dict.fromkeys(name for name in names if name))
    unknown = [name for name in wanted if name not in decision.inputs]
    if unknown:
        raise NotTaken(
            "fact",
            f"'{unknown[0][:60]}' is not a fact that this decision rests on.",
            f"Facts: {', '.join(decision.inputs) or 'none'}.",
        )
    return wanted


def add(appeal: Appeal, said: Said) -> Appeal:
    """Add something to a running appeal; the same words again change nothing.

    Raises
    ------
    UserError
        It is closed, or so much was said that the city has to be called.
    """
    check_running(appeal)
    if any((one.digest, one.about) == (said.digest, said.about) for one in appeal.said):
        return appeal
    if len(appeal.said) >= SAID_MAX:
        raise NotTaken("much", f"{SAID_MAX} things were added to this appeal already.", "Please call the city.")
    contests = tuple(dict.fromkeys((*appeal.contests, *([said.about] if said.about else []))))
    added = msgspec.structs.replace(appeal, said=(*appeal.said, said), contests=contests)
    return stepped(added, "added", said.at, said.by)


def assign(appeal: Appeal, to: str, *, by: str, at: datetime, overseers: Iterable[str]) -> Appeal:
    """Give an appeal to somebody who neither made nor oversaw the decision; raises as `check_independent`."""
    check_running(appeal)
    to, by = named(to), named(by)
    check_independent(to, appeal.made_by, overseers)
    if appeal.assigned_to == to:
        return appeal
    return stepped(msgspec.structs.replace(appeal, assigned_to=to, state="assigned"), "assigned", at, by)


def check_may_decide(appeal: Appeal, by: str, outcome: AppealOutcome, after: str, overseers: Iterable[str]) -> None:
    """Raise unless this person may decide this appeal in this way.

    Raises
    ------
    UserError
        It is closed or assigned to nobody; another outcome is missing, or is the same as before.
    Refused
        It is assigned to somebody else, or he made or oversaw the decision (he may have taken that on since).
    """
    check_running(appeal)
    check_independent(by, appeal.made_by, overseers)
    if not appeal.assigned_to:
        raise UserError(
            f"{appeal.id} is assigned to nobody.", f"First 'cityward appeals assign {appeal.id} --to NAME'."
        )
    if not same_person(appeal.assigned_to, by):
        raise Refused(
            RULE, f"{appeal.id} is assigned to {appeal.assigned_to}, not to {by}.", "Assign it anew, with the reason."
        )
    if outcome == "changed" and not after:
        raise UserError("What counts instead?", "Name the new outcome.")
    if outcome == "changed" and after.casefold() == appeal.before.casefold():
        raise UserError(f"'{after[:60]}' is what was decided before.", "Uphold it, or name another outcome.")


def close(
    appeal: Appeal,
    outcome: AppealOutcome,
    *,
    by: str,
    at: datetime,
    because: str,
    after: str = "",
    wrong: Sequence[str] = (),
    parties: Sequence[Party] = (),
    register_event: str = "",
    similar: int | None = None,
) -> Appeal:
    """Close an appeal with its outcome; `check_may_decide` was asked before."""
    changed = outcome == "changed"
    closed = msgspec.structs.replace(
        appeal,
        state=outcome,
        closed_at=at,
        because=because,
        after=after if changed else "",
        wrong=tuple(wrong),
        parties=tuple(one for one in parties if one.duty in ANSWERING) if changed else (),
        register_event=register_event,
        similar=similar,
    )
    return stepped(closed, outcome, at, by)


def withdraw(appeal: Appeal, *, by: str, at: datetime) -> Appeal:
    """Take an appeal back; one that was taken back already stays as it is."""
    if appeal.state == "withdrawn":
        return appeal
    check_running(appeal)
    return stepped(msgspec.structs.replace(appeal, state="withdrawn", closed_at=at), "withdrawn", at, by)


def check_running(appeal: Appeal) -> None:
    """Raise `UserError` unless an appeal still runs."""
    if appeal.state in CLOSED:
        told = "was taken back" if appeal.state == "withdrawn" else f"was decided already ({appeal.state})"
        raise NotTaken("closed", f"{appeal.id} {told}.", f"See 'cityward appeals show {appeal.id}'.")


def stepped(appeal: Appeal, what: str, at: datetime, by: str) -> Appeal:
    """An appeal with one step more; raises `UserError` when the clock stands before the step before."""
    if appeal.steps and at < appeal.steps[-1].at:
        raise NotTaken(
            "clock",
            f"The clock of this machine ({at:%Y-%m-%d %H:%M} UTC) stands before the last step of {appeal.id} "
            f"({appeal.steps[-1].at:%Y-%m-%d %H:%M} UTC).",
            "Set the clock right and try again.",
        )
    step = AppealStep(what=what, at=at, by=by)  # type: ignore[arg-type]
    return msgspec.structs.replace(appeal, steps=(*appeal.steps, step))


def is_overdue(appeal: Appeal, today: date) -> bool:
    """Whether the answer is late."""
    return appeal.state not in CLOSED and today > appeal.due_on


def provable(appeal: Appeal) -> Appeal:
    """What the receipt is about: all but what was said, for which its keyed digests stand, and receipts."""
    said = tuple(msgspec.structs.replace(one, words="") for one in appeal.said)
    steps = tuple(msgspec.structs.replace(one, receipt=-1) for one in appeal.steps)
    return msgspec.structs.replace(appeal, said=said, steps=steps, receipt=-1)


def without_words(appeal: Appeal, at: datetime, by: str, meant: Callable[[str], bool] = bool) -> Appeal:
    """An appeal of which nothing that was said (and is ``meant``) is left; outcome, reasons and receipts stay."""
    if not any(one.words and meant(one.words) for one in appeal.said):
        return appeal
    said = tuple(msgspec.structs.replace(one, words="") if meant(one.words) else one for one in appeal.said)
    return stepped(msgspec.structs.replace(appeal, said=said), "erased", at, by)


# -- similar cases -------------------------------------------------------------------------------------

SIMILAR_COLUMNS: Final = (
    "id", "system", "rule", "rule_digest", "row", "case", "territory", "outcome", "state", "inputs", "decided_at",
)  # fmt: skip
"""Columns of `cityward.core.frames.DECIDED` that `similar` needs."""


def similar(frame: pl.DataFrame, decision: str, wrong: Sequence[str]) -> pl.DataFrame:
    """Decisions that rest on the same row of the same version of a rule and on the same wrong fact.

    Parameters
    ----------
    frame : polars.DataFrame
        `SIMILAR_COLUMNS` of all decisions, the one that was changed among them.
    decision : str
        The one that was changed.
    wrong : sequence of str
        Facts that were wrong in it, by name: any one of them with the same value makes another decision similar.
        Empty: the row itself was at fault, and every decision by it is similar.

    Returns
    -------
    polars.DataFrame
        ``id``, ``case``, ``territory``, ``outcome``, ``state``, ``decided_at`` and ``same`` (the facts that are equal),
        the oldest first. Those that were reversed already are not among them.
    """
    shown = ("id", "case", "territory", "outcome", "state", "decided_at", "same")
    own = frame.filter(pl.col("id") == decision).head(1)
    if not own.height:
        return frame.head(0).with_columns(same=pl.lit([], dtype=pl.List(pl.String))).select(shown)
    same_row = (
        (pl.col("rule") == own["rule"][0])
        & (pl.col("rule_digest") == own["rule_digest"][0])
        & pl.col("row").eq_missing(pl.lit(own["row"][0], dtype=pl.Int64))
        & (pl.col("id") != decision)
        & (pl.col("state") != "reversed")
    )
    found = frame.filter(same_row)
    values = own.select(_value(name) for name in wrong).row(0) if wrong else ()
    equal = [
        pl.when(_value(name).eq_missing(pl.lit(value, dtype=pl.String))).then(pl.lit(name))
        for name, value in zip(wrong, values, strict=True)
    ]
    same = pl.concat_list(equal).list.drop_nulls() if equal else pl.lit([], dtype=pl.List(pl.String))
    found = found.with_columns(same=same)
    if wrong:
        found = found.filter(pl.col("same").list.len() > 0)
    return found.select(shown).sort("decided_at", "id")


def _value(name: str) -> pl.Expr:
    """A fact of the JSON of inputs as text; null where it is missing."""
    # A name of the rule holds no quote and no bracket (it is a word with hyphens), so the path cannot be left.
    return pl.col("inputs").str.json_path_match(f"$['{name}']").alias(name)


# -- figures -------------------------------------------------------------------------------------------

COUNTED: Final = ("open", "upheld", "changed", "withdrawn")


def counts(
    appeals: Iterable[Appeal], since: date, until: datetime, day_of: Callable[[datetime], date] = datetime.date
) -> dict[str, dict[str, int]]:
    """How many appeals that came in a period stood how at its end, by system; `COUNTED` add up to all of them.

    Parameters
    ----------
    appeals : iterable of Appeal
        All of them.
    since : datetime.date
        First day (UTC unless ``day_of`` says otherwise).
    until : datetime.datetime
        The end: what came or was decided later does not count.
    day_of : callable, optional
        The day of a moment where the city lies.
    """
    found: dict[str, dict[str, int]] = {}
    for one in in_period(appeals, since, until, day_of):
        line = found.setdefault(one.system, dict.fromkeys(COUNTED, 0))
        line[state_at(one, until)] += 1
    return dict(sorted(found.items()))


def in_period(
    appeals: Iterable[Appeal], since: date, until: datetime, day_of: Callable[[datetime], date] = datetime.date
) -> list[Appeal]:
    """Appeals that came in a period."""
    return [one for one in appeals if day_of(one.opened_at) >= since and one.opened_at <= until]


def state_at(appeal: Appeal, moment: datetime) -> str:
    """How an appeal stood at a moment: one of `COUNTED`."""
    return "open" if appeal.closed_at is None or appeal.closed_at > moment else appeal.state


def share(changed: int, decided: int) -> tuple[float, float, float]:
    """Share of decided appeals that changed the decision, with its exact 95 % interval (Clopper and Pearson 1934)."""
    low, high = clopper_pearson(np.array([float(changed)]), np.array([float(decided)]))
    return changed / decided, float(low[0]), float(high[0])


def median_days(appeals: Iterable[Appeal], until: datetime) -> float | None:
    """Median days from the coming of an appeal to its answer; None when none was answered by then."""
    days = [
        (one.closed_at - one.opened_at).total_seconds() / 86_400
        for one in appeals
        if one.closed_at and state_at(one, until) in ("upheld", "changed")
    ]
    return round(median(days), 1) if days else None
