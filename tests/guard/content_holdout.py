"""Forms thought of after the rules were mended on `content_wild`, and first run before any rule was changed for them.

``python tests/guard/content_holdout.py OUT.ndjson [SEED]`` writes one row per case, for ``cityward guard check``.
"""

from __future__ import annotations

import base64
import gzip
import json
import sys
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from holdout_bodies import REPEATS, SEED, _b64, _biometric, _media, _zip_of
from wild_media import Maker, WildCase
from wild_people import _group, _iban, _luhn, _walk, polyline


def _persons(m: Maker) -> Iterator[tuple[str, str, dict[str, Any]]]:
    r, n = m.rng, m.name
    d = m.digits
    for kind, text in {
        "mail-name": f"Lena Kovac <lena.kovac{d(2)}@gmail.com>",
        "mail-plus-list": f"a{d(2)}@web.de; b{d(2)}@web.de",
        "mail-json-key": f"contact=jo{d(2)}%40mail.ru&x=1",
        "mail-quotes": f'"Jo Berg" jo{d(2)}@online.no',
        "mail-kukac": f"jo{d(2)} (arobase) orange (point) fr",
        "mail-klammeraffe": f"jo{d(2)} [ät] web [punkt] de",
        "mail-hex": f"jo{d(2)}&#x40;mail&#x2e;com",
        "mail-upper": f"JO.BERG{d(2)}@GMAIL.COM",
        "tel-nl": f"06-{d(8)}",
        "tel-be": f"0475/{d(2)}.{d(2)}.{d(2)}",
        "tel-pl": f"+48 {d(3)} {d(3)} {d(3)}",
        "tel-mx": f"+52 1 55 {d(4)} {d(4)}",
        "tel-ar": f"011 15-{d(4)}-{d(4)}",
        "tel-cl": f"+56 9 {d(4)} {d(4)}",
        "tel-jp": f"090-{d(4)}-{d(4)}",
        "tel-se": f"070-{d(3)} {d(2)} {d(2)}",
        "tel-words": f"mi número es el seis uno dos, {d(2)} {d(2)} {d(2)}, llámame al 6{d(8)}",
        "tel-ext": f"call me on 020 7946 0{d(3)} ext 12",
        "tel-dots-it": f"cell. 347.{d(3)}.{d(4)}",
        "iban-nl": _iban("NL", "ABNA" + d(10)),
        "iban-pt": _iban("PT", d(21)),
        "iban-it": _iban("IT", "X" + d(10) + "000000" + d(6)),
        "card-master2": _luhn("2221" + d(11)),
        "card-dash": _group(_luhn("4" + d(14)), 4, "-"),
        "dni-label": f"DNI: {d(8)}X",
        "nss-es": f"nº de la seguridad social 28/{d(8)}/{d(2)}",
        "rg-br": f"RG {d(2)}.{d(3)}.{d(3)}-{d(1)}",
        "cedula-ec": f"cédula de identidad 17{d(8)}",
        "ci-uy": f"C.I. {d(1)}.{d(3)}.{d(3)}-{d(1)}",
        "personalausweis": f"Personalausweis L01X00T{d(2)}",
        "krankenkasse": f"Versichertennummer A{d(9)}",
        "passport-fr": f"passeport 12AB{d(5)}",
        "cnh": f"CNH {d(11)}",
        "medicare": f"Medicare number {d(4)} {d(5)} {d(1)}",
        "itin": f"ITIN 9{d(2)}-7{d(1)}-{d(4)}",
        "tc-kimlik": "TC kimlik no 10000000146",
        "hkid": "HKID A123456(3)",
        "nric": "NRIC S1234567D",
        "name-contact": "Contact person: Marta Oliveira",
        "name-ask": "please ask for Jonathan Whitmore at the gate",
        "name-de": "Ansprechpartnerin: Sabine Krüger",
        "name-sign-es": "Un saludo,\nRocío Benítez",
        "name-sign-pt": "Com os melhores cumprimentos,\nTiago Fonseca",
        "name-by": "reported by Margaret Olsen",
        "dob-iso": f"DOB: 19{r.integers(40, 99)}-0{r.integers(1, 9)}-12",
        "dob-de": f"geboren am 12.0{r.integers(1, 9)}.19{r.integers(40, 99)}",
        "dob-fr": f"né le 3 mars 19{r.integers(40, 99)}",
        "age-name": "Herr Thomas Brandt (71)",
        "tiktok": f"https://www.tiktok.com/@lena{d(3)}",
        "telegram": f"t.me/lena_k{d(3)}",
        "whatsapp": f"WhatsApp: +55 11 9{d(4)}-{d(4)}",
        "paypal": f"paypal.me/lenak{d(2)}",
        "credentials": "login maria / password Sonne-2024!",
    }.items():
        yield kind, "personal", {str(m.pick(["note", n()])): text}
        yield f"{kind}/in-list", "personal", {n(): ["ok", text]}
    for kind, text in {
        "mac-lower": "client " + m.bytes(6).hex("-"),
        "mac-list": f"{m.bytes(6).hex(':')} {m.bytes(6).hex(':')}",
        "imei-label": "IMEI: " + _luhn("86" + d(12)),
        "imei-sv": "IMEISV 35" + d(14),
        "ip-url": f"http://88.{r.integers(2, 250)}.{r.integers(2, 250)}.4:8080/x",
        "ip-brackets": f"[2001:db8:{m.bytes(2).hex()}::{m.bytes(2).hex()}]",
        "ip-log": f'77.{r.integers(2, 250)}.12.9 - - [10/Oct/2023:13:55:36 +0000] "GET / HTTP/1.1" 200 12',
        "idfv": "idfv " + d(8) + "-" + d(4) + "-4" + d(3) + "-8" + d(3) + "-" + d(12),
        "fcm": "device token " + m.bytes(32).hex(),
        "vin-label": "VIN 1HGCM82633A" + d(6),
        "rfid-card": "contactless card UID 04:" + m.bytes(6).hex(":").upper(),
        "ssid": "wifi probe " + m.bytes(6).hex(":"),
    }.items():
        yield kind, "device", {n(): text}
    for kind, text in {
        "be": f"nummerplaat 1-ABC-{d(3)}",
        "us": f"license plate 7KXT{d(3)}",
        "fr-old": f"voiture immatriculée {d(4)} QX 75",
        "pt": f"o carro {d(2)}-XT-{d(2)} bloqueia a saída",
        "es-lower": f"matricula {d(4)}kxt",
        "dk": f"the car, plate XT {d(2)} {d(3)}",
        "mx": f"placas XTK-{d(2)}-{d(2)}",
        "pe": f"placa ABC-{d(3)}",
        "uk-nospace": "number plate LK67XTB",
        "tr": f"araç plaka 34 XT {d(4)}",
        "de-long": f"Falschparker HH-XT {d(4)}, Kennzeichen notiert",
    }.items():
        yield f"plate-{kind}", "number-plate", {"note": text}
    for text in (
        "my flat: 12 Rose Court, 3rd floor", "we live at 7b Hill Road", "resido en Avda. del Mar 23, 2º izda", "minha residência: Rua do Ouro 8",  # noqa: E501
        "wohnhaft Ahornweg 12, 20095 Hamburg", "j'habite 5 rue Pasteur", "home address 9 Palm Drive", "the tenant of 14 Elm Street, flat 2",  # noqa: E501
        "Mein Haus, Am Bach 3, steht unter Wasser", "vivimos en la calle Sol, 8, bajo", "ma maison, 12 chemin des Vignes", "moradora na Travessa Nova, 3",  # noqa: E501
    ):  # fmt: skip
        yield "home", "location-of-person", {"description": text}
    for text in (
        "I've had a stroke and need a bench", "we are Jehovah's witnesses", "mi hija es autista", "tengo una discapacidad del 65%", "sou diabético",  # noqa: E501
        "minha mãe tem Alzheimer", "meine Tochter ist schwerhörig", "ich habe Epilepsie", "mon fils est asthmatique", "je suis séropositif",  # noqa: E501
        "my wife is blind", "mi marido está en silla de ruedas", "as a trans woman I feel unsafe", "soy gay y me acosan", "wir sind Muslime",  # noqa: E501
        "je suis musulmane", "sou negra e fui insultada", "ich bin Gewerkschaftsmitglied", "je suis membre du parti communiste", "soy de etnia gitana",  # noqa: E501
        "I take methadone every day", "my son has Down syndrome", "mi madre padece esclerosis múltiple", "I suffer from COPD", "ich leide an Asthma",  # noqa: E501
    ):  # fmt: skip
        yield "special-text", "sensitive", {"description": text}
    for field, value in {
        "patient_diagnosis": "J45", "religious_affiliation": "hindu", "confesion": "evangélica", "Religionszugehörigkeit": "rk", "etnia_declarada": "mestiza",  # noqa: E501
        "orientacao_sexual": "bi", "politische_partei": "SPD", "party_membership": "labour", "sindicato": "UGT", "trade_union_member": "yes", "medical_history": "CABG 2014",  # noqa: E501
        "allergies": "penicillin", "handicap_type": "visuel", "pregnant": True, "bloodType": "AB-", "mental_health_status": "depressive", "vaccination_status": "none",  # noqa: E501
        "genotype": "APOE4", "icd_code": "F20", "disability_type": "hearing", "condenas": "2011", "convictions": "fraud",  # noqa: E501
    }.items():  # fmt: skip
        yield f"special-{field}", "sensitive", {field: value}


