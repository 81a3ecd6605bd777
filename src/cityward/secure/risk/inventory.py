"""What a city runs on: assets, who owns them, whom they serve, and what each needs to work."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from cityward.core.errors import UserError
from cityward.core.limits import ID_CHARS, RISK_ASSETS, RISK_FILE_BYTES
from cityward.core.toml_text import decode_toml_text, read_toml
from cityward.secure.risk.importers import cyclonedx, listing, nmap
from cityward.secure.risk.records import Asset, Inventory, InventoryFile, ScenarioFile

SCENARIOS_FILE, CONTROLS_FILE = "scenarios.toml", "controls.toml"
Suffix = Literal[".toml", ".csv", ".json", ".xml"]


def read_inventory(folder: Path) -> Inventory:
    """Read every ``.toml``, ``.csv``, ``.json`` (CycloneDX) and ``.xml`` (Nmap) of a folder, in the order of names.

    Of two records of one asset the one in TOML wins and the other only adds what it does not say: a scanner knows
    products, not owners.

    Raises
    ------
    UserError
        No folder, nothing in it, or a file that cannot be read; names the file.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder.", "Give the folder that holds the inventory.")
    written: dict[str, Asset] = {}
    seen: dict[str, Asset] = {}
    territories: dict[str, float] = {}
    for path in sorted(folder.iterdir()):
        if path.name in (SCENARIOS_FILE, CONTROLS_FILE) or not path.is_file():
            continue
        if path.suffix == ".toml":
            file = decode_toml_text(_text(path), InventoryFile, str(path))
            territories |= file.territories
            _take(written, file.assets, path)
        elif path.suffix in (".csv", ".json", ".xml"):
            reader = {".csv": listing.read, ".json": cyclonedx.read, ".xml": nmap.read}[path.suffix]
            for asset in reader(_bytes(path), path.name):
                seen.setdefault(asset.id, asset)
        _not_too_many(len(written) + len(seen), folder)
    for id_, asset in seen.items():
        written[id_] = _completed(written[id_], asset) if id_ in written else asset
    if not written:
        raise UserError(f"{folder} holds no asset.", "Write [[assets]] with id, name and owner in a .toml file there.")
    return Inventory(tuple(written.values()), territories)


def _take(written: dict[str, Asset], assets: tuple[Asset, ...], path: Path) -> None:
    for asset in assets:
        if not asset.id or len(asset.id) > ID_CHARS or not asset.id.isprintable():
            raise UserError(
                f"{path}: an asset has no id, or one that is too long or cannot be printed.",
                f"Give each asset an id of at most {ID_CHARS} letters.",
            )
        if asset.id in written:
            raise UserError(f"{path}: there are two assets '{shown(asset.id)}'.", "Rename or delete one of them.")
        written[asset.id] = asset


def _not_too_many(count: int, folder: Path) -> None:
    if count > RISK_ASSETS:
        raise UserError(
            f"{folder} has more than {RISK_ASSETS:,} assets.",
            "Write one asset for what fails and is mended together, such as all desks of an office.",
        )


def _completed(asset: Asset, other: Asset) -> Asset:
    empty = {
        name: getattr(other, name) for name in ("vendor", "product", "version", "address") if not getattr(asset, name)
    }
    return msgspec.structs.replace(asset, **empty)


def shown(text: str) -> str:
    """A name of a user's file, safe to print: short, and without control characters."""
    return "".join(sign if sign.isprintable() else "?" for sign in text[:80])


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > RISK_FILE_BYTES:
        raise UserError(f"{path} is larger than {RISK_FILE_BYTES:,} bytes.", "Export less, or split it.")
    return path.read_bytes()


def _text(path: Path) -> str:
    if path.stat().st_size > RISK_FILE_BYTES:
        raise UserError(f"{path} is larger than {RISK_FILE_BYTES:,} bytes.", "Split it.")
    return read_toml(path)


def read_scenarios(folder: Path, file: Path | None = None) -> ScenarioFile:
    """Read ``file``, or ``scenarios.toml`` of the folder, and ``controls.toml`` of the folder where there is one.

    Raises
    ------
    SettingsError
        Names the file and the line.
    """
    path = file or folder / SCENARIOS_FILE
    if not path.exists():
        raise UserError(f"{path} is not there.", "Write [[scenarios]] there, or give --scenarios FILE.")
    read = decode_toml_text(_text(path), ScenarioFile, str(path))
    more = folder / CONTROLS_FILE
    if not more.exists():
        return read
    controls = decode_toml_text(_text(more), ScenarioFile, str(more))
    if controls.scenarios or controls.shocks:
        raise UserError(f"{more} holds scenarios.", f"Write them in {path.name}; {CONTROLS_FILE} is for controls.")
    return msgspec.structs.replace(read, controls=(*read.controls, *controls.controls))
