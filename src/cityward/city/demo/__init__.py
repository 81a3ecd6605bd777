"""The demonstration: Chicago 2011 to 2014 from the city's own open data, in one call.

Enters: nothing but the files beside this module. Leaves: a city folder in which one turn of the loop
was taken as of 30 June 2014. Never: needs an account, a container or a network.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from importlib.resources import as_file, files
from pathlib import Path

import polars as pl

from cityward.answerable.audit.examine import examine
from cityward.answerable.audit.proxies import examine_proxies
from cityward.city.auditing import AREA_GROUPS, audit_of_cases, keep_audit, keep_proxies, with_areas
from cityward.city.city import City, open_city
from cityward.city.demo.parties import BY, SYSTEM, accept_all, with_keys
from cityward.city.demo.voted import hold_round, report
from cityward.city.folder import make
from cityward.core.clock import Clock
from cityward.core.errors import Refused, UserError

AS_OF = date(2014, 6, 30)
"""A summer day with half a year of history after it, so that a visitor can move ``--as-of`` both ways."""

KEYS = Path("keys") / "parties"
"""Keys of the example parties, in the city folder: made here, and worth nothing elsewhere."""

SOURCE = "sanitation"

_MARK = "# The demonstration city"


def run_demo(
    path: Path, clock: Clock | None = None, say: Callable[[str], None] = lambda _: None, as_of: date = AS_OF
) -> City:
    """Make the demonstration city in ``path`` if it is not there yet, take a turn, and return it open.

    A folder that a demonstration made before is used again, with the decisions made in it.

    Raises
    ------
    UserError
        ``path`` holds something that is not a demonstration city.
    """
    path = Path(path)
    if path.exists() and any(path.iterdir()):
        toml = path / "city.toml"
        if not toml.exists() or _MARK not in toml.read_text(encoding="utf-8"):
            raise UserError(f"{path} is not a demonstration city.", "Give another folder with --city DIR.")
        city = open_city(path, clock)
        with as_file(files(__package__) / "chicago") as data:
            _write_cards(path, data, city.clock.now().date())
    else:
        with as_file(files(__package__) / "chicago") as data:
            city = _fill(path, data, clock, say)
    if not any(one["source"] == SOURCE for one in city.conservation()["by_source"]):
        with as_file(files(__package__) / "chicago") as data:
            _sense(city, data, say)
    say("Looking for needs, silent places and what comes next (a minute longer the first time, to compile)")
    city.run(as_of=as_of)
    _release(city, say)
    accept_all(city, path / KEYS)
    say("Deciding by a rule how soon each kitchen is inspected; the soonest wait for a person")
    if not city.deciding.batches():
        city.cases.decide()
    if not any(one.what == "audited" for one in city.systems.events()):
        with as_file(files(__package__) / "chicago") as data:
            _audit(city, data, say)
    return city


def _audit(city: City, data: Path, say: Callable[[str], None]) -> None:
    """Audit the order of food inspections by area, and see which inputs of the city's own model give an area away."""
    say("Auditing the order of food inspections: for whom is it wrong, and what stands in for an area")
    model = pl.read_parquet(data / "food_inspection_model.parquet")
    places = pl.read_parquet(data / "food_inspections.parquet", columns=["inspection_id", "longitude", "latitude"])
    placed = with_areas(city, model.join(places, on="inspection_id"), "longitude", "latitude")
    groups = [name for name in AREA_GROUPS if name in placed.columns]
    inputs = ("inspector_assigned", "heat_burglary", "heat_garbage", "heat_sanitation")
    keep_proxies(city, SYSTEM, examine_proxies(placed, groups, inputs, outcome="criticalfound"), BY)
    keep_audit(city, SYSTEM, examine(*audit_of_cases(city, "food-inspection")), None, BY)


def _release(city: City, say: Callable[[str], None]) -> None:
    """Publish a year with error bars, and ask for as much again, which the budget no longer pays."""
    say("Releasing reports of 2013 with noise, and asking for more than the budget pays")
    year = date(2013, 1, 1), date(2013, 12, 31)
    try:
        city.releases.make(city.releases.request("count", *year, every="month", levels=True, epsilon=0.7))
        city.releases.make(city.releases.request("count", *year, every="week", epsilon=0.5))
    except Refused:
        pass  # kept with its reason; the summary and the console show it
    except UserError as error:  # without the extra that makes the noise
        say(str(error))


def _fill(path: Path, data: Path, clock: Clock | None, say: Callable[[str], None]) -> City:
    say("Making the city folder")
    territories = {"area": data / "community_areas.geojson", "tract": data / "census_tracts.geojson"}
    make(
        path,
        (data / "city.toml").read_text(encoding="utf-8"),
        territories,
        [data / "indicators_77.csv"],
        (clock or Clock()).now().date(),
    )
    for name in ("crews.csv", "measures.csv"):
        shutil.copyfile(data / name, path / name)
    clock = clock or Clock()
    with open_city(path, clock) as city:
        for name in ("sanitation.toml", "camera.toml"):
            city.add_mapping(data / name)
    _declare_cases(path, data, clock.now().date())
    say("Holding an example round of participatory budgeting, and sending a report by the form for phones")
    hold_round(path, data, clock.now())
    report(path, clock)
    return open_city(path, clock)


def _declare_cases(path: Path, data: Path, today: date) -> None:
    for part in ("cases", "systems", "rules", "drafts"):
        (path / part).mkdir(exist_ok=True)
    for part in ("cases", "rules", "drafts"):
        for file in sorted((data / part).glob("*.toml")):
            shutil.copyfile(file, path / part / file.name)
    _write_cards(path, data, today)
    shutil.copyfile(data / "food_inspections.parquet", path / "cases" / "food_inspections.parquet")


def _write_cards(path: Path, data: Path, today: date) -> None:
    """Write the cards of systems that are not there, or are of a demonstration before parties had keys."""
    for file in sorted((data / "systems").glob("*.toml")):
        card = path / "systems" / file.name
        if not card.exists() or "\nkey = " not in card.read_text(encoding="utf-8"):
            text = with_keys(file.read_text(encoding="utf-8"), path / KEYS, today)
            card.write_text(text, encoding="utf-8")


def _sense(city: City, data: Path, say: Callable[[str], None]) -> None:
    say("Taking in 74,401 sanitation complaints of 2011 to 2014")
    mappings = city.mappings()
    city.sense(data / "sanitation_requests.parquet", mappings[SOURCE])
    say("Offering the door a camera feed with face templates, which it must refuse")
    city.sense(data / "camera.ndjson", mappings["camera-7"])
