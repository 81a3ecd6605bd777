"""A city that awarded 400 scholarships on one day."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from tests.answerable.replay.drawn import AWARD, people

from cityward.city import City, init, open_city
from cityward.core.clock import Clock
from cityward.core.identifiers import slug
from cityward.secure.keys import create_signer
from cityward.secure.signed_text import verifier_key

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "scholarship-award.toml"
AREAS = ROOT / "src" / "cityward" / "city" / "demo" / "chicago" / "community_areas.geojson"
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def awarded(home: Path, count: int = 400, areas: int = 9) -> Path:
    """Make the city in ``home``, its register beside it; return its folder."""
    folder = home / "city"
    init(folder, name="Chicago", territories=AREAS, time_zone="America/Chicago")
    with open_city(folder, Clock.fixed(NOW)) as city:
        register(city, home)
        places = [one.id for one in city.territories()][:areas]
        cases = people(count).with_columns(
            pl.col("territory").replace_strict(
                [f"T{at}" for at in range(1, 10)], [places[at % areas] for at in range(9)]
            ),
            pl.Series("case", [f"S-{at}" for at in range(count)]),
        )
        amounts = AWARD.decide(cases)["amount"].alias("costs")
        city.deciding.make("scholarship-award", "scholarship-award", cases.with_columns(amounts), cost="costs")
    return folder


def register(city: City, keys: Path) -> None:
    """Put the example into the register, approved and every duty accepted."""
    head, *parties = EXAMPLE.read_text(encoding="utf-8").split("[[parties]]")
    signers, told = {}, [head]
    for party in parties:
        who = slug(party.split('name = "')[1].split('"')[0])
        signers.setdefault(who, None)
        if signers[who] is None:
            signers[who] = create_signer(keys / f"{who}.key")
        told.append(party.rstrip() + f'\nkey = "{verifier_key(who, signers[who].public_key())}"\n\n')
    city.folder.systems.mkdir(exist_ok=True)
    (city.folder.systems / EXAMPLE.name).write_text("[[parties]]".join(told), encoding="utf-8")
    city.systems.approve("scholarship-award", "Ana Ruiz", "It was read together with the act.")
    for holding in city.systems.get("scholarship-award").holdings:
        city.systems.accept("scholarship-award", holding.duty, signer=signers[slug(holding.party)])
