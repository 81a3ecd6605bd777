"""Decisions of cases: made in batches by a rule, settled by people, read through a grant, proved by the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
import polars as pl

from cityward.answerable.batch import Columns, Under, decide_cases, kept_rule, outcomes_of, rule_of
from cityward.answerable.oversight import (
    check_not_own,
    check_other,
    check_overseer,
    competence_of,
    outcome_of,
    person,
    reason,
    seconds,
    shown,
    watch,
)
from cityward.answerable.reasons import ENGLISH as WORDS
from cityward.answerable.reasons import tell
from cityward.answerable.register.duties import duties
from cityward.answerable.register.publish import metric_told
from cityward.answerable.table import Table, valid_on
from cityward.core.decided import STATES, CaseDecision, DecisionBatch, OverseerWatch, Proof, Told
from cityward.core.errors import Refused, UnknownId, UserError
from cityward.core.frames import DECISION
from cityward.core.identifiers import CASE_DECISION, kind_of
from cityward.core.records import Party
from cityward.guard.decided import BATCH, PROVE, RULE, Proofs, case_decision

if TYPE_CHECKING:
    from cityward.answerable.register.shape import System
    from cityward.city.city import City

READER, PURPOSE, TABLE = "cityward-decisions", "decision-making", "decisions"
TERRITORY: Final = "territory"
WORD: Final = r"[^\W_]+"


@dataclass(frozen=True, slots=True)
class Overview:
    """How many decisions there are in each state, and the newest of those that wait and of those that do not."""

    counts: dict[str, int]
    waiting: tuple[CaseDecision, ...]
    decided: tuple[CaseDecision, ...]


class Deciding:
    """The decisions of cases of a city; reached as ``city.deciding``."""

    def __init__(self, city: City) -> None:
        self._city = city

    # -- making ------------------------------------------------------------------------------------

    def make(
        self,
        system_id: str,
        rule_id: str,
        frame: pl.DataFrame,
        *,
        case: str = "case",
        territory: str | None = TERRITORY,
        estimate: str | None = None,
        low: str | None = None,
        high: str | None = None,
        cost: str | None = None,
        at: datetime | None = None,
    ) -> DecisionBatch:
        """Decide a batch of cases by the version of a rule that is valid at a moment.

        Parameters
        ----------
        system_id, rule_id : str
            A registered system, on whose behalf is decided, and the rule.
        frame : polars.DataFrame
            A row for each case, with a column for each input of the rule.
        case, territory, estimate, low, high, cost : str, optional
            Columns: the name of the case, its territory, the number that the system computed with its interval, and
            what the decision costs. ``territory`` is taken by its usual name where there is such a column.
        at : datetime.datetime, optional
            When the rule is applied (aware); default now, never later.

        Raises
        ------
        Refused
            The system is not registered, has ended, or is not approved and must be.
        UserError
            No version of the rule is valid then, or the frame is not one of cases.
        """
        city = self._city
        with city.writing():
            now = city.clock.now()
            moment = at or now
            system, caveats, strict, digest = self._allowed(system_id)
            tables = self._tables(rule_id, moment, now)
            named = territory if territory != TERRITORY or TERRITORY in frame.columns else None
            under = Under(
                system=system.id,
                version=system.version,
                system_digest=digest,
                tables=tables,
                kept=kept_rule(tables, rule_id),
                at=moment,
                strict=strict,
            )
            columns = Columns(case=case, territory=named, estimate=estimate, low=low, high=high, cost=cost)
            rows = decide_cases(frame, columns, under)
            return city.door_of_decisions().make(rows, under.kept, caveats)

    def _allowed(self, system_id: str) -> tuple[System, str, bool, str]:
        """A system that may decide, what has to be said of it, whether all waits, and the digest of its version."""
        system, caveats = self._city.systems.answering(system_id)
        if system is None:
            raise Refused(
                RULE,
                f"The system '{system_id[:60]}' is not registered; nothing is decided on its behalf.",
                "Register it in systems/, and approve it: 'cityward systems approve'.",
            )
        standing = self._city.systems.get(system_id)
        return system, " ".join(caveats), standing.strict, standing.digest

    def _tables(self, rule_id: str, moment: datetime, now: datetime) -> dict[str, Table]:
        """The rule and all that it uses, each in the version that is valid at the moment."""
        rules, zone = self._city.rules(), self._city.time_zone
        found: dict[str, Table] = {}
        wanted = [rule_id]
        while wanted:
            name = wanted.pop()
            if name not in found:
                found[name] = valid_on(rules, name, moment, time_zone=zone, now=now)
                wanted += found[name].sheet.uses
        return found

    # -- reading -----------------------------------------------------------------------------------

    def frame(
        self, columns: Sequence[str], since: datetime | None = None, until: datetime | None = None
    ) -> pl.DataFrame:
        """Columns of all decisions as they stand, as far as the grant goes.

        For statistics: whether the ledger proves each row is not asked here; `unproved` names those that it does not.
        """
        return self._city.read(READER, PURPOSE, TABLE).frame(columns, since=since, until=until)

    def counts(self) -> dict[str, int]:
        """How many decisions there are in each state."""
        if not self._city.keeper.holds(TABLE):
            return dict.fromkeys(STATES, 0)
        found = self._city.read(READER, PURPOSE, TABLE).counts(("state",))
        return {**dict.fromkeys(STATES, 0), **dict(found.iter_rows())}

    def batches(self) -> list[DecisionBatch]:
        """What was decided together, newest first."""
        return self._city.registers.list_of(BATCH, DecisionBatch, newest_first=True)

    def list(self, state: str | None = None, batch: str | None = None, limit: int = 50) -> list[CaseDecision]:
        """Decisions that the ledger proves, newest first; of those that wait what the rule says is withheld."""
        if state is not None and state not in STATES:
            raise UserError(f"'{state[:20]}' is no state.", f"States: {', '.join(STATES)}.")
        if not self._city.keeper.holds(TABLE):
            return []
        found = self.frame(("id", "batch", "state", "decided_at"))
        if state is not None:
            found = found.filter(pl.col("state") == state)
        if batch is not None:
            found = found.filter(pl.col("batch") == batch)
        return [*self._proved(_newest(found, limit))]

    def overview(self, limit: int) -> Overview:
        """What waits, what was decided of late and how many there are, in two looks at history."""
        if not self._city.keeper.holds(TABLE):
            return Overview(dict.fromkeys(STATES, 0), (), ())
        found = self.frame(("id", "state", "decided_at"))
        counts = {**dict.fromkeys(STATES, 0), **dict(found["state"].value_counts().iter_rows())}
        waits = pl.col("state") == "waiting"
        names = [_newest(found.filter(which), limit) for which in (waits, ~waits)]
        kept = self._proved([*names[0], *names[1]])
        waiting = tuple(one for one in kept if one.state == "waiting")
        return Overview(counts, waiting, tuple(one for one in kept if one.state != "waiting"))

    def _proved(self, names: Sequence[str]) -> tuple[CaseDecision, ...]:
        """Those of these decisions that the ledger proves, in this order."""
        rows = self._city.read(READER, PURPOSE, TABLE).frame(tuple(DECISION), ids=names)
        problems = self._proofs().problems(names)
        kept = {row["id"]: shown(case_decision(row)) for row in rows.iter_rows(named=True) if not problems[row["id"]]}
        return tuple(kept[name] for name in names if name in kept)

    def find(self, name: str) -> str:
        """The identifier of a decision by itself, or by its case: then the newest about it; raises `UnknownId`."""
        if kind_of(name) == CASE_DECISION:
            return name
        if not self._city.keeper.holds(TABLE):
            raise _unknown(name)
        about = self.frame(("id", "case", "decided_at")).filter(pl.col("case") == name)
        if not about.height:
            raise _unknown(name)
        return _newest(about, 1)[0]

    def get(self, identifier: str, own_view: str | None = None) -> CaseDecision:
        """One decision; while it waits, what the rule says is withheld from whoever has not said an own view.

        Raises
        ------
        UnknownId
            There is none.
        Refused
            The ledger does not prove it, so that it counts for nothing; no grant lets it be read; or the rule knows no
            such view.
        """
        if kind_of(identifier) != CASE_DECISION or not self._city.keeper.holds(TABLE):
            raise _unknown(identifier)
        rows = self._city.read(READER, PURPOSE, TABLE).frame(tuple(DECISION), ids=[identifier])
        if not rows.height:
            raise _unknown(identifier)
        problem = self._proofs().problems([identifier])[identifier]
        if problem:
            raise Refused(RULE, f"{identifier} is not proved by the ledger and counts for nothing: {problem}", PROVE)
        return self._shown(rows.row(0, named=True), own_view)

    def _shown(self, row: dict[str, Any], own_view: str | None) -> CaseDecision:
        decision = case_decision(row)
        return shown(decision, outcome_of(own_view, self.outcomes(decision), "view") if own_view else None)

    def told(self, identifier: str, own_view: str | None = None, say: Mapping[str, str] = WORDS) -> Told:
        """A decision in plain words, ``say`` being those of a language; other arguments and errors as `get`."""
        decision = self.get(identifier, own_view)
        city = self._city
        system = city.systems.version(decision.system, decision.system_digest)
        system = system or city.systems.read().systems.get(decision.system)
        parties: tuple[Party, ...] = ()
        if system is not None:  # who held the duties when it was decided, whoever holds them today
            events = [one for one in city.systems.events() if one.system == system.id]
            held = duties(system, events, decision.decided_at, city.time_zone)
            parties = tuple(Party(duty=one.duty, name=one.party, contact=one.contact) for one in held)
        measured = " ".join(metric_told(one, say["metric"]) for one in system.evaluation[:2]) if system else ""
        receipt = city.receipt_of(identifier)
        return tell(
            decision,
            self.rule(decision),
            parties=parties,
            appeal=system.appeal if system else "",
            receipt=receipt if receipt is not None else city.receipt_of(decision.batch),
            measured=measured,
            say=say,
            caveats=self._proofs().caveats(decision.batch),
            days=(city.day_of(decision.decided_at), city.today),
        )

    def rule(self, decision: CaseDecision) -> Table | None:
        """The rule as it was when a case was decided by it; None when it is not kept, or not as it was."""
        kept = self._proofs().rule(decision.rule_digest)
        return rule_of(kept) if kept is not None else None

    def outcomes(self, decision: CaseDecision) -> tuple[str, ...]:
        """What a person can decide in a case: what the rule knows."""
        rule = self.rule(decision)
        return outcomes_of(rule) if rule is not None else ()

    # -- settling ----------------------------------------------------------------------------------

    def settle(
        self,
        identifier: str,
        outcome: str,
        *,
        by: str,
        competence: str,
        because: str,
        looked_seconds: float | None = None,
        own_view: str | None = None,
    ) -> CaseDecision:
        """Settle a decision that waits, as a named person.

        Parameters
        ----------
        identifier : str
            Which.
        outcome : str
            What the person decides.
        by, competence, because : str
            First and last name, what enables the person to decide, and why.
        looked_seconds : float, optional
            How long the evidence was looked at.
        own_view : str, optional
            What the person said before being shown what the rule says.

        Raises
        ------
        Refused
            Name, competence or reason is missing, the outcome is none of the rule, the case is the person's own, or
            the system affects rights and the register does not name the person as its overseer.
        UserError
            It does not wait.
        """
        by, competence, because = person(by), competence_of(competence), reason(because)

        def allowed(decision: CaseDecision) -> dict[str, Any]:
            if decision.state != "waiting":
                raise UserError(
                    f"{identifier} was {decision.state} already.",
                    f"See 'cityward explain {identifier}' for who and why.",
                )
            check_not_own(by, decision.case)
            known = self.outcomes(decision)
            said = outcome_of(outcome, known)
            view = outcome_of(own_view, known, "view") if own_view else None
            standing = self._city.systems.get(decision.system)
            if standing.strict:
                check_overseer(by, [one.party for one in standing.holdings if one.duty == "overseer"])
            return {
                "outcome": said,
                "state": "decided",
                "by": by,
                "competence": competence,
                "because": because,
                "looked_seconds": seconds(looked_seconds),
                "agreed": said == decision.recommended if decision.row is not None else None,
                "own_view": view,
            }

        return self._change(identifier, "settled", allowed)

    def reverse(self, identifier: str, outcome: str, *, by: str, because: str, appeal: str) -> CaseDecision:
        """Decide a contested case otherwise, by somebody who did not decide it.

        Parameters
        ----------
        appeal : str
            Identifier of the appeal.

        Raises
        ------
        Refused
            It is the same person, or one who oversaw it, or whose case it is; a name or reason is missing, or the
            outcome is none of the rule.
        UserError
            It still waits, or says that already.
        """
        by, because = person(by), reason(because)
        overseers = self._city.appeals.overseers(self.get(identifier))

        def allowed(decision: CaseDecision) -> dict[str, Any]:
            if decision.state == "waiting":
                raise UserError(f"{identifier} is not decided yet.", f"'cityward decisions settle {identifier}'.")
            said = outcome_of(outcome, self.outcomes(decision))
            if said == decision.outcome:
                raise UserError(f"{identifier} says that already.", "Reject the appeal, with the reason.")
            check_not_own(by, decision.case)
            check_other(by, [decision.by, *overseers])
            return {
                "outcome": said,
                "state": "reversed",
                "by": by,
                "competence": f"on appeal {appeal}",
                "because": because,
                "agreed": said == decision.recommended if decision.row is not None else None,
            }

        return self._change(identifier, "reversed", allowed)

    def _change(self, identifier: str, kind: str, allowed: Any) -> CaseDecision:
        self.get(identifier)
        with self._city.writing():
            return self._city.door_of_decisions().change(identifier, kind, allowed)

    def sealed(self, identifier: str, *said: str) -> str:
        """A seal over what a page said of a decision and will be sent back, such as when it was opened."""
        told = "\x1f".join((identifier, *said))
        return str(self._city._pseudonyms().digests(pl.Series([told]), "pages of decisions")[0])

    def view(self, identifier: str, own_view: str) -> str:
        """A person's own view as the rule would word it; raises Refused when the rule knows no such outcome."""
        return outcome_of(own_view, self.outcomes(self.get(identifier)), "view")

    # -- watching and proving ----------------------------------------------------------------------

    def watch(self) -> tuple[OverseerWatch, ...]:
        """How each person settles decisions."""
        if not self._city.keeper.holds(TABLE):
            return ()
        columns = ("by", "agreed", "looked_seconds", "own_view", "recommended", "outcome", "state", "inputs")
        rows = self.frame(columns).filter(pl.col("by") != "", pl.col("state") == "decided")
        return watch(rows.with_columns(words=pl.col("inputs").str.count_matches(WORD).fill_null(0)))

    def prove(self, identifier: str, own_view: str | None = None) -> Proof:
        """What proves a decision, to be checked without the city.

        Raises
        ------
        UnknownId
            There is none.
        Refused
            No grant lets it be read, or it waits and nobody has said an own view: its text holds what the rule says.
        """
        if kind_of(identifier) != CASE_DECISION or not self._city.keeper.holds(TABLE):
            raise _unknown(identifier)
        # A proof tells the case and who decided: whoever may not read them gets none.
        rows = self._city.read(READER, PURPOSE, TABLE).frame(tuple(DECISION), ids=[identifier])
        proof = self._proofs().proof(identifier)
        if not any(self._shown(row, own_view).withheld for row in rows.iter_rows(named=True)):
            return proof
        if proof.proved:
            raise Refused(
                "oversight 4",
                f"{identifier} waits for a person, and its proof holds what the rule says.",
                "Say your own view first (--own-view), or prove all that is kept: 'cityward decisions prove'.",
            )
        return msgspec.structs.replace(proof, row="")

    def unproved(self) -> dict[str, str]:
        """Why decisions are not proved, by their identifier; empty when the ledger proves all of them."""
        if not self._city.keeper.holds(TABLE):
            return {}
        days, now = self._city.settings.retention.decisions, self._city.clock.now()
        return self._proofs().all_problems(None if days is None else now - timedelta(days=days))

    def _proofs(self) -> Proofs:
        return self._city.keeper.proofs(self._city._reading_ledger)


def _newest(found: pl.DataFrame, limit: int) -> list[str]:
    return found.sort("decided_at", "id", descending=[True, False]).head(max(limit, 0))["id"].to_list()


def _unknown(identifier: str) -> UnknownId:
    # What is no identifier may be the name of a case, which may lead to a person: it is not repeated.
    if kind_of(identifier) is None:
        return UnknownId("There is no decision of this identifier or case.", "'cityward decisions list' names them.")
    return UnknownId(f"There is no decision '{identifier[:40]}'.", "'cityward decisions list' names them.")