def _traces(m: Maker) -> Iterator[tuple[str, dict[str, Any]]]:
    n = m.name
    p, t = _walk(m, 24)
    iso = [str(np.datetime64(int(x), "s")) + "Z" for x in t]
    xy = p.round(5).tolist()
    rows = list(zip(xy, t.tolist(), iso, strict=True))
    yield "owntracks", {n(): [{"_type": "location", "tst": u, "lat": y, "lon": x, "acc": 12} for (x, y), u, _ in rows]}
    yield "strava-streams", {n(): {"latlng": [[y, x] for x, y in xy], "time": [u - int(t[0]) for u in t.tolist()]}}
    yield "latlng-text", {n(): [{"pos": f"{y},{x}", "when": s} for (x, y), _, s in rows]}
    yield "point-wkt-list", {n(): [{"geom": f"POINT({x} {y})", "ts": s} for (x, y), _, s in rows]}
    yield (
        "geojson-points-list",
        {n(): [{"geometry": {"type": "Point", "coordinates": q}, "timestamp": s} for q, _, s in rows]},
    )
    yield "csv-semicolon", {n(): "t;y;x\n" + "\n".join(f"{u};{y};{x}" for (x, y), u, _ in rows)}
    yield (
        "gpx-route",
        {
            n(): "<?xml version='1.0'?><gpx version='1.1'><trk><trkseg>"
            + "".join(f"<trkpt lon='{x}' lat='{y}'><time>{s}</time></trkpt>" for (x, y), _, s in rows)
            + "</trkseg></trk></gpx>"
        },
    )
    yield (
        "nmea-gga",
        {
            n(): "\n".join(
                f"$GNGGA,{s[11:19].replace(':', '')}.00,{int(y):02d}{y % 1 * 60:08.5f},N,{int(-x):03d}{-x % 1 * 60:08.5f},W,1,08,1.0,12,M,,M,,*5A"  # noqa: E501
                for (x, y), _, s in rows
            )
        },
    )
    yield (
        "dms",
        {
            n(): "\n".join(
                f"{s} {int(y)}°{int(y % 1 * 60)}'{y * 3600 % 60:.1f}\"N {int(-x)}°{int(-x % 1 * 60)}'{-x * 3600 % 60:.1f}\"W"  # noqa: E501
                for (x, y), _, s in rows
            )
        },
    )
    yield (
        "trips",
        {
            n(): [
                {"from": rows[i][0], "to": rows[i + 1][0], "departed": rows[i][2], "arrived": rows[i + 1][2]}
                for i in range(0, 20, 2)
            ]
        },
    )
    yield (
        "checkins",
        {n(): [{"venue": f"cafe {i}", "lat": y, "lng": x, "checkin_at": s} for i, ((x, y), _, s) in enumerate(rows)]},
    )
    yield (
        "card-taps",
        {"card_taps": [{"card": "c91", "stop_lat": y, "stop_lon": x, "tap_time": s} for (x, y), _, s in rows]},
    )
    yield "wifi-cells", {n(): [{"time": s, "bssid": f"ap-{i % 7}"} for i, (_, _, s) in enumerate(rows)]}
    yield (
        "plus-codes",
        {n(): [{"at": s, "code": f"8FH495{'23456789CFGHJMPQRVWX'[i % 20]}W+2Q"} for i, (_, _, s) in enumerate(rows)]},
    )
    yield (
        "moving-deltas",
        {
            n(): {
                "start": xy[0],
                "t0": iso[0],
                "steps": [
                    [int(a), int(b), int(c)] for (a, b), c in zip(np.diff(p, axis=0) * 1e5, np.diff(t), strict=True)
                ],
            }
        },
    )
    yield "polyline-timestamps", {n(): {"geometry": polyline(p), "timestamps": iso}}
    yield "f32-rows", {n(): _b64(np.column_stack([p, t - t[0]]).astype("<f4").tobytes())}
    yield "json-lines", {n(): "\n".join(json.dumps({"lat": y, "lon": x, "t": u}) for (x, y), u, _ in rows)}
    yield "columns-dict", {n(): {"longitude": [q[0] for q in xy], "latitude": [q[1] for q in xy], "recorded_at": iso}}
    yield "tuple-text", {n(): str([(y, x, u) for (x, y), u, _ in rows])}
    yield "mf-json", {n(): {"temporalGeometry": {"type": "MovingPoint", "datetimes": iso, "coordinates": xy}}}
    yield "ndjson-zlib", {n(): _b64(zlib.compress("\n".join(f"{u},{y},{x}" for (x, y), u, _ in rows).encode()))}


