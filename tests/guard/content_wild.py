"""Payloads and look-alikes as they are met in the wild, written without reading the rules; no real person is in it.

``python tests/guard/content_wild.py OUT.ndjson [SEED]`` writes one row per case, for ``cityward guard check``.
"""

from __future__ import annotations

import gzip
import json
import sys
import uuid
from collections.abc import Iterator
from hashlib import blake2b, md5, sha1, sha256, sha512
from typing import Any

import numpy as np
from wild_media import SEED, Maker, WildCase, _b64, _media, _wrap
from wild_people import _identifiers, _special, _traces, geohash, polyline
from wild_templates import _biometric


def positives(seed: int = SEED) -> Iterator[WildCase]:
    m = Maker(seed)
    yield from _media(m)
    yield from _biometric(m)
    yield from _identifiers(m)
    yield from _special(m)
    for _ in range(2):
        for kind, row in _traces(m):
            yield WildCase(f"trace-{kind}", "trace", row)


# ---------------------------------------------------------------- look-alikes


def _series(m: Maker, n: int) -> Iterator[tuple[str, list[Any]]]:
    t = np.arange(n)
    yield "temperature", (18 + 6 * np.sin(t / 12) + m.rng.normal(0, 0.3, n)).round(2).tolist()
    yield "vibration", (np.sin(t * 0.7) * np.exp(-t / 90) + m.rng.normal(0, 0.02, n)).round(4).tolist()
    yield "spectrum", (np.abs(np.fft.rfft(m.rng.normal(0, 1, 2 * n)))[:n] / (1 + t / 20)).round(5).tolist()
    yield "histogram", m.rng.poisson(40 * np.exp(-(((t - n / 2) / (n / 6)) ** 2))).tolist()
    yield "load_profile", (300 + 120 * np.sin(t / 15) + m.rng.normal(0, 8, n)).round(1).tolist()
    yield "prices", (80 + np.cumsum(m.rng.normal(0, 0.6, n))).round(2).tolist()
    yield "returns", np.diff(80 + np.cumsum(m.rng.normal(0, 0.6, n + 1))).round(2).tolist()
    yield "demand_forecast", m.rng.gamma(4, 12, n).round(1).tolist()
    yield "one_hot", [int(i == n // 3) for i in range(n)]
    p = m.rng.dirichlet(np.full(n, 0.1))
    yield "probabilities", p.tolist()
    yield "uniform_weights", (m.rng.random(n) / n).tolist()
    yield "counts", m.rng.poisson(7, n).tolist()
    yield "noise_db", (55 + 8 * m.rng.standard_normal(n)).round(1).tolist()
    yield "flags", m.rng.integers(0, 2, n).tolist()
    yield "status_codes", m.rng.choice([200, 201, 404, 500], n).tolist()
    yield "deviations", (m.rng.normal(0, 1.4, n)).round(1).tolist()
    yield "autocorrelation", (np.cos(t / 9) * np.exp(-t / 40)).tolist()
    yield "elevation", (200 + np.cumsum(m.rng.normal(0, 1.1, n))).round(1).tolist()
    yield "percentiles", np.sort(m.rng.gamma(2, 9, n)).round(3).tolist()
    yield "unix_times", (1_714_000_000 + np.cumsum(m.rng.integers(1, 900, n))).tolist()
    yield "acceleration", (9.81 + m.rng.normal(0, 0.05, n)).tolist()
    yield "residual_load", (np.convolve(m.rng.normal(0, 1, n + 9), np.ones(10) / 10, "valid")).tolist()
    yield "ids", m.rng.integers(10000, 99999, n).tolist()


def _road(m: Maker, n: int = 40) -> list[list[float]]:
    heading = np.cumsum(m.rng.normal(0, 0.15, n))
    return (
        (np.array([2.1, 41.3]) + np.cumsum(np.column_stack([np.cos(heading), np.sin(heading)]) * 0.0003, 0))
        .round(6)
        .tolist()
    )


def _strings(m: Maker) -> Iterator[tuple[str, dict[str, Any]]]:
    b = m.bytes(64)
    yield "md5", {"checksum": md5(b).hexdigest()}  # noqa: S324
    yield "sha1", {m.name(): sha1(b).hexdigest()}  # noqa: S324
    yield "sha256", {m.name(): sha256(b).hexdigest()}
    yield "sha512", {m.name(): sha512(b).hexdigest()}
    yield "sha256-base64", {m.name(): _b64(sha256(b).digest())}
    yield "sri", {m.name(): "sha384-" + _b64(m.bytes(48))}
    yield "blake2", {m.name(): blake2b(b).hexdigest()}
    yield "hash-list", {m.name(): [sha256(m.bytes(4)).hexdigest() for _ in range(20)]}
    yield "uuid", {m.name(): str(uuid.UUID(bytes=m.bytes(16), version=4))}
    yield "uuid-plain", {m.name(): m.bytes(16).hex()}
    yield "uuids", {m.name(): [str(uuid.UUID(bytes=m.bytes(16), version=4)) for _ in range(10)]}
    yield "ulid", {m.name(): "01HX" + "".join(m.pick("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(22))}
    yield "object-id", {m.name(): m.bytes(12).hex()}
    yield "git", {"commit": m.bytes(20).hex()}
    yield "etag", {m.name(): f'W/"{m.bytes(8).hex()}"'}
    yield "ssh-key", {m.name(): "ssh-ed25519 " + _b64(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + m.bytes(32)) + " door"}
    yield (
        "pem-key",
        {
            "public_key": "-----BEGIN PUBLIC KEY-----\n"
            + _wrap(_b64(bytes.fromhex("30820122300d06092a864886f70d01010105000382010f00") + m.bytes(270)), 64, "\n")
            + "\n-----END PUBLIC KEY-----"
        },
    )
    yield "signature", {"signature": _b64(m.bytes(64))}
    yield "signature-rsa", {"signature": _b64(m.bytes(256))}
    yield "signature-hex", {"sig": m.bytes(64).hex()}
    yield "text-base64", {m.name(): _b64(b"The pump at the north basin runs at 42 Hz; next service is in May.")}
    yield (
        "json-base64",
        {m.name(): _b64(json.dumps({"level_m": 1.24, "rain": [0, 0, 0.2, 0.4], "pump": "on"}).encode())},
    )
    yield (
        "json-gzip",
        {
            m.name(): _b64(
                gzip.compress(json.dumps({"level": [round(float(x), 2) for x in m.rng.gamma(3, 1, 50)]}).encode())
            )
        },
    )
    yield "protobuf-ish", {"frame": _b64(b"\x08\x96\x01\x12\x07station\x1d\0\0\xb4\x41")}
    yield "lora-payload", {"data": _b64(m.bytes(11))}
    yield "lora-hex", {"frm_payload": m.bytes(12).hex()}
    yield "tile", {m.name(): f"14/{m.rng.integers(8000, 9000)}/{m.rng.integers(5000, 6000)}"}
    yield "quadkey", {m.name(): "".join(m.pick("0123") for _ in range(14))}
    yield "geohash", {m.name(): geohash(2.1, 41.3)}
    yield "plus-code", {m.name(): "8FH495XW+2Q"}
    yield "route", {"route": str(m.pick(["N-634", "A-8", "M32", "L14", "B 96", "C5", "E70", "AP-7"]))}
    yield "route-neutral", {m.name(): str(m.pick(["N-634", "A-8", "M32", "line 14", "B 96", "AS-114"]))}
    yield "ean", {m.name(): "4006381333931"}
    yield "isbn", {m.name(): "978-3-16-148410-0"}
    yield "issn", {m.name(): "ISSN 0317-8471"}
    yield "doi", {m.name(): "10.1016/j.trc.2014.03.012"}
    yield "invoice", {"invoice": f"INV-2024-{m.digits(6)}"}
    yield "order-no", {m.name(): f"order {m.digits(8)}"}
    yield "ticket", {m.name(): f"TCK{m.digits(7)}"}
    yield "part-no", {m.name(): f"{m.digits(3)}-{m.digits(4)}-{m.digits(2)}"}
    yield "sap-no", {"asset": f"100{m.digits(9)}"}
    yield "station-code", {m.name(): f"ES{m.digits(4)}A"}
    yield "lamp-id", {m.name(): f"LP-{m.digits(5)}"}
    yield "parcel-cadastre", {m.name(): f"{m.digits(7)}UF{m.digits(4)}S0001WX"}
    yield "vat-company", {"vat_id": "DE" + m.digits(9)}
    yield "lei", {m.name(): "529900T8BM49AURSDO55"}
    yield "bic", {m.name(): "DEUTDEFF500"}
    yield "version", {m.name(): f"{m.rng.integers(1, 9)}.{m.rng.integers(1, 30)}.{m.rng.integers(1, 99)}"}
    yield "version-4", {"firmware": "2.14.3.117"}
    yield "cron", {m.name(): "0 5 * * 1-5"}
    yield "date", {m.name(): "2024-05-23"}
    yield "date-time", {m.name(): "2024-05-23T08:14:22.123456+02:00"}
    yield "date-compact", {m.name(): "20240523081422"}
    yield "dates", {m.name(): [f"2024-{a:02d}-{b:02d}" for a in range(1, 13) for b in (1, 15)]}
    yield "week", {m.name(): "2024-W21-4"}
    yield "duration", {m.name(): "PT15M30S"}
    yield "interval", {m.name(): "2024-05-23T08:00Z/2024-05-23T09:00Z"}
    yield "unix-ms", {m.name(): 1_714_000_000_000 + int(m.rng.integers(10**6))}
    yield "unix-ns", {m.name(): str(1_714_000_000_123_456_000 + int(m.rng.integers(10**6)))}
    yield "colour", {m.name(): "#" + m.bytes(3).hex()}
    yield "colours", {m.name(): ["#" + m.bytes(3).hex() for _ in range(40)]}
    yield "rgb-list", {m.name(): m.rng.integers(0, 256, (20, 3)).tolist()}
    yield "colormap", {"colormap": [[i, 255 - i, (i * 2) % 256] for i in range(0, 256, 4)]}
    yield "coordinate", {m.name(): [2.17, 41.38]}
    yield "point", {m.name(): {"type": "Point", "coordinates": [2.1734, 41.3851]}}
    yield "wkt-point", {m.name(): "POINT (2.1734 41.3851)"}
    road = _road(m)
    yield "road-linestring", {m.name(): {"type": "LineString", "coordinates": road}}
    yield "road-wkt", {m.name(): "LINESTRING (" + ", ".join(f"{x} {y}" for x, y in road) + ")"}
    yield (
        "road-z",
        {
            m.name(): {
                "type": "LineString",
                "coordinates": [[x, y, round(20 + i * 0.3, 1)] for i, (x, y) in enumerate(road)],
            }
        },
    )
    yield "polygon", {m.name(): {"type": "Polygon", "coordinates": [[*road, road[0]]]}}
    yield (
        "multipolygon-wkt",
        {m.name(): "MULTIPOLYGON (((" + ", ".join(f"{x} {y}" for x, y in [*road, road[0]]) + ")))"},
    )
    yield "road-polyline", {"shape": polyline(np.array(road))}
    yield (
        "road-feature",
        {
            m.name(): {
                "type": "Feature",
                "geometry": {"type": "LineString", "coordinates": road},
                "properties": {"name": "Main Street", "surveyed": "2024-05-01", "lanes": 2},
            }
        },
    )
    yield (
        "gtfs-shape",
        {
            "shape": [
                {"shape_pt_lat": y, "shape_pt_lon": x, "shape_pt_sequence": i, "shape_dist_traveled": i * 31}
                for i, (x, y) in enumerate(road)
            ]
        },
    )
    yield (
        "stations",
        {
            "stations": [
                {"id": f"s{i}", "lat": y, "lon": x, "updated": "2024-05-23T08:00:00Z"}
                for i, (x, y) in enumerate(m.rng.normal([2.1, 41.3], 0.05, (20, 2)).round(5).tolist())
            ]
        },
    )
    yield (
        "stop-times",
        {"timetable": [{"stop": f"st{i}", "arr": f"{7 + i // 12:02d}:{i * 5 % 60:02d}:00"} for i in range(24)]},
    )
    yield "timetable-text", {m.name(): "07:02 07:17 07:32 07:47 08:02 08:17 08:32 08:47"}
    yield "opening-hours", {"opening_hours": "Mo-Fr 08:00-18:00; Sa 09:00-13:00"}
    yield "matrix", {"od": m.rng.poisson(9, (12, 12)).tolist()}
    yield (
        "distance-matrix",
        {m.name(): np.abs(np.subtract.outer(m.rng.gamma(4, 200, 15), m.rng.gamma(4, 200, 15))).round(1).tolist()},
    )
    yield "grid", {"grid": (20 + m.rng.normal(0, 1, (16, 16))).round(2).tolist()}
    yield "polynomial", {"coefficients": m.rng.normal(0, 1, 6).tolist()}
    yield "calibration", {"calibration": {"a": 1.0023, "b": -0.0041, "c": 3.2e-5}}
    yield "weather", {m.name(): {"t": 17.2, "rh": 61, "p": 1014.2, "wind": {"dir": 220, "speed": 4.1}}}
    yield "weekly", {m.name(): {f"h{i}": int(x) for i, x in enumerate(m.rng.poisson(30, 168))}}
    yield (
        "columns-hours",
        {
            f"h{i}": round(float(x), 1)
            for i, x in enumerate(40 + 20 * np.sin(np.arange(168) / 4) + m.rng.normal(0, 2, 168))
        },
    )
    yield "columns-sensors", {f"s{i}": round(float(x), 2) for i, x in enumerate(m.rng.normal(20, 2, 130))}
    yield "url", {m.name(): "https://data.example.org/dataset/air?station=12&from=2024-05-01"}
    yield "url-page-pdf", {m.name(): "https://www.example.org/reports/2024/annual.pdf"}
    yield "png-link", {m.name(): "https://www.example.org/map/legend.png"}
    yield "filename", {m.name(): "readings_20240523_0814.csv.gz"}
    yield "sql", {m.name(): "select station, avg(no2) from air group by station"}
    yield "html", {m.name(): "<p>The bridge is closed until <b>May 5</b>.</p>"}
    yield "emoji", {m.name(): "🚲 lane blocked 🚧🚧"}
    yield "bit-flags", {"mask": "0110" * 32}
    yield "availability-bits", {"seats": "".join(m.pick("01") for _ in range(336))}
    yield "rle", {m.name(): "12x0,3x1,44x0,7x1,9x0"}
    yield "bbox", {"bbox": [2.05, 41.32, 2.23, 41.47]}
    yield "camera-count", {m.name(): {"camera": "c12", "bicycles": 14, "cars": 220, "faces_stored": 0}}
    yield "phone-of-office", {"description": "The city hall is at 010 (short number), desk 4."}
    yield "money", {m.name(): "1 234 567,89 EUR"}
    yield "big-number", {m.name(): "12 345 678 901"}
    yield "population", {"population": "3 223 334"}
    yield "jwt-header-only", {m.name(): "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9"}
    yield "nuts", {m.name(): "ES511"}
    yield "postcode", {"postcode": str(m.pick(["08001", "33001", "SW1A 1AA", "1010-001", "75004"]))}
    yield "hs-code", {m.name(): "8703.23.19.00"}
    yield "cpv", {m.name(): "45233140-2"}
    yield "lab-result-water", {"water_lab": {"e_coli": 3, "nitrate": 12.1, "ph": 7.4}}
    yield (
        "kept-words",
        {
            "topic": str(
                m.pick(
                    [
                        "health centre opening hours",
                        "union street",
                        "church square",
                        "party tent permits",
                        "St Mary's hospital parking",
                    ]
                )
            )
        },
    )
    yield (
        "park-names",
        {
            "name": str(
                m.pick(["Plaza de la Iglesia", "Rue de l'Hôpital", "Synagogengasse", "Rua da Igreja", "Mosque Lane"])
            )
        },
    )
    yield "species", {"tree": "Platanus × hispanica"}
    yield "race-event", {"event": "10 km race on Sunday, road closed"}
    yield "disabled-bays", {"disabled_bays": 4}
    yield "party-count", {"votes": {"turnout": 0.61, "valid": 12000}}
    yield "air-pm", {"PM10": 22.1, "PM2.5": 12.4, "NO2": 31}
    yield "model-weights", {"model_weights": m.rng.normal(0, 0.05, 512).astype("f4").tolist()}
    yield "word-vector-topic", {"topic_weights": m.rng.dirichlet(np.ones(128)).round(5).tolist()}
    yield "sbom", {m.name(): {"purl": "pkg:pypi/numpy@1.26.4", "sha256": sha256(b).hexdigest()}}
    yield "bluetooth-version", {m.name(): "Bluetooth 5.2"}
    yield "private-ip-range", {m.name(): "10.0.0.0/8"}
    yield "time-hh", {m.name(): "08:15:30"}
    yield "ratio", {m.name(): "16:9"}
    yield "dim", {m.name(): "1200x800x25 mm"}
    yield "iso-wk", {m.name(): "2024-144"}
    yield "lines-of-bus", {"lines": ["14", "14N", "27", "H16", "V15", "D40"]}
    yield "odd-hex", {m.name(): "0x1F"}
    yield "dev-eui", {m.name(): "gateway gw-07"}
    yield "bus-vehicle", {"vehicle": f"bus {m.digits(4)}"}


COMPLAINTS = (
    "The street light at the corner of Elm Street and Oak Avenue is broken since Monday.",
    "Hay un bache muy grande en la calle Mayor, a la altura del número 14.",
    "Der Mülleimer in der Lindenstraße quillt seit drei Tagen über.",
    "Le feu rouge de l'avenue Foch ne marche plus depuis le 12 mai.",
    "A iluminação da Rua das Flores está avariada desde o dia 3.",
    "Bus 14 was 25 minutes late at 08:15 on 23 May 2024.",
    "Tree fell on the cycle path near kilometre 3.4 of the AS-114.",
    "Noise from the bar after 23:30, third time this week!",
    "La fuente de la plaza de España no tiene agua.",
    "Bitte die Ampel an der Goethestraße prüfen, die Grünphase dauert nur 5 Sekunden.",
    "The ramp of the health centre is too steep for wheelchairs.",
    "El parque junto a la iglesia de San Juan está sucio.",
    "Order 20240523-118 was delivered to the depot.",
    "There are 12 345 678 reasons to fix the A-8, but 3 would do.",
    "O autocarro 728 não parou na paragem de Belém.",
    "La rampe devant la mairie est cassée, attention aux vélos.",
    "The playground has 3 broken swings and 1 broken slide.",
    "Se ha roto la tubería de 200 mm entre los números 10 y 22.",
    "Die Haltestelle Rathaus ist nicht barrierefrei.",
    "Graffiti on the wall of Park Lane 5 car park, level -2.",
)


def look_alikes(seed: int = SEED) -> Iterator[WildCase]:  # noqa: C901
    m = Maker(seed + 1)
    for n in (128, 256, 512):
        for kind, values in _series(m, n):
            yield WildCase(f"{kind}-{n}", "public", {kind: values})
            yield WildCase(f"{kind}-{n}/neutral", "public", {m.name(): values})
    for n in (128, 192):
        for kind, values in _series(m, n):
            yield WildCase(f"{kind}-{n}/text", "public", {m.name(): ",".join(str(v) for v in values)})
    for n in (128, 256):
        for kind, values in _series(m, n):
            if kind in ("temperature", "prices", "counts", "noise_db", "elevation", "load_profile", "vibration"):
                yield WildCase(f"{kind}-{n}/f32", "public", {m.name(): _b64(np.array(values, "<f4").tobytes())})
                yield WildCase(
                    f"{kind}-{n}/f64-gzip", "public", {m.name(): _b64(gzip.compress(np.array(values, "<f8").tobytes()))}
                )
                yield WildCase(f"{kind}-{n}/dict", "public", {m.name(): {str(i): v for i, v in enumerate(values)}})
    for _ in range(2):
        for kind, row in _strings(m):
            yield WildCase(kind, "public", row)
    for text in COMPLAINTS:
        yield WildCase("complaint", "public", {"description": text})


def wild(seed: int = SEED) -> list[WildCase]:
    return [*positives(seed), *look_alikes(seed)]


def main() -> None:
    cases = wild(int(sys.argv[2]) if len(sys.argv) > 2 else SEED)
    with open(sys.argv[1], "w", encoding="utf-8") as out:  # noqa: PTH123
        for case in cases:
            out.write(json.dumps(case.row) + "\n")
    print(f"{sum(c.truth != 'public' for c in cases)} hidden, {sum(c.truth == 'public' for c in cases)} look-alikes")


if __name__ == "__main__":
    main()
