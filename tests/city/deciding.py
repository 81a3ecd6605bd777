"""A city that really decides: a registered system whose parties signed, a rule, and cases that a person settled."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.answerable.register.making import PARTIES, a_text

from cityward.city import City, init, open_city
from cityward.secure.signed_text import verifier_key

TREES, CLERK, DECIDER = "tree-permits", "Clara Roth", "Some Overseer"
"""The system, somebody of the city, and the overseer, who settles."""

RULE = """
id = "fell-a-tree"
version = "2"
title = "Whether a tree may be felled"
reference = "Tree by-law"
valid_from = 2014-01-01
hit = "first"

[inputs.height]
type = "number"
unit = "m"
min = 0

[inputs.kind]
type = "text"
values = ["oak", "elm", "lime"]

[inputs.ill]
type = "yes-no"

[outputs.outcome]
type = "text"
values = ["allow", "refuse"]

[[rows]]
when = { ill = "yes" }
then = { outcome = "allow" }
because = "an ill tree can fall on somebody"
law = "article 7(2)"

[[rows]]
when = { height = "< 10" }
then = { outcome = "allow" }
because = "it is small"
law = "article 7(1)"

[[rows]]
when = { ill = "no", height = ">= 10" }
then = { outcome = "refuse" }
because = "it is tall and healthy"
law = "article 7(1)"
"""
CASES = pl.DataFrame(
    {
        "case": ["tree 1", "tree 2", "tree 3", "tree 4"],
        "territory": ["64", "64", "1", "1"],
        "height": [12.0, 14.0, 4.0, 20.0],
        "kind": ["oak", "elm", "oak", "lime"],
        "ill": [False, False, False, False],
    }
)
"""Three are refused by row 3, each for want of illness; one is small."""


def trees(city: City) -> None:
    """Register the system with everything signed, and put its rule in force."""
    signers = {duty: Ed25519PrivateKey.from_private_bytes(bytes([at + 1]) * 32) for at, duty in enumerate(PARTIES)}
    keys = {duty: verifier_key(f"some-{duty}", signer.public_key()) for duty, signer in signers.items()}
    (city.folder.systems / f"{TREES}.toml").write_text(a_text(keys=keys), encoding="utf-8")
    city.systems.approve(TREES, CLERK, "Read it line by line.")
    for duty, signer in signers.items():
        city.systems.accept(TREES, duty, signer=signer)
    city.folder.rules.mkdir(exist_ok=True)
    (city.folder.rules / "fell-a-tree.toml").write_text(RULE, encoding="utf-8")


def decided(city: City, cases: pl.DataFrame = CASES, *, wait: tuple[str, ...] = ()) -> dict[str, str]:
    """Decide cases and settle each as the rule says, but for those that ``wait``; identifiers by case."""
    batch = city.deciding.make(TREES, "fell-a-tree", cases)
    rows = city.deciding.frame(("case", "id", "recommended", "batch")).filter(pl.col("batch") == batch.id)
    for name, identifier, recommended, _ in rows.iter_rows():
        if name not in wait:
            settle(city, identifier, recommended)
    return dict(rows.select("case", "id").iter_rows())


def settle(city: City, identifier: str, outcome: str) -> None:
    """Settle one decision as the overseer."""
    city.deciding.settle(
        identifier, outcome, by=DECIDER, competence="Reads applications since 2010.",
        because="The photographs show a healthy crown.", looked_seconds=60.0,
    )  # fmt: skip


def small_city(folder: Path) -> tuple[Path, dict[str, str]]:
    """A city of one area in which the trees were decided just now; its folder, and the decisions by case."""
    square = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]
    one = {"type": "Feature", "properties": {"name": "Centre"}, "geometry": {"type": "Polygon", "coordinates": square}}
    areas = folder / "areas.geojson"
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": [one]}), encoding="utf-8")
    home = init(folder / "city", name="Small", territories=areas, name_property="name")
    with open_city(home) as city:
        trees(city)
        return home, decided(city, wait=("tree 4",))
