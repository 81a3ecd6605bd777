"""Records of versions of rules that a person published."""

from __future__ import annotations

from datetime import date, datetime

from cityward.core.records import Record


class RuleVersion(Record, frozen=True, kw_only=True):
    """A version of a rule, as somebody published it.

    ``digest`` is the SHA-256 (hex) of the rule as TOML. ``evidence`` is what its replay told, as JSON, and
    ``evidence_digest`` its SHA-256; where there was nothing to replay, ``evidence`` says why. ``replaces`` is the
    version that ends the day before, or empty. ``receipt`` is the index in the ledger.
    """

    id: str
    rule: str
    version: str
    digest: str
    valid_from: date
    replaces: str
    by: str
    because: str
    evidence: str
    evidence_digest: str
    cases: int
    says: str
    at: datetime
    receipt: int = -1
