"""What residents of the demonstration said: a round that was voted in, and a report by the form for phones.

Both are examples and say so; both go the way that a resident's own would go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cityward.city.city import open_city
from cityward.city.demo.parties import BY
from cityward.core.clock import Clock
from cityward.participate.portal.report import Said

ROUND: Final = "parks"
READS_S: Final = 5
"""A form comes back after so long: sooner than anybody reads it, it is not taken."""

VOTED_DAYS: Final = 14
BALLOTS: Final = (
    ("Lincoln Park", ("playground", "trees", "cycle-path"), 36),
    ("Lincoln Park", ("playground", "trees"), 18),
    ("Lincoln Park", ("playground", "cycle-path"), 12),
    ("Lincoln Park", ("trees", "cycle-path"), 6),
    ("Englewood", ("benches", "lights"), 30),
    ("Englewood", ("benches", "books"), 12),
    ("Englewood", ("benches", "lights", "books"), 6),
)
"""A hundred and twenty ballots: where, for what, how many."""

REPORT: Final = Said(
    service="Overflowing carts", area="22", words="The carts behind the school have been full since Monday."
)


class _Moving:
    """A clock that is moved by hand."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.clock = Clock(lambda: self.now)


def hold_round(path: Path, data: Path, now: datetime) -> None:
    """Hold the example round in the days before ``now``: open it, make codes, vote, close it."""
    first = now - timedelta(days=VOTED_DAYS)
    _write(path, data, first, now)
    moving, codes = _Moving(first), list[str]()

    def take(made: Sequence[str]) -> None:
        codes.extend(made)

    with open_city(path, moving.clock) as city:
        areas = {name: identifier for identifier, name in city.area_names.items()}
        city.rounds.open(ROUND, BY)
        city.rounds.codes(ROUND, 2 * sum(count for _, _, count in BALLOTS), BY, take)
        for where, projects, count in BALLOTS:
            for _ in range(count):
                token = city.portal.new_token()
                moving.now += timedelta(seconds=READS_S)
                fields = {"choice": list(projects), "area": [areas[where]]}
                city.rounds.vote(ROUND, fields, codes.pop(), token)
        moving.now = now
        city.rounds.close(ROUND, BY)


def _write(path: Path, data: Path, first: datetime, now: datetime) -> None:
    days = {"opens": first.date(), "closes": (now - timedelta(days=2)).date()}
    text = (data / "rounds" / f"{ROUND}.toml").read_text(encoding="utf-8")
    for key, day in days.items():
        text = re.sub(rf"(?m)^{key} = .*$", f"{key} = {day}", text)
    (path / "rounds").mkdir(exist_ok=True)
    (path / "rounds" / f"{ROUND}.toml").write_text(text, encoding="utf-8")


def report(path: Path, clock: Clock) -> None:
    """Send one report by the form of the portal, as a phone without script does."""
    moving = _Moving(clock.now() - timedelta(seconds=READS_S))
    with open_city(path, moving.clock) as city:
        token = city.portal.new_token()
        moving.now += timedelta(seconds=READS_S)
        city.portal.take(REPORT, token)
