"""Hosts and addresses of logs, as assets of the inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cityward.secure.risk.records import Asset, Inventory

WAYS: Final = ("id", "address", "name", "product")
"""How a host can be told, the surest first."""


def place_table(inventory: Inventory) -> pl.DataFrame:
    """Every text that tells an asset and no other: ``key`` (lower case), ``asset``, ``how`` (see `WAYS`).

    Notes
    -----
    A text that tells two assets in the same way tells none. Of a name with dots the first part tells too, where it is
    no address: logs name ``mail`` what the inventory calls ``mail.city.example``.
    """
    rows = [
        (key.strip().lower(), asset.id, WAYS.index(how))
        for asset in inventory.assets
        for how, key in _keys(asset)
        if key.strip()
    ]
    table = pl.DataFrame(rows, schema={"key": pl.String, "asset": pl.String, "how": pl.Int64}, orient="row").unique()
    alone = table.filter(pl.col("asset").n_unique().over("key", "how") == 1)
    best = alone.sort("key", "how", "asset").unique("key", keep="first", maintain_order=True)
    names = dict(enumerate(WAYS))
    return best.with_columns(pl.col("how").replace_strict(names, return_dtype=pl.String))


def _keys(asset: Asset) -> Iterator[tuple[str, str]]:
    yield "id", asset.id
    yield "name", asset.name
    yield "product", asset.product
    if asset.kind not in ("service", "supplier"):
        yield "name", _short(asset.id)
        yield "name", _short(asset.name)
    for address in asset.address.replace(",", " ").split():
        yield "address", address


def _short(name: str) -> str:
    """The first label of a name with dots; an address has none."""
    label = name.partition(".")[0]
    return "" if " " in name or label.isdecimal() else label


def placed(sightings: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Add ``place``, ``how`` and ``from_asset`` to sightings.

    ``place`` is the asset of the host; where the inventory has none, the host itself (``how`` is null), or empty
    where no host was told. ``from_asset`` is the asset whose address is the source, or null.
    """
    host = pl.col("host").fill_null("")
    short = pl.when(host.str.contains(r"^\d+(\.|$)|:")).then(None).otherwise(host.str.split(".").list.first())
    rows = sightings.with_columns(host.alias("_host"), short.alias("_short"))
    whole = table.rename({"key": "_host", "asset": "_whole", "how": "_how"})
    part = table.filter(pl.col("how") != "product").rename({"key": "_short", "asset": "_part", "how": "_part_how"})
    came = table.filter(pl.col("how") == "address").select(
        pl.col("key").alias("source"), pl.col("asset").alias("_came")
    )
    rows = rows.join(whole, on="_host", how="left", maintain_order="left")
    rows = rows.join(part, on="_short", how="left", maintain_order="left")
    rows = rows.join(came, on="source", how="left", maintain_order="left")
    return rows.with_columns(
        pl.coalesce("_whole", "_part", "_host").alias("place"),
        pl.coalesce("_how", "_part_how").alias("how"),
        pl.col("_came").alias("from_asset"),
    ).drop("_host", "_short", "_whole", "_how", "_part", "_part_how", "_came")


def needs_table(inventory: Inventory) -> pl.DataFrame:
    """What each asset directly needs: ``needer``, ``needed``."""
    rows = [(asset.id, other) for asset in inventory.assets for need in asset.needs for other in need.of]
    return pl.DataFrame(rows, schema={"needer": pl.String, "needed": pl.String}, orient="row").unique(
        maintain_order=True
    )
