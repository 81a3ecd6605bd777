"""A small city that is made, takes rows in from several senders, takes turns, decides, and says what it acknowledged.

Run as a program it lives one short life; each acknowledgement is one JSON line, written only after the city said that
something is done. Whoever records the life's system calls, or ends it, knows from these lines what may not be lost.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cityward.city import City, init, open_city
from cityward.core.clock import Clock

MAPPING = """\
source = "streets"
kind = "complaint"
domain = "environment"
not_before = 2013-01-01
[columns]
id = "id"
occurred_at = "at"
status = "status"
lon = "lon"
lat = "lat"
[status]
open = ["open"]
[service]
default = "Garbage in alley"
[classes]
face = "biometric"
"""
SENSORS = """\
source = "air"
kind = "observation"
[columns]
sensor = "sensor"
observed_at = "at"
property = "property"
value = "value"
unit = "unit"
lon = "lon"
lat = "lat"
"""
START = datetime(2014, 1, 1, 8, tzinfo=UTC)
DAYS = 120
SPIKE = 40
"""Reports of the last three days in one square, so that there is a need to decide on."""

READINGS = 1_000
"""Most values of a life."""

Tell = Callable[[dict[str, Any]], None]


def squares() -> dict[str, Any]:
    """Nine areas of a hundredth of a degree."""
    features = []
    for at in range(9):
        west, south = 9 + at % 3 / 100, 48 + at // 3 / 100
        ring = [[west, south], [west + 0.01, south], [west + 0.01, south + 0.01], [west, south + 0.01], [west, south]]
        shape = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "properties": {"id": f"s{at}"}, "geometry": shape})
    return {"type": "FeatureCollection", "features": features}


def reports(name: str, count: int, chance: random.Random, *, area: int | None = None, day: int | None = None) -> bytes:
    """NDJSON of reports; some dated before the source began (quarantine), some with a face template (refused)."""
    lines = []
    for at in range(count):
        square = chance.randrange(9) if area is None else area
        moment = START + timedelta(
            days=chance.randrange(DAYS) if day is None else day, seconds=chance.randrange(30_000)
        )
        row: dict[str, Any] = {
            "id": f"{name}-{at}",
            "at": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "status": "open",
            "lon": 9 + square % 3 / 100 + chance.uniform(0.001, 0.009),  # at one point they would be one incident
            "lat": 48 + square // 3 / 100 + chance.uniform(0.001, 0.009),
        }
        if at % 7 == 5:
            row["at"] = "2009-01-01T00:00:00Z"
        if at % 11 == 9:
            row["face"] = [0.25, 0.5]
        lines.append(json.dumps(row))
    return ("\n".join(lines) + "\n").encode()


def admitted(name: str, count: int) -> list[str]:
    """Identifiers of those of `reports` that the door admits."""
    return [f"{name}-{at}" for at in range(count) if at % 7 != 5 and at % 11 != 9]


def readings(first: int, count: int) -> bytes:
    """NDJSON of what one sensor measured from the minute ``first`` of the last day on."""
    rows = (
        {
            "sensor": "dust", "at": (START + timedelta(days=DAYS - 1, minutes=first + at)).isoformat(),
            "property": "PM2.5", "value": 8.0 + at % 5, "unit": "ug/m3", "lon": 9.005, "lat": 48.005,
        }
        for at in range(count)
    )  # fmt: skip
    return ("\n".join(json.dumps(row) for row in rows) + "\n").encode()


def found(folder: Path, files: Path) -> None:
    """Make the city in ``folder``; ``files`` is for what it is made of."""
    files.mkdir(parents=True, exist_ok=True)
    (files / "squares.geojson").write_text(json.dumps(squares()))
    init(folder, name="Nine squares", territories=files / "squares.geojson")


class Life:
    """One process's life with a city.

    Parameters
    ----------
    folder, files
        The city, and a folder for what is taken in.
    number : int
        Makes names of rows different from those of other lives.
    tell : callable
        Told each acknowledgement.
    """

    def __init__(self, folder: Path, files: Path, number: int, tell: Tell) -> None:
        self._files = files
        self._number = number
        self._tell = tell
        self._chance = random.Random(number)
        moment = START + timedelta(days=DAYS + number)
        self._telling = threading.Lock()
        self._seen = 0
        self.city = open_city(folder, Clock(lambda: moment + timedelta(milliseconds=self._ticks())))

    def _ticks(self) -> int:
        self._seen += 1
        return self._seen

    def say(self, **what: Any) -> None:
        """Acknowledge something, with the ledger as it is signed now."""
        with self._telling:
            self._tell({**what, "ledger": ledger_of(self.city)})

    def prepare(self) -> None:
        """Keep the mappings."""
        for name, text in (("streets", MAPPING), ("air", SENSORS)):
            path = self._files / f"{name}.toml"
            path.write_text(text)
            self.city.add_mapping(path)
            self.say(kind="mapping", id=name)

    def sense_file(self, name: str, count: int, **where: int) -> None:
        """Take a file in."""
        name = f"{self._number}.{name}"
        path = self._files / f"{name}.ndjson"
        path.write_bytes(reports(name, count, self._chance, **where))
        taken = self.city.sense(path, self.city.mappings()["streets"])
        self.say(kind="rows", ids=admitted(name, count), received=sum(one.received for one in taken))

    def post(self, name: str, count: int) -> None:
        """Take a message in."""
        name = f"{self._number}.{name}"
        taken = self.city.take("streets", reports(name, count, random.Random(name)))
        self.say(kind="rows", ids=admitted(name, count), received=taken.received)

    def measure(self, first: int, count: int) -> None:
        """Take in what a sensor says; the values of a life do not overlap with those of another."""
        first += self._number * READINGS
        taken = self.city.take("air", readings(first, count))
        self.say(kind="readings", first=first, count=count, received=taken.received)

    def turn(self) -> None:
        """Take a turn of the loop."""
        turn = self.city.run(as_of=(START + timedelta(days=DAYS - 1)).date())
        self.say(kind="turn", id=turn.id)

    def decide(self) -> None:
        """Approve the first proposal that waits; work orders go out with it."""
        waiting = self.city.proposals("waiting")
        if waiting:
            decision = self.city.decide(waiting[0].id, "approved", "Ana Gomez", "A crew is free on Tuesday")
            self.say(kind="decision", id=decision.id, entry=decision.receipt)


def ledger_of(city: City) -> list[Any]:
    """Size and root that a checkpoint of the ledger signs now."""
    # One read of what was signed: another thread may append between a look at the size and one at the root.
    lines = city.checkpoint().split("\n")
    return [int(lines[1]), lines[2]] if len(lines) > 2 else [0, ""]


def short_life(folder: Path, files: Path, tell: Tell) -> None:
    """All that a city acknowledges, once or twice, in an order that is the same each time."""
    found(folder, files)
    tell({"kind": "city"})
    life = Life(folder, files, 0, tell)
    life.prepare()
    life.sense_file("file", 300)
    life.sense_file("spike", SPIKE, area=4, day=DAYS - 1)
    life.post("first", 12)
    life.measure(0, 20)
    with ThreadPoolExecutor(3) as senders:
        jobs = [senders.submit(life.post, f"m{at}", 12) for at in range(6)]
        jobs += [senders.submit(life.measure, at, 5) for at in (20, 25, 30)]
        for job in jobs:
            job.result()
    life.turn()
    life.decide()
    life.post("last", 12)
    life.city.close()
    tell({"kind": "closed"})
    life = Life(folder, files, 1, tell)
    life.measure(0, 5)
    life.sense_file("file", 40)
    life.post("last", 12)
    life.decide()
    life.city.close()


def main() -> None:
    """``city_life.py FOLDER FILES ACKNOWLEDGED``: live a short life and append acknowledgements to a file."""
    folder, files, told = (Path(name) for name in sys.argv[1:4])
    descriptor = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def tell(what: dict[str, Any]) -> None:
        os.write(descriptor, json.dumps(what).encode() + b"\n")

    short_life(folder, files, tell)


if __name__ == "__main__":
    main()
