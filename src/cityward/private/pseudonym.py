"""Keyed pseudonyms: the same person has the same name within a purpose, and another in every other one."""

from __future__ import annotations

import hmac
import secrets
from pathlib import Path

import polars as pl

from cityward.core.disk import SUMS, create_file, make_folder, note_sum
from cityward.core.errors import SettingsError

KEY_BYTES = 32
REMEMBERED = 500_000
"""Pseudonyms kept in memory, so that people who come again cost no new derivation."""

_FEW = 1_000  # so few are derived sooner than they are looked up
_NOBODY = pl.DataFrame(schema={"value": pl.String, "name": pl.String})
_HEX_CHARS = 32  # 128 bits: two of a billion people collide with probability below 10^-20


class Pseudonyms:
    """Derives pseudonyms with HMAC-SHA256, truncated to 128 bits.

    Parameters
    ----------
    key : bytes
        `KEY_BYTES` secret bytes of this city.

    Notes
    -----
    Source: RFC 2104 (HMAC); NIST SP 800-107r1 section 5.3.4 (truncation). The key of a purpose is itself
    derived, so that two purposes cannot be joined without the city's key.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise SettingsError(
                "The pseudonym key is damaged.", "Restore keys/pseudonyms.key from your backup of keys/."
            )
        self._key = key
        self._known: dict[str, pl.DataFrame] = {}

    def column(self, values: pl.Series, purpose: str) -> pl.Series:
        """Return the pseudonyms (32 hex digits) of ``values`` (String, any length); null stays null."""
        column = values.cast(pl.String).rename("value")
        if column.len() <= _FEW:
            return pl.Series("name", self._names(column, purpose), dtype=pl.String)
        known = self._known.get(purpose, _NOBODY)
        new = column.unique().drop_nulls().to_frame().join(known, on="value", how="anti")["value"]
        if new.len():
            made = pl.DataFrame({"value": new, "name": self._names(new, purpose)}, schema=_NOBODY.schema)
            known = pl.concat([known, made])
            self._known[purpose] = known if known.height <= REMEMBERED else made
        return column.to_frame().join(known, on="value", how="left", maintain_order="left")["name"]

    def derived(self, values: pl.Series, purpose: str) -> pl.Series:
        """As `column`, for values that are all different or seldom come again: nothing is remembered."""
        return pl.Series(values.name, self._names(values.cast(pl.String), purpose), dtype=pl.String)

    def digests(self, values: pl.Series, purpose: str) -> pl.Series:
        """Whole HMAC-SHA256 (64 hex digits) of ``values``: proof of what they say to whoever has the city's key."""
        key = hmac.digest(self._key, purpose.encode(), "sha256")
        digest = hmac.digest
        made = [None if value is None else digest(key, value.encode(), "sha256").hex() for value in values]
        return pl.Series(values.name, made, dtype=pl.String)

    def _names(self, values: pl.Series, purpose: str) -> list[str | None]:
        key = hmac.digest(self._key, purpose.encode(), "sha256")
        digest = hmac.digest
        return [None if value is None else digest(key, value.encode(), "sha256").hex()[:_HEX_CHARS] for value in values]


def load_or_create_key(path: Path) -> bytes:
    """Return the secret in ``path``, made at random on first use, readable by its owner alone."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    make_folder(path.parent, 0o700)
    try:
        key = secrets.token_bytes(KEY_BYTES)
        note_sum(path.parent / SUMS, path, key)  # of so many random bytes the digest tells nothing
        create_file(path, key)
    except FileExistsError:
        pass  # made by another program a moment ago
    return path.read_bytes()
