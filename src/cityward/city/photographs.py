"""Photos of reports in a city: kept beside them, looked at by people of the city under a grant, erased with them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from cityward.city.portal import SOURCE
from cityward.city.saying import name_of, words_of
from cityward.core.errors import StoreError, UnknownId, UserError
from cityward.core.identifiers import make_id
from cityward.core.records import Record
from cityward.core.work import WorkOrder
from cityward.guard.photos import Photos
from cityward.participate.portal import numbers
from cityward.private.pseudonym import Pseudonyms, load_or_create_key

if TYPE_CHECKING:
    from cityward.city.city import City

READER: Final = "cityward-photos"
PURPOSE: Final = "case-handling"
FOLDER: Final = "photos"

_FIELDS: Final = ("id", "source", "service", "territory", "key")


class PhotoLook(Record, frozen=True, kw_only=True):
    """That somebody of the city looked at a photo, for which order, and why; never what is on it."""

    id: str
    number: str
    order: str
    by: str
    because: str
    at: datetime
    receipt: int | None = None


class Photographs:
    """Photos of ``city``; reached as ``city.portal.photos``."""

    def __init__(self, city: City) -> None:
        self._city = city
        self.held = photos_in(city)

    def keep(self, number: str, secret: str, photo: bytes) -> bool:
        """Keep the photo of a report that was taken; False where it has one already."""
        return self.held.keep(SOURCE, self._person(secret), number, self._city.clock.now(), photo)

    def of_order(self, order: WorkOrder) -> list[str]:
        """Numbers of the reports behind an order that have a photo.

        Raises
        ------
        cityward.core.errors.Refused
            No grant lets photos be seen.
        """
        there = self.held.numbers()
        if not there:
            return []
        keys = self._keys_of(order)
        rows = self._city.read(READER, PURPOSE).frame(_FIELDS, ids=sorted(there))
        return [
            row["id"]
            for row in rows.iter_rows(named=True)
            if row["source"] == SOURCE
            and (make_id("job", row["key"]) == order.job.id
                 or (row["key"] in keys and row["territory"] == order.job.territory))
        ]  # fmt: skip

    def look(self, order: WorkOrder, number: str, by: str, because: str) -> bytes:
        """Show a photo of a report behind an order; the ledger gets that it was looked at before it is shown.

        Raises
        ------
        cityward.core.errors.Refused
            No grant lets photos be seen.
        UnknownId, UserError
            The order has no such photo; nobody is named, or no reason.
        """
        by, because = name_of(by, "Who looks at this photo?"), words_of(because, "why you look at it")
        if number not in self.of_order(order):
            raise UnknownId("This order has no such photo.", "It may have been erased meanwhile.")
        key = load_or_create_key(self._city.folder.residents_key)
        photo = self.held.show(SOURCE, self._person(numbers.secret_of(key, number)))
        if photo is None:
            raise UnknownId("This order has no such photo.", "It may have been erased meanwhile.")
        now = self._city.clock.now()
        look = PhotoLook(
            id=make_id("photo", number, now.isoformat()), number=number, order=order.id, by=by, because=because, at=now
        )
        self._city.keep("photo", look, {"order": order.id, "purpose": PURPOSE}, told="photo-seen")
        return photo

    def _keys_of(self, order: WorkOrder) -> frozenset[int]:
        """Keys of the rows that the need of an order rests on."""
        turn = self._city.turn()
        need = next((one for one in (turn.needs if turn else ()) if one.id == order.job.about), None)
        try:
            return frozenset(self._city.evidence.keys_of(need)) if need and need.evidence_sha256 else frozenset()
        except (StoreError, UserError):
            return frozenset()

    def _person(self, secret: str) -> str:
        pseudonyms = Pseudonyms(load_or_create_key(self._city.folder.pseudonym_key))
        return str(pseudonyms.column(pl.Series([secret]), f"history of {SOURCE}")[0])


def photos_in(city: City) -> Photos:
    """Where the photos of a city lie."""
    return Photos(city.path / FOLDER, city.folder.signing_key.parent)