def _innocent(m: Maker) -> Iterator[tuple[str, dict[str, Any]]]:
    r, n, d = m.rng, m.name, m.digits
    t = np.arange(128)
    yield "ecg-like-flow", {"flow": (np.exp(-((t % 32 - 10) ** 2) / 20) + r.normal(0, 0.01, 128)).round(4).tolist()}
    yield "pm-hourly-168", {n(): r.gamma(3, 5, 168).round(1).tolist()}
    yield "neutral-256-levels", {n(): (3 + np.cumsum(r.normal(0, 0.02, 256))).round(3).tolist()}
    yield "wind-uv", {n(): (np.convolve(r.normal(0, 1, 140), np.ones(13) / 5, "valid")).round(2).tolist()}
    yield "wind-direction-128", {n(): r.integers(0, 360, 128).tolist()}
    yield "battery", {n(): np.linspace(100, 3, 128).round(1).tolist()}
    yield "queue-lengths", {n(): r.poisson(2, 256).tolist()}
    yield "travel-times", {n(): r.lognormal(5, 0.4, 128).round(0).astype(int).tolist()}
    yield "temperature-1-decimal", {n(): (r.normal(0, 3, 128)).round(1).tolist()}
    yield "rain", {n(): np.where(r.random(288) < 0.8, 0, r.gamma(1, 1, 288)).round(1).tolist()}
    yield "sorted-random", {n(): np.sort(r.random(128)).tolist()}
    yield "cdf", {n(): np.linspace(0, 1, 256).tolist()}
    yield "sine-table", {n(): np.sin(np.arange(256) * 2 * np.pi / 256).tolist()}
    yield "kernel", {n(): np.exp(-((t - 64) ** 2) / 200).tolist()}
    yield "ids-text", {n(): ",".join(str(x) for x in r.integers(1000, 9999, 128))}
    yield "scores-0-100", {n(): r.integers(0, 101, 128).tolist()}
    yield "adc-12-bit", {n(): (2048 + 300 * np.sin(t / 5) + r.normal(0, 12, 128)).astype(int).tolist()}
    yield "adc-bytes-hex", {"frame": (128 + 30 * np.sin(np.arange(60) / 5)).astype("u1").tobytes().hex()}
    yield "f32-temperature", {n(): _b64((18 + 5 * np.sin(t / 12) + r.normal(0, 0.2, 128)).astype("<f4").tobytes())}
    yield "i16-levels", {n(): _b64((1200 + np.cumsum(r.normal(0, 3, 256))).astype("<i2").tobytes())}
    yield "i16-be-levels", {n(): _b64((1200 + np.cumsum(r.normal(0, 3, 1200))).astype(">i2").tobytes())}
    yield "f64-prices", {n(): _b64((80 + np.cumsum(r.normal(0, 0.5, 100))).astype("<f8").tobytes())}
    yield "modbus", {n(): m.bytes(16).hex(" ").upper()}
    yield "lorawan-long", {"frm_payload": _b64(m.bytes(48))}
    yield "can-frame", {n(): "18FEF100#" + m.bytes(8).hex().upper()}
    yield "sha256-colons", {"cert_fingerprint": m.bytes(32).hex(":").upper()}
    yield "jwk", {"jwk": {"kty": "RSA", "n": base64.urlsafe_b64encode(m.bytes(256)).decode().rstrip("="), "e": "AQAB"}}
    yield (
        "jws",
        {
            "jws": "eyJhbGciOiJFUzI1NiJ9."
            + base64.urlsafe_b64encode(b'{"station":"s12","no2":31}').decode().rstrip("=")
            + "."
            + base64.urlsafe_b64encode(m.bytes(64)).decode().rstrip("=")
        },
    )
    yield (
        "pgp",
        {"signature": "-----BEGIN PGP SIGNATURE-----\n\n" + _b64(m.bytes(96)) + "\n=abcd\n-----END PGP SIGNATURE-----"},
    )
    yield (
        "cert",
        {
            "certificate": "-----BEGIN CERTIFICATE-----\n"
            + "\n".join(
                _b64(b"\x30\x82\x03\x10\x30\x82\x01\xf8\xa0\x03\x02\x01\x02" + m.bytes(500))[i : i + 64]
                for i in range(0, 684, 64)
            )
            + "\n-----END CERTIFICATE-----"
        },
    )
    yield "merkle", {"proof": [m.bytes(32).hex() for _ in range(12)]}
    yield "ipfs", {n(): "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPbdG"}
    yield "did", {n(): "did:web:city.example.org"}
    yield "nanoid", {n(): "V1StGXR8_Z5jdHi6B-myT"}
    yield "snowflake", {n(): str(1790000000000000000 + int(r.integers(10**12)))}
    yield "trace-id", {"traceparent": f"00-{m.bytes(16).hex()}-{m.bytes(8).hex()}-01"}
    yield "gtin-14", {n(): "10614141000415"}
    yield "sscc", {n(): "00106141412345678908"}
    yield "container", {n(): "CSQU3054383"}
    yield "flight", {n(): "IB3166"}
    yield "train", {n(): "ICE 1601"}
    yield "postal-order", {n(): f"RR{d(9)}ES"}
    yield "meter-id", {"meter": f"ES0031{d(12)}XY0F"}
    yield "usrn", {n(): f"USRN {d(8)}"}
    yield "osm", {n(): f"way/{d(9)}"}
    yield "wikidata", {n(): "Q1492"}
    yield "cadastral", {n(): f"{d(14)}0001KL"}
    yield "permit", {n(): f"PRM-2024-{d(5)}/B"}
    yield "budget-line", {n(): f"{d(3)}.{d(4)}.{d(5)}"}
    yield "nace", {n(): "41.20"}
    yield "amounts", {n(): "12,450.00; 3,200.50; 1,000,000.00"}
    yield "times-list", {n(): ["07:15:00", "07:30:00", "07:45:00"]}
    yield "dates-de", {n(): "vom 12.03.2024 bis 18.04.2024"}
    yield "coords-list", {n(): [[2.1 + i * 0.01, 41.3] for i in range(8)]}
    yield "isochrone", {n(): {"type": "Polygon", "coordinates": [[[2.1, 41.3], [2.2, 41.3], [2.2, 41.4], [2.1, 41.3]]]}}
    heading = np.cumsum(r.normal(0, 0.2, 30))
    road = (np.array([-3.7, 40.4]) + np.cumsum(np.column_stack([np.cos(heading), np.sin(heading)]) * 0.0004, 0)).round(
        6
    )
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(road, axis=0).T) * 111000)]).round(0)
    yield "road-with-metres", {n(): [[x, y, a] for (x, y), a in zip(road.tolist(), along.tolist(), strict=True)]}
    yield "road-sequence", {n(): [{"lat": y, "lon": x, "seq": i} for i, (x, y) in enumerate(road.tolist())]}
    yield "road-polyline6", {n(): polyline(road * 10)}
    yield (
        "bus-stops",
        {
            "stops": [
                {"stop_id": f"S{i}", "lat": y, "lon": x, "arrival": f"08:{i:02d}:00"}
                for i, (x, y) in enumerate(road.tolist())
            ]
        },
    )
    yield (
        "incidents",
        {
            "incidents": [
                {
                    "id": i,
                    "lat": float(40.4 + r.normal(0, 0.05)),
                    "lon": float(-3.7 + r.normal(0, 0.05)),
                    "type": "pothole",
                }
                for i in range(20)
            ]
        },
    )
    yield (
        "station-series",
        {
            n(): [
                {
                    "t": 1714000000 + 900 * i,
                    "no2": round(float(r.gamma(3, 9)), 1),
                    "o3": round(float(r.gamma(4, 12)), 1),
                }
                for i in range(96)
            ]
        },
    )
    yield "series-pairs", {n(): [[1714000000 + 60 * i, round(float(r.normal(20, 1)), 2)] for i in range(128)]}
    yield "station-deltas", {n(): [{"station": i, "delta_mm": round(float(r.normal(0, 2)), 1)} for i in range(128)]}
    yield "table", {n(): [["zone", "trips"], ["a", 12], ["b", 30]]}
    yield "heat-map", {n(): r.poisson(20, (24, 7)).tolist()}
    yield (
        "dem",
        {n(): (200 + np.add.outer(np.arange(20), np.arange(20)) * 0.7 + r.normal(0, 0.2, (20, 20))).round(1).tolist()},
    )
    yield "palette", {n(): [[int(a), int(b), int(c)] for a, b, c in r.integers(0, 256, (12, 3))]}
    yield "gradient", {n(): "linear-gradient(#ff0000, #00ff00 40%, #0000ff)"}
    yield "svg-path", {n(): "M10 10 L 20 30 C 40 50, 60 70, 80 90 Z"}
    yield "svg-icon", {n(): '<svg viewBox="0 0 24 24"><path d="M12 2L2 22h20z"/></svg>'}
    yield "css", {n(): ".a{color:#fff;margin:0 4px}"}
    yield "html-table", {n(): "<table><tr><td>12</td><td>31.4</td></tr></table>"}
    yield "csv-readings", {n(): "station,no2,o3\ns1,31.2,44\ns2,12.9,60\n"}
    yield "xml-readings", {n(): "<r><v>12.1</v><v>12.4</v><v>12.9</v></r>"}
    yield "yaml-config", {n(): "pump:\n  on: true\n  levels:\n  - 1.2\n  - 1.4\n"}
    yield "log", {n(): "2024-05-01 10:00:00,123 INFO pump started in 12 ms"}
    yield "stack", {n(): 'File "app.py", line 120, in run'}
    yield "regex", {n(): "^[A-Z]{2}\\d{4}$"}
    yield "uri-query", {n(): "https://api.example.org/v2/q?lat=41.38&lon=2.17&k=12"}
    yield "percent-url", {n(): "https://example.org/calle%20mayor%20n%C3%BAmero%2014"}
    yield "cyrillic", {n(): "Не работает фонарь на улице Ленина"}
    yield "arabic", {n(): "الإنارة لا تعمل في الشارع"}
    yield "chinese", {n(): "路灯坏了，请维修"}
    yield "emoji-only", {n(): "👍👍👍"}
    yield "json-config", {n(): json.dumps({"interval_s": 60, "thresholds": [10, 20, 40]})}
    yield (
        "gzip-csv",
        {n(): _b64(gzip.compress(b"t,level\n" + b"".join(b"%d,%d\n" % (i, 100 + i % 7) for i in range(60))))},
    )
    yield "zip-json", {n(): _b64(_zip_of(json.dumps({"level": list(range(60))}).encode()))}
    yield "hours-columns", {f"q{i}": int(x) for i, x in enumerate(r.poisson(30, 96))}
    yield "sensor-columns", {f"pm_{i}": float(x) for i, x in enumerate(r.gamma(3, 4, 64).round(2))}
    yield "share-columns", {f"share_{i}": float(x) for i, x in enumerate(r.dirichlet(np.ones(40)).round(4))}
    for text in (
        "The church on Mill Lane rings too early.", "Parking for disabled people is missing at the library.", "The union hall roof leaks.",  # noqa: E501
        "Wheelchair ramp at the health centre is icy.", "El aparcamiento para discapacitados está ocupado.", "La mezquita de la calle Norte no tiene luz.",  # noqa: E501
        "Der Behindertenparkplatz vor dem Rathaus ist zugeparkt.", "Die Synagoge braucht Poller.", "Le lieu de culte rue Verte fait du bruit.",  # noqa: E501
        "A rampa para cadeiras de rodas está partida.", "Blind corner at Oak and 3rd, please cut the hedge.", "I vote for more benches in the park.",  # noqa: E501
        "I am at the corner of 5th and Main, light out.", "Black ice on the bridge, I have slipped twice.", "I have 3 bins that were not emptied.",  # noqa: E501
        "As a regular user of bus 14 I ask for more seats.", "My house number sign fell down.", "Ich bin seit 20 Jahren Kunde der Linie 5.",  # noqa: E501
        "Estoy en la parada 1023 y no viene el 27.", "J'ai attendu 40 minutes le bus 12.", "Tenho 2 contentores avariados na rua.", "Call 112 in emergencies.",  # noqa: E501
        "The meeting is on 12/05/2024 at 18:30 in room 204.", "Car parks A and B are full; 120 spaces in C.", "The depressed kerb at No 14 is broken.",  # noqa: E501
    ):  # fmt: skip
        yield "complaint", {"description": text}
    yield "device-health", {"health": "ok"}
    yield "diagnostics", {"diagnostics": "battery low"}
    yield "panel-orientation", {"orientation": 180}
    yield "dog-breed", {"raza": "labrador"}
    yield "match-party", {"party_size": 4}
    yield "disabled-parking", {"disabled_parking_spaces": 12}
    yield "hospital-beds", {"health_centre_id": "HC-12"}
    yield "religious-building", {"religious_buildings_count": 7}
    yield "face-of-building", {"building_face": "north"}
    yield "voice-radio", {"voice_channel": 3}
    yield "speaker-level", {"speaker_db": 61.2}
    yield "template-name", {"template": "weekly-report"}
    yield "iris-flower", {"species": "iris pseudacorus"}


def positives(seed: int = SEED) -> Iterator[WildCase]:
    for repeat in range(REPEATS):
        m = Maker(seed + repeat)
        yield from (WildCase(kind, "biometric", row) for kind, row in _biometric(m))
        yield from (WildCase(kind, truth, row) for kind, truth, row in _media(m))
        if repeat < 2:
            yield from (WildCase(kind, truth, row) for kind, truth, row in _persons(m))
        yield from (WildCase(f"trace-{kind}", "trace", row) for kind, row in _traces(m))


def look_alikes(seed: int = SEED) -> Iterator[WildCase]:
    for repeat in range(REPEATS + 1):
        yield from (WildCase(kind, "public", row) for kind, row in _innocent(Maker(seed + 100 + repeat)))


def wild(seed: int = SEED) -> list[WildCase]:
    return [*positives(seed), *look_alikes(seed)]


if __name__ == "__main__":
    with open(sys.argv[1], "w", encoding="utf-8") as out:  # noqa: PTH123
        for case in wild(int(sys.argv[2]) if len(sys.argv) > 2 else SEED):
            out.write(json.dumps(case.row) + "\n")
