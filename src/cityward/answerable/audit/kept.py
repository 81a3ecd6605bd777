"""What a city keeps of an audit: enough to read it again on its page, small enough for the register.

Groups of fewer people than `KeptAudit.min_n` are named with their size and without figures: a page that everybody may
read must not say of three people what came of them. Rates that are one less another are left out.
"""

from __future__ import annotations

from typing import Final

import msgspec

from cityward.answerable.audit.gate import Gate
from cityward.answerable.audit.proxies import Proxies, Proxy
from cityward.answerable.audit.rates import COMPLEMENTS
from cityward.answerable.audit.report import Audit, Check, Gap, Group, Rate

GROUPS_MAX: Final = 150
"""Most groups that are kept, the largest of each column first; the others are counted."""

WATCHED_MAX: Final = 60
PROXIES_MAX: Final = 40
NAME_CHARS: Final = 120
_DIGITS: Final = 6


class KeptRate(msgspec.Struct, frozen=True, array_like=True):
    """A rate with its limits; of one that is not identifiable ``low`` and ``high`` are what it can be at all."""

    status: str
    value: float | None
    low: float | None
    high: float | None
    out_of: int
    p_holm: float | None = None


class KeptGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group; ``counts`` and ``rates`` are empty when it is too small to be told."""

    by: tuple[str, ...]
    group: tuple[str, ...]
    people: int
    counts: dict[str, int]
    rates: dict[str, KeptRate]
    auc: KeptRate | None = None

    @property
    def name(self) -> str:
        """How it is called in a table."""
        return " and ".join(self.group) or "everybody"


class KeptAudit(msgspec.Struct, frozen=True, kw_only=True, tag="audit"):
    """An audit as it is kept; the names are those of `cityward.answerable.audit.report.Audit`."""

    finding: str
    because: str
    identifiable: bool
    rows: int
    rows_used: int
    left_out: dict[str, int]
    taken_as: dict[str, str]
    level: float
    min_n: int
    reference: str
    comparisons: int
    groups: tuple[KeptGroup, ...]
    groups_left_out: int
    gaps: tuple[Gap, ...]
    checks: tuple[Check, ...]
    notes: tuple[str, ...]
    gate: Gate | None


class KeptProxies(msgspec.Struct, frozen=True, kw_only=True, tag="proxies"):
    """Which columns give a group away, the best tell first."""

    finding: str
    rows: int
    proxies: tuple[Proxy, ...]
    left_out: int
    not_examined: dict[str, str]
    notes: tuple[str, ...]


def kept_audit(found: Audit, gate: Gate | None) -> KeptAudit:
    """What is kept of an audit."""
    by_size = sorted(found.groups, key=lambda one: -one.people)[:GROUPS_MAX]
    groups = [one for one in found.groups if one in by_size] if len(found.groups) > GROUPS_MAX else found.groups
    return KeptAudit(
        finding=found.finding,
        because=found.because,
        identifiable=found.identifiable,
        rows=found.rows,
        rows_used=found.rows_used,
        left_out=found.left_out,
        taken_as=found.taken_as,
        level=found.level,
        min_n=found.min_n,
        reference=found.reference,
        comparisons=found.comparisons,
        groups=(_group(found.everybody, 1), *(_group(one, found.min_n) for one in groups)),
        groups_left_out=len(found.groups) - len(groups),
        gaps=found.gaps,
        checks=found.checks,
        notes=found.notes,
        gate=_gate(gate) if gate else None,
    )


def kept_proxies(found: Proxies) -> KeptProxies:
    """What is kept of a look for proxies."""
    return KeptProxies(
        finding=found.finding,
        rows=found.rows,
        proxies=found.proxies[:PROXIES_MAX],
        left_out=max(0, len(found.proxies) - PROXIES_MAX),
        not_examined=found.not_examined,
        notes=found.notes,
    )


def written(kept: KeptAudit | KeptProxies) -> str:
    """As the register keeps it."""
    return msgspec.json.encode(kept).decode()


def read_kept(note: str) -> KeptAudit | KeptProxies | None:
    """Read what `written` wrote; None of what older versions kept, which has other names."""
    try:
        return msgspec.json.decode(note, type=KeptAudit | KeptProxies)
    except msgspec.MsgspecError:
        return None


def _group(one: Group, min_n: int) -> KeptGroup:
    told = one.people >= min_n
    auc = None
    if told and one.score and one.score.auc is not None:
        status = "small" if one.score.small else "known"
        low, high = one.score.auc_interval
        auc = KeptRate(status, _short(one.score.auc), _short(low), _short(high), one.people)
    return KeptGroup(
        by=one.by,
        group=tuple(name[:NAME_CHARS] for name in one.group),
        people=one.people,
        counts=one.counts if told else {},
        rates={name: _rate(rate) for name, rate in one.rates.items() if name not in COMPLEMENTS} if told else {},
        auc=auc,
    )


def _rate(one: Rate) -> KeptRate:
    low, high = one.bounds or one.interval
    p_holm = one.compared.p_holm if one.compared else None
    return KeptRate(one.status, _short(one.value), _short(low), _short(high), one.out_of, _short(p_holm))


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _gate(gate: Gate) -> Gate:
    """The gate with the rates that left the band first, and no more of them than can be read."""
    watched = sorted(gate.watched, key=lambda one: one.side == "inside")
    return msgspec.structs.replace(gate, watched=tuple(watched[:WATCHED_MAX]))
