"""Innocent look-alikes of the labelled set: what must pass the door."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """A value in a field, with what it truly is; ``public`` must pass."""

    kind: str
    field: str
    value: Any
    truth: str


def digits_of(random: np.random.Generator, digits: int) -> str:
    """A number of so many digits, the first not 0."""
    return str(random.integers(1, 10)) + "".join(map(str, random.integers(0, 10, digits - 1)))


def innocent_series(random: np.random.Generator) -> list[Case]:
    """Series of sensors and prices, in the lengths and forms of vectors."""
    cases = []
    for at in range(120):
        size = int(random.choice([24, 48, 96, 128, 144, 168, 256, 288, 365, 512, 720, 1440]))
        time = np.arange(size)
        day = 6.2832 * time / 24
        series = {
            0: np.abs(random.normal(20, 6, size)).round(1),
            1: (18 + 6 * np.sin(day) + random.normal(0, 0.5, size)).round(2),
            2: random.poisson(12, size),
            3: (-2 + 5 * np.sin(day) + random.normal(0, 0.8, size)).round(1),
            4: np.cumsum(random.normal(0, 0.3, size)) + 100,
            5: 35 + 8 * np.sin(day) + random.normal(0, 1, size),
            6: np.cumsum(random.exponential(0.4, size)).round(3),
            7: np.where(random.random(size) < 0.8, 0.0, random.exponential(2, size).round(1)),
            8: (random.random(size) * 100).round(0),
            9: (np.sin(6.2832 * time / 50) + 0.05 * random.normal(size=size)).round(5),
        }[at % 10]
        shown = series.tolist()
        match int(random.integers(0, 6)):
            case 0:
                value: Any = shown
            case 1:
                value = json.dumps({"sensor": "a7", "readings": shown})
            case 2:
                value = ",".join(map(str, shown))
            case 3:
                value = {"unit": "µg/m³", "values": shown}
            case 4:
                value = base64.b64encode(series.astype("<f4").tobytes()).decode() if at % 10 in (1, 4, 5, 9) else shown
            case _:
                value = [
                    {"at": f"2014-07-{1 + place // 24 % 28:02d}T{place % 24:02d}:00:00Z", "pm25": number}
                    for place, number in enumerate(shown)
                ]
        cases.append(
            Case(
                f"series-{at % 10}",
                str(random.choice(["readings", "pm25", "v", "data", "hourly", "prices"])),
                value,
                "public",
            )
        )
    return cases


def innocent_codes(random: np.random.Generator) -> list[Case]:
    """Hashes, identifiers, numbers and versions."""
    cases = []
    for _ in range(8):
        data = random.bytes(40)
        some = [
            ("sha256", "hash", hashlib.sha256(data).hexdigest()),
            ("sha256-any", "v", hashlib.sha256(data).hexdigest()),
            ("sha512", "digest", hashlib.sha512(data).hexdigest()),
            ("sha-base64", "etag", base64.b64encode(hashlib.sha256(data).digest()).decode()),
            ("git", "commit", hashlib.sha1(data, usedforsecurity=False).hexdigest()),
            ("md5", "checksum", hashlib.md5(data, usedforsecurity=False).hexdigest()),
            ("uuid", "request_id", str(uuid.UUID(bytes=random.bytes(16), version=4))),
            ("signature", "signature", base64.b64encode(random.bytes(256)).decode()),
            ("order", "order_number", digits_of(random, 10)),
            ("order-year", "order", f"2024-{random.integers(1, 999999):06d}"),
            ("request", "request", f"14-{random.integers(0, 99999999):08d}"),
            ("route", "route", str(random.choice(["B-12", "N52", "151", "RE 7", "L3"]))),
            ("price", "price", f"{random.integers(1, 9999):,}.{random.integers(0, 99):02d}"),
            ("price-eu", "amount", f"1.{random.integers(100, 999)}.{random.integers(100, 999)},50 €"),
            ("epoch", "ts", int(random.integers(1_300_000_000, 1_700_000_000))),
            ("epoch-ms", "v", str(random.integers(1_300_000_000_000, 1_700_000_000_000))),
            ("stamp", "at", f"2014-06-{random.integers(10, 29)}T10:15:00Z"),
            (
                "version",
                "version",
                f"{random.integers(1, 12)}.{random.integers(0, 20)}.{random.integers(0, 9)}.{random.integers(0, 9)}",
            ),
            ("version-any", "sw", f"v{random.integers(1, 9)}.{random.integers(0, 9)}.{random.integers(0, 9)}"),
            ("zip", "zip", f"{random.integers(10000, 99999)}-{random.integers(1000, 9999)}"),
            ("point", "location", f"{random.uniform(41, 42):.6f}, {random.uniform(-88, -87):.6f}"),
            ("sku", "sku", f"AB-{random.integers(1000, 9999)}-X"),
            ("meter", "meter_reading", int(random.integers(10_000, 9_999_999))),
            ("url", "link", f"https://data.example.org/d/{random.bytes(4).hex()}/rows?id={random.integers(1, 10**6)}"),
            (
                "text64",
                "note",
                base64.b64encode(
                    b"The street light at the corner has been out for three days; please mend it."
                ).decode(),
            ),
            (
                "json64",
                "payload",
                base64.b64encode(
                    json.dumps(
                        {"service": "lights", "n": int(random.integers(1, 99)), "open": True, "ward": "12"}
                    ).encode()
                ).decode(),
            ),
            ("gzip64", "payload", base64.b64encode(gzip.compress(b"id,count\n1,2\n3,4\n" * 20)).decode()),
        ]
        cases += [Case(f"code-{kind}", field, value, "public") for kind, field, value in some]
    return cases


def innocent_shapes(random: np.random.Generator) -> list[Case]:
    """Polygons, stations and tables."""
    cases = []
    for at in range(40):
        count = int(random.integers(5, 80))
        turn = np.sort(random.random(count)) * 6.2832
        ring = np.column_stack([-87.6 + 0.01 * np.cos(turn), 41.8 + 0.01 * np.sin(turn)]).round(6).tolist()
        ring.append(ring[0])
        match at % 8:
            case 0:
                value: Any = {"type": "Polygon", "coordinates": [ring]}
            case 1:
                value = json.dumps(
                    {
                        "type": "Feature",
                        "properties": {"name": "Loop"},
                        "geometry": {"type": "MultiPolygon", "coordinates": [[ring], [ring]]},
                    }
                )
            case 2:
                value = "POLYGON ((" + ", ".join(f"{x} {y}" for x, y in ring) + "))"
            case 3:
                value = "LINESTRING (" + ", ".join(f"{x} {y}" for x, y in ring[:-1]) + ")"
            case 4:
                value = [
                    {"station": f"S{place}", "lat": y, "lon": x, "time": "08:00"}
                    for place, (x, y) in enumerate(ring[:-1])
                ]
            case 5:
                value = [
                    [2000 + place, int(random.integers(10, 900)), int(random.integers(0, 360))]
                    for place in range(count)
                ]
            case 6:
                value = [[int(part) for part in random.integers(0, 256, 3)] for _ in range(count)]
            case _:
                value = {
                    f"2014-07-{1 + place % 28:02d}": round(float(random.normal(50, 9)), 3) for place in range(count)
                }
        cases.append(
            Case(f"shape-{at % 8}", str(random.choice(["geometry", "shape", "data", "table"])), value, "public")
        )
    return cases


def innocent_texts(random: np.random.Generator) -> list[Case]:
    """Complaints that name places, dates and services, nobody."""
    said = [
        "Pothole at 4853 S WOOD near the school.",
        "Street light out on Martin Luther King Dr.",
        "Dr. Martin Luther King Blvd is dark at night.",
        "La calle Doctor Fleming 12 no tiene luz.",
        "Basura en la Plaza Mayor desde el 30/06/2014.",
        "A Rua Augusta está com buracos.",
        "Avenida Presidente Vargas sem semáforo.",
        "Am Konrad-Adenauer-Platz ist die Ampel defekt.",
        "Der Müll in der Goethestraße wurde nicht geholt.",
        "Rue Victor Hugo, le trottoir est sale.",
        "Le bus 151 n'est pas passé à 8:15.",
        "Request 14-00012345 of 2014-06-30 10:15:00 is still open.",
        "Since 2012 I wrote 3 times and paid $1,250.00.",
        "Route 151, 152 and 153 skip the stop.",
        "Sensor reads 8.6 to 11.2 at 41.881832, -87.623177.",
        "Order 1234567890 is delayed.",
        "I am very angry about the noise.",
        "Thanks, great service!",
        "My address book does not open in your app.",
        "Soy vecina de este barrio desde 2005.",
        "Ich bin sehr unzufrieden.",
        "Je suis très content du parc.",
        "Version 2.10.3.1 of the app crashes.",
        "Meet at the library at 10:30.",
        "Look at example.com for details",
        "Bus N 52 and tram 4 stop here.",
        "The hydrant at W 63rd St and S Ashland Ave leaks 24 hours.",
        "Ticket 2024-004512 closed on 12.05.2024",
        "Parque Simón Bolívar: falta iluminación.",
        "Kindergarten in der Sophie-Scholl-Schule",
        "El hospital San José está cerrado.",
        "Graffiti on the Wells Street bridge, 3rd pillar.",
        "Prices rose from 1,200 to 1,450 in 2013.",
        "Obrigado pela reparação rápida.",
        "Le service public fonctionne bien, merci.",
        "Hier ist es zu laut.",
        "The car park on Main Street 22 is full by 9.",
        "Auto steht seit 14 Tagen im Weg.",
        "Please call the city.",
        "Llame a la línea 195.",
    ]
    return [Case("text", "comment", text, "public") for text in said]


INNOCENT = (innocent_series, innocent_codes, innocent_shapes, innocent_texts)
