"""A store with rows of persons, and grants to read them by, for tests of the door inside."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cityward.core.batch import Batch
from cityward.core.clock import Clock
from cityward.core.frames import PLACED, conform
from cityward.guard.keeper import Keeper, Place
from cityward.private.pseudonym import Pseudonyms
from cityward.secure.proved import ProvedEntries

NOW = datetime(2014, 7, 1, 12, tzinfo=UTC)
ZONE = "America/Chicago"
COARSE = ("service", "territory", "occurred_at", "person")
FINE = (*COARSE, "id", "key", "lon", "lat", "text", "closed_at", "status")


def grant(**changed: object) -> str:
    """A grant as TOML; every key can be changed, or taken out with None."""
    keys: dict[str, object] = {
        "reader": "reader-one",
        "purpose": "research",
        "because": "A question of research.",
        "granted_by": "Ada Lovelace, data protection officer",
        "lawful_basis": "6(1)(e)",
        "fields": list(COARSE),
        "services": ["*"],
        "territories": ["*"],
        "valid_until": datetime(2015, 1, 1).date(),  # noqa: DTZ001 - only the day is used
        "retention_days": 30,
        "replaces": "",
        **changed,
    }
    return "".join(f"{key} = {_toml(value)}\n" for key, value in keys.items() if value is not None)


def _toml(value: object) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(f'"{one}"' for one in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def keeper(folder: Path, **grants: str) -> tuple[Keeper, list[bytes]]:
    """A keeper of ``folder`` with these grants, and the ledger's entries."""
    entries: list[bytes] = []
    (folder / "grants").mkdir(parents=True, exist_ok=True)
    for name, text in grants.items():
        (folder / "grants" / f"{name.replace('_', '-')}.toml").write_text(text, encoding="utf-8")

    def append(new: list[bytes]) -> list[int]:
        entries.extend(new)
        return list(range(len(entries) - len(new), len(entries)))

    place = Place(
        history=folder / "history",
        grants=folder / "grants",
        authorisations=folder / "authorisations",
        url=f"sqlite:///{folder / 'registers.db'}",
        zone=ZONE,
        clock=Clock.fixed(NOW),
        pseudonyms=lambda: Pseudonyms(b"k" * 32),
        groups=lambda: {f"area-{at}": "north" if at < 5 else "south" for at in range(10)},
        append=append,
        proved=ProvedEntries(folder / "ledger", Ed25519PrivateKey.generate().public_key),
        work_key=lambda: b"w" * 32,
    )
    return Keeper(place), entries


def rows(count: int = 4_000, persons: int = 400, seed: int = 1) -> pl.DataFrame:
    """Reports of persons who live in one area each, over two months."""
    random = np.random.default_rng(seed)
    who = random.integers(0, persons, count)
    minutes = random.integers(0, 60 * 24 * 60, count)
    opened = np.datetime64("2014-04-15T05:00:00", "us") + minutes.astype("timedelta64[m]")
    return pl.DataFrame(
        {
            "id": [f"r{at:06d}" for at in range(count)],
            "service": np.array(["light", "road"])[random.integers(0, 2, count)],
            "territory": [f"area-{at % 10}" for at in who],
            "occurred_at": pl.Series(opened).dt.replace_time_zone("UTC"),
            "person": [f"person {at}" for at in who],
            "lon": -87.7 + (who % 10) / 100 + random.uniform(0, 0.01, count),
            "lat": 41.8 + random.uniform(0, 0.01, count),
            "text": [f"words {at}" for at in range(count)],
        }
    )


def fill(kept: Keeper, frame: pl.DataFrame) -> None:
    """Take rows in through the door."""
    frame = frame.with_columns(source=pl.lit("s"), status=pl.lit("open"))
    door = kept.open_door(lambda _: 0)
    batch = Batch("s", "f.csv", frame.height, conform(frame, PLACED), classes={"person": "personal"})
    door.admit(door.treat(batch))
    door.close()
