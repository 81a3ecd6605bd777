"""Records of processing: drafts of what the law asks to be written down, from what this city has really configured.

What cannot be known from the configuration says who has to fill it in; nothing is invented.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from cityward.answerable.document import Document, Section
from cityward.answerable.registry import System
from cityward.core.words import day
from cityward.private.purposes import PURPOSES
from cityward.private.restrictions import STILL_READ_FOR

if TYPE_CHECKING:
    from cityward.city.city import City

OFFICER: Final = "to be filled in by the data protection officer"
CONTROLLER: Final = "to be filled in by the controller"
TREATED: Final = {
    "public": "kept as it comes",
    "personal": "replaced by a keyed pseudonym",
    "free-text": "kept with personal numbers and addresses redacted",
    "location-of-person": "coarsened to the block (about 100 m)",
    "sensitive": "emptied",
    "biometric": "the row is refused",
}
"""What the door does with each field class."""


class Processing:
    """Drafts of records of ``city``; reached as ``city.processing``."""

    def __init__(self, city: City) -> None:
        self._city = city

    def draft(self, kind: str) -> Document:
        """The draft of a kind: ``processing``, ``dpia`` or ``rights``."""
        makers: dict[str, Callable[[], Document]] = {
            "processing": self.record,
            "dpia": self.impact,
            "rights": self.fundamental_rights,
        }
        return makers[kind]()

    def record(self) -> Document:
        """Record of processing activities (GDPR article 30(1))."""
        return Document(
            f"Record of processing activities, {self._city.name}",
            "Draft after GDPR article 30(1), made from the configuration of this city.",
            [
                self._responsible(),
                self._purposes(),
                self._data(),
                self._recipients(),
                Section("Transfers to third countries", [f"cityward itself transfers nothing; {OFFICER}"]),
                self._limits(),
                self._measures(),
            ],
        )  # fmt: skip

    def impact(self) -> Document:
        """Data protection impact assessment (GDPR article 35(7))."""
        return Document(
            f"Data protection impact assessment, {self._city.name}",
            "Draft after GDPR article 35(7), made from the configuration of this city.",
            [
                self._data(),
                self._purposes(),
                self._systems(),
                Section("Necessity and proportionality", [OFFICER.capitalize()]),
                Section(
                    "Risks for people",
                    [
                        "A pseudonym is personal data: whoever has the city's key and an identifier can find its rows.",
                        "Free text can name people in ways that no pattern finds.",
                        "A block with one household is a home, coarsened or not.",
                        f"Likelihood and severity: {OFFICER}",
                    ],
                ),
                self._measures(),
                self._limits(),
                Section("Views of the people concerned", [OFFICER.capitalize()]),
            ],
        )

    def fundamental_rights(self) -> Document:
        """Fundamental rights impact assessment (Regulation (EU) 2024/1689, article 27(1))."""
        return Document(
            f"Fundamental rights impact assessment, {self._city.name}",
            "Draft after article 27(1) of Regulation (EU) 2024/1689, made from the systems registered here. "
            "Whether a system is high-risk, so that the article applies, is for a person to say.",
            [
                self._systems(),
                Section("How long and how often each system is used", [CONTROLLER.capitalize()]),
                Section("Who is likely to be affected", self._affected()),
                Section("Specific risks of harm", [CONTROLLER.capitalize()]),
                Section("Human oversight", [f"{system.name}: {system.oversight}" for system in self._registered()]),
                Section(
                    "What happens when a risk comes true",
                    [*(f"{system.name}: {system.appeal}" for system in self._registered()), CONTROLLER.capitalize()],
                ),
            ],
        )

    # -- parts -------------------------------------------------------------------------------------

    def _responsible(self) -> Section:
        contact = self._city.settings.privacy.contact or OFFICER
        return Section(
            "Who is responsible",
            [f"{self._city.name}; contact {CONTROLLER}", f"Data protection officer: {contact}"],
        )

    def _registered(self) -> list[System]:
        return list(self._city.systems.read().systems.values())

    def _purposes(self) -> Section:
        table = [["Purpose", "Reader", "Columns that can name or place a person", "Lawful basis", "Until"]]
        checked = self._city.keeper.grants()
        for name, grant in sorted(checked.in_force().items()):
            personal = [field for field in grant.fields if field in ("person", "text", "address", "lon", "lat")]
            basis = ", ".join(one for one in (grant.lawful_basis, grant.special_basis) if one) or "no personal data"
            until = f"{day(grant.valid_until)} (grants/{name}.toml)"
            table.append([grant.purpose, grant.reader, ", ".join(personal) or "none", basis, until])
        unused = sorted(set(PURPOSES) - {row[0] for row in table[1:]})
        lines = [
            f"Purposes for which nobody may read: {', '.join(unused)}." if unused else "Every purpose has a reader."
        ]
        lines += [f"Not in force: {one.file}, {one.what}" for one in checked.problems]
        return Section("Purposes", lines, table)

    def _data(self) -> Section:
        table = [["Source", "Who", "Field class", "Columns of the source", "At the door"]]
        mappings = self._city.mappings()
        for name, mapping in mappings.items():
            who = "people who report" if "occurred_at" in mapping.frame else "no people: sensors"
            by_class: dict[str, list[str]] = {}
            for column, source in mapping.sources().items():
                by_class.setdefault(mapping.class_of(column), []).append(source)
            for source in mapping.extras():
                by_class.setdefault(mapping.classes[source], []).append(source)
            table += [
                [name, who, field_class, ", ".join(columns), TREATED[field_class]]
                for field_class, columns in sorted(by_class.items())
            ]
        return Section("Data and people", [] if mappings else ["No source is configured."], table if mappings else [])

    def _recipients(self) -> Section:
        ways = self._city.settings.send
        table = [["Way", "What leaves", "Services", "Who receives it"]]
        table += [[way.name, ", ".join(way.sends), ", ".join(way.services) or "all", CONTROLLER] for way in ways]
        releases = "releases" if (self._city.path / "releases").is_dir() else None
        lines = ["Releases to the public: see the folder 'releases'." if releases else "Nothing is released yet."]
        if not ways:
            lines.append("No messages leave this city.")
        return Section("Recipients", lines, table if ways else [])

    def _limits(self) -> Section:
        limits = [f"{name}: {until}" for name, until in self._city.persons.until().items()]
        jobs = self._city.persons.retentions()
        last = f"The last job ran on {day(jobs[-1].at.date())} ({jobs[-1].id})." if jobs else "No job ran yet."
        return Section("Time limits", [*limits, last])

    def _measures(self) -> Section:
        still = "; ".join(f"{kind}: {', '.join(sorted(purposes))}" for kind, purposes in STILL_READ_FOR.items())
        requests = self._city.persons.requests()
        overdue = sum(self._city.persons.is_overdue(one) for one in requests)
        return Section(
            "Technical and organisational measures",
            [
                "Identifiers become keyed pseudonyms (HMAC-SHA256), of a key of their own for each source.",
                "Readers state a purpose; columns that it does not cover are not given.",
                f"Rows of people who asked for it are read for these purposes alone: {still}.",
                "Every consequential act is an entry of a signed log that 'cityward verify' re-computes.",
                f"Requests of people so far: {len(requests)}, of which overdue: {overdue}.",
                "Encryption of the disk, access to the machine and staff rules: to be filled in by whoever operates it",
            ],
        )

    def _systems(self) -> Section:
        table = [["System", "Purpose", "Risk class", "Data", "Parties"]]
        for system in self._registered():
            parties = "; ".join(f"{party.duty}: {party.name}" for party in system.parties)
            table.append([f"{system.name} {system.version}", system.purpose, system.risk, system.data_used, parties])
        return Section("Systems", [], table)

    def _affected(self) -> list[str]:
        places = self._city.territories()
        people = sum(place.population or 0 for place in places)
        known = f"{people:,.0f} people live in {len(places):,} areas" if people else f"{len(places):,} areas"
        return [f"Residents of {self._city.name}: {known}.", f"Groups that are more exposed than others: {CONTROLLER}"]
