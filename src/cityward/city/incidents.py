"""Security incidents of a city: filed from findings, kept, taken, silenced, closed and exported by named people."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
import polars as pl

from cityward.city.incident_grounds import Grounds, grounds_of
from cityward.city.incident_told import explained
from cityward.city.saying import name_of, words_of
from cityward.core.clock import micros
from cityward.core.errors import UserError
from cityward.core.identifiers import make_id
from cityward.core.limits import SECURITY_SILENT_DAYS
from cityward.core.records import Explanation, Record
from cityward.private.pseudonym import load_or_create_key
from cityward.secure.incidents.expecting import expected, services_behind
from cityward.secure.incidents.folding import Folded, fold, held_back, traces_of, unknown
from cityward.secure.incidents.order import LEVELS
from cityward.secure.incidents.places import place_table, placed
from cityward.secure.incidents.records import RuleSeen, SecurityIncident, SecuritySilence
from cityward.secure.incidents.telling import told
from cityward.secure.incidents.watched import alert_sightings

if TYPE_CHECKING:
    from cityward.city.city import City
    from cityward.secure.monitor.terms import Told

KIND: Final = "security-incident"
SILENCE: Final = "security-silence"
SERVICES: Final = 30
CLOSED: Final = 200
"""Closed incidents, the newest, whose sightings are known when their log is read again."""

STANDING: Final = ("open", "taken", "silenced")


class Filed(Record, frozen=True, kw_only=True):
    """What became of sightings: ``received = grouped + silent + not_grave + beyond_sightings + closed``.

    ``closed`` counts those that belong to a closed incident, from first to last: their log was read again.
    ``beyond`` counts the groups that were not opened because there are too many.
    """

    received: int
    grouped: int
    silent: int
    closed: int
    not_grave: int
    beyond: int
    beyond_sightings: int
    opened: tuple[str, ...]
    grown: tuple[str, ...]
    joined: tuple[str, ...]


class SecurityIncidents:
    """Security incidents of ``city``; reached as ``city.incidents``."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._grounds: Grounds | None = None

    # -- what there is -----------------------------------------------------------------------------

    def all(self) -> list[SecurityIncident]:
        """Those that stand open first, the costliest and gravest before others; then the rest, newest first."""
        now = self._city.clock.now()
        found = [_awake(one, now) for one in self._city.registers.list_of(KIND, SecurityIncident)]
        order = ("open", "taken", "silenced", "closed", "joined")
        return sorted(
            found,
            key=lambda one: (
                max(1, order.index(one.state)),
                -one.loss if one.state in STANDING else 0.0,
                -LEVELS.index(one.level) if one.state in STANDING else 0,
                -one.last.timestamp(),
                one.id,
            ),
        )

    def open(self) -> list[SecurityIncident]:
        """Those that a person works on or should."""
        return [one for one in self.all() if one.state in ("open", "taken")]

    def get(self, identifier: str) -> SecurityIncident:
        """One security incident; raises `UnknownId`."""
        held = self._city.kept(KIND, SecurityIncident, identifier, "security incident", "cityward incidents --all")
        return _awake(held, self._city.clock.now())

    def silences(self) -> list[SecuritySilence]:
        """All silences, newest first; one is over once its ``until`` has passed."""
        return self._city.registers.list_of(SILENCE, SecuritySilence, newest_first=True)

    def active_silences(self) -> list[SecuritySilence]:
        """Those that are not over."""
        now = self._city.clock.now()
        return [one for one in self.silences() if one.until > now]

    def names_key(self) -> bytes:
        """Key of pseudonyms of people in findings: of this city and this purpose alone."""
        self._city.keeper  # noqa: B018 - says when the key of pseudonyms is lost
        return hmac.digest(load_or_create_key(self._city.folder.pseudonym_key), b"security monitoring", "sha256")

    # -- what people do with them ------------------------------------------------------------------

    def take(self, identifier: str, by: str) -> SecurityIncident:
        """Say that somebody works on it."""
        return self._keep(msgspec.structs.replace(self._standing(identifier), state="taken", by=name_of(by)), "taken")

    def close(self, identifier: str, by: str, because: str) -> SecurityIncident:
        """Close it with what was found and done; what is seen later opens another."""
        because = words_of(because, "what was found and done")
        one = msgspec.structs.replace(
            self._standing(identifier), state="closed", by=name_of(by), because=because, silent_until=None
        )
        return self._keep(one, "closed")

    def silence(
        self, identifier: str, by: str, because: str, until: datetime, actor: str = "", rule: str = "", place: str = ""
    ) -> SecuritySilence:
        """Count, and tell no more, what the incident's rules see at its places, until a moment.

        Parameters
        ----------
        until : datetime
            At most `SECURITY_SILENT_DAYS` days away.
        actor, rule, place : str
            Only this address or pseudonym; only this rule; only this asset or host.

        Raises
        ------
        UserError
            The moment has passed or is too far away; or the incident has no such rule, place or actor.
        """
        one, by, because = self._standing(identifier), name_of(by), words_of(because, "why it may be silent")
        now = self._city.clock.now()
        if not now < until <= now + timedelta(days=SECURITY_SILENT_DAYS):
            raise UserError(
                "A silence ends in the future, and soon.", f"Give --until a day within {SECURITY_SILENT_DAYS} days."
            )
        pairs = sorted({(step.rule, step.place) for step in one.steps})
        pairs = [pair for pair in pairs if rule in ("", pair[0]) and place in ("", pair[1])]
        if not pairs or (actor and actor not in one.actors):
            raise UserError(
                f"{one.id} has no such rule, place or actor.", f"'cityward incidents show {one.id}' names them."
            )
        made = SecuritySilence(
            id=make_id(SILENCE, one.id, now.isoformat(), pairs, actor),
            incident=one.id,
            pairs=tuple(pairs),
            actor=actor,
            because=because,
            by=by,
            at=now,
            until=until,
        )
        with self._city.writing():
            facts: dict[str, str | int] = {"incident": one.id, "pairs": len(pairs), "until": until.isoformat()}
            kept = self._city.keep(SILENCE, made, facts, update=("body",))
            if len(pairs) == len({(step.rule, step.place) for step in one.steps}) and not actor:
                changed = msgspec.structs.replace(one, state="silenced", by=by, because=because, silent_until=until)
                self._keep(changed, "silenced")
        return kept

    def explain(self, identifier: str) -> Explanation:
        """Why; raises `UnknownId`."""
        return explained(self.get(identifier), self._city.time_zone)

    def export(self, identifier: str, form: Literal["stix", "misp"], tlp: str) -> dict[str, Any]:
        """One security incident for others, as STIX 2.1 or as an event of MISP; the ledger is told that it left."""
        from cityward.secure.incidents.export import as_misp, as_stix

        one = self.get(identifier)
        made = (as_stix if form == "stix" else as_misp)(one, self._city.name, tlp, self._city.clock.now())
        self._keep(one, "exported", form=form, tlp=tlp)
        return made

    def _standing(self, identifier: str) -> SecurityIncident:
        one = self.get(identifier)
        if one.state not in STANDING:
            more = f"It became part of {one.joined}." if one.joined else "What is seen later opens another."
            raise UserError(f"{one.id} is {one.state}.", more)
        return one

    def _keep(self, one: SecurityIncident, step: str, **more: str) -> SecurityIncident:
        facts: dict[str, str | int] = {"step": step, "level": one.level, **more}
        return self._city.keep(KIND, one, facts, update=("body", "state"), state=one.state)

    # -- what is filed -----------------------------------------------------------------------------

    def file_alerts(self) -> Filed:
        """File what the city saw of attacks on itself."""
        return self.file(*alert_sightings(self._city.alerts.open()))

    def file(self, sightings: pl.DataFrame, rules: Mapping[str, RuleSeen | Told]) -> Filed:
        """Group sightings with what stands open; keep what changed.

        Parameters
        ----------
        sightings : DataFrame
            `cityward.secure.monitor.sightings.SCHEMA`; what has no time counts as seen now.
        rules : mapping
            What is told of each rule that ``sightings`` names.
        """
        now = self._city.clock.now()
        grounds = self._ground()
        rows = sightings.with_columns(pl.col("first_us", "last_us").fill_null(micros(now)))
        held = self.all()
        standing = [one for one in held if one.state in STANDING]
        new = unknown(rows, [one for one in held if one.state == "closed"][:CLOSED])
        heard, silent = self._heard(new, grounds)
        known = {one.id: one for one in standing}
        all_rules = {rule.id: rule for one in standing for rule in one.rules}
        named = set(heard["rule"].unique())
        all_rules |= {name: _seen(one) for name, one in rules.items() if name in named}
        folding = fold(heard, standing, all_rules, grounds.inventory)
        opened, grown, joined = [], [], []
        for found in folding.groups:
            with self._city.writing():
                one = self._changed(found, known, all_rules, grounds, now)
                if not found.known:
                    opened.append(one.id)
                elif one.traces != known[one.id].traces or found.known[1:]:
                    grown.append(one.id)
                joined += [other for other in found.known if other != one.id]
        return Filed(
            received=sightings.height,
            closed=sightings.height - new.height,
            grouped=sum(one.fresh for one in folding.groups),
            silent=silent,
            not_grave=folding.not_grave,
            beyond=folding.beyond,
            beyond_sightings=folding.beyond_sightings,
            opened=tuple(opened),
            grown=tuple(grown),
            joined=tuple(joined),
        )

    def _ground(self) -> Grounds:
        self._grounds = grounds_of(self._city.folder.inventory, self._grounds)
        return self._grounds

    def _heard(self, rows: pl.DataFrame, grounds: Grounds) -> tuple[pl.DataFrame, int]:
        """Sightings that no silence covers, and how many it does; each silence counts its events."""
        rows = placed(rows, place_table(grounds.inventory))
        silent = 0
        for one in self.active_silences():
            pairs = pl.DataFrame(one.pairs, schema={"rule": pl.String, "place": pl.String}, orient="row")
            covered = rows.join(
                pairs.with_columns(_silent=True), on=["rule", "place"], how="left", maintain_order="left"
            )
            is_silent = pl.col("_silent").fill_null(value=False)
            if one.actor:
                is_silent &= (pl.col("source") == one.actor).fill_null(value=False) | (
                    pl.col("account") == one.actor
                ).fill_null(value=False)
            held = covered.filter(is_silent)
            if held.height:
                silent += held.height
                rows = covered.filter(~is_silent).drop("_silent")
                with self._city.writing():
                    self._city.registers.put(SILENCE, [held_back(one, held)], update=("body",))
        return rows, silent

    def _changed(
        self,
        found: Folded,
        known: Mapping[str, SecurityIncident],
        rules: Mapping[str, RuleSeen],
        grounds: Grounds,
        now: datetime,
    ) -> SecurityIncident:
        """Keep a group as a new incident, or as the oldest of those that it takes up."""
        traces, more = traces_of(found.rows)
        fields = told(found, rules, grounds.assets) | self._scored(found, rules, grounds)
        fields |= {"traces": traces}
        if not found.known:
            first = traces[0]
            made = SecurityIncident(
                id=make_id(KIND, first.rule, first.host, first.source, first.account, first.first_us, now.isoformat()),
                opened_at=now,
                traces_more=more,
                **fields,
            )
            return self._keep(made, "opened")
        held = sorted((known[one] for one in found.known), key=lambda one: (one.opened_at, one.id))
        first_of, others = held[0], held[1:]
        state = "taken" if any(one.state == "taken" for one in held) else "open"
        grown = msgspec.structs.replace(
            first_of,
            state=state,
            silent_until=None,
            traces_more=max(more, *(one.traces_more for one in held)),
            **(fields | {"events": max(fields["events"], first_of.events)}),
        )
        for one in others:
            self._keep(msgspec.structs.replace(one, state="joined", joined=first_of.id, traces=()), "joined")
        if LEVELS.index(grown.level) > LEVELS.index(first_of.level) or first_of.state == "silenced":
            return self._keep(grown, "graver" if first_of.state != "silenced" else "heard again")
        self._city.registers.put(KIND, [grown], update=("body", "state"), state=grown.state)
        return grown

    def _scored(self, found: Folded, rules: Mapping[str, RuleSeen], grounds: Grounds) -> dict[str, Any]:
        seen = found.rows["rule"].unique().to_list()
        techniques = {technique for rule in seen if rule in rules for technique in rules[rule].techniques}
        assets = found.rows.filter(pl.col("how").is_not_null())["place"].unique().sort().to_list()
        behind, people = (
            services_behind(grounds.graph, grounds.inventory.territories, assets) if grounds.graph else ([], 0)
        )
        scenarios = grounds.scenarios
        came = expected(scenarios, techniques, assets) if scenarios else ()
        first = came[0] if came else None
        return {
            "services": tuple(behind[:SERVICES]),
            "services_more": max(0, len(behind) - SERVICES),
            "people": float(people),
            "expected": came[:5],
            "loss": first.success * first.money if first else 0.0,
            "lost_hours": first.success * first.citizen_hours if first else 0.0,
            "currency": scenarios.city.file.currency if scenarios else "",
            "remarks": grounds.remarks,
        }


def _seen(one: RuleSeen | Told) -> RuleSeen:
    return RuleSeen(id=one.id, title=one.title, level=one.level, techniques=one.techniques)


def _awake(one: SecurityIncident, now: datetime) -> SecurityIncident:
    """An incident whose silence is over stands open again."""
    if one.state == "silenced" and one.silent_until is not None and one.silent_until <= now:
        return msgspec.structs.replace(one, state="open", silent_until=None)
    return one
