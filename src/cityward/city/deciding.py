"""Decisions of cases: made in batches by a rule, settled by people, read through a grant, proved by the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from cityward.answerable.batch import Columns, Under, decide_cases, kept_rule, outcomes_of, rule_of
from cityward.answerable.oversight import (
    check_overseer,
    competence_of,
    outcome_of,
    person,
    reason,
    seconds,
    watch,
)
from cityward.answerable.reasons import ENGLISH as WORDS
from cityward.answerable.reasons import tell
from cityward.answerable.register.duties import duties
from cityward.answerable.register.publish import metric_told
from cityward.answerable.table import Table, valid_on
from cityward.core.decided import STATES, CaseDecision, DecisionBatch, KeptRule, OverseerWatch, Proof, Told
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
            system, strict, digest = self._allowed(system_id)
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
            return city.door_of_decisions().make(rows, under.kept)

    def _allowed(self, system_id: str) -> tuple[System, bool, str]:
        """A system that may decide, whether its decisions always wait, and the digest of its version."""
        system, _ = self._city.systems.answering(system_id)
        if system is None:
            raise Refused(
                RULE,
                f"The system '{system_id[:60]}' is not registered; nothing is decided on its behalf.",
                "Register it in systems/, and approve it: 'cityward systems approve'.",
            )
        standing = self._city.systems.get(system_id)
        return system, standing.strict, standing.digest

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
        """Decisions that the ledger proves, newest first."""
        if state is not None and state not in STATES:
            raise UserError(f"'{state[:20]}' is no state.", f"States: {', '.join(STATES)}.")
        if not self._city.keeper.holds(TABLE):
            return []
        found = self.frame(("id", "batch", "state", "decided_at"))
        if state is not None:
            found = found.filter(pl.col("state") == state)
        if batch is not None:
            found = found.filter(pl.col("batch") == batch)
        names = found.sort("decided_at", "id", descending=[True, False]).head(max(limit, 0))["id"].to_list()
        rows = self._city.read(READER, PURPOSE, TABLE).frame(tuple(DECISION), ids=names)
        problems = self._proofs().problems(names)
        kept = {row["id"]: case_decision(row) for row in rows.iter_rows(named=True) if not problems[row["id"]]}
        return [kept[name] for name in names if name in kept]

    def get(self, identifier: str) -> CaseDecision:
        """One decision.

        Raises
        ------
        UnknownId
            There is none.
        Refused
            The ledger does not prove it, so that it counts for nothing; or no grant lets it be read.
        """
        if kind_of(identifier) != CASE_DECISION or not self._city.keeper.holds(TABLE):
            raise _unknown(identifier)
        rows = self._city.read(READER, PURPOSE, TABLE).frame(tuple(DECISION), ids=[identifier])
        if not rows.height:
            raise _unknown(identifier)
        problem = self._proofs().problems([identifier])[identifier]
        if problem:
            raise Refused(RULE, f"{identifier} is not proved by the ledger and counts for nothing: {problem}", PROVE)
        return case_decision(rows.row(0, named=True))

    def told(self, identifier: str, say: Mapping[str, str] = WORDS) -> Told:
        """A decision in plain words, ``say`` being those of a language; raises as `get`."""
        decision = self.get(identifier)
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
        )

    def rule(self, decision: CaseDecision) -> Table | None:
        """The rule as it was when a case was decided by it; None when it is not kept."""
        kept = self._city.registers.get(decision.rule_digest[:16], KeptRule)
        return rule_of(kept) if kept is not None and kept.digest == decision.rule_digest else None

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
            Name, competence or reason is missing, the outcome is none of the rule, or the system affects rights and
            the register does not name the person as its overseer.
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
            It is the same person, a name or reason is missing, or the outcome is none of the rule.
        UserError
            It still waits, or says that already.
        """
        by, because = person(by), reason(because)

        def allowed(decision: CaseDecision) -> dict[str, Any]:
            if decision.state == "waiting":
                raise UserError(f"{identifier} is not decided yet.", f"'cityward decisions settle {identifier}'.")
            said = outcome_of(outcome, self.outcomes(decision))
            if said == decision.outcome:
                raise UserError(f"{identifier} says that already.", "Reject the appeal, with the reason.")
            if decision.by.casefold() == by.casefold():
                raise Refused("oversight 3", "Nobody decides on a complaint against himself.", "Have another decide.")
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

    def prove(self, identifier: str) -> Proof:
        """What proves a decision, to be checked without the city; raises UnknownId, or Refused without a grant."""
        if kind_of(identifier) != CASE_DECISION or not self._city.keeper.holds(TABLE):
            raise _unknown(identifier)
        # A proof tells the case and who decided: whoever may not read them gets none.
        self._city.read(READER, PURPOSE, TABLE).frame(("id", "case", "by", "because"), ids=[identifier])
        return self._proofs().proof(identifier)

    def unproved(self) -> dict[str, str]:
        """Why decisions are not proved, by their identifier; empty when the ledger proves all of them."""
        if not self._city.keeper.holds(TABLE):
            return {}
        days, now = self._city.settings.retention.decisions, self._city.clock.now()
        return self._proofs().all_problems(None if days is None else now - timedelta(days=days))

    def _proofs(self) -> Proofs:
        return self._city.keeper.proofs(self._city._reading_ledger)


def _unknown(identifier: str) -> UnknownId:
    return UnknownId(f"There is no decision '{identifier[:40]}'.", "'cityward decisions list' names them.")
