"""The liability file of a decision: assembled from what is kept and proved, and sealed to be checked anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any, Final

import msgspec

from cityward.answerable.liability import duties_then, provenance, readable
from cityward.answerable.liability import happenings as tell
from cityward.answerable.liability import on_record as record
from cityward.answerable.liability.duties import overseer_by_deciding, system_then, version_then
from cityward.answerable.liability.rule import rule_then, skew
from cityward.answerable.reasons import tell as explained
from cityward.answerable.register.shape import System
from cityward.answerable.table import Table
from cityward.answerable.table.forms import write_form
from cityward.city.holding import Holding, about_proposal
from cityward.city.liability_text import README
from cityward.city.trail import Trail, trail
from cityward.core.decided import CaseDecision, DecisionBatch, KeptRule
from cityward.core.errors import Refused, SettingsError, UnknownId, UserError
from cityward.core.frames import DECISION
from cityward.core.identifiers import CASE_DECISION, kind_of, make_id
from cityward.core.liability import (
    AppealSeen,
    DutyHeld,
    Happening,
    LiabilityFile,
    OnRecord,
    RuleThen,
    SeriousIncident,
    SystemThen,
)
from cityward.core.receipts import receipt
from cityward.core.records import Alert, Decision, EarlyWarning, Outcome, Party, Proposal, entered, to_json
from cityward.core.systems import SystemEvent
from cityward.core.work import WorkOrder
from cityward.guard.decided import PROVE, case_decision
from cityward.secure.evidence_check import MANIFEST, manifest_of, proved_by
from cityward.secure.evidence_file import pack
from cityward.secure.proofs import CHANGES

READER, PURPOSE = "cityward-liability", "liability"
KIND: Final = "liability"
RULE: Final = "liability-file 1"
_RULE_NAME: Final = re.compile(r"(?P<id>\S+) (?P<version>.+), row (?P<row>\d+)")
_ALWAYS: Final = (
    "What a person had read or understood: it says what stood on record, and holders of which duty were shown it.",
    "What follows from these duties and facts in law: that is for a court, an authority or the parties to say.",
)


@dataclass(frozen=True, slots=True)
class _Decided:
    """What the two kinds of decisions have in common, for the parts of a file."""

    id: str
    kind: str
    moment: datetime
    index: int
    system: str
    version: str
    system_digest: str
    service: str | None
    territories: tuple[str, ...]
    about: str
    parties: tuple[Party, ...]
    by: tuple[str, datetime, int | None] | None


@dataclass(frozen=True, slots=True)
class Assembled:
    """A file and, by name, the texts that prove parts of it."""

    file: LiabilityFile
    texts: Mapping[str, bytes]


class Liability(Holding):
    """Liability files of a city; reached as ``city.liability``."""

    def file(self, decision: str) -> LiabilityFile:
        """The file of a decision as it stands; nothing is written but that it was read.

        Raises
        ------
        UnknownId
            There is no such decision.
        Refused
            The ledger does not prove it; or no grant lets a decision of a case be read for this purpose.
        UserError
            It waits for a person still.
        """
        return self.assemble(decision).file

    def seal(self, decision: str) -> tuple[LiabilityFile, bytes]:
        """The file as a ZIP that proves itself, with a receipt of its own; raises as `file`."""
        city = self._city
        with city.writing():
            made = self.assemble(decision)
            files = contents(made)
            manifest = manifest_of(files)
            facts: dict[str, str | int] = {"decision": decision, "files": len(files), "rule": RULE}
            entry = receipt(KIND, made.file.id, city.clock.now(), manifest, **facts)
            (index,) = city.enter([(made.file.id, entry)])
            proofs = proved_by(city.writable_ledger(), {*made.file.entries, index}, city.folder.public_key.read_bytes())
        return made.file, pack({**files, MANIFEST: manifest, **proofs})

    def assemble(self, decision: str) -> Assembled:
        """The file and the texts that prove it; raises as `file`."""
        return self._of_case(decision) if kind_of(decision) == CASE_DECISION else self._of_proposal(decision)

    # -- the two kinds -----------------------------------------------------------------------------

    def _of_proposal(self, identifier: str) -> Assembled:
        city = self._city
        decision = about_proposal(city, identifier)
        bare = entered(decision)
        if city.proves([(decision.receipt, identifier, bare)]) != [True]:
            raise Refused(
                RULE,
                f"The ledger does not prove {identifier}: it is not what entry {decision.receipt} says.",
                "Run 'cityward verify', and restore the registers from a backup.",
            )
        proposal = city.registers.get_proposal(decision.proposal)
        system, _, version = decision.system.rpartition(" ")
        decided = _Decided(
            id=identifier,
            kind="proposal",
            moment=decision.at,
            index=decision.receipt,
            system=system,
            version=version,
            system_digest="",
            service=proposal.service if proposal else None,
            territories=proposal.territories if proposal else (),
            about=proposal.about if proposal else "",
            parties=decision.parties,
            by=(decision.by, decision.at, decision.receipt),
        )
        found = trail(city, identifier, decision.at, decision.receipt)
        proposed = found.first.get(decision.proposal)
        happened = [*tell.of_proposal(decision, proposal, proposed[1] if proposed else None)]
        if proposed and happened[0].about == decision.proposal:
            happened[0] = msgspec.structs.replace(happened[0], receipt=proposed[0])
        rule, lacking = self._rule_of(decision)
        return self._assembled(
            decided,
            found,
            happened=happened,
            rule=rule,
            says=f"{decision.by} {decision.outcome} “{proposal.title if proposal else decision.proposal}”.",
            explanation=decision.explanation,
            appeal=decision.appeal,
            earlier=self._earlier_proposals(decision, system),
            lacking=[*lacking, *_skewed(decided, found)],
            texts={f"records/{identifier}.json": bare},
        )

    def _of_case(self, identifier: str) -> Assembled:
        city = self._city
        columns = tuple(name for name in DECISION if name != "inputs")
        with_inputs = city.read(READER, PURPOSE, "decisions").why(tuple(DECISION)).grant is not None
        wanted = tuple(DECISION) if with_inputs else columns
        known = city.keeper.holds("decisions")
        versions = city.keeper.versions(READER, PURPOSE, wanted, identifier).to_dicts() if known else []
        if not versions:
            raise UnknownId(f"There is no decision '{identifier}'.", "'cityward decisions list' names them.")
        proof = city.keeper.proofs(city._reading_ledger).proof(identifier)
        if proof.problem:
            raise Refused(RULE, f"The ledger does not prove {identifier}: {proof.problem}", PROVE)
        decision = case_decision(versions[-1])
        if decision.state == "waiting":
            # Whoever has still to decide sees the evidence before what the rule says, here too.
            raise UserError(f"{identifier} waits for a person: nothing is decided yet.", "Settle it first.")
        batch = city.registers.get(decision.batch, DecisionBatch)
        made_at = city.receipt_of(decision.batch)
        decided = _Decided(
            id=identifier,
            kind="case",
            moment=decision.decided_at,
            index=-1 if made_at is None else made_at,
            system=decision.system,
            version=decision.version,
            system_digest=decision.system_digest,
            service=None,
            territories=(decision.territory,) if decision.territory else (),
            about=decision.batch,
            parties=(),
            by=(decision.by, decision.changed_at, city.receipt_of(identifier)) if decision.by else None,
        )
        found = trail(city, identifier, decision.decided_at, decided.index)
        rule, lacking = self._kept_rule(decision)
        system, _ = version_then(
            decision.system, decision.version, decision.system_digest, city.systems.events(), decision.decided_at
        )
        lacking += [] if with_inputs else ["What the rule asked of the case: the grant for this purpose leaves it out."]
        return self._assembled(
            decided,
            found,
            happened=[*tell.of_case(decision, batch, _with_receipts(versions, found))],
            rule=rule,
            says=_case_says(decision),
            explanation=self._explained(decision) if with_inputs else "",
            appeal=system.appeal if system else "",
            earlier=self._earlier_cases(decision),
            lacking=[*lacking, *_skewed(decided, found)],
            texts={"proof.json": to_json(proof)},
            inputs=decision.inputs if with_inputs else None,
            inputs_digest=decision.inputs_digest,
            entries={decided.index},
        )

    def _explained(self, decision: CaseDecision) -> str:
        """The decision in plain words, from the rule that is kept with it."""
        told = explained(decision, self._city.deciding.rule(decision), parties=(), appeal="", receipt=None, measured="")
        factors = f" What mattered: {'; '.join(told.factors)}." if told.factors else ""
        change = f" What would have changed it: {'; '.join(told.would_change)}." if told.would_change else ""
        return f"{told.says}{factors}{change}"

    # -- parts -------------------------------------------------------------------------------------

    def _assembled(
        self,
        decided: _Decided,
        found: Trail,
        *,
        happened: list[Happening],
        rule: RuleThen | None,
        says: str,
        explanation: str,
        appeal: str,
        earlier: tuple[str, ...],
        lacking: list[str],
        texts: dict[str, bytes],
        inputs: dict[str, Any] | None = None,
        inputs_digest: str = "",
        entries: Iterable[int] = (),
    ) -> Assembled:
        city, now = self._city, self._city.clock.now()
        system, duties, events, unknown = self._system_of(decided)
        orders, refused = self._orders(found.orders)
        holds, incidents = tuple(self.holds(decided.id)), tuple(self.incidents.of(decided.id))
        outcomes = [one for one in city.registers.list_of("outcome", Outcome) if one.decision == decided.id]
        appeals = [one for one in city.registers.list_of("appeal", AppealSeen) if one.decision == decided.id]
        told = tell.in_order(
            [
                *happened,
                *tell.of_orders(orders),
                *tell.of_outcomes(outcomes, found.first),
                *tell.of_appeals(appeals),
                *tell.of_holds(holds),
                *tell.of_incidents(incidents),
            ]
        )
        others, unseen = self._other_incidents(decided)
        on_record = self._on_record(decided, found, events, others)
        receipts = (one.receipt for some in (told, on_record, duties, holds, incidents, events) for one in some)
        file = LiabilityFile(
            id=make_id(KIND, decided.id, now.isoformat(), city.ledger_size),
            decision=decided.id,
            kind="case" if decided.kind == "case" else "proposal",
            city=city.name,
            time_zone=city.time_zone,
            made_at=now,
            decided_at=decided.moment,
            says=says,
            explanation=explanation,
            appeal=appeal,
            happened=told,
            system=system,
            rule=rule,
            duties=duties,
            on_record=on_record,
            earlier=earlier,
            holds=holds,
            incidents=incidents,
            inputs=inputs,
            inputs_digest=inputs_digest,
            cannot_say=(*lacking, *unknown, *refused, *unseen, *_parted(decided.parties, duties), *_ALWAYS),
            entries=tuple(sorted({one for one in (*receipts, *entries) if one is not None and one >= 0})),
        )
        kept = {f"records/{one.id}.json": entered(one) for some in (events, holds, incidents) for one in some}
        return Assembled(file, {**texts, **kept})

    def _system_of(
        self, decided: _Decided
    ) -> tuple[SystemThen | None, tuple[DutyHeld, ...], tuple[SystemEvent, ...], list[str]]:
        """The version, its duties, the events before the decision, and what is not known of them."""
        city = self._city
        events = [one for one in city.systems.events() if one.system == decided.system]
        mine = tuple(one for one in events if one.at <= decided.moment)
        system, event = version_then(decided.system, decided.version, decided.system_digest, mine, decided.moment)
        now = city.systems.read().systems.get(decided.system)
        unknown = []
        unproved = sum(one.system == decided.system for one in city.systems.unproved())
        if unproved:
            unknown.append(
                f"Events in the register that the ledger does not prove: {unproved}. They count for nothing."
            )
        if system is None and now is not None and now.version == decided.version:
            system = now
        if system is None:
            told = f"Which text version {decided.version} of {decided.system} had: no approval of it is on record."
            return None, (), mine, [*unknown, told]
        duties = duties_then(system, mine, decided.moment, city.time_zone)
        if decided.by is not None:
            by, at, index = decided.by
            duties = (*duties, overseer_by_deciding(by, city.day_of(at), index))
        return system_then(system, event, now, decided.system_digest), duties, mine, unknown

    def _rule_of(self, decision: Decision) -> tuple[RuleThen | None, list[str]]:
        """The rule of a decision about a proposal, from the text of its file."""
        named = _RULE_NAME.fullmatch(decision.rule)
        try:
            tables: tuple[Table, ...] = self._city.rules()
        except SettingsError:
            tables = ()
        fits = [one for one in tables if named and (one.id, one.version) == (named["id"], named["version"])]
        if named is None or not fits:
            return None, [f"Which text the rule {decision.rule} had: no file of that version can be read today."]
        text = write_form(fits[0], "toml")
        zone = self._city.time_zone
        return rule_then(fits[0], text, int(named["row"]), decision.at, zone, kept=False), []

    def _kept_rule(self, decision: CaseDecision) -> tuple[RuleThen | None, list[str]]:
        """The rule of a decision of a case, as it was kept with it."""
        city, table = self._city, self._city.deciding.rule(decision)
        kept = city.registers.get(decision.rule_digest[:16], KeptRule)
        if table is None or kept is None:
            return None, [f"Which text the rule {decision.rule} {decision.rule_version} had: it is not kept."]
        moment, zone = decision.decided_at, city.time_zone
        return rule_then(table, kept.body, decision.row, moment, zone, uses=kept.uses, kept=True), []

    def _orders(self, names: list[str]) -> tuple[list[WorkOrder], list[str]]:
        """Orders as the grant shows them, and what it does not."""
        if not names:
            return [], []
        outbox = self._city.keeper.outbox(READER, PURPOSE)
        try:
            found = [outbox.get(name) for name in names]
        except Refused as error:
            return [], [f"What became of the {len(names)} orders that followed: {error.what}"]
        seen = [one for one in found if one is not None]
        missing = len(names) - len(seen)
        return seen, [
            f"What became of {missing} orders that followed: the grant does not show them."
        ] if missing else []

    def _on_record(
        self, decided: _Decided, found: Trail, events: tuple[SystemEvent, ...], others: list[SeriousIncident]
    ) -> tuple[OnRecord, ...]:
        city = self._city
        places = set(decided.territories)

        def near(territory: str | None, service: str | None = None) -> bool:
            other = None not in (service, decided.service) and service != decided.service
            return territory in places and not other

        warnings = [
            one
            for one in city.registers.list_of("warning", EarlyWarning)
            if one.id == decided.about or near(one.territory, one.service)
        ]
        alerts = [one for one in city.registers.list_of("alert", Alert) if near(one.territory)]
        finders: dict[str, Any] = {"need": city.registers.get_need, "silence": city.registers.get_silence}
        about = finders.get(kind_of(decided.about) or "", lambda _: None)(decided.about)
        system, _ = version_then(decided.system, decided.version, decided.system_digest, events, decided.moment)
        return record.in_order(
            [
                *record.of_findings(
                    [*([about] if about else []), *warnings, *alerts], found.first, found.later, decided.moment
                ),
                *record.of_register(events, decided.moment),
                *(record.of_card(system, decided.moment) if isinstance(system, System) else ()),
                *record.of_incidents(others, decided.moment),
            ]
        )

    def _other_incidents(self, decided: _Decided) -> tuple[list[SeriousIncident], list[str]]:
        """Serious incidents of other decisions of the same system, and what is not known of them."""
        others = [one for one in self.incidents.all() if one.decision != decided.id]
        systems = {one.id: one.system.rpartition(" ")[0] for one in (self._city.decisions() if others else ())}
        of_cases, unseen, columns = sum(kind_of(one.decision) == CASE_DECISION for one in others), [], ("id", "system")
        decisions = self._city.read(READER, PURPOSE, "decisions")
        if of_cases and decisions.why(columns).grant is not None:
            systems |= dict(decisions.frame(columns).iter_rows())
        elif of_cases:
            told = f"Of which systems {of_cases} serious incidents after decisions of cases are: no grant shows them."
            unseen.append(told)
        return [one for one in others if systems.get(one.decision) == decided.system], unseen

    def _earlier_proposals(self, decision: Decision, system: str) -> tuple[str, ...]:
        """How people had decided on proposals of the system before."""
        proposals = {one.id: one for one in self._city.registers.list_proposals()}
        before = [
            one
            for one in self._city.decisions()
            if one.at < decision.at and one.system.rpartition(" ")[0] == system and one.id != decision.id
        ]
        if not before:
            return (f"No earlier decision on proposals of {system} is on record.",)
        rejected = sum(one.outcome == "rejected" for one in before)
        other = sum(_overridden(one, proposals.get(one.proposal)) for one in before)
        return (
            f"Of {len(before)} earlier decisions on proposals of {system}, people rejected {rejected}, and chose "
            f"another option than the recommended one in {other}.",
        )

    def _earlier_cases(self, decision: CaseDecision) -> tuple[str, ...]:
        """How people had settled cases of the system before."""
        columns = ("system", "by", "agreed", "changed_at", "id")
        rows = self._city.read(READER, PURPOSE, "decisions").frame(columns)
        before = rows.filter(
            rows["system"] == decision.system,
            rows["changed_at"] < decision.decided_at,
            rows["by"] != "",
            rows["id"] != decision.id,
        )
        if before.is_empty():
            return (f"No person had settled a case of {decision.system} before.",)
        against = int((before["agreed"] == False).sum())  # noqa: E712 - null is neither
        return (
            f"Of {before.height:,} cases of {decision.system} that people had settled before, {against:,} went against "
            "the rule.",
        )


def contents(made: Assembled) -> dict[str, bytes]:
    """The files of a liability file by name, but for what proves them."""
    file = made.file
    files = {
        "README.txt": README.encode(),
        "liability.json": to_json(file),
        "liability.html": readable(file).html().encode(),
        "prov.json": msgspec.json.encode(provenance(file), order="sorted"),
        **made.texts,
    }
    if file.system:
        files["system.json"] = file.system.text.encode()
    if file.rule:
        files["rule.toml"] = file.rule.text.encode()
        files |= {f"uses/{at}.toml": text.encode() for at, text in enumerate(file.rule.uses)}
    return files


def _with_receipts(versions: list[dict[str, Any]], found: Trail) -> list[dict[str, Any]]:
    """Versions of a decision with the entry that tells of each: the first is told of by its batch."""
    changes = [entry["index"] for entry in found.about if entry["kind"] in CHANGES]
    receipts = [None, *changes[: len(versions) - 1]]
    return [{**row, "receipt": index} for row, index in zip_longest(versions, receipts)]


def _case_says(decision: CaseDecision) -> str:
    who = decision.by or "the rule alone"
    return f"{decision.id} was {decision.state} by {who}: {decision.outcome}."


def _overridden(decision: Decision, proposal: Proposal | None) -> bool:
    options = proposal.options if proposal else ()
    number = decision.option or 0
    return 0 < number <= len(options) and not options[number - 1].recommended


def _skewed(decided: _Decided, found: Trail) -> list[str]:
    told = skew(decided.moment, found.before, found.after)
    return [told] if told else []


def _parted(named: tuple[Party, ...], duties: tuple[DutyHeld, ...]) -> list[str]:
    """Where the decision names other parties than the register does for that moment."""
    told = {(one.duty, one.name) for one in named if one.duty != "overseer"}
    held = {(one.duty, one.party) for one in duties if one.duty != "overseer"}
    if not told or told == held:
        return []
    names = "; ".join(f"{name} as {duty}" for duty, name in sorted(told - held)) or "fewer parties"
    return [f"Why the decision names {names}, where the register has other parties for that moment."]
