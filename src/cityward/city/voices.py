"""Whose voice a vote is, with what a city knows of its areas: who lives there, and who proposed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from cityward.city.dividing import PURPOSE, READER
from cityward.city.folder import area_figures
from cityward.core.errors import Refused, UserError
from cityward.core.records import Record
from cityward.guard.small_counts import SMALL
from cityward.participate.counting import pabulib
from cityward.participate.counting.areas import column_of, values_of
from cityward.participate.counting.count import count, other_way, own_way
from cityward.participate.counting.places import ADULTS, Places, places_of
from cityward.participate.counting.receive import receive
from cityward.participate.counting.report import Report, report
from cityward.participate.counting.voice import Asked, Voice, voice

if TYPE_CHECKING:
    from cityward.city.city import City


class Counted(Record, frozen=True, kw_only=True):
    """A round counted by its own rule and by another, and whose voice it is; ``untold`` says why that is not known."""

    report: Report
    voice: Voice | None = None
    untold: str = ""


class Voices:
    """Counts of the rounds of ``city``; reached as ``city.rounds.voices``."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._told: dict[tuple[str, str], Counted] = {}

    def places(self) -> Places:
        """The areas of the city with their people; raises UserError where these are not known."""
        city, section = self._city, self._city.settings.territories[0]
        territories = city.territories()
        of_age = {
            name: figures
            for word in ADULTS
            for name, figures in area_figures(city.path, section, word).items()
            if name.lower() == word
        }
        known = next(iter(of_age.values()), {})
        return places_of(territories, [known.get(one.id) for one in territories] if known else None)

    def of_round(self, name: str) -> Counted:
        """Count a round that was closed: its list of ballots is what anybody has, so this is what anybody can count.

        Raises
        ------
        cityward.core.errors.UnknownId, cityward.core.errors.Refused
            There is no such round, or it still takes votes.
        UserError
            It was not closed yet, or nobody voted.
        """
        ended = self._city.rounds.closed(name)
        if ended is None:
            self._city.rounds.get(name)
            raise UserError(f"The round {name} is not closed.", f"'cityward round close {name}' closes it.")
        key = (name, ended.file_sha256)
        if key not in self._told:
            self._told[key] = self._count(name)
        return self._told[key]

    def _count(self, name: str) -> Counted:
        document = pabulib.read(self._city.rounds.text(name).encode())
        received = receive(document)
        election, way = received.election, own_way(document.meta)
        outcome = count(election, way)
        other = other_way(way, document.meta)
        made = report(document, received, way, outcome, (other, count(election, other)))
        found = self._city.rounds.get(name)
        if not found.ask_area:
            return Counted(report=made, untold="Voters were not asked where they live.")
        try:
            places = self.places()
            asked = Asked(
                by=column_of(document), values=values_of(document, received.kept), proposals=self._proposals(name)
            )
            told = voice(election, way, outcome.funded, asked, places, least=SMALL)
        except UserError as error:
            return Counted(report=made, untold=str(error))
        return Counted(report=made, voice=told)

    def _proposals(self, name: str) -> Mapping[str, int] | None:
        """Proposals that residents handed in, by area; None where no grant lets them be counted."""
        names, service = self._city.area_names, self._city.rounds.service_of(name)
        try:
            counted = self._city.read(READER, PURPOSE).counts(("service", "territory"))
        except Refused:
            return None
        own = counted.filter(pl.col("service") == service, pl.col("territory").is_not_null())
        return {names[area]: int(rows) for area, rows in own.select("territory", "rows").iter_rows() if area in names}
