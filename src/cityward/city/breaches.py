"""Breaches of personal data: a clock of 72 hours, an estimate of who is concerned, and the draft of a notice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from cityward.city.awareness import Clocks
from cityward.city.saying import name_of, words_of
from cityward.core.identifiers import make_id
from cityward.core.persons import BREACH_HOURS, Breach
from cityward.guard.affected import HOW, count_affected


class Breaches(Clocks[Breach]):
    """Breaches of a city; reached as ``city.breaches``."""

    record, kind, noun = Breach, "breach", "breach"
    listed_by, rule = "cityward breach list", "breach-clock 1"
    told_state, told_step = "notified", "notify"

    def open(self, what: str, by: str, aware_at: datetime | None = None) -> Breach:
        """Note a breach and start its clock; ``aware_at`` is when the city learnt of it, default now."""
        now, aware_at = self._city.clock.now(), self.aware(aware_at)
        breach = Breach(
            id=make_id("breach", len(self.all()), now.isoformat()),
            aware_at=aware_at,
            due_at=aware_at + timedelta(hours=BREACH_HOURS),
            what=words_of(what, "what happened", "Name nobody: it is kept and may be sent."),
            by=name_of(by),
        )
        return self._keep(breach, "open")

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
        breach = self.open_one(identifier)
        affected = count_affected(self._city.folder.history, since, until, list(sources) or None)
        span = f"{since:%Y-%m-%d}" if since else "the beginning", f"{until:%Y-%m-%d}" if until else "the end"
        scope = f"Reports from {span[0]} to {span[1]}, {', '.join(sources) or 'all sources'}. {HOW}"
        assessed = msgspec.structs.replace(
            breach,
            state="assessed" if breach.runs else breach.state,
            by=name_of(by),
            affected=affected,
            counted=scope,
            high_risk=high_risk,
        )
        return self._keep(assessed, "assess")

    def tell(self, identifier: str, by: str, because: str = "") -> Breach:
        """Note that the authority was told; later than 72 hours this needs the reasons (GDPR article 33(1))."""
        return self._tell(identifier, by, because)

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
        if breach.late:
            lines.append(f"- **Why it is late**: {breach.late_because}")
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
