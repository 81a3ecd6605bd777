"""Small cities for tests of risk."""

from __future__ import annotations

from cityward.secure.risk.cast import City, prepare_city
from cityward.secure.risk.records import Asset, Control, Inventory, Need, Scenario, ScenarioFile


def asset(id_: str, *needs: Need, hours: float = 0.0, people: float = 0.0, **more: object) -> Asset:
    """An asset that somebody owns."""
    serves = {"all": people} if people else {}
    return Asset(id_, owner="IT", needs=needs, repair_hours=hours, serves=serves, **more)  # type: ignore[arg-type]


def city(assets: list[Asset], scenarios: list[Scenario], controls: tuple[Control, ...] = ()) -> City:
    """Assets and scenarios, prepared."""
    return prepare_city(Inventory(tuple(assets), {}), ScenarioFile(tuple(scenarios), controls=controls))
