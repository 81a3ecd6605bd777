"""Breaches of personal data: a clock of 72 hours, an estimate of who is concerned, and the draft of a notice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from cityward.city.saying import name_of, words_of
from cityward.core.errors import UnknownId, UserError
from cityward.core.identifiers import make_id
from cityward.core.persons import Breach
from cityward.guard.affected import HOW, count_affected

if TYPE_CHECKING:
    from cityward.city.city import City

CLOCK: Final = timedelta(hours=72)
"""From the moment that the city is aware (GDPR article 33(1))."""

RULE: Final = "breach-clock 1"


class Breaches:
    """Breaches of ``city``; reached as ``city.breaches``."""

    def __init__(self, city: City) -> None:
        self._city = city

    def open(self, what: str, by: str, aware_at: datetime | None = None) -> Breach:
        """Note a breach and start its clock; ``aware_at`` is when the city learnt of it, default now."""
        now = self._city.clock.now()
        aware_at = aware_at or now
        if aware_at > now:
            raise UserError("The city cannot become aware in the future.", "Give the moment with --aware-at, in UTC.")
        breach = Breach(
            id=make_id("breach", len(self.list()), now.isoformat()),
            state="open",
            aware_at=aware_at,
            due_at=aware_at + CLOCK,
            what=_words(what, "what happened"),
            by=name_of(by),
        )
        return self._keep(breach, "breach-open")

    def assess(
        self,
        identifier: str,
        by: str,
        *,
        high_risk: bool,
        since: datetime | None = None,
        until: datetime | None = None,
        sources: Sequence[str] = (),
    ) -> Breach:
        """Estimate who is concerned, and say whether the risk for them is high."""
        breach = self._open_one(identifier)
        affected = count_affected(self._city.folder.history, since, until, list(sources) or None)
        span = f"{since:%Y-%m-%d}" if since else "the beginning", f"{until:%Y-%m-%d}" if until else "the end"
        scope = f"Reports from {span[0]} to {span[1]}, {', '.join(sources) or 'all sources'}. {HOW}"
        assessed = msgspec.structs.replace(
            breach, state="assessed", by=name_of(by), affected=affected, counted=scope, high_risk=high_risk
        )
        return self._keep(assessed, "breach-assess")

    def notify(self, identifier: str, by: str, because: str = "") -> Breach:
        """Note that the authority was told; later than 72 hours this needs the reasons (GDPR article 33(1))."""
        breach, now = self._open_one(identifier), self._city.clock.now()
        if now > breach.due_at and len(because.strip()) < 10:
            raise UserError(
                f"The 72 hours ended on {breach.due_at:%Y-%m-%d %H:%M} UTC.",
                "Give the reasons of the delay: --because.",
            )
        told = msgspec.structs.replace(
            breach, state="notified", by=name_of(by), notified_at=now, because=_words(because, "") if because else ""
        )
        return self._keep(told, "breach-notify")

    def close(self, identifier: str, by: str, because: str) -> Breach:
        """End it with a reason: what was done, or why no notice was due."""
        breach = self._open_one(identifier)
        because = _words(because, "what was done, or why no notice was due")
        now = self._city.clock.now()
        closed = msgspec.structs.replace(breach, state="closed", by=name_of(by), closed_at=now, because=because)
        return self._keep(closed, "breach-close")

    def list(self) -> list[Breach]:
        """Breaches, oldest first."""
        return self._city.registers.list_of("breach", Breach)

    def get(self, identifier: str) -> Breach:
        """One breach; raises `UnknownId`."""
        held = self._city.registers.get(identifier, Breach) if identifier.startswith("H-") else None
        if held is None:
            raise UnknownId(f"There is no breach '{identifier[:20]}'.", "'cityward breach list' lists them.")
        return held

    def hours_left(self, breach: Breach) -> float:
        """Hours until the authority has to be told; below 0 it is late."""
        return (breach.due_at - self._city.clock.now()) / timedelta(hours=1)

    def notice(self, identifier: str) -> str:
        """Draft of the notice to the authority, and of that to the people when the risk for them is high.

        Source: GDPR articles 33(3) and 34(2), what a notice says.
        """
        breach = self.get(identifier)
        people = breach.affected.get("people")
        about = f"about {people:,} people" if people is not None else "to be filled in by 'cityward breach assess'"
        reports = breach.affected.get("reports")
        contact = self._city.settings.privacy.contact or "to be filled in by the data protection officer"
        lines = [
            f"# Notice of a personal data breach, {self._city.name} ({breach.id})",
            "",
            "Draft. Check every line before it is sent.",
            "",
            f"- **What happened**: {breach.what}",
            f"- **When the city became aware**: {breach.aware_at:%Y-%m-%d %H:%M} UTC",
            f"- **How many people**: {about}",
            f"- **How many records**: {f'{reports:,} reports' if reports is not None else 'not assessed yet'}",
            *(f"  - {name}: {count:,}" for name, count in breach.affected.items() if name not in ("people", "reports")),
            f"- **How this was counted**: {breach.counted or 'not assessed yet'}",
            f"- **Contact**: {contact}",
            "- **Likely consequences**: to be filled in by the data protection officer",
            "- **What was done and what is proposed**: to be filled in by whoever handles the breach",
        ]
        if breach.because and breach.notified_at and breach.notified_at > breach.due_at:
            lines.append(f"- **Why it is late**: {breach.because}")
        if breach.high_risk:
            lines += [
                "",
                "## To the people concerned",
                "",
                f"Something went wrong with data that {self._city.name} holds of you: {breach.what} We are sorry. What "
                "this can mean for you: to be filled in by the data protection officer. What you can do: to be filled "
                "in by the data protection officer. "
                f"Whom you can ask: {contact}.",
            ]
        return "\n".join(lines) + "\n"

    def _open_one(self, identifier: str) -> Breach:
        breach = self.get(identifier)
        if breach.state == "closed":
            raise UserError(f"{breach.id} is closed.", "Open a new one if there is news.")
        return breach

    def _keep(self, breach: Breach, kind: str) -> Breach:
        facts: dict[str, str | int] = {"state": breach.state, "due": breach.due_at.isoformat(), "rule": RULE}
        facts |= {f"affected_{name.replace(' ', '_')}": count for name, count in breach.affected.items()}
        return self._city.keep("breach", breach, facts, told=kind, update=("body", "state"), state=breach.state)


def _words(text: str, what: str) -> str:
    return words_of(text, what, "Name nobody: it is kept and may be sent.")
