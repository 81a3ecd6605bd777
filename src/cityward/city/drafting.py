"""Drafts of rules: tried on the decisions of the past, kept, and published with what that told.

A version takes effect on a later day than it is published, ends the version before it, and leaves a receipt that
covers the rule and the evidence. What decides is always the file in ``rules/``; the receipt says who put it there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from cityward.answerable.batch import rule_of
from cityward.answerable.oversight import person, reason
from cityward.answerable.replay import (
    Past,
    Pricing,
    Replay,
    digest_of,
    headline,
    past_of_cases,
    past_of_decisions,
    replay,
    same_rule,
    thirds,
)
from cityward.answerable.table import Table, check, in_order, load_table, make_table, write_form
from cityward.answerable.table.toml_form import read_toml
from cityward.answerable.table.validity import check_versions, is_valid
from cityward.core.clock import end_of_day
from cityward.core.decided import KeptRule
from cityward.core.disk import durable, make_folder, replace_file
from cityward.core.errors import Refused, UnknownId, UserError
from cityward.core.identifiers import make_id
from cityward.core.records import entered, to_json
from cityward.core.rules import RuleVersion

if TYPE_CHECKING:
    from cityward.city.city import City

READER, PURPOSE, TABLE = "cityward-drafts", "rule-drafting", "decisions"
COLUMNS: Final = (
    "territory", "rule", "rule_version", "rule_digest", "recommended", "outcome", "inputs", "cost", "decided_at",
)  # fmt: skip
FACTS: Final = {"income": "income", "internet": "internet_share"}
"""Groups that come of what is known of territories."""
KIND: Final = "rule"
OWN: Final = "proposal-approval"
"""The rule of cityward that no city may loosen."""
RULE: Final = "rules-as-tables 1"


def rule_asked(draft: Table, valid_from: date, because: str) -> bytes:
    """Exactly what is asked when a rule is to be published; a second person agrees to this."""
    return to_json({"table": write_form(draft, "toml"), "valid_from": valid_from, "because": because})


class Drafting:
    """Drafts of the rules of a city; reached as ``city.drafting``."""

    def __init__(self, city: City) -> None:
        self._city = city
        self.folder = city.folder.rules / "drafts"

    # -- what there is -----------------------------------------------------------------------------

    def in_force(self, identifier: str, day: date | None = None) -> Table | None:
        """The version of a rule that is valid on a day (default today), or None."""
        day = day or self._city.today
        return next((one for one in self._city.rules() if one.id == identifier and is_valid(one, day)), None)

    def beside(self) -> dict[str, Table]:
        """All rules that are valid today, which a draft may use."""
        return {one.id: one for one in self._city.rules() if is_valid(one, self._city.today)}

    def published(self, identifier: str = "") -> list[RuleVersion]:
        """Versions that somebody published and the ledger proves, newest first."""
        found = self._city.registers.list_of(KIND, RuleVersion, newest_first=True)
        mine = [one for one in found if not identifier or one.rule == identifier]
        proved = self._city.proves([(one.receipt, one.id, entered(one)) for one in mine])
        return [one for one, right in zip(mine, proved, strict=True) if right]

    def draft(self, identifier: str) -> Table | None:
        """The draft of a rule that is kept, or None; raises SettingsError when its file has a mistake."""
        path = self._file(identifier)
        return load_table(path) if path.exists() else None

    def drafts(self) -> tuple[str, ...]:
        """Rules of which a draft is kept."""
        return tuple(path.stem for path in sorted(self.folder.glob("*.toml")))

    def save(self, draft: Table) -> Path:
        """Keep a draft; it decides nothing."""
        _check_own(draft)
        path = self._file(draft.id)
        with self._city.writing(), durable("writing the draft of a rule"):
            make_folder(self.folder)
            replace_file(path, write_form(draft, "toml").encode())
        return path

    def _file(self, identifier: str) -> Path:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,79}", identifier):
            raise UnknownId(f"There is no rule '{identifier[:60]}'.", "'cityward rules list' names them.")
        return self.folder / f"{identifier}.toml"

    # -- replaying ---------------------------------------------------------------------------------

    def replay(
        self,
        draft: Table,
        since: date,
        until: date,
        *,
        rule: str | None = None,
        against: str = "recommended",
        better: Sequence[str] = (),
        groups: Sequence[str] = (),
        pricing: Pricing | None = None,
        beside: Mapping[str, Table] | None = None,
    ) -> Replay:
        """Replay a draft over the decisions of the past.

        Parameters
        ----------
        draft : Table
            The draft.
        since, until : datetime.date
            Days of the city, both included.
        rule : str, optional
            Rule by which was decided then; default that of the draft's identifier.
        against : {"recommended", "outcome"}
            Compare with what the rule said, or with what counted in the end.
        better, groups, pricing
            As `cityward.answerable.replay.replay`; a group is ``income`` or ``internet`` of the territory, or an
            input. Default: those facts that are known here.

        Raises
        ------
        UserError
            There are no decisions in the period, the draft says the same as the rule in force, or asks for what
            nobody asked then.
        Refused
            No grant lets the decisions be read.
        """
        if until < since:
            raise UserError(f"{until} is before {since}.", "Exchange the days.")
        rule = rule or draft.id
        self._check_differs(draft, rule, beside)
        frame = self._decisions(rule, since, until)
        table = self._rule_of(frame, rule)
        past = past_of_decisions(frame, table, "outcome" if against == "outcome" else "recommended")
        return self._replay(draft, past, (since, until), better, groups, pricing, beside)

    def replay_cases(
        self,
        draft: Table,
        cases: pl.DataFrame,
        *,
        rule: str | None = None,
        better: Sequence[str] = (),
        groups: Sequence[str] = (),
        pricing: Pricing | None = None,
        units: Mapping[str, str] | None = None,
        beside: Mapping[str, Table] | None = None,
    ) -> Replay:
        """Replay a draft over a table of cases, which the rule in force decides too; as `replay`."""
        known = {**self.beside(), **(beside or {})}
        table = self.in_force(rule or draft.id)
        if table is None:
            raise UserError(
                f"No version of '{(rule or draft.id)[:60]}' is in force, so there is nothing to compare with.",
                "Name another with --rule.",
            )
        self._check_differs(draft, table.id, beside)
        return self._replay(draft, past_of_cases(cases, table, known, units), None, better, groups, pricing, beside)

    def _check_differs(self, draft: Table, rule: str, beside: Mapping[str, Table] | None) -> None:
        now = self.in_force(rule)
        in_order({**self.beside(), **(beside or {}), draft.id: draft}, draft.id)
        if now is not None and same_rule(draft, now):
            raise UserError(
                f"The draft says the same as {now.name}, which is in force: nobody would be decided otherwise.",
                "Change a row of it first. If only its words are new, publish it without a replay and say so.",
            )

    def _replay(
        self,
        draft: Table,
        past: Past,
        days: tuple[date, date] | None,
        better: Sequence[str],
        groups: Sequence[str],
        pricing: Pricing | None,
        beside: Mapping[str, Table] | None,
    ) -> Replay:
        columns = past.cases.columns
        territory = past.cases.get_column("territory") if "territory" in columns else None
        facts = self._facts() if territory is not None else {}
        default = [name for name, found in facts.items() if len(set(found.values())) > 1] if not groups else []
        by: dict[str, pl.Series] = {}
        inputs = []
        for name in dict.fromkeys([*groups, *default]):
            if name in facts and territory is not None and not (past.column is None and name in columns):
                known = facts[name]
                by[name] = territory.replace_strict(
                    list(known), list(known.values()), default=None, return_dtype=pl.String
                )
            elif past.column is None and name in columns:
                by[name] = past.cases.get_column(name)
            else:
                inputs.append(name)
        return replay(
            draft,
            past,
            beside={**self.beside(), **(beside or {})},
            better=better,
            territory=territory,
            groups=by,
            by_inputs=inputs,
            pricing=pricing,
            since=days[0] if days else None,
            until=days[1] if days else None,
            seed=self._city.settings.city.seed,
        )

    def _facts(self) -> dict[str, dict[str, str]]:
        """The third of each territory, by fact."""
        places = self._city.territories()
        return {name: thirds({one.id: getattr(one, fact) for one in places}) for name, fact in FACTS.items()}

    def _decisions(self, rule: str, since: date, until: date) -> pl.DataFrame:
        city = self._city
        if not city.keeper.holds(TABLE):
            raise UserError(
                "This city has not decided any case yet, so there is nothing to replay.",
                "Give a table of cases instead: --cases FILE.",
            )
        first = datetime.combine(since, time(), ZoneInfo(city.time_zone)).astimezone(UTC)
        found = city.read(READER, PURPOSE, TABLE).frame(COLUMNS, since=first, until=end_of_day(until, city.time_zone))
        mine = found.filter(pl.col("rule") == rule)
        if not mine.height:
            told = ", ".join(found.get_column("rule").drop_nulls().unique().sort().head(20))
            raise UserError(
                f"Nothing was decided by '{rule[:60]}' from {since} to {until}.",
                f"Decided by then: {told}; name one with --rule."
                if told
                else "Choose other days with --from and --to.",
            )
        return mine

    def _rule_of(self, frame: pl.DataFrame, rule: str) -> Table | None:
        """The rule of then, as it is kept; its newest version where several decided in the same units."""
        digests = frame.sort("decided_at", descending=True).get_column("rule_digest").unique(maintain_order=True)
        found = [
            rule_of(kept)
            for digest in digests
            if (kept := self._city.registers.get(digest[:16], KeptRule)) is not None and kept.digest == digest
        ]
        units: dict[str, tuple[str | None, str]] = {}
        for table in found:
            for name, given in table.sheet.inputs.items():
                unit, version = units.setdefault(name, (given.unit, table.version))
                if unit != given.unit:
                    raise UserError(
                        f"In this period {rule} read '{name}' in {unit} (version {version}) and in {given.unit} "
                        f"(version {table.version}).",
                        "Replay one part of it at a time: --from and --to.",
                    )
        return found[0] if found else None

    # -- publishing --------------------------------------------------------------------------------

    def publish(
        self, draft: Table, valid_from: date, *, by: str, because: str, evidence: Replay | None, without: str = ""
    ) -> RuleVersion:
        """Publish a draft as the version that is valid from a day, with what its replay told.

        Parameters
        ----------
        draft : Table
            The draft.
        valid_from : datetime.date
            First day, later than today: what was decided today stays decided.
        by, because : str
            Who signs it off, and why.
        evidence : Replay or None
            Its replay; None needs ``without``.
        without : str
            Why there is no replay.

        Raises
        ------
        Refused
            A check finds an error, name or reason is missing, or the rule is cityward's own.
        UserError
            The day is not later than today, the version's name is taken, or another is valid from a later day.
        """
        _check_own(draft)
        by, because = person(by), reason(because)
        today = self._city.today
        if valid_from <= today:
            raise UserError(
                f"A rule that is valid from {valid_from} would reach back: today is {today}.", "Choose a later day."
            )
        if evidence is None and not without:
            raise UserError("Nothing was replayed.", "Replay the draft, or say why it cannot be.")
        if evidence is not None and evidence.digest != digest_of(draft):
            raise UserError("The replay is of another draft.", "Replay this one.")
        draft = _from_day(draft, valid_from)
        self._check_sound(draft)
        with self._city.writing():
            before, files = self._files(draft, valid_from)
            version = self._record(draft, before, by, because, evidence, without)
            make_folder(self._city.folder.rules)
            with durable("writing a version of a rule"):
                for path, text in files.items():
                    replace_file(path, text.encode())
                self._file(draft.id).unlink(missing_ok=True)
        return version

    def _check_sound(self, draft: Table) -> None:
        in_order({**self.beside(), draft.id: draft}, draft.id)
        errors = [one for one in check(draft) if one.level == "error"]
        if errors:
            more = f" And {len(errors) - 1} more." if len(errors) > 1 else ""
            raise Refused(RULE, f"The draft has an error: {errors[0].says}{more}", errors[0].remedy)

    def _files(self, draft: Table, valid_from: date) -> tuple[Table | None, dict[Path, str]]:
        """The version that ends, and the texts of all files that are written, the ended one first."""
        folder = self._city.folder.rules
        own = {path: load_table(path) for path in sorted(folder.glob("*.toml"))}
        mine = {path: one for path, one in own.items() if one.id == draft.id}
        files: dict[Path, str] = {}
        if not mine:  # versions of the city take the place of all that are shipped, so those go with it
            for one in (one for one in self._city.rules() if one.id == draft.id):
                path = folder / f"{one.id}-{_part(one.version)}.toml"
                mine[path] = one
                files[path] = write_form(one, "toml")
        if any(one.version == draft.version for one in mine.values()):
            raise UserError(
                f"There is a version {draft.version} of {draft.id} already.", "Give the draft another version."
            )
        before = None
        for path, one in mine.items():
            if one.sheet.valid_from and one.sheet.valid_from >= valid_from:
                raise UserError(
                    f"{one.name} is valid from {one.sheet.valid_from}, which is not before {valid_from}.",
                    "Choose a later day, or take that version back first.",
                )
            if one.sheet.valid_until is None or one.sheet.valid_until >= valid_from:
                before, text = one, files.get(path) or path.read_text("utf-8")
                files[path] = _ended(text, one, valid_from - timedelta(days=1))
        new = folder / f"{draft.id}-{_part(draft.version)}.toml"
        if new in mine or new.exists():
            raise UserError(f"{new.name} exists already.", "Give the draft another version.")
        files[new] = write_form(draft, "toml")
        check_versions([make_table(read_toml(text, path.name), path.name) for path, text in files.items()])
        return before, files

    def _record(
        self, draft: Table, before: Table | None, by: str, because: str, evidence: Replay | None, without: str
    ) -> RuleVersion:
        now, body = self._city.clock.now(), to_json(evidence) if evidence else without.encode()
        digest, told = digest_of(draft), sha256(body).hexdigest()
        version = RuleVersion(
            id=make_id(KIND, draft.id, draft.version, digest, told, now.isoformat()),
            rule=draft.id,
            version=draft.version,
            digest=digest,
            valid_from=draft.sheet.valid_from or now.date(),
            replaces=before.version if before else "",
            by=by,
            because=because,
            evidence=body.decode(),
            evidence_digest=told,
            cases=evidence.cases if evidence else 0,
            says=headline(evidence) if evidence else without,
            at=now,
        )
        facts: dict[str, Any] = {
            "rule": draft.id,
            "version": draft.version,
            "digest": digest,
            "evidence": told,
            "cases": version.cases,
            "valid_from": version.valid_from.isoformat(),
        }
        return self._city.keep(KIND, version, facts, update=())


def _check_own(draft: Table) -> None:
    if draft.id == OWN:
        raise Refused(RULE, f"{OWN} is cityward's own rule; no city may loosen it.", "Draft another rule.")


def _from_day(draft: Table, valid_from: date) -> Table:
    sheet = msgspec.structs.replace(draft.sheet, valid_from=valid_from, valid_until=None)
    return Table(sheet, draft.conditions, draft.outcomes)


def _part(version: str) -> str:
    """A version as a part of a file's name."""
    return re.sub(r"[^\w.-]+", "-", version).strip(".-") or "version"


def _ended(text: str, table: Table, last: date) -> str:
    """The text of a rule that ends on a day, its comments where they were."""
    wanted = msgspec.structs.replace(table.sheet, valid_until=last)
    head, bracket, rest = text.partition("\n[")
    if re.search(r"(?m)^valid_until\s*=.*$", head):
        head = re.sub(r"(?m)^valid_until\s*=.*$", f"valid_until = {last}", head)
    else:
        head = f"{head.rstrip()}\nvalid_until = {last}\n"
    try:
        if make_table(read_toml(head + bracket + rest, table.id), table.id).sheet == wanted:
            return head + bracket + rest
    except UserError:
        pass
    return write_form(Table(wanted, table.conditions, table.outcomes), "toml")
