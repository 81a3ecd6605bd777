"""Registered authorisations: the only way past the refusal of biometric and recorded payloads.

One file each, ``authorisations/*.toml`` beside ``city.toml``, for people to review. An authorisation lets the
*rows* of one source in while it lasts; their payload is emptied at the door all the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.core.errors import SettingsError
from cityward.core.toml_text import decode_toml_text, read_toml

Text = Annotated[str, msgspec.Meta(min_length=3, max_length=400)]
_SOURCE: Final = re.compile(r"^\s*source\s*=\s*[\"']([^\"']+)[\"']", re.MULTILINE)
DAYS_MAX: Final = 366
"""Longest window: who needs more asks again."""


class Authorisation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a law allows, as registered.

    ``law`` names the act and clause, ``authority`` who decided, ``area`` the territories by id, ``begins`` and
    ``ends`` the window (with offset), ``target`` whom or what is looked for (a case number, no name), and
    ``verifiers`` two people who each confirm a match.
    """

    source: Text
    law: Text
    authority: Text
    area: Annotated[tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=200)], ...], msgspec.Meta(min_length=1)]
    begins: Annotated[datetime, msgspec.Meta(tz=True)]
    ends: Annotated[datetime, msgspec.Meta(tz=True)]
    target: Text
    verifiers: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Standing:
    """One file: its name, its source, what it says if it can be read, and why it does not stand (empty: it stands)."""

    file: str
    source: str
    authorisation: Authorisation | None
    because: str

    def covers(self, frame: pl.DataFrame) -> NDArray[np.bool_]:
        """Which rows lie in the area and the window."""
        given = self.authorisation
        if given is None or self.because:
            return np.zeros(frame.height, dtype=np.bool_)
        at = next((name for name in ("occurred_at", "observed_at") if name in frame.columns), None)
        place = "territory" if "territory" in frame.columns else "stated_territory"
        if at is None or place not in frame.columns:
            return np.zeros(frame.height, dtype=np.bool_)
        inside = pl.col(place).is_in(list(given.area)) & pl.col(at).is_between(given.begins, given.ends)
        return frame.select(inside.fill_null(value=False).alias("inside"))["inside"].to_numpy()


def standings(folder: Path, now: datetime, sources: frozenset[str] | None = None) -> list[Standing]:
    """Return every authorisation of ``folder`` and whether it stands at ``now``.

    Parameters
    ----------
    folder : pathlib.Path
        ``authorisations`` of a city; may be missing.
    now : datetime
        Aware.
    sources : frozenset of str, optional
        Sources that the city knows; None: not checked.
    """
    return [_standing(path, now, sources) for path in sorted(folder.glob("*.toml"))]


def standing_for(source: str, folder: Path | None, now: datetime) -> Standing | None:
    """Return the authorisation that stands for ``source``, else one that does not, else None."""
    own = [standing for standing in (standings(folder, now) if folder else []) if standing.source == source]
    return next((standing for standing in own if not standing.because), own[0] if own else None)


def _standing(path: Path, now: datetime, sources: frozenset[str] | None) -> Standing:
    text = ""
    try:
        text = read_toml(path)
        given = decode_toml_text(text, Authorisation, path.name)
    except SettingsError as error:
        named = _SOURCE.search(text)
        return Standing(path.name, named[1] if named else "", None, f"it is incomplete or cannot be read: {error.what}")
    return Standing(path.name, given.source, given, _why_not(given, now, sources))


def _why_not(given: Authorisation, now: datetime, sources: frozenset[str] | None) -> str:  # noqa: PLR0911 - one reason a line
    people = {" ".join(name.casefold().split()) for name in given.verifiers}
    if len(people) < 2:
        return "it needs two different verifiers."
    if any(not text.strip() for text in (given.law, given.authority, given.target, *given.area)):
        return "law, authority, area and target must all be given."
    if "*" in given.area:
        return "its area must name territories; everywhere is no area."
    if given.ends <= given.begins:
        return "it ends before it begins."
    if (given.ends - given.begins).days > DAYS_MAX:
        return f"its window is longer than {DAYS_MAX} days."
    if now < given.begins:
        return f"it begins on {given.begins.date()} only."
    if now > given.ends:
        return f"it ended on {given.ends.date()}."
    if sources is not None and given.source not in sources:
        return f"this city has no source '{given.source}'."
    return ""
