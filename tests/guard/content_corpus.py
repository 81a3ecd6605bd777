"""The labelled set: payloads hidden in plain sight and innocent look-alikes, made from a seed.

``python tests/guard/content_corpus.py FILE.ndjson`` writes it for ``cityward guard check``; a case is a row with
one field, its true class beside it in FILE.labels.ndjson.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import struct
import sys
import tarfile
import uuid
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from content_look_alikes import INNOCENT, Case, digits_of

SEED = 2014


def corpus(seed: int = SEED) -> list[Case]:
    """Return the labelled cases of ``seed``."""
    random = np.random.default_rng(seed)
    cases: list[Case] = []
    for make in (embeddings, biometric_records, media, identifiers, things, traces, texts, *INNOCENT):
        cases += make(random)
    return cases


FIELDS = ("data", "payload", "note", "v", "meta", "blob", "attachment", "x1", "extra", "details")


def _field(random: np.random.Generator) -> str:
    return str(random.choice(FIELDS))


def _wrap_json(random: np.random.Generator, value: Any) -> Any:
    """Hide a value: as it is, nested, as JSON text, or as JSON text in JSON."""
    match int(random.integers(0, 5)):
        case 0:
            return value
        case 1:
            return {"meta": {"items": [{"k": 1, "w": value}]}}
        case 2:
            return json.dumps({"ok": True, "w": value})
        case 3:
            return json.dumps({"body": json.dumps({"inner": [value]})})
        case _:
            return [{"type": "record", "w": value}]


def _encode(random: np.random.Generator, data: bytes) -> Any:
    """Hide bytes in one of many encodings and packings."""
    how = int(random.integers(0, 13))
    if how >= 9 and how <= 11:
        data = (gzip.compress, zlib.compress, _zip)[how - 9](data)
        how = int(random.integers(0, 3))
    if how == 12:
        data, how = _tar(data), 0
    text = base64.b64encode(data).decode()
    return (
        text,
        base64.urlsafe_b64encode(data).decode().rstrip("="),
        data.hex(),
        data.hex().upper(),
        "\n".join(text[at : at + 76] for at in range(0, len(text), 76)),
        " ".join(f"{byte:02X}" for byte in data),
        list(data),
        f"see attachment: {text} thanks",
        base64.b64encode(text.encode()).decode(),
    )[how]


def _zip(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("readme.txt", "nothing to see")
        archive.writestr("f.bin", data)
    return out.getvalue()


def _tar(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo("f.bin")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def _embedding(random: np.random.Generator, size: int) -> np.ndarray:
    vector = random.normal(size=size) if random.random() < 0.7 else random.laplace(size=size)
    return vector / np.linalg.norm(vector) if random.random() < 0.7 else vector * random.choice([0.1, 1.0, 5.0])


def embeddings(random: np.random.Generator) -> list[Case]:  # noqa: C901, PLR0912 - one form after the other
    """Vectors of faces, voices and gaits as numbers, text and bytes."""
    cases = []
    for at in range(110):
        size = int(random.choice([64, 96, 128, 160, 192, 256, 384, 512, 768, 1024]))
        x = _embedding(random, size)
        digits = int(random.integers(4, 9))
        shown = [round(float(number), digits) for number in x]
        peak = float(np.abs(x).max())
        match at % 11:
            case 0:
                value: Any = _wrap_json(random, shown)
            case 1:
                value = str(random.choice([", ", " ", ";", "|", "\n"])).join(f"{number:.{digits}f}" for number in x)
            case 2:
                value = [f"{number:.{digits}f}" for number in x]
            case 3:
                value = _encode(random, x.astype("<f4").tobytes())
            case 4:
                value = _encode(random, (x / peak).astype("<f2").tobytes())
            case 5:
                value = _encode(random, np.rint(x / peak * 127).astype(np.int8).tobytes())
            case 6:
                value = _wrap_json(random, [int(number) for number in np.rint(x / peak * 127)])
            case 7:
                value = (
                    [f"{number:.6e}" for number in x]
                    if at % 2
                    else "[" + " ".join(f"{number:.5e}" for number in x) + "]"
                )
            case 8:
                value = {f"d{place}": number for place, number in enumerate(shown)}
            case 9:
                value = {"faces": [{"box": [1, 2, 30, 40], "e": shown}], "n": 1}
            case _:
                value = _encode(random, x.astype(str(random.choice([">f4", "<f8"]))).tobytes())
        cases.append(Case(f"embedding-{at % 11}", _field(random), value, "biometric"))
    for _ in range(12):
        x = (random.normal(size=128) * 0.1).round(6).tolist()
        cases.append(
            Case(
                "embedding-named",
                str(random.choice(["face_embedding", "voiceprint", "faceVector_template", "xvector"])),
                x[: int(random.integers(24, 128))],
                "biometric",
            )
        )
    return cases


def biometric_records(random: np.random.Generator) -> list[Case]:
    """Minutiae, ISO records, iris codes and walks."""
    cases = []
    for at in range(48):
        count = int(random.integers(15, 60))
        points = [
            [int(random.integers(5, 480)), int(random.integers(5, 600)), int(random.integers(0, 360))]
            for _ in range(count)
        ]
        body = random.bytes(int(random.integers(120, 400)))
        match at % 8:
            case 0:
                value: Any = _wrap_json(random, points)
            case 1:
                value = [{"x": x, "y": y, str(random.choice(["angle", "theta", "direction"])): a} for x, y, a in points]
                key = next(iter(set(value[0]) - {"x", "y"}))
                value = [{"x": x, "y": y, key: a} for x, y, a in points]
            case 2:
                value = str(random.choice([";", "\n", "|"])).join(f"{x},{y},{a}" for x, y, a in points)
            case 3:
                value = _encode(random, b"FMR\0 20\0" + body)
            case 4:
                value = _encode(
                    random, (b"FAC\x00010\x00", b"IIR\x00010\x00", b"FIR\x00010\x00")[int(random.integers(0, 3))] + body
                )
            case 5:
                bits = random.bytes(256)
                value = bits.hex() if at % 16 < 8 else base64.b64encode(bits).decode()
            case 6:
                value = (
                    "".join(random.choice(["0", "1"], 2048)) if at % 16 < 8 else random.integers(0, 2, 2048).tolist()
                )
            case _:
                value = (random.normal(size=(30, 17, 3)).cumsum(axis=0) * 4 + 200).round(2).tolist()
        cases.append(Case(f"biometric-{at % 8}", _field(random), value, "biometric"))
    return cases


def _media_bytes(random: np.random.Generator) -> dict[str, tuple[bytes, str]]:
    body = random.bytes(int(random.integers(200, 1500)))
    return {
        "jpeg": (b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0" + body, "image"),
        "jpeg-exif": (b"\xff\xd8\xff\xe1\0\x20Exif\0\0" + body, "image"),
        "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + body, "image"),
        "gif": (b"GIF89a\x10\0\x10\0\xf7\0\0" + body, "image"),
        "webp": (b"RIFF" + struct.pack("<I", len(body)) + b"WEBPVP8 " + body, "image"),
        "bmp": (b"BM" + struct.pack("<IHHII", len(body) + 54, 0, 0, 54, 40) + body, "image"),
        "tiff": (b"II*\0\x08\0\0\0" + body, "image"),
        "tiff-be": (b"MM\0*\0\0\0\x08" + body, "image"),
        "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + body, "image"),
        "avif": (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1" + body, "image"),
        "wav": (b"RIFF" + struct.pack("<I", len(body)) + b"WAVEfmt \x10\0\0\0\1\0\1\0" + body, "audio"),
        "mp3": (b"ID3\x03\0\0\0\0\0\x21TSSE" + body, "audio"),
        "mp3-frame": (b"\xff\xfb\x90\x64\0" + body, "audio"),
        "flac": (b"fLaC\0\0\0\x22" + body, "audio"),
        "ogg": (b"OggS\0\x02\0\0\0\0\0\0\0\0" + body, "audio"),
        "aac": (b"\xff\xf1\x50\x80\x2e\x7f" + body, "audio"),
        "m4a": (b"\0\0\0\x20ftypM4A \0\0\0\0" + body, "audio"),
        "mp4": (b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2" + body, "video"),
        "mov": (b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + body, "video"),
        "mkv": (b"\x1aE\xdf\xa3\x93B\x82\x88matroska" + body, "video"),
        "webm": (b"\x1aE\xdf\xa3\x9fB\x82\x84webm" + body, "video"),
        "avi": (b"RIFF" + struct.pack("<I", len(body)) + b"AVI LIST" + body, "video"),
    }


def media(random: np.random.Generator) -> list[Case]:
    """Every kind of picture, sound and film, packed in every way."""
    cases = []
    for _ in range(5):
        for kind, (data, truth) in _media_bytes(random).items():
            value = _encode(random, data)
            if random.random() < 0.2:
                value = f"data:{truth}/{kind};base64,{base64.b64encode(data).decode()}"
            if random.random() < 0.3:
                value = _wrap_json(random, value)
            cases.append(Case(f"media-{kind}", _field(random), value, truth))
    return cases


def _luhn(digits: str) -> str:
    total = sum(sum(divmod(int(digit) * (2 - at % 2), 10)) for at, digit in enumerate(reversed(digits)))
    return digits + str(-total % 10)


def _cpf(random: np.random.Generator) -> str:
    digits = [int(digit) for digit in random.integers(0, 10, 9)]
    for _ in range(2):
        rest = sum((len(digits) + 1 - at) * digit for at, digit in enumerate(digits)) * 10 % 11
        digits.append(rest % 10)
    return "".join(map(str, digits))


def _dni(random: np.random.Generator) -> str:
    number = int(random.integers(10_000_000, 99_999_999))
    return f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def _iban(country: str, account: str) -> str:
    numeric = "".join(str(int(char, 36)) for char in account + country + "00")
    return f"{country}{98 - int(numeric) % 97:02d}{account}"


def _nir(random: np.random.Generator) -> str:
    number = (
        f"{random.integers(1, 3)}{random.integers(40, 99)}{random.integers(1, 13):02d}{random.integers(1, 95):02d}"
        f"{random.integers(1, 900):03d}{random.integers(1, 900):03d}"
    )
    return number + f"{97 - int(number) % 97:02d}"


def identifiers(random: np.random.Generator) -> list[Case]:
    """E-mail, telephones, cards, accounts and national ids."""
    cases = []

    def add(kind: str, value: Any, field: str | None = None) -> None:
        cases.append(Case(kind, field or _field(random), value, "personal"))

    for _ in range(6):
        user, domain = (
            str(random.choice(["ana.gomez", "j_smith", "marie-d", "jo"])),
            str(random.choice(["example.org", "mail.example.co.uk", "posteo.example.de"])),
        )
        mail = f"{user}@{domain}"
        add("mail", mail)
        add("mail-text", f"Please answer to {mail}, thanks")
        add("mail-at", f"{user} (at) {domain.replace('.', ' (dot) ')}")
        add("mail-brackets", f"write {user}[at]{domain}")
        add("mail-words", f"my mail is {user} at {domain.replace('.', ' dot ')}")
        add("mail-zero-width", "\u200b".join(mail))
        add("mail-full-width", "".join(chr(ord(char) + 0xFEE0) for char in mail))
        add("mail-homoglyph", mail.replace("a", "а").replace("e", "е").replace("o", "о"))
        add("mail-encoded", base64.b64encode(f"from {mail} to the city".encode()).decode())
        add("mail-nested", {"contact": {"channels": [{"value": mail}]}})
        add("phone-us", f"call ({random.integers(201, 990)}) 555-{random.integers(100, 9999):04d}")
        add("phone-es", f"+34 6{random.integers(10, 99)} {random.integers(100, 999)} {random.integers(100, 999)}")
        add(
            "phone-fr",
            f"mon numéro est le 06 {random.integers(10, 99)} {random.integers(10, 99)} "
            f"{random.integers(10, 99)} {random.integers(10, 99)}",
        )
        add("phone-de", f"Tel. 0171 {random.integers(1000000, 9999999)}")
        add("phone-field", digits_of(random, 10), "phone_number")
        card = _luhn("4" + digits_of(random, 14))
        add("card", card)
        add("card-text", f"paid with {card[:4]} {card[4:8]} {card[8:12]} {card[12:]} yesterday")
        add("card-number", int(_luhn("5" + str(random.integers(1, 6)) + digits_of(random, 13))))
        iban = _iban("DE", digits_of(random, 18))
        add("iban", iban)
        add("iban-spaced", "IBAN " + " ".join(iban[at : at + 4] for at in range(0, 22, 4)))
        add("ssn", f"{random.integers(100, 665)}-{random.integers(10, 99)}-{random.integers(1000, 9999)}")
        add("dni", _dni(random))
        add("dni-text", f"mi DNI es {_dni(random)} y espero respuesta")
        cpf = _cpf(random)
        add("cpf", f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}")
        add("nir", _nir(random))
        add("cedula", f"cédula {random.integers(10, 99)}.{random.integers(100, 999)}.{random.integers(100, 999)}")
    return cases


def things(random: np.random.Generator) -> list[Case]:
    """Number plates and devices."""
    cases = []

    def letters(count: int) -> str:
        return "".join(random.choice(list("BCDFGHJKLMNPRSTVWXYZ"), count))

    for _ in range(6):
        two, three = random.integers(10, 99), random.integers(100, 999)
        plates = [
            ("plate", f"{random.integers(1000, 9999)} {letters(3)}", None),
            ("plate-fr", f"{letters(2).replace('O', 'A')}-{three}-{letters(2)}", None),
            ("plate-text", f"the car with plate {letters(3)} {random.integers(1000, 9999)} blocks the drive", None),
            ("plate-es-text", f"coche con matrícula {random.integers(1000, 9999)}{letters(3)} en doble fila", None),
            ("plate-de-text", f"Falschparker, Kennzeichen M-{letters(2)} {random.integers(10, 9999)}", None),
            (
                "plate-field",
                f"{letters(3)}{random.integers(100, 9999)}",
                str(random.choice(["license_plate", "placa", "matricula", "kennzeichen"])),
            ),
            ("plate-pt", f"{two}-{letters(2)}-{random.integers(10, 99)}", "matricula"),
        ]
        cases += [Case(kind, field or _field(random), value, "number-plate") for kind, value, field in plates]
        mac = random.bytes(6).hex(":")
        imei = _luhn("35" + digits_of(random, 12))
        devices = [
            ("mac", mac.upper(), None),
            ("mac-dash", mac.replace(":", "-"), None),
            ("mac-text", f"probe from {mac} at gate 4", None),
            ("mac-field", random.bytes(6).hex(), "device_mac"),
            ("imei", imei, None),
            ("imei-text", f"handset imei {imei}", None),
            ("imsi", "21407" + digits_of(random, 10), "imsi"),
            ("idfa", str(uuid.UUID(bytes=random.bytes(16), version=4)).upper(), "idfa"),
            ("gaid", str(uuid.UUID(bytes=random.bytes(16), version=4)), "advertising_id"),
            (
                "ip",
                f"{random.integers(80, 220)}." + ".".join(str(part) for part in random.integers(1, 255, 3)),
                None,
            ),
            ("ip-field", f"10.0.{random.integers(0, 9)}.{random.integers(1, 20)}", "client_ip"),
            ("ipv6", f"2001:db8:{random.bytes(2).hex()}::{random.bytes(2).hex()}", None),
        ]
        cases += [Case(kind, field or _field(random), value, "device") for kind, value, field in devices]
    return cases


def traces(random: np.random.Generator) -> list[Case]:
    """Where a person was, and when."""
    cases = []
    for at in range(40):
        count = int(random.integers(5, 60))
        start = 1_400_000_000 + int(random.integers(0, 10**7))
        times = (start + np.cumsum(random.integers(10, 300, count))).tolist()
        lat = (41.8 + np.cumsum(random.normal(0, 0.001, count))).round(6).tolist()
        lon = (-87.6 + np.cumsum(random.normal(0, 0.001, count))).round(6).tolist()
        iso = [str(np.datetime64(int(time), "s")) + "Z" for time in times]
        rows = list(zip(times, iso, lat, lon, strict=True))
        match at % 8:
            case 0:
                value: Any = _wrap_json(random, [{"t": t, "lat": a, "lon": b} for t, _, a, b in rows])
            case 1:
                value = _wrap_json(random, [[b, a, t] for t, _, a, b in rows])
            case 2:
                value = "\n".join(f"{s},{a},{b}" for _, s, a, b in rows)
            case 3:
                value = (
                    "<gpx><trk><trkseg>"
                    + "".join(f'<trkpt lat="{a}" lon="{b}"><time>{s}</time></trkpt>' for _, s, a, b in rows)
                    + "</trkseg></trk></gpx>"
                )
            case 4:
                value = {"latitude": lat, "longitude": lon, "timestamp": times}
            case 5:
                value = [{"timestamp": s, "position": {"latitude": a, "longitude": b}} for _, s, a, b in rows]
            case 6:
                value = [
                    {"timestampMs": str(t * 1000), "latitudeE7": int(a * 1e7), "longitudeE7": int(b * 1e7)}
                    for t, _, a, b in rows
                ]
            case _:
                value = {
                    "type": "Feature",
                    "geometry": {"type": "LineString", "coordinates": [[b, a] for _, _, a, b in rows]},
                    "properties": {"coordTimes": iso},
                }
        cases.append(Case(f"trace-{at % 8}", _field(random), value, "trace"))
    return cases


def texts(random: np.random.Generator) -> list[Case]:
    """Names and homes in five languages."""
    names = [
        "Ana Gómez",
        "John Smith",
        "João da Silva",
        "Jürgen Müller",
        "Marie Dupont",
        "Lucía Fernández Ruiz",
        "Wei Chen",
    ]
    said = [
        "My name is {n} and the lamp is out.",
        "Good morning, I am {n}, there is a leak.",
        "Mr {n} asked for a new bin.",
        "Broken bench.\nRegards,\n{n}",
        "Me llamo {n} y hay un hueco.",
        "La señora {n} denuncia ruido.",
        "Soy {n}, vecino del barrio.",
        "Atentamente, {n}",
        "Meu nome é {n}, o poste caiu.",
        "Falei com o Sr. {n} ontem.",
        "Ich heiße {n}, die Ampel ist defekt.",
        "Frau {n} hat angerufen.",
        "Mit freundlichen Grüßen\n{n}",
        "Je m'appelle {n}, la rue est sale.",
        "Mme {n} a signalé une fuite.",
        "Cordialement, {n}",
    ]
    homes = [
        "I live at 12 Elm Street, apt 4.",
        "my address is 4853 S Wood St",
        "Vivo en la calle Mayor 12, 3ºB",
        "mi dirección es Carrera 7 # 45-12",
        "Moro na Rua das Flores, 45",
        "Ich wohne in der Lindenstraße 5",
        "J'habite au 12 rue de la Paix",
        "minha morada é Avenida da Liberdade 110",
        "meine Adresse ist Hauptstraße 7",
        "mon adresse est 3 impasse des Lilas",
    ]
    cases = [
        Case("name", "comment", text.format(n=str(random.choice(names))), "personal") for text in said for _ in range(2)
    ]
    return cases + [Case("home", "comment", text, "location-of-person") for text in homes]


def main() -> None:
    """Write the corpus and its labels."""
    target = Path(sys.argv[1])
    cases = corpus(int(sys.argv[2]) if len(sys.argv) > 2 else SEED)
    target.write_text("".join(json.dumps({case.field: case.value}) + "\n" for case in cases), encoding="utf-8")
    labels = [
        {"row": row, "field": case.field, "kind": case.kind, "class": case.truth} for row, case in enumerate(cases, 1)
    ]
    target.with_suffix(".labels.ndjson").write_text(
        "".join(json.dumps(label) + "\n" for label in labels), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
