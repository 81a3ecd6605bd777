"""Releases of a city: what may be published, what it costs, and the files for the public."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from cityward.core.errors import Refused, UserError
from cityward.core.identifiers import make_id
from cityward.core.records import Refusal
from cityward.core.releases import KINDS, Release, ReleasePlan, ReleaseRequest
from cityward.guard.cells import Places
from cityward.guard.open_data import name_of, open_folder, write_catalogue, write_open_data
from cityward.guard.publish import Group, WayOut, release_id
from cityward.private.budget import Promise
from cityward.sense.mapping import Mapping

if TYPE_CHECKING:
    from cityward.city.city import City


class Releasing:
    """The way out of ``city``."""

    def __init__(self, city: City) -> None:
        self._city = city

    @property
    def open_folder(self) -> Path:
        """Where the files for the public lie."""
        return open_folder(self._city.path)

    # -- asking ------------------------------------------------------------------------------------

    def services(self) -> list[str]:
        """Services whose names are public: from mappings and settings, never from the data."""
        city = self._city
        found = {*city.settings.release.services, *city.settings.work.services, *city.settings.incidents.type_of}
        for mapping in city.mappings().values():
            if isinstance(mapping, Mapping):
                found |= {one.name for one in mapping.service.names.values() if one.name}
                found |= {mapping.service.default} if mapping.service.default else set()
        return sorted(found)

    def request(
        self,
        kind: str,
        first: date,
        last: date,
        *,
        services: tuple[str, ...] = (),
        territories: tuple[str, ...] = (),
        **more: Any,
    ) -> ReleaseRequest:
        """Return a request with the city's defaults; equal questions give equal requests.

        Parameters
        ----------
        kind : str
            One of `cityward.core.releases.KINDS`.
        first, last : datetime.date
            Days of the data.
        services, territories : tuple of str
            Public names, in any order. No services: all together; no territories: each of them.
        **more
            Fields of `cityward.core.releases.ReleaseRequest`.

        Raises
        ------
        UserError
            Something is unknown or missing.
        Refused
            It cannot be released at all.
        """
        if kind not in KINDS:
            raise Refused(
                "publish-as-release 1",
                f"'{kind[:60]}' cannot be released: rows, points and meetings of persons do not leave.",
                f"What can be asked: {', '.join(KINDS)}.",
            )
        settings = self._city.settings.release
        unknown = sorted(set(services) - set(self.services()))
        if unknown:
            raise UserError(
                f"There is no service '{unknown[0][:60]}'.",
                "If its name is public, add it to services under [release] in city.toml.",
            )
        more.setdefault("every", "month")
        more.setdefault("group", next(iter(settings.groups), "residents"))
        for name, default in (("rows", settings.rows_per_person), ("cells", settings.cells_per_person)):
            if more.get(name) is None:
                more[name] = default
            if more[name] is None:
                raise UserError(
                    f"It is not said how many {name} of one person may count, and noise cannot hide what has no bound.",
                    f"Give --{name}-per-person, or {name}_per_person under [release] in city.toml.",
                )
        more.setdefault("suppress_below", settings.suppress_below if kind in ("count", "persons", "trips") else 0)
        more.setdefault("noisy_share", settings.noisy_share)
        where = tuple(sorted(set(territories))) or tuple(self._places.names)
        return ReleaseRequest(
            kind=kind,  # type: ignore[arg-type]
            first=first,
            last=last,
            services=tuple(sorted(set(services))),
            territories=where,
            **more,
        )

    def plan(self, request: ReleaseRequest) -> ReleasePlan:
        """Say what it would cost and how far off it would be; spends nothing."""
        return self._way_out.plan(request)

    def budget(self) -> pl.DataFrame:
        """What was spent and is left, by group and period of data."""
        return self._way_out.budget()

    def all(self) -> list[Release]:
        """Everything that was released, oldest first."""
        return self._way_out.releases()

    def get(self, identifier: str) -> Release | None:
        """One release, or None."""
        return next((one for one in self.all() if one.id == identifier), None)

    def frame(self, release: Release) -> pl.DataFrame:
        """Rows of a release."""
        return self._way_out.frame(release)

    def folder_of(self, release: Release) -> Path:
        """Folder with the files of a release."""
        return self.open_folder / name_of(release)

    # -- making ------------------------------------------------------------------------------------

    def make(self, request: ReleaseRequest) -> Release:
        """Release, or give back what was released for the same request before.

        Raises
        ------
        Refused
            Nothing may be released, or the budget has run out; the refusal is kept.
        UserError
            The request is wrong.
        """
        city = self._city
        with city.writing() as door:
            door.flush()
            try:
                release = city.keeper.release(self._way_out, request, "cityward-release")
            except Refused as refused:
                self._note(request, refused)
                raise
            write_open_data(self.open_folder, release, self._way_out.frame(release))
            settings = city.settings.release
            write_catalogue(
                self.open_folder, self.all(), city=city.name, publisher=settings.publisher, licence=settings.licence
            )
            if release.receipt is not None:
                city.registers.put_receipts({release.id: release.receipt})
        return release

    def _note(self, request: ReleaseRequest, refused: Refused) -> None:
        """Keep the fact that the way out said no, once for a request."""
        city = self._city
        refusal = Refusal(
            id=make_id("refusal", release_id(request), refused.rule),
            source="release",
            at=city.clock.now(),
            columns=(),
            field_class="personal",
            rule=refused.rule,
            rows=0,
            because=f"{refused.what} {refused.remedy}".strip(),
        )
        city.keeper.keep_refusal(refusal, self._append)

    def _append(self, entry: bytes) -> int:
        return self._city.writable_ledger().append([entry])[0]

    @cached_property
    def _places(self) -> Places:
        index, known = self._city.level(None)
        return Places(
            level=self._city.settings.territories[0].level,
            names=dict(zip(index.ids, index.names, strict=True)),
            parents={one.id: one.parent for one in known if one.parent},
            top=self._city.name,
        )

    @cached_property
    def _way_out(self) -> WayOut:
        city = self._city
        settings = city.settings.release
        return WayOut(
            city.path / "releases",
            groups={
                name: Group(Promise(group.epsilon, group.delta), group.every, tuple(group.sources))
                for name, group in settings.groups.items()
            },
            places=self._places,
            read_ledger=self._entries,
            append_receipt=self._append,
            clock=city.clock,
        )

    def _entries(self, start: int) -> Iterator[bytes]:
        ledger = self._city._reading_ledger()
        return ledger.entries(start, ledger.size - start)
