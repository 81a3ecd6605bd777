"""Publishes a system in the form of existing registers, and as a page that people read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from cityward.answerable.document import Document, Section
from cityward.answerable.register.duties import Holding, State
from cityward.answerable.register.forms import FORMS, TITLES
from cityward.answerable.register.shape import Metric, System
from cityward.answerable.register.versions import digest
from cityward.core.words import percent


@dataclass(frozen=True, slots=True)
class Published:
    """What is published of a system: the version, its state, who holds its duties, and whose register it is in."""

    system: System
    state: State
    holdings: tuple[Holding, ...]
    city: str
    by: str = ""

    def held(self, duty: str) -> list[Holding]:
        """Who holds a duty."""
        return [one for one in self.holdings if one.duty == duty]

    def names(self, duty: str) -> str:
        """Names of who holds a duty, as text."""
        return ", ".join(one.party for one in self.held(duty))

    def contact(self, duty: str) -> str:
        """The first contact of who holds a duty."""
        return next((one.contact for one in self.held(duty) if one.contact), "")

    @property
    def in_use(self) -> bool:
        """Whether it has not ended."""
        return self.state != "ended"


def record_of(form: str, told: Published) -> dict[str, Any]:
    """The record of a system in a form; fields that are not known are left out."""
    makers = {"algoritmeregister": _algoritmeregister, "atrs": _atrs, "annex-viii": _annex_viii, "json": _plain}
    return {name: value for name, value in makers[form](told).items() if value not in ("", None, [])}


def _algoritmeregister(told: Published) -> dict[str, Any]:
    system = told.system
    high, rights = system.high_risk, system.strict
    return {
        "name": system.name,
        "description_short": system.summary or system.purpose,
        "organization": told.city,
        "category": [system.theme] if system.theme else [],
        "status": "In gebruik" if told.in_use else "Buiten gebruik",
        "begin_date": f"{system.starts:%Y-%m}" if system.starts else "",
        "end_date": f"{system.ends:%Y-%m}" if system.ends and not told.in_use else "",
        "contact_email": told.contact("owner"),
        "website": system.website,
        "publication_category": _category(high=high, rights=rights),
        "goal": f"{system.purpose} {_affected(system)}".strip(),
        "proportionality": system.weighed,
        "human_intervention": system.oversight,
        "risks": system.risks,
        "lawful_basis": system.lawful_basis,
        "impacttoetsen": " ".join(filter(None, (system.data_protection_summary, system.fundamental_rights_summary))),
        "source_data": system.data_used,
        "methods_and_models": _method(system),
        "provider": told.names("manufacturer"),
        "publiccode": system.source_code,
        "lang": system.language,
        "standard_version": "1.0",
        "source_id": f"{system.id} {system.version}",
        "tags": ", ".join([system.practice, *system.affected]),
    }


def _category(*, high: bool, rights: bool) -> str:
    if high:
        return "Hoog-risico AI-systeem"
    return "Impactvolle algoritmes" if rights else "Overige algoritmes"


def _atrs(told: Published) -> dict[str, Any]:
    system, card = told.system, told.system.model
    outside = told.names("manufacturer") != told.names("owner")
    overseers = [party for party in system.parties if party.duty == "overseer"]
    return {
        "1.1": system.name,
        "1.2": system.summary or system.purpose,
        "1.3": system.website,
        "1.4": told.contact("owner"),
        "2.1.1": told.city,
        "2.1.2": told.names("operator"),
        "2.1.3": told.names("owner"),
        "2.1.4": "Yes" if outside else "No",
        "2.1.4.1": told.names("manufacturer") if outside else "",
        "2.1.4.3": "Designs and makes the system." if outside else "",
        "2.2.1": f"{system.purpose} {card.kind if card else ''}".strip(),
        "2.2.2": f"{_affected(system)} {f'Not for: {card.not_for}' if card else ''}".strip(),
        "2.2.3": system.purpose,
        "2.2.5": system.weighed,
        "2.3.1": system.oversight,
        "2.3.2": card.output if card else "",
        "2.3.4": system.oversight,
        "2.3.5": " ".join(party.competence for party in overseers if party.competence),
        "2.3.6": system.appeal,
        "2.4.1.2": "Production" if told.in_use else "Retired",
        "2.4.1.3": card.foreseen if card else "",
        "2.4.2.1": system.name if card else "",
        "2.4.2.2": card.version or system.version if card else "",
        "2.4.2.3": system.practice.replace("-", " ") if card else "",
        "2.4.2.4": card.inputs if card else "",
        "2.4.2.5": card.output if card else "",
        "2.4.2.6": card.kind if card else "",
        "2.4.2.7": " ".join(metric_told(one) for one in system.evaluation),
        "2.4.2.8": card.learnt_from if card else "",
        "2.4.3.3": system.data_used,
        "2.4.3.6": card.limits if card else "",
        "2.4.3.11": system.logs,
        "2.5.1": " ".join(filter(None, (system.data_protection_summary, system.fundamental_rights_summary))),
        "2.5.2": system.risks,
    }


def _annex_viii(told: Published) -> dict[str, Any]:
    system = told.system
    owners = {" ".join(party.name.split()): party.address for party in system.parties if party.duty == "owner"}
    deployer = "; ".join(
        ", ".join(filter(None, (one.party, owners.get(one.party, ""), one.contact))) for one in told.held("owner")
    )
    return {
        "1": deployer,
        "2": told.by,
        "3": system.eu_database_url,
        "4": system.fundamental_rights_summary,
        "5": system.data_protection_summary,
    }


def _plain(told: Published) -> dict[str, Any]:
    """Everything, as it stands here."""
    duties = [
        {
            "duty": one.duty,
            "party": one.party,
            "contact": one.contact,
            "basis": one.basis,
            "accepted_from": one.accepted.isoformat() if one.accepted else None,
            "until": one.until.isoformat() if one.until else None,
        }
        for one in told.holdings
    ]
    system: dict[str, Any] = msgspec.to_builtins(told.system)
    return {**system, "digest": digest(told.system), "state": told.state, "duties": duties}


METRIC: Final = "{name}: {value:g} ({level} interval {low:g} to {high:g}), {day}, on {on}."


def metric_told(metric: Metric, form: str = METRIC) -> str:
    """A metric in one sentence, with its interval, day and audit; ``form`` is the sentence of another language."""
    audit = f" Audit: {metric.audit}." if metric.audit else ""
    level, day, on = percent(metric.level), metric.measured_on, metric.on.rstrip(".")
    told = form.format(
        name=metric.name, value=metric.value, level=level, low=metric.low, high=metric.high, day=day, on=on
    )
    return f"{told}{audit}"


def _affected(system: System) -> str:
    return f"Affected: {'; '.join(system.affected)}." if system.affected else ""


def _method(system: System) -> str:
    card = system.model
    if card is None:
        return ""
    return f"{card.kind} Input: {card.inputs} Output: {card.output} Limits: {card.limits}"


def readable(form: str, told: Published, wanting: Sequence[str]) -> Document:
    """A record as a document: each field with its title, then what is still wanting."""
    record = record_of(form, told)
    titles = {name: f"{name} {field.title}" for name, field in FORMS[form].items()} if form in FORMS else {}
    rows = [[titles.get(name, name.replace("_", " ")), _text(value)] for name, value in record.items()]
    sections = [Section("Record", [], [["Field", "What is said"], *rows])]
    if wanting:
        sections.append(Section("Still wanting before it can be handed in", list(wanting)))
    return Document(f"{told.system.name}, {told.city}", TITLES[form], sections)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(map(_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')}: {_text(one)}" for name, one in value.items() if one is not None)
    return str(value)
