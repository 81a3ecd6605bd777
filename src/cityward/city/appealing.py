"""What people do in an appeal: contest, add, assign, decide, take back. Every step leaves a receipt without words.

A decision is never changed silently: one that an appeal changes is reversed by a named person with a reason, and cases
like it are listed, for a person to reopen.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from typing import Final

import msgspec

from cityward.answerable import appeals as life
from cityward.city.appealed import KIND, Appealed
from cityward.core.appeals import CLOSED, OUTCOMES, RESIDENT, Appeal, AppealOutcome, Said
from cityward.core.errors import CitywardError, Refused, StoreError, UserError
from cityward.core.receipts import receipt
from cityward.core.records import to_json
from cityward.guard.holds import RULE as HOLD_RULE
from cityward.guard.holds import WHY as HOLD_WHY
from cityward.guard.holds import holding
from cityward.private.redact import redact_text

OUTCOME_CHARS_MAX: Final = 200


class Appeals(Appealed):
    """The appeals of a city; reached as ``city.appeals``."""

    # -- the person whose case it is ---------------------------------------------------------------

    def contest(self, token: str, words: str, contests: Sequence[str] = ()) -> Appeal:
        """Contest a decision by its secret link; the same again changes nothing.

        Raises
        ------
        UnknownId, UserError
            No link of this city; nothing said, or too much; whatever `life.open_appeal` refuses.
        """
        decision = self._decision_of(token)
        if not words.strip() and not any(contests):
            raise life.NotTaken("nothing", "What is wrong?", "Name a fact that is wrong, or say it in your words.")
        return self._open(decision, RESIDENT, words, contests)

    def add_by_link(self, token: str, words: str, about: str = "") -> Appeal:
        """Add something to the appeal behind a link; raises `UnknownId`, `UserError`."""
        return self._add(self._behind(token).id, words, RESIDENT, about)

    def withdraw_by_link(self, token: str) -> Appeal:
        """Take the appeal behind a link back; raises `UnknownId`, `UserError`."""
        return self._withdraw(self._behind(token).id, RESIDENT)

    def erase_by_link(self, token: str) -> Appeal:
        """Erase what was said in the appeal behind a link; its outcome and its receipts stay."""
        return self._erase(self._behind(token).id, RESIDENT)

    def _behind(self, token: str) -> Appeal:
        mine = self.against(self._decision_of(token))
        if not mine:
            raise life.NotTaken("none", "This decision was not contested.", "Contest it first.")
        return mine[-1]

    # -- persons of the city -----------------------------------------------------------------------

    def open(
        self,
        decision: str,
        by: str,
        because: str,
        contests: Sequence[str] = (),
        *,
        told_on: date | None = None,
        late_because: str = "",
        like: str = "",
    ) -> Appeal:
        """Take in an appeal that came by letter or at the counter, or reopen a case like one that was changed.

        Parameters
        ----------
        decision : str
            What is contested.
        by : str
            First and last name of who takes it in.
        because : str
            What the person says, or why the case is reopened.
        contests : sequence of str
            Facts that are said to be wrong, by name.
        told_on : datetime.date, optional
            When the person was told of the decision; default the day on which it took effect.
        late_because : str
            Why it is taken in although the time is over.
        like : str
            The appeal that changed a decision on the same row and fact; then no time limit holds.
        """
        words = life.reasoned(because, "An appeal")
        late = life.reasoned(late_because, "To take in a late appeal") if late_because else ""
        if like:
            self._check_like(decision, like)
        return self._open(decision, life.named(by), words, contests, told_on=told_on, late_because=late, like=like)

    def _check_like(self, decision: str, like: str) -> None:
        if self.get(like).state != "changed" or decision not in set(self.similar(like)["id"]):
            raise UserError(
                f"{like} did not change a decision that this one is like.",
                f"'cityward appeals similar {like}' lists them.",
            )

    def add(self, identifier: str, words: str, by: str, about: str = "") -> Appeal:
        """Add something to a running appeal, about a fact or in general."""
        return self._add(identifier, words, life.named(by), about)

    def _add(self, identifier: str, words: str, by: str, about: str) -> Appeal:
        with self._city.writing():
            appeal = self.get(identifier)
            life.check_running(appeal)
            if about:
                life.facts_of(self.deciding.get(appeal.decision), (about,))
            said = self._said(appeal.decision, words, by, about)
            if not said.words:
                raise life.NotTaken("nothing", "Nothing was said.", "Write what is to be added.")
            return self._keep_if_new(appeal, life.add(appeal, said))

    def assign(self, identifier: str, to: str, by: str) -> Appeal:
        """Give an appeal to somebody who neither made nor oversaw the decision; raises as `life.assign`."""
        with self._city.writing():
            appeal = self.get(identifier)
            overseers = self.overseers(self.deciding.get(appeal.decision))
            given = life.assign(appeal, to, by=by, at=self._city.clock.now(), overseers=overseers)
            return self._keep_if_new(appeal, given)

    def decide(
        self,
        identifier: str,
        outcome: AppealOutcome,
        by: str,
        because: str,
        *,
        after: str = "",
        wrong: Sequence[str] = (),
    ) -> Appeal:
        """Decide an appeal: the decision stands, or another outcome counts from now on.

        Parameters
        ----------
        identifier : str
            Of a running appeal that is assigned to ``by``.
        outcome : {"upheld", "changed"}
            The decision stands, or not.
        by, because : str
            Who decides, and why, in words for the person.
        after : str
            The outcome that counts instead; with ``changed`` alone.
        wrong : sequence of str
            Facts that were found to be wrong, by name; with ``changed`` alone.

        Raises
        ------
        UnknownId, UserError, cityward.core.errors.Refused
            As `life.check_may_decide`, and whatever the decision itself refuses.
        """
        if outcome not in OUTCOMES:
            raise UserError(f"'{str(outcome)[:40]}' is not an outcome.", "Say 'upheld' or 'changed'.")
        by, because = life.named(by), redact_text(life.reasoned(because, "A decision"))
        after = " ".join(after.split())
        if outcome == "upheld" and (after or any(wrong)):
            raise UserError("Where the decision stands, nothing counts instead and no fact was wrong.", "Say which.")
        if len(after) > OUTCOME_CHARS_MAX:
            raise UserError(f"An outcome has at most {OUTCOME_CHARS_MAX} characters.", "Shorten it.")
        with self._city.writing():
            appeal = self.get(identifier)
            decision = self.deciding.get(appeal.decision)
            life.check_may_decide(appeal, by, outcome, after, self.overseers(decision))
            now = self._city.clock.now()
            life.stepped(appeal, outcome, now, by)  # before anything is changed: the clock may stand
            if outcome == "upheld":
                return self._keep(life.close(appeal, outcome, by=by, at=now, because=because))
            facts = life.facts_of(decision, wrong)
            parties = self.deciding.told(decision.id).parties
            done = decision.state == "reversed" and (decision.outcome or "").casefold() == after.casefold()
            if not done:  # else it was cut off after that, and only the rest is to be done
                decision = self.deciding.reverse(decision.id, after, by=by, because=because, appeal=appeal.id)
            changed = life.close(
                appeal,
                outcome,
                by=by,
                at=max(now, self._city.clock.now()),
                because=because,
                after=decision.outcome or after,
                wrong=facts,
                parties=parties,
                register_event=self._note_reversal(appeal, by, facts, decision.system_digest),
                similar=self._similar(decision.id, facts).height,
            )
            return self._keep(changed)

    def _note_reversal(self, appeal: Appeal, by: str, facts: Sequence[str], digest: str) -> str:
        """Tell the register of systems; a system whose file is gone or broken is no reason to keep a wrong decision."""
        wrong = f"; wrong: {', '.join(facts)}" if facts else ""
        row = f", row {appeal.row}" if appeal.row else ""
        told = f"{appeal.id} changed a decision by {appeal.rule} {appeal.rule_version}{row}{wrong}."
        try:
            return self._city.systems.note_reversal(appeal.system, digest, by, told).id
        except CitywardError:
            return ""

    def withdraw(self, identifier: str, by: str) -> Appeal:
        """Take an appeal back, as the person asks."""
        return self._withdraw(identifier, life.named(by))

    def _withdraw(self, identifier: str, by: str) -> Appeal:
        with self._city.writing():
            appeal = self.get(identifier)
            return self._keep_if_new(appeal, life.withdraw(appeal, by=by, at=self._city.clock.now()))

    # -- words that are not kept for ever ----------------------------------------------------------

    def erase(self, identifier: str, by: str) -> Appeal:
        """Erase what was said in an appeal (GDPR article 17); its outcome and its receipts stay."""
        return self._erase(identifier, life.named(by))

    def _erase(self, identifier: str, by: str) -> Appeal:
        with self._city.writing():
            appeal = self.get(identifier)
            if appeal.decision in holding(self._city.folder.history).decisions:
                raise Refused(
                    HOLD_RULE,
                    f"What was said in {appeal.id} is evidence of a decision under a hold ({HOLD_WHY}).",
                    "Tell the person so (article 12(4)). Once the hold is released, do the same again.",
                )
            erased = self._keep_if_new(appeal, life.without_words(appeal, self._city.clock.now(), by))
            if erased is not appeal:
                self._compact()
        return erased

    def erase_closed_before(self, moment: datetime) -> int:
        """Erase what was said in appeals that were closed before a moment; return of how many."""
        old = [one for one in self.all() if one.state in CLOSED and one.closed_at and one.closed_at < moment]
        held = holding(self._city.folder.history).decisions
        old = [one for one in old if any(said.words for said in one.said) and one.decision not in held]
        for one in old:
            with self._city.writing():
                self._keep(life.without_words(one, self._city.clock.now(), "the retention job"))
        if old:
            self._compact()
        return len(old)

    def erase_words_of(self, decisions: Collection[str], names: Callable[[str], bool]) -> int:
        """Erase what was said in appeals against a person's decisions, or names him; return in how many appeals.

        Parameters
        ----------
        decisions : collection of str
            Decisions about the person: all that was said about them goes.
        names : callable
            Whether words name the person: those go elsewhere too. What a hold keeps stays.
        """
        held, own = holding(self._city.folder.history).decisions, set(decisions)
        count = 0
        for one in self.all():
            if one.decision in held:
                continue
            meant = bool if one.decision in own else names
            with self._city.writing():
                erased = life.without_words(one, self._city.clock.now(), "an erasure", meant)
                count += self._keep_if_new(one, erased) is not one
        return count

    def _compact(self) -> None:
        """Leave no page of the database that still holds what was said."""
        # While another program reads it that waits for the next time: the words are gone from the record already.
        with contextlib.suppress(StoreError):
            self._city.registers.compact()

    # -- keeping -----------------------------------------------------------------------------------

    def _open(
        self,
        decision: str,
        by: str,
        words: str,
        contests: Sequence[str],
        *,
        told_on: date | None = None,
        late_because: str = "",
        like: str = "",
    ) -> Appeal:
        with self._city.writing():
            contested = self.deciding.get(decision)
            said = [self._said(contested.id, one, by) for one in (words, late_because) if one or one is words]
            before = self.against(contested.id)
            running = next((one for one in before if one.state not in CLOSED), None)
            named = life.facts_of(contested, contests)
            if running is not None and running.said[0].digest == said[0].digest and running.contests == named:
                return running
            return self._keep(
                life.open_appeal(
                    contested,
                    before,
                    at=self._city.clock.now(),
                    today=self._city.today,
                    told_on=told_on or self.told_on(contested),
                    terms=self.terms,
                    by=by,
                    said=said,
                    contests=named,
                    excused=bool(late_because),
                    like=like,
                )
            )

    def _said(self, decision: str, words: str, by: str, about: str = "") -> Said:
        """Words without what tells who a person is, and without signs that nobody sees."""
        if len(words) > life.WORDS_CHARS_MAX:
            raise life.NotTaken(
                "long", f"A text has at most {life.WORDS_CHARS_MAX:,} characters.", "Shorten it, or add it in parts."
            )
        plain = "".join(sign if sign.isprintable() else " " for sign in words)
        kept = redact_text(" ".join(plain.split()))
        return Said(at=self._city.clock.now(), by=by, words=kept, digest=self._digest(decision, kept), about=about)

    def _keep_if_new(self, before: Appeal, after: Appeal) -> Appeal:
        return before if after == before else self._keep(after)

    def _keep(self, appeal: Appeal) -> Appeal:
        """Ledger first, then the register; the entry says what was done to which appeal, and names nobody."""
        step = appeal.steps[-1]
        facts: dict[str, str | int] = {
            "what": step.what,
            "system": appeal.system,
            "rule": f"{appeal.rule} {appeal.rule_version}",
        }
        facts |= {"due_on": str(appeal.due_on), "late": int(appeal.late)} if step.what == "opened" else {}
        with self._city.writing():
            entry = receipt(KIND, appeal.id, step.at, to_json(life.provable(appeal)), **facts)
            (index,) = self._city.enter([(appeal.id, entry)])
            steps = (*appeal.steps[:-1], msgspec.structs.replace(step, receipt=index))
            kept = msgspec.structs.replace(appeal, steps=steps, receipt=index)
            self._city.registers.put(KIND, [kept], update=("body", "state"), state=kept.state)
        return kept
