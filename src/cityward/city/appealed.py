"""Appeals as they stand: whose link leads where, what a person is told of his case, what is similar, the figures."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

import polars as pl

from cityward.answerable import appeals as life
from cityward.answerable.reasons import ENGLISH as WORDS
from cityward.answerable.reasons import Fact, facts
from cityward.core.appeals import CLOSED, Appeal, AppealFigures, AppealStatistics
from cityward.core.clock import end_of_day
from cityward.core.decided import CaseDecision, Told
from cityward.core.errors import CitywardError, UnknownId
from cityward.core.identifiers import kind_of
from cityward.core.records import to_json
from cityward.guard.small_counts import ALL, SMALL, publishable
from cityward.private.pseudonym import load_or_create_key

if TYPE_CHECKING:
    from cityward.city.city import City
    from cityward.city.deciding import Deciding

KIND: Final = "appeal"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{32}")
_NUMBER: Final = re.compile(r"D-[0-9a-f]{16}")
_ID_BYTES: Final = 8
_PERIOD_MONTHS: Final = 12
OUTCOMES: Final = pl.Schema(
    {
        **dict.fromkeys(("system", "version", "rule", "rule_version", "territory"), pl.String),
        **dict.fromkeys(("prediction", "outcome", "changed"), pl.String),
        "weight": pl.Int64,
    }
)


@dataclass(frozen=True, slots=True)
class CaseView:
    """What a person is told of his own case: the decision, his appeal if there is one, and what he can do by when."""

    token: str
    told: Told
    appeal: Appeal | None
    appeal_by: date
    late: bool

    @property
    def running(self) -> bool:
        """Whether an appeal runs."""
        return self.appeal is not None and self.appeal.state not in CLOSED

    @property
    def may_contest(self) -> bool:
        """Whether the decision can be contested today by its link."""
        taken_back = self.appeal is None or self.appeal.state == "withdrawn"
        return taken_back and not self.late and self.told.decision.state == "decided"


class Appealed:
    """What is known of appeals; the part of `cityward.city.appealing.Appeals` that only reads."""

    def __init__(self, city: City) -> None:
        self._city = city

    @property
    def deciding(self) -> Deciding:
        """The decisions that can be contested."""
        return self._city.deciding

    @property
    def terms(self) -> life.Terms:
        """The deadlines of ``city.toml``, with the law that they come from."""
        given = self._city.settings.appeals
        return life.Terms(given.appeal_days, given.answer_days, given.appeal_law, given.answer_law)

    # -- links -------------------------------------------------------------------------------------

    @cached_property
    def _key(self) -> bytes:
        return load_or_create_key(self._city.folder.residents_key)

    def token_of(self, decision: str) -> str:
        """The secret of a case: derived, so that nothing that is kept holds it; raises `UnknownId`."""
        return self._token(self.deciding.get(decision).id)

    def link_of(self, decision: str) -> str:
        """The link by which a person reads and contests a decision; whoever has it can."""
        return f"{(self._city.settings.orders.public_url or '').rstrip('/')}/case/{self.token_of(decision)}"

    def _token(self, decision: str) -> str:
        number = bytes.fromhex(decision[2:])
        return urlsafe_b64encode(number + hmac.digest(self._key, b"case" + number, "sha256")[:16]).decode()

    def enter(self, number: str, secret: str) -> str:
        """The token of whoever knows a case number and its secret (or the whole link).

        Raises
        ------
        UnknownId
            They do not belong together, or there is no such case: the answer is the same.
        """
        token = secret.strip().split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1]
        known = self._decision_of(token)
        if not hmac.compare_digest(known.lower().encode(), number.strip().lower().encode("utf-8", "replace")):
            raise _not_right()
        return token

    def _decision_of(self, token: str) -> str:
        """The decision of a token; raises `UnknownId`."""
        shaped = _TOKEN.fullmatch(token) is not None
        raw = urlsafe_b64decode(token) if shaped else bytes(24)
        decision = f"D-{raw[:_ID_BYTES].hex()}"
        right = hmac.compare_digest(self._token(decision).encode(), token.encode("utf-8", "replace"))
        if not (shaped and right):
            raise _not_right()
        return decision

    def case(self, token: str, say: Mapping[str, str] = WORDS) -> CaseView:
        """What the person is told behind his link, ``say`` being the words of his language; raises `UnknownId`."""
        decision = self._decision_of(token)
        try:
            told = self.deciding.told(decision, say=say)
        except UnknownId:
            raise _not_right() from None
        mine = self.against(decision)
        last = mine[-1] if mine else None
        until = last.appeal_by if last else self._appeal_by(told.decision)
        return CaseView(token, told, last, until, self._city.today > until)

    def facts(self, decision: CaseDecision) -> tuple[Fact, ...]:
        """What the rule asked of a case, as people call it; a yes-no is ``yes`` or ``no``, what is missing is empty."""
        return facts(decision.inputs, self.deciding.rule(decision))

    def because_of(self, decision: CaseDecision) -> str:
        """What the row that decided gives as its reason; empty where there is none."""
        rule = self.deciding.rule(decision)
        rows = rule.sheet.rows if rule else ()
        return rows[decision.row - 1].because if decision.row and decision.row <= len(rows) else ""

    def told_on(self, decision: CaseDecision) -> date:
        """The day from which the time to contest runs, where nobody says otherwise: that on which it took effect."""
        return self._city.day_of(decision.changed_at)

    def _appeal_by(self, decision: CaseDecision) -> date:
        return life.last_day_to_appeal(self.told_on(decision), self.terms)

    # -- records -----------------------------------------------------------------------------------

    def all(self) -> list[Appeal]:
        """Appeals, oldest first; only what the ledger proves."""
        return self._proven(self._kept())

    def unproved(self) -> list[Appeal]:
        """Appeals in the registers that the ledger does not prove: somebody wrote there by hand."""
        kept = self._kept()
        return [one for one, right in zip(kept, self._proved(kept), strict=True) if not right]

    def listed(self, state: str | None = None, system: str | None = None) -> list[Appeal]:
        """Appeals: those that run by the day on which they are due, then the others, the newest first."""
        asked = [one for one in self._kept() if state in (None, one.state) and system in (None, one.system)]
        found = self._proven(asked)
        running = sorted((one for one in found if one.state not in CLOSED), key=lambda one: (one.due_on, one.opened_at))
        closed = [one for one in found if one.state in CLOSED]
        return [*running, *sorted(closed, key=lambda one: one.closed_at or one.opened_at, reverse=True)]

    def late(self) -> Sequence[Appeal]:
        """Appeals whose answer is late, the longest first; only these are proved, for a page that is opened often."""
        return sorted(self._proven([one for one in self._kept() if self.is_overdue(one)]), key=lambda one: one.due_on)

    def get(self, identifier: str) -> Appeal:
        """One appeal; raises `UnknownId`."""
        held = self._city.registers.get(identifier, Appeal) if kind_of(identifier) == KIND else None
        if held is None or not self._proved([held])[0]:
            raise UnknownId(f"There is no appeal '{identifier[:20]}'.", "'cityward appeals list' lists them.")
        return held

    def against(self, decision: str) -> list[Appeal]:
        """Appeals against one decision, oldest first."""
        return self._proven([one for one in self._kept() if one.decision == decision])

    def reversed_of(self, system: str) -> list[Appeal]:
        """Appeals that changed a decision of a system, the newest first: what those who answer for it are told."""
        return self.listed("changed", system)

    def is_overdue(self, appeal: Appeal) -> bool:
        """Whether its answer is late."""
        return life.is_overdue(appeal, self._city.today)

    def _kept(self) -> list[Appeal]:
        return self._city.registers.list_of(KIND, Appeal)

    def _proven(self, appeals: Sequence[Appeal]) -> list[Appeal]:
        return [one for one, right in zip(appeals, self._proved(appeals), strict=True) if right]

    def _proved(self, appeals: Sequence[Appeal]) -> list[bool]:
        """For each whether the ledger proves it, and its words are those that were receipted."""
        told = self._city.proves([(one.receipt, one.id, to_json(life.provable(one))) for one in appeals])
        return [
            right and all(not said.words or said.digest == self._digest(one.decision, said.words) for said in one.said)
            for one, right in zip(appeals, told, strict=True)
        ]

    def _digest(self, decision: str, words: str) -> str:
        return hmac.digest(self._key, f"appeal {decision} {words}".encode(), "sha256")[:16].hex()

    # -- what follows ------------------------------------------------------------------------------

    def similar(self, identifier: str) -> pl.DataFrame:
        """Decisions that a person should look at after an appeal changed one; see `life.similar`.

        ``appeal`` is the number of the appeal by which one of them was reopened already, or null.
        """
        appeal = self.get(identifier)
        found = self._similar(appeal.decision, appeal.wrong)
        reopened = {one.decision: one.id for one in self.all()}
        return found.with_columns(
            appeal=pl.Series([reopened.get(one) for one in found["id"]], dtype=pl.String),
        )

    def _similar(self, decision: str, wrong: Sequence[str]) -> pl.DataFrame:
        return life.similar(self.deciding.frame(life.SIMILAR_COLUMNS), decision, wrong)

    def outcomes(self, system: str | None = None) -> pl.DataFrame:
        """What appeals say of a system, counted, as ``cityward audit`` reads it; nobody's own row.

        Columns: ``system``, ``version``, ``rule``, ``rule_version``, ``territory``, ``prediction`` (what the rule
        said), ``outcome`` (what a person found right on appeal), ``changed`` (yes or no), and ``weight``, how many.
        """
        decided = [one for one in self.listed(None, system) if one.state in ("upheld", "changed")]
        if not decided:
            return pl.DataFrame(schema=OUTCOMES)
        schema = dict.fromkeys(("id", "outcome", "changed"), pl.String)
        told = pl.DataFrame(
            {
                "id": [one.decision for one in decided],
                "outcome": [one.after or one.before for one in decided],
                "changed": ["yes" if one.state == "changed" else "no" for one in decided],
            },
            schema=schema,
        )
        by = ("system", "version", "rule", "rule_version", "territory", "recommended")
        rows = self.deciding.frame(("id", *by)).join(told, on="id", how="inner")
        rows = rows.rename({"recommended": "prediction"})
        keys = (*by[:-1], "prediction", "outcome", "changed")
        return rows.group_by(keys).agg(weight=pl.len().cast(pl.Int64)).sort(keys)

    # -- figures -----------------------------------------------------------------------------------

    def statistics(self, since: date | None = None, until: date | None = None) -> AppealStatistics:
        """Figures of appeals for the public: whole months, as they stood at the end, without small counts.

        Parameters
        ----------
        since : datetime.date, optional
            First day on which they came in; default twelve months before the end.
        until : datetime.date, optional
            Last day; default the last of the month that has ended, so that no single day can be told from two looks.
        """
        today = self._city.today
        last = min(until or today.replace(day=1) - timedelta(days=1), today)
        first = since or _months_before(last + timedelta(days=1), _PERIOD_MONTHS)
        end = end_of_day(last, self._city.time_zone)
        below = self._city.settings.release.suppress_below or SMALL
        mine = life.in_period(self.all(), first, end, self._city.day_of)
        table = publishable(life.counts(mine, first, end, self._city.day_of), life.COUNTED, below)
        lines = {name: _figures(name, line, mine, end, below) for name, line in table.items()}
        every = lines.pop(ALL)
        return AppealStatistics(since=first, until=last, below=below, all=every, systems=tuple(lines.values()))

    # -- who stands aside --------------------------------------------------------------------------

    def overseers(self, decision: CaseDecision) -> tuple[str, ...]:
        """Everybody who oversaw the decision, or oversees its system now."""
        told = self.deciding.told(decision.id)
        # Of one that was reversed, whoever decided the appeal is told as its overseer.
        found = [
            told.overseer if decision.state != "reversed" else "",
            *(one.name for one in told.parties if one.duty == "overseer"),
        ]
        try:
            holdings = self._city.systems.get(decision.system).holdings
        except CitywardError:  # a file that cannot be read any more names nobody
            holdings = ()
        found += [one.party for one in holdings if one.duty == "overseer"]
        return tuple(dict.fromkeys(name for name in found if name))


def _figures(name: str, line: dict[str, int | None], mine: list[Appeal], end: datetime, below: int) -> AppealFigures:
    """A line of figures; a share or median only where the counts that it is made of are told."""
    upheld, changed = line["upheld"], line["changed"]
    decided = upheld + changed if upheld is not None and changed is not None else 0
    share, low, high = life.share(changed or 0, decided) if decided >= below else (None, None, None)
    own = [one for one in mine if name in (ALL, one.system)]
    return AppealFigures(
        system=name,
        opened=line[ALL],
        open=line["open"],
        upheld=upheld,
        changed=changed,
        withdrawn=line["withdrawn"],
        share_changed=share,
        share_low=low,
        share_high=high,
        median_days=life.median_days(own, end) if decided >= below else None,
    )


def _months_before(day: date, months: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(years, month + 1, 1)


def _not_right() -> UnknownId:
    return UnknownId("The number and the secret do not belong together.", "Check that you copied all of both.")
