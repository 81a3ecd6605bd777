"""cityward: what a territory's people need, detected, anticipated and answered for.

>>> import cityward
>>> city = cityward.open("chicago")  # a folder made by 'cityward init' or 'cityward demo'
>>> city.needs()  # a Polars frame, best first
"""

from __future__ import annotations

from importlib.metadata import version as _version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from cityward.city import City

__version__ = _version("cityward")
__all__ = ["open"]


def open(path: str | Path) -> City:  # noqa: A001 - reads as 'cityward.open', like the built-in
    """Open a city folder and return its `cityward.city.City`."""
    from cityward.city import open_city

    return open_city(path)
