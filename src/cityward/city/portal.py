"""The residents' portal of a city: a report comes in by the door of every other source, whatever way it came.

The mapping of the source `SOURCE` is the program's own: a city has a portal before it has any other source.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

import msgspec

from cityward.city.report_closing import close_confirmed
from cityward.city.report_standing import Standing, standing_of
from cityward.city.saying import name_of
from cityward.core.clock import moment_of
from cityward.core.errors import Refused, UserError
from cityward.core.identifiers import make_id
from cityward.core.records import Intake, Record
from cityward.participate.portal import numbers, report
from cityward.private.pseudonym import load_or_create_key
from cityward.sense.mapping import Columns, Mapping, ServiceName, Services

if TYPE_CHECKING:
    from cityward.city.city import City
    from cityward.city.continuity import Entered
    from cityward.city.photographs import Photographs

SOURCE: Final = "portal"
KINDS: Final = ("request", "complaint", "appeal")
"""Kinds of sources whose services people report."""

NONCE_BYTES: Final = 12
FORM_SECONDS_MIN: Final = 3
"""A form that comes back sooner was not read by anybody; it is shown again, and taken the next time."""

FORM_DAYS_MAX: Final = 7
"""How long a form can lie open before it gets a new token; what was typed stays."""

_RULE: Final = "portal-form 1"


class TooSoon(UserError):
    """A form came back sooner than anybody reads it."""


class TooOld(UserError):
    """A form without a token of this city, or with one that is too old."""


class ReportEntry(Record, frozen=True, kw_only=True):
    """Who typed a report that came by telephone, on paper or at the counter; the report itself is in history."""

    id: str
    number: str
    channel: str
    by: str
    at: datetime
    receipt: int | None = None


class Reported(Record, frozen=True, kw_only=True):
    """A report that is durable: what whoever made it needs to follow it. ``repeated``: it was sent before."""

    number: str
    secret: str
    repeated: bool


class Portal:
    """The portal of ``city``; reached as ``city.portal``."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._made: tuple[tuple[tuple[str, str], ...], Mapping] | None = None

    @cached_property
    def photos(self) -> Photographs:
        """Photos of reports."""
        from cityward.city.photographs import Photographs

        return Photographs(self._city)

    # -- what can be said --------------------------------------------------------------------------

    def services(self) -> tuple[tuple[str, str], ...]:
        """Name and domain of everything that people can report here, in order of names, without `report.OTHER`."""
        found: dict[str, str] = {}
        for mapping in self._city.mappings().values():
            if isinstance(mapping, Mapping) and mapping.kind in KINDS:
                default = mapping.service.default
                found |= {default: mapping.domain} if default else {}
                found |= {one.name: one.domain or mapping.domain for one in mapping.service.names.values()}
        return tuple(sorted(found.items()))

    @property
    def mapping(self) -> Mapping:
        """How the door reads reports of the portal."""
        services = (*self.services(), *self._city.rounds.services())
        if self._made is None or self._made[0] != services:
            names = {name: ServiceName(name=name, domain=domain) for name, domain in services}  # type: ignore[arg-type]
            self._made = (
                services,
                Mapping(
                    source=SOURCE,
                    kind="request",
                    domain="public space",
                    columns=Columns(
                        id="id",
                        occurred_at="occurred_at",
                        service="service",
                        lon="lon",
                        lat="lat",
                        stated_territory="area",
                        address="address",
                        text="text",
                        person="person",
                        channel="channel",
                    ),
                    service=Services(default=report.OTHER, names=names),
                    classes={"lon": "location-of-person", "lat": "location-of-person"},
                ),
            )
        return self._made[1]

    # -- forms -------------------------------------------------------------------------------------

    @cached_property
    def _key(self) -> bytes:
        return load_or_create_key(self._city.folder.residents_key)

    def new_token(self) -> str:
        """The one-time token of a form."""
        return numbers.new_token(self._key, secrets.token_bytes(NONCE_BYTES), self._now_s()).text

    def _now_s(self) -> int:
        return int(self._city.clock.now().timestamp())

    def checked(self, text: str) -> numbers.Token:
        """The token that came with a form; raises `TooSoon` or `TooOld`."""
        token, now_s = numbers.read_token(self._key, text), self._now_s()
        if token is None or now_s - token.issued_s > timedelta(days=FORM_DAYS_MAX).total_seconds():
            raise TooOld("This form lay open for too long.", "Send it once more.")
        if now_s - token.issued_s < FORM_SECONDS_MIN:
            raise TooSoon("This form came back at once.", "Send it once more.")
        return token

    def standing(self, number: str, secret: str) -> Standing:
        """How a report stands, for whoever has its number and secret, as they typed them.

        Raises
        ------
        UserError
            They do not belong together, or there is no such report: the answer is the same.
        Refused
            No grant lets residents be told.
        """
        number = numbers.as_typed(number, numbers.NUMBER_LETTERS)
        secret = numbers.as_typed(secret, numbers.SECRET_LETTERS)
        # The secret first: with a wrong one nothing is looked up, so that not even the time tells what there is.
        right = numbers.is_secret(self._key, number, secret)
        found = standing_of(self._city, number, (SOURCE,)) if right and number else None
        if found is None:
            raise UserError("That is not right, or there is no such report.", "Check the number and the secret.")
        return found

    # -- reports -----------------------------------------------------------------------------------

    def take(self, said: report.Said, token: str, photo: bytes = b"") -> Reported:
        """Take a report by the form of the portal; the same form with the same words again changes nothing.

        A ``photo`` is one that `cityward.guard.content.photo.redrawn` drew. The report comes first: where its photo
        cannot be kept, the same form sent again is the same report, and adds it.

        Raises
        ------
        TooSoon, TooOld
            The form has to be sent once more.
        Refused, UserError
            The door does not take it.
        cityward.core.errors.CityBusy, cityward.core.errors.StoreError
            It is not kept; it can be sent again.
        """
        checked = self.checked(token)
        at = moment_of(checked.issued_s * 1_000_000)
        reported = self._admit(said, checked.text, at, "web")
        if photo:
            self.photos.keep(reported.number, reported.secret, photo)
        return reported

    def enter(
        self, said: report.Said, token: str, channel: str, by: str, at: datetime | None = None, sheet: str = ""
    ) -> Reported:
        """Take a report that somebody of the city typed for a resident.

        Parameters
        ----------
        said : cityward.participate.portal.report.Said
        token : str
            Of the form.
        channel : str
            One of `report.CHANNELS` but ``web``.
        by : str
            First and last name of who typed it.
        at : datetime.datetime, optional
            When it was reported (aware); default when the form was opened.
        sheet : str, optional
            Number of a sheet of `cityward.city.continuity`: the report then is that of the sheet, and has no secret.

        Raises
        ------
        UserError, Refused
            No name, no such channel, a time to come; else as `take`.
        """
        by = name_of(by, "Who enters this report?")
        if channel not in report.CHANNELS[1:]:
            raise UserError("How did it come?", f"Ways: {', '.join(report.CHANNELS[1:])}.")
        checked, now = numbers.read_token(self._key, token), self._city.clock.now()
        if checked is None:
            raise TooOld("This form lay open for too long.", "Send it once more.")
        if at is not None and at > now:
            raise UserError("A report cannot come from the future.", "Look at the day and the time.")
        at = at or moment_of(checked.issued_s * 1_000_000)
        reported = self._of_sheet(said, sheet, at, channel) if sheet else self._admit(said, checked.text, at, channel)
        entry = ReportEntry(
            id=make_id("report", reported.number), number=reported.number, channel=channel, by=by, at=now
        )
        if self._city.registers.get(entry.id, ReportEntry) is None:
            self._city.keep("report", entry, {"channel": channel})
        return reported

    def _of_sheet(self, said: report.Said, sheet: str, at: datetime, channel: str) -> Reported:
        place = {"stated_territory": said.area, "address": said.address}
        if said.lon is not None and said.lat is not None:
            place |= {"lon": str(said.lon), "lat": str(said.lat)}
        text = "\n".join(one for one in (said.what, said.words) if one)
        values = {"occurred_at": at.isoformat(), "text": text, "channel": channel, **place}
        entered = self._city.continuity.enter_one(sheet, {name: value for name, value in values.items() if value})
        _must_be_admitted(entered)
        return Reported(number=sheet.strip(), secret="", repeated=not entered.new)

    def settle(self) -> int:
        """Close reports whose work was confirmed; return how many."""
        return close_confirmed(self._city, SOURCE, lambda number: numbers.secret_of(self._key, number))

    def _admit(self, said: report.Said, token: str, at: datetime, channel: str) -> Reported:
        number = numbers.number_of(self._key, token, report.content_of(said, channel))
        secret = numbers.secret_of(self._key, number)
        row = report.row_of(said, number=number, secret=secret, at=at.astimezone(UTC), channel=channel)
        intake = self._city.take_as(self.mapping, msgspec.json.encode(row) + b"\n", SOURCE).result()
        _must_be_admitted(intake)
        return Reported(number=number, secret=secret, repeated=bool(intake.repeated))


def _must_be_admitted(intake: Intake | Entered) -> None:
    """Raise unless the row was admitted; a form is checked before, so that this is rare."""
    if intake.refused:
        raise Refused(_RULE, "The door of the city takes no such content.", "Leave out what is no sentence.")
    if intake.quarantined:
        raise UserError("This report cannot be read.", "Write it in other words.")
