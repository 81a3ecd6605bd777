"""The shape of a registered system, as ``systems/*.toml`` says it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

import msgspec

from cityward.core.records import Party

Duty = Literal["designer", "manufacturer", "importer", "distributor", "owner", "operator", "overseer"]

DUTIES: Final[dict[str, str]] = {
    "designer": "decided what it does and how",
    "manufacturer": "makes it and puts it into service: the provider of article 3(3)",
    "importer": "brings it into the Union where the manufacturer is outside (article 23)",
    "distributor": "passes it on in the Union (article 24)",
    "owner": "uses it under its authority: the deployer of article 26",
    "operator": "runs it day by day",
    "overseer": "understands it, can stop it, and decides (articles 14 and 26(2))",
}
"""Duties of parties, with what each answers for (Source: Regulation (EU) 2024/1689)."""

ALWAYS: Final = ("designer", "manufacturer", "owner", "operator", "overseer")
"""Duties that every system has; importer and distributor exist where the manufacturer is outside the Union."""

ANNEX_III: Final = (
    "1(a)", "1(b)", "1(c)", "2", "3(a)", "3(b)", "3(c)", "3(d)", "4(a)", "4(b)", "5(a)", "5(b)", "5(c)", "5(d)",
    "6(a)", "6(b)", "6(c)", "6(d)", "6(e)", "7(a)", "7(b)", "7(c)", "7(d)", "8(a)", "8(b)",
)  # fmt: skip
"""Points of annex III, the high-risk uses."""

RISK_CLASSES: Final = ("minimal", "article 50", "article 6(1)", *(f"annex III {point}" for point in ANNEX_III))
"""Classes of risk, the least first: none of the others, transparency, a safety component, and the high-risk uses."""

Text = Annotated[str, msgspec.Meta(min_length=10, max_length=5_000)]
Long = Annotated[str, msgspec.Meta(min_length=1, max_length=5_000)]
Short = Annotated[str, msgspec.Meta(max_length=500)]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of all tables. What is left out is left out of the digest too, so that a field more changes no digest."""


class PartySection(_Section, frozen=True, kw_only=True):
    """One party of a system: a duty, a name, a contact, and the key with which it signs.

    ``key`` is a verifier key (``name+id+key``, C2SP signed-note). ``outside`` says that the party is established
    outside the Union; ``competence`` why an overseer can oversee (article 26(2)).
    """

    duty: str
    name: Annotated[str, msgspec.Meta(min_length=2, max_length=200)]
    contact: Short = ""
    address: Short = ""
    key: Short = ""
    outside: bool = False
    competence: Short = ""


class ModelCard(_Section, frozen=True, kw_only=True):
    """What computes (Source: Mitchell et al. 2019, Model Cards for Model Reporting).

    ``foreseen`` names changes that were planned from the beginning, such as learning again from newer rows of the same
    columns: article 3(23) does not count those as substantial.
    """

    kind: Text
    version: Short = ""
    inputs: Text
    output: Text
    learnt_from: Annotated[str, msgspec.Meta(max_length=2_000)] = ""
    learnt_until: date | None = None
    limits: Text
    not_for: Text
    foreseen: Annotated[str, msgspec.Meta(max_length=1_000)] = ""


class Metric(_Section, frozen=True, kw_only=True):
    """One measured quality: ``value`` in ``[low, high]``, the interval of ``level`` (0 to 1), on what, and when."""

    name: Annotated[str, msgspec.Meta(min_length=3, max_length=200)]
    value: float
    low: float
    high: float
    level: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.9
    on: Text
    measured_on: date
    audit: Short = ""


class Incident(_Section, frozen=True, kw_only=True):
    """Something that went wrong, what was done, and whom it was reported to (article 73)."""

    day: date
    what: Text
    done: Text
    reported_to: Short = ""


class Derogation(_Section, frozen=True, kw_only=True):
    """Why a use that stands in annex III is not high-risk: a condition of article 6(3), (a) to (d), and the reason."""

    condition: Literal["a", "b", "c", "d"]
    because: Annotated[str, msgspec.Meta(min_length=20, max_length=2_000)]


class RandomArm(_Section, frozen=True, kw_only=True):
    """The share (0 to 1) of a selection that is drawn by lot: only it tells how often the rest is wrong."""

    share: Annotated[float, msgspec.Meta(ge=0, le=1)]
    because: Annotated[str, msgspec.Meta(max_length=1_000)] = ""


class Statement(_Section, frozen=True, kw_only=True):
    """What a named person says to a question that the words of the file raise, by the clause that it is about."""

    about: Short
    says: Annotated[str, msgspec.Meta(min_length=20, max_length=2_000)]
    by: Annotated[str, msgspec.Meta(min_length=3, max_length=120)]


class System(_Section, frozen=True, kw_only=True):
    """A technology in use, with its responsible parties.

    ``practice`` is one of `cityward.answerable.register.forbidden.PRACTICES`, ``risk_class`` one of `RISK_CLASSES`,
    ``annex_iii`` the points of annex III in which its use stands. ``rights_affecting`` left out counts as yes.
    ``selects`` says that it chooses whom or what something happens to.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{3,60}$")]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    version: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
    purpose: Text
    summary: Short = ""
    theme: Short = ""
    practice: str
    risk_class: str
    risk_reason: Annotated[str, msgspec.Meta(max_length=2_000)] = ""
    annex_iii: tuple[str, ...] = ()
    derogation: Derogation | None = None
    profiles_people: bool = False
    rights_affecting: bool | None = None
    selects: bool = False
    random_arm: RandomArm | None = None
    affected: tuple[str, ...] = ()
    data_used: Long
    model: ModelCard | None = None
    oversight: Long
    logs: Annotated[str, msgspec.Meta(max_length=2_000)] = ""
    appeal: Long
    risks: Annotated[str, msgspec.Meta(max_length=2_500)] = ""
    weighed: Annotated[str, msgspec.Meta(max_length=2_500)] = ""
    lawful_basis: Annotated[str, msgspec.Meta(max_length=2_500)] = ""
    evaluation: tuple[Metric, ...] = ()
    incidents: tuple[Incident, ...] = ()
    starts: date | None = None
    ends: date | None = None
    data_protection_summary: Annotated[str, msgspec.Meta(max_length=5_000)] = ""
    fundamental_rights_summary: Annotated[str, msgspec.Meta(max_length=5_000)] = ""
    eu_database_url: Short = ""
    website: Short = ""
    source_code: Short = ""
    language: Annotated[str, msgspec.Meta(pattern=r"^[a-z]{3}$")] = "eng"
    statements: tuple[Statement, ...] = ()
    parties: tuple[PartySection, ...]

    def named_parties(self) -> tuple[Party, ...]:
        """The parties as records."""
        return tuple(Party(duty=party.duty, name=party.name, contact=party.contact) for party in self.parties)

    @property
    def high_risk(self) -> bool:
        """Whether article 6 calls it high-risk."""
        return self.risk_class.startswith(("article 6", "annex III"))

    @property
    def strict(self) -> bool:
        """Whether everything must be in order before anything of it is decided: high-risk, or it affects rights."""
        return self.high_risk or self.rights_affecting is not False

    @property
    def chooses(self) -> bool:
        """Whether it selects; a ranking of cases does."""
        return self.selects or self.practice == "case-priority"

    @property
    def risk(self) -> str:
        """The class of risk with its reason, in one line."""
        return f"{self.risk_class}: {self.risk_reason}" if self.risk_reason else self.risk_class

    def stated(self, clause: str) -> bool:
        """Whether a person stated something about a clause."""
        return any(one.about == clause for one in self.statements)
