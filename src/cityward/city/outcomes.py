"""What came of decisions: evaluated at each turn, as of its day, and kept in the registers and the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import msgspec
import polars as pl

from cityward.act.course import daily, past_surges
from cityward.act.outcome import FEWER, MORE, NONE, Action, outcome, together
from cityward.city.finding import Finding, found
from cityward.city.prospects import groups_of
from cityward.city.turn import found_before
from cityward.core.clock import local_day
from cityward.core.receipts import receipt
from cityward.core.records import Decision, Need, Outcome, Record, to_json

KIND: Final = "outcome"


class Sums(Record, frozen=True, kw_only=True):
    """Of ``all`` outcomes, how many could be ``judged`` at all, and how many of these could be told from chance."""

    all: int
    judged: int
    fewer: int
    more: int
    no_difference: int

    @property
    def told_apart(self) -> int:
        """How many differ from what was expected by more than chance."""
        return self.fewer + self.more


class Outcomes:
    """The outcomes of a city."""

    def __init__(self, city: Finding) -> None:
        self.city = city

    def all(self) -> list[Outcome]:
        """Outcomes as last evaluated, the newest action first."""
        kept = self.city.registers.list_of(KIND, Outcome)
        return sorted(kept, key=lambda one: (one.action_day, one.id), reverse=True)

    def one(self, identifier: str) -> Outcome:
        """One outcome."""
        return found(self.city.registers.get(identifier, Outcome), identifier)

    def about(self, need: str) -> list[Outcome]:
        """Outcomes of actions on a need, the newest first."""
        return [one for one in self.all() if one.about == need]

    def sums(self) -> Sums:
        """How many could be told apart from chance."""
        verdicts = [one.verdict for one in self.all()]
        fewer, more, none = (verdicts.count(verdict) for verdict in (FEWER, MORE, NONE))
        return Sums(all=len(verdicts), judged=fewer + more + none, fewer=fewer, more=more, no_difference=none)

    def evaluate(
        self, counts: pl.DataFrame, *, as_of: date, seed: int, began: Mapping[str, date] | None = None
    ) -> list[Outcome]:
        """Say what came of each approved decision about a need, by the end of ``as_of``.

        Parameters
        ----------
        counts : polars.DataFrame
            The turn's cube.
        as_of : datetime.date
            Last day that is known. Decisions that were taken later are left out.
        seed : int
            Of the turn.
        began : mapping, optional
            By decision, the day on which the work was first done; default the day of the decision.
        """
        actions = [action for action in self._actions(began or {}) if action.day <= as_of]
        if not actions:
            return []
        index, _ = self.city.level(None)
        known, groups = daily(counts, index.ids, until=as_of), groups_of(index)
        surges = past_surges(known, groups, until=known.days - 1)
        return [outcome(action, known, groups, surges, as_of=as_of, seed=seed) for action in together(actions)]

    def record(self, outcomes: Sequence[Outcome], turn: str) -> None:
        """Keep what was evaluated; an outcome that has not changed leaves no new entry in the ledger."""
        kept = {one.id: one for one in self.all()}
        changed = [one for one in outcomes if not _same(kept.get(one.id), one)]
        if not changed:
            return
        now = self.city.clock.now()
        entries = [
            (one.id, receipt(KIND, one.id, now, to_json(one), turn=turn, decision=one.decision, verdict=one.verdict))
            for one in changed
        ]
        self.city.enter(entries)
        self.city.registers.put(KIND, changed, update=("body",))

    def _actions(self, began: Mapping[str, date]) -> list[Action]:
        proposals = {one.id: one for one in self.city.registers.list_proposals()}
        found: list[Action] = []
        then: dict[date, dict[str, Need]] = {}
        for decision in self.city.registers.list_decisions():
            proposal = proposals.get(decision.proposal)
            if decision.outcome != "approved" or proposal is None or not proposal.about.startswith("N-"):
                continue
            decided = day_of(decision, self.city.time_zone)
            if decided not in then:
                before, _ = found_before(self.city.folder.turns, decided + timedelta(days=1))
                then[decided] = {need.id: need for need in before}
            # As it was told then: later turns may have found it in other areas.
            need = then[decided].get(proposal.about) or self.city.registers.get_need(proposal.about)
            if need is None:
                continue
            found.append(
                Action(
                    decision=decision.id,
                    proposal=proposal.id,
                    about=need.id,
                    service=proposal.service,
                    territories=proposal.territories,
                    names=need.names,
                    option=decision.option_title,
                    day=began.get(decision.id, decided),
                    starts=need.starts,
                    ends=need.ends,
                )
            )
        return found


def day_of(decision: Decision, time_zone: str) -> date:
    """The last day that was known when something was decided; of old decisions, the local day of their moment."""
    return decision.as_of or local_day(decision.at, time_zone)


def _same(old: Outcome | None, new: Outcome) -> bool:
    """Whether a later turn tells nothing new: once settled, only its day differs."""
    return old is not None and (old == new or (old.settled and msgspec.structs.replace(new, as_of=old.as_of) == old))
