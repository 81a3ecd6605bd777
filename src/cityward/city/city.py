"""The city: the only place where the parts are wired together."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec
import polars as pl

from cityward.answerable.decide import decide
from cityward.answerable.table import Table, load_tables, valid_on
from cityward.city.crew_names import crew_namer
from cityward.city.effects import take_effect
from cityward.city.evidencing import Evidencing
from cityward.city.finding import Finding, found
from cityward.city.intaking import Intaking
from cityward.city.last_day import last_day
from cityward.city.orders import Orders
from cityward.city.outcomes import Outcomes, day_of
from cityward.city.replay import Plan, Replay, replay
from cityward.city.telling import explain_case_decision, explain_job, explain_turn
from cityward.city.turn import HISTORY_COLUMNS, Turn, found_before, take_turn, write_turn
from cityward.core.appeals import Appeal
from cityward.core.clock import Clock, end_of_day
from cityward.core.consults import Consult
from cityward.core.errors import UnknownId, UserError
from cityward.core.identifiers import CASE_DECISION, kind_of, make_id
from cityward.core.liability import Hold, SeriousIncident
from cityward.core.persons import Breach, PersonRequest, Retained
from cityward.core.receipts import receipt
from cityward.core.records import (
    Alert,
    Decision,
    EarlyWarning,
    Explanation,
    Proposal,
    to_json,
)
from cityward.core.rules import RuleVersion
from cityward.core.systems import SystemEvent
from cityward.core.work import DO_NOTHING, WorkPlan
from cityward.guard.explain import explain

if TYPE_CHECKING:
    from cityward.city.alerting import Alerting
    from cityward.city.appealing import Appeals
    from cityward.city.backing_up import Backups
    from cityward.city.breaches import Breaches
    from cityward.city.cases import Cases
    from cityward.city.continuity import Continuity
    from cityward.city.deciding import Deciding
    from cityward.city.dividing import Dividing
    from cityward.city.drafting import Drafting
    from cityward.city.drilling import Drilling
    from cityward.city.exercising import Exercising
    from cityward.city.incidents import SecurityIncidents
    from cityward.city.isolating import Isolating
    from cityward.city.ledger_keys import LedgerKeys
    from cityward.city.liability import Liability
    from cityward.city.noticing import Notices
    from cityward.city.observing import Observing
    from cityward.city.persons import Persons
    from cityward.city.planning import Planning
    from cityward.city.portal import Portal
    from cityward.city.processing import Processing
    from cityward.city.registering import Registering
    from cityward.city.releasing import Releasing
    from cityward.city.responding import Responding
    from cityward.city.risking import Risks
    from cityward.city.rolling_out import RollingOut
    from cityward.city.rounds import Rounds
    from cityward.city.supervising import Watched
    from cityward.city.witnessing import Witnessing
    from cityward.core.principal import Principal
    from cityward.secure.policy import Asker
    from cityward.secure.watch.turned_away import Log

R = TypeVar("R")

EVIDENCE_SHOWN = 10
"""Interactions that an explanation names; the others are a page away."""


class City(Intaking, Finding):
    """An open city folder.

    Reading needs no lock. The first write (sense, take, run, decide) takes the folder's writer lock and
    keeps it until `close`; a second writer gets `cityward.core.errors.CityBusy`.

    Parameters
    ----------
    path : pathlib.Path
        The city folder.
    clock : Clock
        The time; tests inject theirs.
    """

    @cached_property
    def cases(self) -> Cases:
        """Cases that wait for a visit, ranked."""
        from cityward.city.cases import Cases

        return Cases(self)

    @cached_property
    def isolation(self) -> Isolating:
        """Whether its files look attacked, so that nothing is written."""
        from cityward.city.isolating import Isolating

        return Isolating(self)

    @cached_property
    def watched(self) -> Watched:
        """How the watch over its files does."""
        from cityward.city.supervising import Watched

        return Watched()

    @cached_property
    def divide(self) -> Dividing:
        """The divide within it."""
        from cityward.city.dividing import Dividing

        return Dividing(self)

    @cached_property
    def rolling_out(self) -> RollingOut:
        """What closing half of the divide costs, and where it starts."""
        from cityward.city.rolling_out import RollingOut

        return RollingOut(self)

    @cached_property
    def releases(self) -> Releasing:
        """What is published, with its privacy cost."""
        from cityward.city.releasing import Releasing

        return Releasing(self)

    # -- the loop ----------------------------------------------------------------------------------

    def run(self, as_of: date | None = None, seed: int | None = None) -> Turn:
        """Take one turn of the loop: know, anticipate, propose.

        Parameters
        ----------
        as_of : datetime.date, optional
            Last local day that is known. Default: as `cityward.city.last_day.last_day` says, today at the latest.
        seed : int, optional
            Seed of all randomness; default from ``city.toml``.
        """
        seed = self.settings.city.seed if seed is None else seed
        with self.writing() as door:
            self.portal.settle()
            door.flush()
            as_of = as_of or self._last_day()
            history = self.read("cityward-turn", "incident-recognition").frame(
                HISTORY_COLUMNS, as_of=end_of_day(as_of, self.time_zone)
            )
            if not history.height:
                raise UserError(
                    f"Nothing is known as of {as_of}.", "Take in a file first: 'cityward sense FILE --map MAP.toml'."
                )
            index, territories = self.level(None)
            needs, warned = found_before(self.folder.turns, as_of)
            found = take_turn(
                history,
                index,
                territories,
                self.settings,
                as_of=as_of,
                seed=seed,
                before=needs,
                warned=warned,
                answered=self._answered(as_of),
                evaluate=lambda counts: self.outcomes.evaluate(counts, as_of=as_of, seed=seed),
            )
            write_turn(found, self.folder.turns)
            self._record(found.turn, found.proposals)
            self.outcomes.record(found.outcomes, found.turn.id)
            self.cases.rank(as_of)
            self._plan_anew()
            with contextlib.suppress(UserError):  # 'cityward rollout --city' says what is wrong with the measures
                self.rolling_out.settle()
            if self.observing.any():
                with contextlib.suppress(UserError):  # sensors that said nothing by then are no reason to stop
                    self.observing.watch(end_of_day(as_of, self.time_zone))
        return msgspec.structs.replace(found.turn, receipt=self.receipt_of(found.turn.id))

    @cached_property
    def observing(self) -> Observing:
        """Its sensors."""
        from cityward.city.observing import Observing

        return Observing(self)

    def replay(self, plan: Plan, progress: Callable[[int], None] | None = None) -> Replay:
        """Daily surveillance of past days; see `cityward.city.replay.replay`."""
        return replay(partial(self.read, "cityward-replay"), self.level(None)[0], self.settings, plan, progress)

    def _record(self, turn: Turn, proposals: Sequence[Proposal]) -> None:
        """One ledger entry each for the turn and its findings, then the registers."""
        now = self.clock.now()
        subjects: list[tuple[str, str, bytes]] = [("run", turn.id, to_json(turn))]
        lives = [*turn.needs, *turn.resting]  # one that rests has changed its state, which is told like a finding
        subjects += [("need", need.id, to_json(need)) for need in lives]
        subjects += [("silence", quiet.id, to_json(quiet)) for quiet in turn.silences]
        subjects += [("warning", one.id, to_json(one)) for one in turn.warnings]
        subjects += [("proposal", proposal.id, to_json(proposal)) for proposal in proposals]
        self.enter([(name, receipt(kind, name, now, body, turn=turn.id)) for kind, name, body in subjects])
        self.registers.put_findings(lives, turn.silences, proposals)
        self.registers.put("warning", turn.warnings, update=("body",))

    def _answered(self, as_of: date) -> set[str]:
        """What actions were approved for, by the end of a day."""
        decided = [one for one in self.decisions() if one.outcome == "approved" and one.option_title != DO_NOTHING]
        approved = {one.proposal for one in decided if day_of(one, self.time_zone) <= as_of}
        return {proposal.about for proposal in self.proposals("approved") if proposal.id in approved}

    def _last_day(self) -> date:
        local = pl.col("occurred_at").dt.convert_time_zone(self.time_zone).dt.date().alias("day")
        heard = self.read("cityward-turn", "incident-recognition").frame(("source", "occurred_at"))
        known = last_day(heard.select("source", local).filter(pl.col("day") <= self.today))
        return known or self.today

    @cached_property
    def witnessing(self) -> Witnessing:
        """Who else signs the ledger's checkpoints."""
        from cityward.city.witnessing import Witnessing

        return Witnessing(self)

    @cached_property
    def ledger_keys(self) -> LedgerKeys:
        """Receipts of the ledger, and the keys that sign it."""
        from cityward.city.ledger_keys import LedgerKeys

        return LedgerKeys(self)

    @cached_property
    def planning(self) -> Planning:
        """Plans of crews."""
        # The solver and the compiler behind the search take a moment to load.
        from cityward.city.planning import Planning

        return Planning(self)

    def _plan_anew(self) -> None:
        """Drafts of plans hold what waited before."""
        if "planning" in self.__dict__:
            self.planning.forget()

    # -- act and answer ----------------------------------------------------------------------------

    @cached_property
    def outcomes(self) -> Outcomes:
        """What came of decisions."""
        return Outcomes(self)

    def decide(
        self,
        identifier: str,
        outcome: Literal["approved", "rejected"],
        by: str,
        because: str,
        option: int | None = None,
    ) -> Decision:
        """Decide a proposal as a named person with a reason; the only way to effect.

        ``option`` is the number (from 1) of the one that is approved; default the recommended one. The decision
        acts from the last day that the city knows.

        Raises
        ------
        UnknownId, UserError, cityward.core.errors.Refused
            No such proposal; decided already; the rule says no.
        """
        with self.writing():
            proposal = self.proposal(identifier)
            if proposal.state != "waiting":
                raise UserError(
                    f"{identifier} was {proposal.state} already.",
                    f"See 'cityward explain {identifier}' for who and why.",
                )
            system, caveats = self.systems.answering(proposal.system)
            turn, now = self.turn(), self.clock.now()
            # What a city may not loosen: who decides a proposal is cityward's own rule.
            rule = valid_on(load_tables(), "proposal-approval", now, time_zone=self.time_zone)
            decision = decide(
                proposal,
                outcome=outcome,
                by=by,
                because=because,
                system=system,
                rule=rule,
                at=now,
                append_receipt=lambda entry: self.writable_ledger().append([entry])[0],
                option=option,
                as_of=turn.as_of if turn else None,
                caveats=caveats,
            )
            self.registers.put_decision(decision, along=take_effect(self, proposal, decision))
            self.registers.put_receipts({decision.id: decision.receipt})
            self._plan_anew()
        return decision

    def rules(self) -> tuple[Table, ...]:
        """The rules shipped with cityward and the city's own in ``rules/``, all versions.

        Raises
        ------
        cityward.core.errors.SettingsError
            A file has a mistake, or two versions of a rule are valid at once.
        """
        return load_tables(self.folder.rules)

    def rule(self, identifier: str, moment: datetime | None = None) -> Table:
        """The version of a rule that is valid at a moment (default now); raises as `valid_on`."""
        now = self.clock.now()
        return valid_on(self.rules(), identifier, moment or now, time_zone=self.time_zone, now=now)

    @cached_property
    def drafting(self) -> Drafting:
        """Drafts of rules: tried on the decisions of the past, and published."""
        from cityward.city.drafting import Drafting

        return Drafting(self)

    @cached_property
    def orders(self) -> Orders:
        """Work orders: given out, sent, reported on, and confirmed by residents."""
        return Orders(self)

    def asker(self, who: Principal, *, loopback: bool) -> Asker:
        """Somebody with what decides on them; see `cityward.city.policing.asker_of`."""
        from cityward.city.policing import asker_of

        return asker_of(self, who, loopback=loopback)

    @cached_property
    def persons(self) -> Persons:
        """What residents can ask about themselves."""
        from cityward.city.persons import Persons

        return Persons(self)

    @cached_property
    def appeals(self) -> Appeals:
        """What residents contest."""
        from cityward.city.appealing import Appeals

        return Appeals(self)

    @cached_property
    def notices(self) -> Notices:
        """Who is to be told of the outcome of an appeal."""
        from cityward.city.noticing import Notices

        return Notices(self)

    @cached_property
    def drills(self) -> Drilling:
        """Drills on a copy of it."""
        from cityward.city.drilling import Drilling

        return Drilling(self)

    @cached_property
    def continuity(self) -> Continuity:
        """Sheets of paper for days without a computer."""
        from cityward.city.continuity import Continuity

        return Continuity(self)

    @cached_property
    def exercises(self) -> Exercising:
        """Exercises at the table."""
        from cityward.city.exercising import Exercising

        return Exercising(self)

    @cached_property
    def risks(self) -> Risks:
        """What attacks on its systems cost, as it was computed last."""
        from cityward.city.risking import Risks

        return Risks(self)

    @cached_property
    def portal(self) -> Portal:
        """What residents report without an account."""
        from cityward.city.portal import Portal

        return Portal(self)

    @cached_property
    def rounds(self) -> Rounds:
        """Rounds of participatory budgeting."""
        from cityward.city.rounds import Rounds

        return Rounds(self)

    @cached_property
    def alerts(self) -> Alerting:
        """What it noticed of attacks on itself."""
        from cityward.city.alerting import Alerting

        return Alerting(self)

    @cached_property
    def incidents(self) -> SecurityIncidents:
        """Security incidents: what belongs together of what rules found in logs."""
        from cityward.city.incidents import SecurityIncidents

        return SecurityIncidents(self)

    @cached_property
    def responses(self) -> Responding:
        """Playbooks against attacks, and their runs."""
        from cityward.city.responding import Responding

        return Responding(self)

    @cached_property
    def turned_away(self) -> Log:
        """Requests that were refused, and what broke: counts, with nothing of whoever asked."""
        from cityward.secure.watch.turned_away import Log

        return Log(self.folder.turned_away, self.clock)

    @cached_property
    def backups(self) -> Backups:
        """Backups: made, proven by drills, restored."""
        from cityward.city.backing_up import Backups

        return Backups(self)

    @cached_property
    def breaches(self) -> Breaches:
        """Breaches of personal data."""
        from cityward.city.breaches import Breaches

        return Breaches(self)

    @cached_property
    def systems(self) -> Registering:
        """The register of systems, and who answers for them."""
        from cityward.city.registering import Registering

        return Registering(self)

    @cached_property
    def deciding(self) -> Deciding:
        """Decisions of cases."""
        from cityward.city.deciding import Deciding

        return Deciding(self)

    @cached_property
    def liability(self) -> Liability:
        """Liability files of decisions, holds on their evidence, and serious incidents."""
        from cityward.city.liability import Liability

        return Liability(self)

    @cached_property
    def processing(self) -> Processing:
        """Drafts of records of processing."""
        from cityward.city.processing import Processing

        return Processing(self)

    def decisions(self) -> list[Decision]:
        """Decisions, newest first."""
        return self.registers.list_decisions()

    @cached_property
    def evidence(self) -> Evidencing:
        """What needs count."""
        return Evidencing(self)

    def explain(self, identifier: str) -> Explanation:
        """Why: for a finding, proposal, refusal, decision or outcome, from stored evidence alone."""
        finders: dict[str, Callable[[str], Any]] = {
            "need": self.registers.get_need,
            "silence": self.registers.get_silence,
            "alert": lambda identifier: self.registers.get(identifier, Alert),
            "proposal": self.registers.get_proposal,
            "refusal": self.registers.get_refusal,
            "decision": self.registers.get_decision,
            "warning": lambda name: self.registers.get(name, EarlyWarning),
            "outcome": self.outcomes.one,
            "order": self.orders.outbox.get,
            "case": self.cases.case,
            "plan": self._plan,
            "release": self.releases.get,
            "consult": lambda name: self.registers.get(name, Consult),
            "request": lambda name: self.registers.get(name, PersonRequest),
            "breach": lambda name: self.registers.get(name, Breach),
            "retention": lambda name: self.registers.get(name, Retained),
            "hold": lambda name: self.registers.get(name, Hold),
            "incident": lambda name: self.registers.get(name, SeriousIncident),
            "system": lambda name: self.registers.get(name, SystemEvent),
            "rule": lambda name: self.registers.get(name, RuleVersion),
            "appeal": lambda name: self.registers.get(name, Appeal),
        }
        kind = kind_of(identifier)
        told = explain_turn(self, identifier) if kind == "run" else None
        if kind == "job" or (kind == "case" and self.cases.case(identifier) is None):
            told = explain_job(self, identifier)
        if kind == CASE_DECISION:
            told = explain_case_decision(self.deciding.told(identifier))
        if kind == "response":
            told = self.responses.explain(identifier)
        if kind == "security-incident":
            told = self.incidents.explain(identifier)
        if told is not None:
            return told
        if kind not in finders:
            raise UnknownId(
                f"'{identifier[:60]}' is not the identifier of a finding.",
                "Identifiers look like N-3f9c21d07a; 'cityward needs' and 'cityward proposals' list them.",
            )
        record = found(finders[kind](identifier), identifier)
        about = make_id("proposal", identifier) if kind == "plan" else identifier
        decided = [decision for decision in self.decisions() if decision.proposal == about]
        counted = self.evidence.of(identifier, EVIDENCE_SHOWN) if kind == "need" else None
        return explain(
            record,
            receipt=self.receipt_of(identifier),
            decisions=decided,
            counted=counted,
            time_zone=self.time_zone,
            called=crew_namer(self),
        )

    def _plan(self, identifier: str) -> WorkPlan | None:
        return self.registers.get(identifier, WorkPlan)


def open_city(path: str | Path, clock: Clock | None = None) -> City:
    """Open a city folder.

    Raises
    ------
    cityward.core.errors.SettingsError
        There is no ``city.toml``, or it has a mistake (named with its line).
    """
    return City(Path(path), clock)
