"""Notices of what became of an appeal: who is to be told, in which words, and who told him when.

cityward sends none of them: it has no address of the person, and a party is written to by whoever signs for the city.
A notice is to be sent from the moment the appeal is decided, and stays so until a person says that it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from cityward.answerable import appeals as life
from cityward.core.appeals import OUTCOMES, PERSON, Appeal, AppealNotice
from cityward.core.errors import UnknownId, UserError
from cityward.core.identifiers import make_id
from cityward.core.receipts import receipt
from cityward.core.records import entered
from cityward.private.redact import redact_text

if TYPE_CHECKING:
    from cityward.city.city import City

KIND: Final = "notice"
WAY_CHARS_MAX: Final = 100
TO_PERSON: Final[Mapping[str, str]] = {
    "en": "Your appeal {appeal} against the decision {decision} of {city} was answered on {day}. Read the answer, the "
    "reason and what you can do next here: {link}\nThis link is for you alone.",
    "es": "Su reclamo {appeal} contra la decisión {decision} de {city} tuvo respuesta el {day}. Lea la respuesta, el "
    "motivo y qué puede hacer ahora aquí: {link}\nEste enlace es solo para usted.",
    "pt": "O seu recurso {appeal} contra a decisão {decision} de {city} foi respondido em {day}. Leia a resposta, o "
    "motivo e o que pode fazer agora aqui: {link}\nEste link é só para você.",
}
"""What the person is told: that there is an answer and where, not what it says, for a letter is opened by others."""

TO_PARTY: Final = (
    "{name}, {duty} of {system} {version}: on {day} {city} changed a decision that rested on it, by {rule}{row}, on "
    "the appeal {appeal}. Wrong: {wrong}. Decisions that rest on the same: {similar}. Ledger entry {receipt}."
)
"""What a party is told: nothing of the person, of the case, or of what was said."""


class Notices:
    """The notices of a city; reached as ``city.notices``."""

    def __init__(self, city: City) -> None:
        self._city = city

    def listed(self, *, waiting: bool = False) -> list[AppealNotice]:
        """Notices of appeals that were decided: those to be sent first, the oldest before the others."""
        appeals = [one for one in self._city.appeals.all() if one.state in OUTCOMES]
        return self._with_sent(appeals, waiting=waiting)

    def of(self, appeal: Appeal) -> list[AppealNotice]:
        """Notices of one appeal."""
        return self._with_sent([appeal] if appeal.state in OUTCOMES else [], waiting=False)

    def _with_sent(self, appeals: Iterable[Appeal], *, waiting: bool) -> list[AppealNotice]:
        sent = self._sent()
        every = [sent.get(one.id, one) for appeal in appeals for one in _due(appeal)]
        left = [one for one in every if one.sent_at is None]
        return left if waiting else [*left, *(one for one in every if one.sent_at is not None)]

    def _sent(self) -> dict[str, AppealNotice]:
        """Notices that were sent, by identifier: only what the ledger proves."""
        kept = self._city.registers.list_of(KIND, AppealNotice)
        right = self._city.proves([(one.receipt, one.id, entered(one)) for one in kept])
        return {one.id: one for one, proved in zip(kept, right, strict=True) if proved}

    def text(self, identifier: str, language: str = "en") -> str:
        """The words of a notice; the person's holds his secret link, for him alone. Raises `UnknownId`."""
        notice = self._get(identifier)
        appeal = self._city.appeals.get(notice.appeal)
        day = self._city.day_of(appeal.closed_at or appeal.opened_at)
        if notice.to == PERSON:
            if language not in TO_PERSON:
                raise UserError(f"There is no notice in '{language[:20]}'.", f"Languages: {', '.join(TO_PERSON)}.")
            link = self._city.appeals.link_of(appeal.decision)
            return TO_PERSON[language].format(
                appeal=appeal.id, decision=appeal.decision, city=self._city.name, day=day, link=link
            )
        return TO_PARTY.format(
            name=notice.name,
            duty=notice.to,
            system=appeal.system,
            version=appeal.version,
            day=day,
            city=self._city.name,
            rule=f"{appeal.rule} {appeal.rule_version}",
            row=f", row {appeal.row}" if appeal.row else "",
            appeal=appeal.id,
            wrong=", ".join(appeal.wrong) or "the rule was applied wrongly",
            similar=appeal.similar or 0,
            receipt=appeal.receipt,
        )

    def sent(self, identifier: str, by: str, way: str) -> AppealNotice:
        """Note that a notice was sent, by whom and how; the same again changes nothing.

        Raises
        ------
        UnknownId, UserError
            There is no such notice; no name, or nothing said of the way.
        """
        by, way = life.named(by), redact_text(" ".join(way.split()))
        if not way or len(way) > WAY_CHARS_MAX:
            raise UserError(f"How was it sent? Say it in at most {WAY_CHARS_MAX} characters.", "As: by letter.")
        with self._city.writing():
            notice = self._get(identifier)
            if notice.sent_at is not None:
                return notice
            done = msgspec.structs.replace(notice, sent_at=self._city.clock.now(), by=by, way=way)
            facts: dict[str, str | int] = {"appeal": notice.appeal, "to": notice.to}
            entry = receipt("appeal-notice", done.id, self._city.clock.now(), entered(done), **facts)
            (index,) = self._city.writable_ledger().append([entry])
            done = msgspec.structs.replace(done, receipt=index)
            self._city.registers.put(KIND, [done], update=("body",))
            self._city.registers.put_receipts({done.id: index})
        return done

    def _get(self, identifier: str) -> AppealNotice:
        found = next((one for one in self.listed() if one.id == identifier), None)
        if found is None:
            raise UnknownId(f"There is no notice '{identifier[:20]}'.", "'cityward appeals notices' lists them.")
        return found


def _due(appeal: Appeal) -> list[AppealNotice]:
    """Whom an appeal that was decided is to be told: the person, and of a change those who answer for the system."""
    person = AppealNotice(id=make_id(KIND, appeal.id, PERSON), appeal=appeal.id, to=PERSON)
    parties = [
        AppealNotice(
            id=make_id(KIND, appeal.id, one.duty, one.name),
            appeal=appeal.id,
            to=one.duty,
            name=one.name,
            contact=one.contact,
        )
        for one in appeal.parties
    ]
    return [person, *parties]
