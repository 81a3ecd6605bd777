"""``city.toml``: everything that a city chooses, few keys, all checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from cityward.city.backup_settings import BackupSection
from cityward.city.drill_settings import DrillSection, WatchSection
from cityward.city.ledger_settings import LedgerSection
from cityward.core.clock import is_time_zone
from cityward.core.errors import SettingsError
from cityward.core.plain_secrets import check_no_secret
from cityward.core.toml_text import decode_toml, line_of, read_toml
from cityward.secure.access.settings import AccessSection
from cityward.secure.services import check_database

Days = Annotated[int, msgspec.Meta(ge=1, le=3660)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of ``city.toml``; a key that it does not name is an error."""


class CitySection(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who this city is. ``time_zone`` is an IANA name; days are days of that zone."""

    name: Name
    time_zone: Name = "UTC"
    seed: Annotated[int, msgspec.Meta(ge=0)] = 1


class TerritorySection(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One level of territories, finest use first: interactions are placed in the first level.

    ``id`` and ``name`` are properties of the GeoJSON features. ``attributes`` is a CSV beside it whose column
    ``attributes_id`` equals ``id`` and whose ``attributes_name`` is a better name; the other keys name its (or
    the GeoJSON's) columns of people, homes, per cent of homes with internet (0 to 100) and yearly median income.
    ``parent`` is the column that names the group an area belongs to, as a side of the city; the column's name is
    what a group is called. Forecasts of areas, groups and the city add up.
    """

    level: Name
    file: Name
    id: Name = "id"
    name: Name = "name"
    attributes: str | None = None
    attributes_id: str | None = None
    attributes_name: str | None = None
    population: str | None = None
    households: str | None = None
    internet_percent: str | None = None
    income: str | None = None
    parent: Name | None = None


class StoreSection(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Engines by URL. ``registers`` is ``sqlite`` (a file in the city folder) or a PostgreSQL URL.

    No password stands in it: PostgreSQL's own ``~/.pgpass`` or ``PGPASSWORD`` hold one. A database of another machine
    is spoken to by TLS that checks its certificate (``?sslmode=verify-full``), unless ``allow_plain`` says otherwise.
    """

    registers: Name = "sqlite"
    allow_plain: bool = False


class NeedsSection(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How needs are looked for.

    ``history_days`` of the past are the background; a need is at most ``max_days`` old; one is shown
    when chance alone would show its like at most once in ``min_recurrence_days``.
    """

    history_days: Days = 365
    max_days: Days = 30
    replicates: Annotated[int, msgspec.Meta(ge=99, le=99_999)] = 999
    min_recurrence_days: Annotated[float, msgspec.Meta(ge=1)] = 100.0


class IncidentsSection(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which services the city itself handles as one type of case: by the name of the type, its services."""

    families: dict[str, list[Name]] = {}

    @property
    def type_of(self) -> dict[str, str]:
        """Type of case by service."""
        return {service: family for family, services in self.families.items() for service in services}


class ForecastSection(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far ahead is looked, in days.

    ``holidays`` names a calendar (``US-IL``), ``checkpoint`` the folder of a pretrained model; both may be left out.
    """

    horizon_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 28
    holidays: Name | None = None
    checkpoint: Name | None = None


class ServiceWork(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one report of a service takes: minutes on the spot, the skill, and how many a day can be done at all."""

    minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)] = 30
    skill: Name = "general"
    capacity_per_day: Annotated[float, msgspec.Meta(gt=0)] | None = None


class WorkSection(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who goes out, what it takes, and how unequal waiting may be.

    ``crews`` is a CSV in the city folder: id, name, skills (with blanks between), lon, lat, begins (08:00), hours.
    ``hour_cost`` is what a crew costs an hour, in ``currency``. No group of territories may wait, expected, longer
    than ``waiting_floor`` times the city's mean. ``other`` stands for services that ``services`` does not name.
    """

    crews: Name | None = None
    hour_cost: Annotated[float, msgspec.Meta(gt=0)] | None = None
    currency: Name = ""
    waiting_floor: Annotated[float, msgspec.Meta(ge=1)] = 1.5
    other: ServiceWork = ServiceWork()
    services: dict[str, ServiceWork] = {}

    def of(self, service: str) -> ServiceWork:
        """What a report of ``service`` takes."""
        return self.services.get(service, self.other)


class RolloutSection(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measures against the digital divide that the city considers.

    ``measures`` is a CSV in the city folder, as `cityward.equitable.rollout.tables.read_task` reads it; costs are in
    ``currency``. ``note`` says where costs and effects come from, and is shown with them.
    """

    measures: Name | None = None
    currency: Name = ""
    note: Name = ""


class OrdersSection(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How orders are closed.

    ``public_url`` is where residents reach this city's pages; their links begin with it. They have ``answer_days``
    to say whether it is fixed, and to say otherwise. After ``escalate_after`` reopenings an order does not go out
    again until a person has looked.
    """

    public_url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s?#]{1,300}$")] | None = None
    answer_days: Days = 14
    escalate_after: Annotated[int, msgspec.Meta(ge=1, le=20)] = 2


class SendSection(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way by which messages leave the house; without such a table nothing does.

    ``adapter`` is a module of `cityward.act.send`. ``sends`` lists kinds: ``dispatch`` (an order), ``cancel`` (it is
    taken back) and ``ask`` (the link by which a resident answers); ``services`` those that go this way, empty for
    all. A message goes by the first table that takes it. The secret stands in ``secret_file`` (in the city folder)
    or in the variable ``secret_environment``, never here. ``allow_private`` lets ``url`` be plain http, or lead to
    a machine of a private network. ``options`` are the adapter's own.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,40}$")]
    adapter: Name
    sends: Annotated[tuple[Literal["dispatch", "cancel", "ask"], ...], msgspec.Meta(min_length=1)] = (
        "dispatch",
        "cancel",
    )
    services: list[Name] = []
    url: Name | None = None
    secret_file: Name | None = None
    secret_environment: Name | None = None
    allow_private: bool = False
    timeout_seconds: Annotated[float, msgspec.Meta(gt=0, le=60)] = 10.0
    options: dict[str, str | dict[str, str]] = {}

    def takes(self, kind: str, service: str) -> bool:
        """Whether a message of a kind about a service goes this way."""
        return kind in self.sends and (not self.services or service in self.services)


class ReleaseGroup(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """People whose data may be released from, and the most that all releases about one period of it may cost.

    ``sources`` are the mappings that their rows come by; empty: all that no other group names. With ``delta`` above 0
    Gaussian noise (rho) may be asked for too.
    """

    epsilon: Annotated[float, msgspec.Meta(gt=0, le=20)]
    delta: Annotated[float, msgspec.Meta(ge=0, le=1e-4)] = 0.0
    every: Literal["month", "quarter", "year"] = "year"
    sources: list[Name] = []


class ReleaseSection(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be released to the public. Without a group nothing may.

    ``rows_per_person`` and ``cells_per_person`` bound what counts of one person; without them each release must say.
    ``services`` adds to the services that mappings name. ``suppress_below`` leaves out small values besides.
    """

    groups: dict[str, ReleaseGroup] = {}
    rows_per_person: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    cells_per_person: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    services: list[Name] = []
    suppress_below: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
    noisy_share: Annotated[float, msgspec.Meta(gt=0, le=10)] = 0.1
    publisher: Name | None = None
    licence: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s]{1,300}$")] | None = None


class PrivacySection(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom residents ask about their data: the data protection officer, or who answers for it.

    ``contact`` is shown to everybody as it stands: a name or an office, and an address, an e-mail or a telephone.
    """

    contact: (
        Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$", max_length=300)]
        | None
    ) = None


class RetentionSection(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how many days things are kept; what is left out is kept until somebody asks for its erasure.

    ``interactions``, ``observations`` and ``decisions`` are whole rows, counted from what they tell of. ``personal``,
    ``free_text`` and ``location`` are the columns of those field classes, which are emptied while the row stays.
    ``quarantine`` is counted from the first time that the job saw a row, ``answers`` (residents' words) from the last
    step of the order.
    ``backup_keys`` is how long a sealed backup can be opened at all.
    """

    interactions: Days | None = None
    observations: Days | None = None
    decisions: Days | None = None
    personal: Days | None = None
    free_text: Days | None = None
    location: Days | None = None
    quarantine: Days | None = 365
    answers: Days | None = None
    backup_keys: Days = 30


class AppealsSection(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By when a decision is contested, from the day on which one was told, and by when the city answers; and the law.

    Four weeks lie within the month of the GDPR. A city writes the law that binds it, and the days of that law.
    """

    appeal_days: Days = 42
    appeal_law: Name = "six weeks, as in article 6:7 of the General Administrative Law Act of the Netherlands"
    answer_days: Days = 28
    answer_law: Name = "a month, Regulation (EU) 2016/679, articles 12(3) and 22(3)"


class Settings(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole ``city.toml``."""

    city: CitySection
    territories: Annotated[list[TerritorySection], msgspec.Meta(min_length=1)]
    store: StoreSection = StoreSection()
    incidents: IncidentsSection = IncidentsSection()
    needs: NeedsSection = NeedsSection()
    forecast: ForecastSection = ForecastSection()
    work: WorkSection = WorkSection()
    rollout: RolloutSection = RolloutSection()
    orders: OrdersSection = OrdersSection()
    send: list[SendSection] = []
    release: ReleaseSection = ReleaseSection()
    privacy: PrivacySection = PrivacySection()
    retention: RetentionSection = RetentionSection()
    appeals: AppealsSection = AppealsSection()
    access: AccessSection = AccessSection()
    ledger: LedgerSection = LedgerSection()
    backup: BackupSection = BackupSection()
    drill: DrillSection = DrillSection()
    watch: WatchSection = WatchSection()


def load_settings(folder: Path) -> Settings:
    """Read and check ``folder/city.toml``.

    Raises
    ------
    SettingsError
        Names the line, what is wrong and what to write instead.
    """
    path = folder / "city.toml"
    if not path.exists():
        raise SettingsError(
            f"{folder} is not a city: it has no city.toml.",
            "Make one with 'cityward init DIR --name NAME --territories FILE.geojson'.",
        )
    check_no_secret(read_toml(path), str(path))
    settings = decode_toml(path, Settings)
    check_time_zone(settings.city.time_zone, str(path))
    if settings.forecast.checkpoint:  # a path beside the settings
        place = str(folder / settings.forecast.checkpoint)
        settings = msgspec.structs.replace(
            settings, forecast=msgspec.structs.replace(settings.forecast, checkpoint=place)
        )
    scheme = settings.store.registers.split(":", 1)[0]
    if scheme not in {"sqlite", "postgresql", "postgresql+psycopg"}:
        raise SettingsError(
            f"{path}: store.registers is '{scheme[:20]}', which cityward cannot use.",
            "Write 'sqlite' or 'postgresql+psycopg://user@host/database'.",
        )
    wrong = check_database(settings.store.registers, plain=settings.store.allow_plain) if scheme != "sqlite" else ""
    if wrong:
        raise SettingsError(
            f"{path}: the address in store.registers {wrong}.",
            "Write 'postgresql+psycopg://user@host/database?sslmode=verify-full'; a password stands in ~/.pgpass or "
            "PGPASSWORD. Where the network is yours alone, say allow_plain = true in [store].",
        )
    names = [section.name for section in settings.send]
    if len(set(names)) < len(names):
        raise SettingsError(f"{path}: two [[send]] tables have one name.", "Give each a name of its own.")
    _check_groups(settings.release.groups, path)
    return settings


def _check_groups(groups: dict[str, ReleaseGroup], path: Path) -> None:
    """Raise unless every row is of one group: with two, each would pay for a part of what is told of it."""
    covering: dict[str, str] = {}
    for name, group in groups.items():
        for source in group.sources or [""]:
            first = covering.setdefault(source, name)
            if first == name and group.sources.count(source) < 2:
                continue
            line = line_of(read_toml(path), f".release.groups.{name}.sources")
            covered = f"the source '{source}'" if source else "all sources that no other group names"
            raise SettingsError(
                f"{path}, line {line}: release.groups.{name} covers {covered}"
                + (" twice." if first == name else f", as release.groups.{first} does."),
                "Name each source once; at most one group may name none, for all the others.",
            )


def check_time_zone(name: str, where: str) -> None:
    """Raise `SettingsError` unless ``name`` is a time zone that this machine knows."""
    if not is_time_zone(name):
        raise SettingsError(
            f"{where}: '{name}' is not a time zone.", "Use an IANA name such as 'America/Chicago' or 'UTC'."
        )
