"""What a city notices of attacks on itself, and who looks after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from cityward.city.saying import name_of, words_of
from cityward.core.clock import micros, moment_of
from cityward.core.errors import UserError
from cityward.core.identifiers import make_id
from cityward.guard.sign_ins import attempts_since
from cityward.secure.drill.report import DrillReport
from cityward.secure.watch.alerts import OPEN_PER_KIND, REST, Kind, SecurityAlert
from cityward.secure.watch.files import Alarm
from cityward.secure.watch.sign_ins import BRUTE_MINUTES, DAY_US, SLOW_DAYS, Guessing, guessing
from cityward.secure.watch.usual import limit_of

if TYPE_CHECKING:
    from cityward.city.city import City

CONSULTS_MAX: Final = 10_000
"""Looks that are compared: the newest."""

ROWS_MIN: Final = 1_000
"""Rows that one reader may see in a day before anything is called unusual."""

PAST_DAYS: Final = 60
SENT_DAYS_MIN: Final = 5
INTAKES_MAX: Final = 2_000
PRIVILEGES: Final = {
    "person invited": "somebody was invited",
    "roles changed": "roles of somebody were changed",
    "sign-in reset": "the sign-in of somebody was begun anew",
    "token issued": "a token was issued",
    "key-handover": "a key was handed over",
    "key-lost": "a key was called lost",
}
"""What gives somebody more than before: acts of entries of the kind ``access``, and kinds of entries."""

ENTRIES_MAX: Final = 5_000
LATELY_US: Final = 60_000_000
"""Attempts of the last minute make it worth to look at the week."""
PROBING: Final = ("refused access", "around a control")
PROBING_TIMES: Final = 200
"""Refusals within an hour; a person who may not open a page tries a few."""


class Alerting:
    """Alerts of ``city``; reached as ``city.alerts``."""

    def __init__(self, city: City) -> None:
        self._city = city

    # -- what there is -----------------------------------------------------------------------------

    def all(self) -> Sequence[SecurityAlert]:
        """The gravest open ones first, then those that are closed, newest first."""
        found: list[SecurityAlert] = self._city.registers.list_of("security", SecurityAlert)
        return sorted(found, key=lambda one: (one.state == "closed", one.duty.grave, -one.last_at.timestamp()))

    def open(self) -> list[SecurityAlert]:
        """Those that are not closed."""
        return [one for one in self.all() if one.state != "closed"]

    def get(self, identifier: str) -> SecurityAlert:
        """One alert; raises `UnknownId`."""
        return self._city.kept("security", SecurityAlert, identifier, "alert", "cityward alerts")

    # -- what people do with them ------------------------------------------------------------------

    def take(self, identifier: str, by: str) -> SecurityAlert:
        """Say that somebody works on it."""
        return self._keep(msgspec.structs.replace(self._open(identifier), state="taken", by=name_of(by)), "taken")

    def close(self, identifier: str, by: str, because: str) -> SecurityAlert:
        """Close it with what was found and done."""
        because = words_of(because, "what was found and done")
        one = msgspec.structs.replace(self._open(identifier), state="closed", by=name_of(by), because=because)
        return self._keep(one, "closed")

    def _open(self, identifier: str) -> SecurityAlert:
        one = self.get(identifier)
        if one.state == "closed":
            raise UserError(f"{one.id} is closed.", "It opens anew by itself when the same is seen again.")
        return one

    # -- what is noticed ---------------------------------------------------------------------------

    def raise_(
        self, kind: Kind, key: str, sentence: str, facts: dict[str, float | str], at: datetime | None = None
    ) -> SecurityAlert:
        """Open an alert, or count one that stands open for the same; an alert is told to the ledger once.

        ``at`` is when it was seen, default now: what was seen before the alert was last counted changes nothing.
        """
        now = at or self._city.clock.now()
        standing = [one for one in self.open() if one.kind == kind]
        same = next((one for one in standing if one.key == key), None)
        if same is None and len(standing) >= OPEN_PER_KIND:
            key, sentence = REST, f"More of the kind “{kind}” than are listed one by one."
            same = next((one for one in standing if one.key == REST), None)
        if same is not None:
            if now <= same.last_at:
                return same
            counted = msgspec.structs.replace(same, sentence=sentence, facts=facts, last_at=now, times=same.times + 1)
            with self._city.writing():
                self._city.registers.put("security", [counted], update=("body",))
            return counted
        alert = SecurityAlert(
            id=make_id("security", kind, key, now.isoformat()),
            kind=kind,
            key=key,
            sentence=sentence,
            facts=facts,
            opened_at=now,
            last_at=now,
        )
        return self._keep(alert, "opened")

    def _keep(self, alert: SecurityAlert, step: str) -> SecurityAlert:
        facts: dict[str, str | int] = {"alert": alert.kind, "step": step}
        return self._city.keep("security", alert, facts, update=("body", "state"), state=alert.state)

    def files(self, alarm: Alarm) -> SecurityAlert:
        """The watch over files is sure."""
        sentence = f"The city's files look attacked: {alarm.because}."
        return self.raise_("files", alarm.first, sentence, dict(alarm.signs))

    def watch_stopped(self, deaths: int) -> SecurityAlert:
        """The thread that watches the files died, for whatever reason; it was begun again."""
        sentence = "The watch over the city's files stopped and was begun again. In between nobody looked."
        return self.raise_("watch stopped", "files", sentence, {"times since the start": deaths})

    def other_history(self, sentence: str) -> SecurityAlert:
        """A witness saw another history of the ledger."""
        return self.raise_("other history", "ledger", sentence, {})

    def witnesses_missing(self, hours: float, seen: int, need: int) -> SecurityAlert:
        """Too few witnesses signed the ledger for long."""
        sentence = (
            f"For {hours:.0f} hours too few witnesses have signed the ledger: {seen} of the {need} that are needed "
            "answered last. Until they do, nobody else can say that it was not changed."
        )
        return self.raise_("witnesses missing", "ledger", sentence, {"hours": round(hours, 1), "seen": seen})

    def witnesses_came(self) -> None:
        """Enough signed again: what stands open because they did not is closed."""
        for one in self.open():
            if one.kind == "witnesses missing":
                because = "As many witnesses signed as are needed."
                self._keep(msgspec.structs.replace(one, state="closed", because=because), "closed")

    def drill_ended(self, report: DrillReport) -> None:
        """A drill that missed a target raises an alert; one that met all closes those of its kind."""
        if not report.passed:
            facts: dict[str, float | str] = {one.name: one.measured for one in report.targets}
            self.raise_("drill missed", report.kind, f"Drill {report.id}: {report.headline}.", facts)
            return
        for one in self.open():
            overdue = one.kind == "drill overdue" and report.kind == "ransomware"
            if overdue or (one.kind == "drill missed" and one.key == report.kind):
                because = f"Drill {report.id} met every target."
                self._keep(msgspec.structs.replace(one, state="closed", because=because), "closed")

    def check(self) -> list[SecurityAlert]:
        """Look at everything that is looked at now and then; return the alerts that stand open."""
        # Who finds nothing does not become the one who writes.
        for found in (
            self._overdue, self._guessed, self._exported, self._raised_privileges, self._silent, self._turned_away,
        ):  # fmt: skip
            for kind, key, sentence, facts, at in found():
                self.raise_(kind, key, sentence, facts, at)
        return self.open()

    def check_sign_ins(self) -> None:
        """Look at guessing alone, where anybody tried to sign in lately; for who looks every few seconds."""
        lately = micros(self._city.clock.now()) - LATELY_US
        if attempts_since(self._city.registers, lately).height:
            for kind, key, sentence, facts, at in self._guessed():
                self.raise_(kind, key, sentence, facts, at)

    def _overdue(self) -> Iterator[_Seen]:
        late = self._city.drills.stale_days()
        if late is None:
            return
        every, last = self._city.settings.drill.every_days, self._city.drills.last()
        told = f"The last was on {last.ended_at:%-d %B %Y}" if last else "There was none yet"
        sentence = f"A drill of ransomware is due every {every} days. {told}."
        # Counted once a day, not with every look.
        today = datetime.combine(self._city.clock.now().date(), datetime.min.time(), UTC)
        yield "drill overdue", "ransomware", sentence, {"days late": round(late, 1)}, today

    def _guessed(self) -> Iterator[_Seen]:
        now_us = micros(self._city.clock.now())
        attempts = attempts_since(self._city.registers, now_us - SLOW_DAYS * DAY_US)
        for one in guessing(attempts, now_us):
            yield one.kind, one.key[:16], _guess_sentence(one), _guess_facts(one), moment_of(one.last_us)

    def _exported(self) -> Iterator[_Seen]:
        """Readers whose rows of a day are far above their past."""
        today = self._city.clock.now().date()
        days: dict[str, dict[int, int]] = {}
        for one in self._city.keeper.consults(CONSULTS_MAX):
            ago = (today - one.at.date()).days
            if one.rows and 0 <= ago <= PAST_DAYS:
                days.setdefault(one.reader, {}).setdefault(ago, 0)
                days[one.reader][ago] += one.rows
        for reader, rows in sorted(days.items()):
            past = [float(count) for ago, count in rows.items() if ago > 0]
            limit, seen = limit_of(past), rows.get(0, 0)
            if limit is not None and seen > max(limit, ROWS_MIN):
                sentence = (
                    f"{reader} saw {seen:,} rows today. Of its past days, {limit:,.0f} would have been the "
                    "most that is usual."
                )
                facts: dict[str, float | str] = {"rows": seen, "limit": limit, "days of the past": len(past)}
                yield "unusual export", f"{reader} {today}", sentence, facts, self._city.clock.now()

    def _raised_privileges(self) -> Iterator[_Seen]:
        """Entries of the ledger of the last day that give somebody more."""
        since = self._city.clock.now() - timedelta(days=1)
        size = self._city.ledger_size
        for entry in self._city.ledger_entries(max(0, size - ENTRIES_MAX), ENTRIES_MAX):
            at = datetime.fromisoformat(str(entry["at"])) if entry.get("at") else None
            kind = str(entry.get("kind"))
            words = PRIVILEGES.get(str(entry.get("facts", {}).get("act")) if kind == "access" else kind)
            if words is not None and at is not None and at >= since:
                sentence = f"By entry {entry['index']} of the ledger, {words}. Whoever decides such things confirms it."
                yield "privilege", f"entry {entry['index']}", sentence, {"entry": entry["index"]}, at

    def _turned_away(self) -> Iterator[_Seen]:
        """Many requests that were refused within an hour, and anything that broke within a day."""
        now = self._city.clock.now()
        kept = list(self._city.turned_away.since(now - timedelta(days=1)))
        hour = [one for one in kept if one.at >= now - timedelta(hours=1, minutes=1) and one.event in PROBING]
        count = sum(one.times for one in hour)
        if count >= PROBING_TIMES:
            facts: dict[str, float | str] = {
                kind: sum(one.times for one in hour if one.event == kind) for kind in PROBING
            }
            sentence = (
                f"{count:,} requests within an hour were refused by a rule or turned away by a check. "
                "People who work do not do that."
            )
            yield "probing", f"{now:%Y-%m-%d}", sentence, facts, max(one.at for one in hour)
        broken = [one for one in kept if one.event == "unexpected error"]
        if broken:
            times, routes = sum(one.times for one in broken), sorted({one.route for one in broken})
            met = "request of the last day met" if times == 1 else "requests of the last day met"
            sentence = f"{times:,} {met} a defect of cityward, at {', '.join(routes[:5])}."
            names = ", ".join(sorted({one.rule for one in broken})[:5])
            kinds: dict[str, float | str] = {"times": times, "kinds": names}
            yield "errors", f"{now:%Y-%m-%d}", sentence, kinds, max(one.at for one in broken)

    def _silent(self) -> Iterator[_Seen]:
        """Sources that sent every day and send nothing any more."""
        now, hours = self._city.clock.now(), self._city.settings.watch.silent_hours
        seen: dict[str, list[datetime]] = {}
        for one in self._city.intakes(INTAKES_MAX):
            seen.setdefault(one.source, []).append(one.received_at)
        for source, moments in sorted(seen.items()):
            last, days = max(moments), {moment.date() for moment in moments}
            quiet = (now - last) / timedelta(hours=1)
            began = min(moments)
            daily = len(days) >= SENT_DAYS_MIN and len(days) >= 0.8 * ((last - began).days + 1)
            if daily and quiet > hours:
                sentence = f"The source {source} sent on most days and has sent nothing for {quiet:.0f} hours."
                yield "silent source", source, sentence, {"hours": round(quiet, 1)}, last + timedelta(hours=hours)


_Seen = tuple[Kind, str, str, dict[str, float | str], datetime]


def _guess_facts(one: Guessing) -> dict[str, float | str]:
    return {"tries": one.tries, "accounts": one.accounts, "networks": one.networks}


def _guess_sentence(one: Guessing) -> str:
    counted = {
        "brute force": f"{one.tries} wrong tries at one account within {BRUTE_MINUTES} minutes",
        "spraying": f"{one.accounts} accounts were tried wrongly from one network within an hour",
        "low and slow": f"{one.tries} wrong tries at one account, over days, none of them right",
        "distributed guessing": f"{one.networks} networks tried {one.accounts} accounts within a day, none rightly",
    }[one.kind]
    return f"{counted[0].upper()}{counted[1:]}. Nobody is locked out by it; the tries of strangers wait longer."
