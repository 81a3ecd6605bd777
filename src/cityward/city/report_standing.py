"""How a report stands, for whoever has its secret: received, part of a need, work, closed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

from cityward.city.orders import Asked
from cityward.core.errors import StoreError
from cityward.core.identifiers import make_id
from cityward.core.records import Need, Record

if TYPE_CHECKING:
    from cityward.city.city import City

_COLUMNS: Final = ("id", "source", "service", "territory", "occurred_at", "closed_at", "status", "key")


class Standing(Record, frozen=True, kw_only=True):
    """What a resident is told of his own report: nothing of a person, no address, no words.

    ``need`` is a need of the last turn that counts the report, ``together`` how many reports that need counts.
    ``work`` is the order that came of the report or of its need; ``link`` the secret of that order's page, where a
    resident confirms or contests that it is done.
    """

    number: str
    service: str
    area: str
    reported_on: date
    closed_on: date | None = None
    closed: bool = False
    need: str = ""
    together: int = 0
    work: Asked | None = None
    link: str = ""


def standing_of(city: City, number: str, sources: tuple[str, ...]) -> Standing | None:
    """How the report with a number stands; None when history has none of these ``sources``.

    Raises
    ------
    cityward.core.errors.Refused
        No grant lets residents be told.
    """
    rows = city.read("cityward-portal", "resident-information").frame(_COLUMNS, ids=[number])
    row = next((one for one in rows.iter_rows(named=True) if one["source"] in sources), None)
    if row is None:
        return None
    need = _need(city, row)
    work, link = _work(city, row, need)
    return Standing(
        number=number,
        service=row["service"],
        area=city.area_names.get(row["territory"] or "", ""),
        reported_on=city.day_of(row["occurred_at"]),
        closed_on=city.day_of(row["closed_at"]) if row["closed_at"] else None,
        closed=row["status"] == "closed",
        need=need.id if need else "",
        together=need.evidence_count if need else 0,
        work=work,
        link=link,
    )


def _need(city: City, row: dict[str, Any]) -> Need | None:
    """A need of the last turn that counts a report."""
    turn = city.turn()
    for need in turn.needs if turn else ():
        # Only where it can be is looked: the list of what a need counts is a file.
        if row["service"] == need.service and row["territory"] in need.territories and need.evidence_sha256:
            try:
                if row["key"] in city.evidence.keys_of(need):
                    return need
            except StoreError:
                continue
    return None


def _work(city: City, row: dict[str, Any], need: Need | None) -> tuple[Asked | None, str]:
    """The newest order for a report, or for its area of the need, as its resident is told of it; and its secret."""
    jobs = [make_id("job", row["key"]), *([make_id("job", need.id, row["territory"])] if need else [])]
    link = city.orders.link_of(jobs)
    return (city.orders.asked(link) if link else None), link
