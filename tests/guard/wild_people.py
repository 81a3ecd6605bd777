"""Identifiers, devices, plates, special categories and traces in the forms that are found in the wild."""

from __future__ import annotations

import gzip
import json
import string
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from wild_media import Maker, WildCase, _b64


def _luhn(body: str) -> str:
    total = 0
    for i, c in enumerate(reversed(body)):
        d = int(c) * (2 if i % 2 == 0 else 1)
        total += d - 9 if d > 9 else d
    return body + str(-total % 10)


def _iban(country: str, bban: str) -> str:
    number = int("".join(str(int(c, 36)) for c in bban + country + "00"))
    return f"{country}{98 - number % 97:02d}{bban}"


def _mod11(body: str, weights: list[int]) -> int:
    return sum(int(c) * w for c, w in zip(body, weights, strict=True)) % 11


def _cpf(m: Maker) -> str:
    b = m.digits(9)
    for start in (10, 11):
        r = _mod11(b, list(range(start, 1, -1)))
        b += str(0 if r < 2 else 11 - r)
    return b


def _cnpj(m: Maker) -> str:
    b = m.digits(8) + "0001"
    for w in ([5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2], [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]):
        r = _mod11(b, w)
        b += str(0 if r < 2 else 11 - r)
    return f"{b[:2]}.{b[2:5]}.{b[5:8]}/{b[8:12]}-{b[12:]}"


def _nif_pt(m: Maker) -> str:
    b = "2" + m.digits(7)
    r = 11 - _mod11(b, list(range(9, 1, -1)))
    return b + str(0 if r > 9 else r)


def _rut(m: Maker) -> str:
    b = str(int(m.rng.integers(5_000_000, 25_000_000)))
    s = sum(int(c) * (2 + i % 6) for i, c in enumerate(reversed(b)))
    d = 11 - s % 11
    return f"{int(b):,}".replace(",", ".") + "-" + ("0" if d == 11 else "K" if d == 10 else str(d))


def _cuil(m: Maker) -> str:
    while True:
        b = "20" + m.digits(8)
        d = 11 - _mod11(b, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2])
        if d != 10:
            return f"{b[:2]}-{b[2:]}-{0 if d == 11 else d}"


def _dni(m: Maker) -> str:
    n = int(m.digits(8))
    return f"{n:08d}{'TRWAGMYFPDXBNJZSQVHLCKE'[n % 23]}"


def _nie(m: Maker) -> str:
    n = int(m.digits(7))
    return f"X{n:07d}{'TRWAGMYFPDXBNJZSQVHLCKE'[n % 23]}"


def _nir(m: Maker) -> str:
    b = f"{m.pick('12')}{m.rng.integers(40, 99):02d}{m.rng.integers(1, 13):02d}75{m.digits(3)}{m.digits(3)}"
    return f"{b} {97 - int(b) % 97:02d}"


def _steuer(m: Maker) -> str:
    while True:
        d = [int(x) for x in m.rng.permutation(10)]
        if d[0] == 0:
            continue
        d[9] = d[int(m.rng.integers(0, 8))]
        product = 10
        for x in d:
            s = (x + product) % 10 or 10
            product = s * 2 % 11
        return "".join(map(str, d)) + str((11 - product) % 10)


def _bsn(m: Maker) -> str:
    while True:
        b = m.digits(9)
        if sum(int(c) * w for c, w in zip(b, [9, 8, 7, 6, 5, 4, 3, 2, -1], strict=True)) % 11 == 0 and b[0] != "0":
            return b


def _nhs(m: Maker) -> str:
    while True:
        b = "4" + m.digits(8)
        d = 11 - _mod11(b, list(range(10, 1, -1)))
        if d != 10:
            b += str(0 if d == 11 else d)
            return f"{b[:3]} {b[3:6]} {b[6:]}"


def _pesel(m: Maker) -> str:
    b = f"{m.rng.integers(50, 99):02d}{m.rng.integers(1, 13):02d}{m.rng.integers(1, 29):02d}" + m.digits(4)
    return b + str(-sum(int(c) * w for c, w in zip(b, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3], strict=True)) % 10)


_D = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5], [2, 3, 4, 0, 1, 7, 8, 9, 5, 6], [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],  # noqa: E501
      [4, 0, 1, 2, 3, 9, 5, 6, 7, 8], [5, 9, 8, 7, 6, 0, 4, 3, 2, 1], [6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],  # noqa: E501
      [8, 7, 6, 5, 9, 3, 2, 1, 0, 4], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]]  # fmt: skip
_P = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5, 7, 6, 2, 8, 3, 0, 9, 4], [5, 8, 0, 3, 7, 9, 6, 1, 4, 2], [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],  # noqa: E501
      [9, 4, 5, 3, 1, 2, 6, 8, 7, 0], [4, 2, 8, 6, 5, 7, 3, 9, 0, 1], [2, 7, 9, 3, 8, 0, 6, 4, 1, 5], [7, 0, 4, 6, 9, 1, 3, 2, 5, 8]]  # fmt: skip  # noqa: E501


def _aadhaar(m: Maker) -> str:
    body = "5" + m.digits(10)
    for last in "0123456789":
        c = 0
        for i, x in enumerate(reversed(body + last)):
            c = _D[c][_P[i % 8][int(x)]]
        if c == 0:
            n = body + last
            return f"{n[:4]} {n[4:8]} {n[8:]}"
    raise AssertionError


def _codice_fiscale(m: Maker) -> str:
    body = (
        "".join(m.pick("BCDFGLMNPRST") for _ in range(6))
        + f"{m.rng.integers(50, 99):02d}{m.pick('ABCDEHLMPRST')}{m.rng.integers(1, 29):02d}H{m.digits(3)}"
    )
    odd = dict(
        zip(
            string.digits + string.ascii_uppercase,
            [
                1,
                0,
                5,
                7,
                9,
                13,
                15,
                17,
                19,
                21,
                1,
                0,
                5,
                7,
                9,
                13,
                15,
                17,
                19,
                21,
                2,
                4,
                18,
                20,
                11,
                3,
                6,
                8,
                12,
                14,
                16,
                10,
                22,
                25,
                24,
                23,
            ],
            strict=True,
        )
    )
    total = sum(odd[c] if i % 2 == 0 else (int(c) if c.isdigit() else ord(c) - 65) for i, c in enumerate(body))
    return body + chr(65 + total % 26)


def _curp(m: Maker) -> str:
    return f"{''.join(m.pick('ABCDGHLMPRS') for _ in range(1))}A{m.pick('BCDGLM')}{m.pick('JMRS')}{m.rng.integers(50, 99):02d}{m.rng.integers(1, 13):02d}{m.rng.integers(1, 29):02d}{m.pick('HM')}DF{''.join(m.pick('BCDFGLMNPRST') for _ in range(3))}0{m.digits(1)}"  # noqa: E501


def _mrz(m: Maker) -> str:
    def check(s: str) -> str:
        return str(sum((0 if c == "<" else int(c, 36)) * (7, 3, 1)[i % 3] for i, c in enumerate(s)) % 10)

    number, birth, end = "X" + m.digits(8), "740812", "310415"
    second = number + check(number) + "UTO" + birth + check(birth) + "F" + end + check(end) + "<" * 14 + "0"
    second += check(second[:10] + second[13:20] + second[21:43])
    return "P<UTOERIKSSON<<ANNA<MARIA".ljust(44, "<") + "\n" + second


def _uk_nino(m: Maker) -> str:
    d = m.digits(6)
    return f"{m.pick(['AB', 'JH', 'PX', 'SC'])} {d[:2]} {d[2:4]} {d[4:]} {m.pick('ABCD')}"


IDENTIFIERS: dict[str, Callable[[Maker], str]] = {
    "email": lambda m: f"{m.pick(['lena', 'jo.smith', 'm_garcia', 'x+tag'])}{m.digits(2)}@{m.pick(['mail', 'gmx', 'correo'])}.{m.pick(['com', 'de', 'es', 'co.uk'])}",  # noqa: E501
    "email-at-dot": lambda m: f"lena.k{m.digits(2)} (at) mail (dot) com",
    "email-at-word": lambda m: f"jonas{m.digits(2)} at gmail dot com",
    "email-es": lambda m: f"marta{m.digits(2)} arroba correo punto es",
    "email-brackets": lambda m: f"tom{m.digits(2)}[at]posteo[dot]de",
    "email-fullwidth": lambda m: f"tom{m.digits(2)}＠gmail．com",
    "email-zero-width": lambda m: f"tom{m.digits(2)}\u200b@\u200bgmail.\u200bcom",
    "email-cyrillic": lambda m: f"t\u043em{m.digits(2)}@gm\u0430il.com",
    "email-percent": lambda m: f"tom{m.digits(2)}%40gmail.com",
    "email-entity": lambda m: f"tom{m.digits(2)}&#64;gmail&#46;com",
    "email-mailto": lambda m: f"mailto:tom{m.digits(2)}@gmail.com?subject=x",
    "email-unicode": lambda m: f"jürgen{m.digits(2)}@müller.de",
    "email-spaces": lambda m: f"tom{m.digits(2)} @ gmail . com",
    "phone-e164": lambda m: "+4917" + m.digits(8),
    "phone-es": lambda m: f"6{m.digits(2)} {m.digits(2)} {m.digits(2)} {m.digits(2)}",
    "phone-us": lambda m: f"({m.pick([212, 415, 617])}) 5{m.digits(2)}-{m.digits(4)}",
    "phone-us-dots": lambda m: f"415.5{m.digits(2)}.{m.digits(4)}",
    "phone-fr": lambda m: f"06 {m.digits(2)} {m.digits(2)} {m.digits(2)} {m.digits(2)}",
    "phone-de": lambda m: f"0171/{m.digits(7)}",
    "phone-br": lambda m: f"(11) 9{m.digits(4)}-{m.digits(4)}",
    "phone-uk": lambda m: f"07{m.digits(3)} {m.digits(6)}",
    "phone-00": lambda m: f"0034 6{m.digits(2)} {m.digits(3)} {m.digits(3)}",
    "phone-pt": lambda m: f"91{m.digits(1)} {m.digits(3)} {m.digits(3)}",
    "phone-in": lambda m: f"+91 98{m.digits(3)} {m.digits(5)}",
    "phone-cn": lambda m: f"+86 138 {m.digits(4)} {m.digits(4)}",
    "phone-it": lambda m: f"+39 3{m.digits(2)} {m.digits(7)}",
    "phone-tel-url": lambda m: f"tel:+34-6{m.digits(2)}-{m.digits(6)}",
    "phone-fullwidth": lambda m: "＋３４ ６１２ ３４５ ６７８",
    "phone-whatsapp": lambda m: f"https://wa.me/3461{m.digits(7)}",
    "iban-de": lambda m: _iban("DE", m.digits(18)),
    "iban-es-spaces": lambda m: _group(_iban("ES", m.digits(20)), 4),
    "iban-gb": lambda m: _group(_iban("GB", "NWBK" + m.digits(14)), 4),
    "iban-fr-lower": lambda m: _iban("FR", m.digits(23)).lower(),
    "iban-dashes": lambda m: _group(_iban("DE", m.digits(18)), 4, "-"),
    "card-visa": lambda m: _luhn("4" + m.digits(14)),
    "card-spaces": lambda m: _group(_luhn("52" + m.digits(13)), 4),
    "card-amex": lambda m: _luhn("37" + m.digits(12)),
    "card-dots": lambda m: _group(_luhn("4" + m.digits(14)), 4, "."),
    "ssn": lambda m: f"{m.rng.integers(100, 660)}-{m.rng.integers(10, 99)}-{m.rng.integers(1000, 9999)}",
    "dni": _dni,
    "dni-dotted": lambda m: (lambda d: f"{d[:2]}.{d[2:5]}.{d[5:8]}-{d[8]}")(_dni(m)),  # noqa: PLC3002
    "nie": _nie,
    "nif-pt": lambda m: "NIF " + _nif_pt(m),
    "cpf": lambda m: (lambda c: f"{c[:3]}.{c[3:6]}.{c[6:9]}-{c[9:]}")(_cpf(m)),  # noqa: PLC3002
    "cpf-plain": lambda m: "CPF " + _cpf(m),
    "steuer-id": lambda m: "Steuer-ID " + _steuer(m),
    "nir": _nir,
    "cedula-co": lambda m: f"C.C. {m.rng.integers(10, 99)}.{m.digits(3)}.{m.digits(3)}",
    "rut": _rut,
    "cuil": _cuil,
    "curp": _curp,
    "rfc": lambda m: f"GARM{m.rng.integers(50, 99)}{m.rng.integers(1, 13):02d}{m.rng.integers(1, 29):02d}A{m.digits(1)}9",  # noqa: E501
    "codice-fiscale": _codice_fiscale,
    "bsn": lambda m: "BSN " + _bsn(m),
    "nino": _uk_nino,
    "nhs": lambda m: "NHS no. " + _nhs(m),
    "pesel": lambda m: "PESEL " + _pesel(m),
    "aadhaar": _aadhaar,
    "pan-in": lambda m: f"ABCP{m.pick('KLMN')}{m.digits(4)}F",
    "ahv-ch": lambda m: (lambda b: f"756.{b[3:7]}.{b[7:11]}.{b[11:]}{-sum(int(c) * (1, 3)[i % 2] for i, c in enumerate(b)) % 10}")("756" + m.digits(9)),  # noqa: E501, PLC3002
    "personnummer-se": lambda m: (lambda b: f"{b[:6]}-{b[6:]}")(_luhn(f"8{m.digits(1)}0{m.rng.integers(1, 10)}1{m.digits(1)}" + m.digits(3))),  # noqa: E501, PLC3002
    "mrz": _mrz,
    "passport": lambda m: f"passport no. C{m.digits(8)}",
    "passport-de": lambda m: f"Reisepass C01X{m.digits(4)}K",
    "licence-uk": lambda m: f"driving licence MORGA{m.digits(6)}SM9IJ",
    "name-marker": lambda m: f"Mrs {m.pick(['Anna Kowalska', 'Ingrid Berg', 'Joan Whitfield'])} called",
    "name-es": lambda m: f"me llamo {m.pick(['Carmen Ruiz', 'José Antonio Pérez'])} y vivo aquí",
    "name-de": lambda m: f"mein Name ist {m.pick(['Ulrike Schäfer', 'Jens Köhler'])}",
    "name-fr": lambda m: f"je m'appelle {m.pick(['Chloé Martin', 'Didier Lefèvre'])}",
    "name-pt": lambda m: f"o meu nome é {m.pick(['João Ferreira', 'Inês Carvalho'])}",
    "name-signed": lambda m: f"The lamp is out since Monday.\nKind regards,\n{m.pick(['Peter Hollis', 'Nadia Farouk'])}",  # noqa: E501
    "birth-date": lambda m: f"born on {m.rng.integers(1, 28)} March 19{m.rng.integers(40, 99)}",
    "birth-date-es": lambda m: f"fecha de nacimiento: {m.rng.integers(10, 28)}/0{m.rng.integers(1, 9)}/19{m.rng.integers(40, 99)}",  # noqa: E501
    "social-handle": lambda m: f"instagram: @lena_k{m.digits(2)}",
    "profile-url": lambda m: f"https://www.facebook.com/lena.kovac.{m.digits(2)}",
    "bank-routing": lambda m: f"account number {m.digits(10)}, sort code 20-{m.digits(2)}-{m.digits(2)}",
    "bitcoin": lambda m: "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
}  # fmt: skip


def _group(text: str, n: int, by: str = " ") -> str:
    return by.join(text[i : i + n] for i in range(0, len(text), n))


DEVICES: dict[str, Callable[[Maker], str]] = {
    "imei": lambda m: _luhn("35" + m.digits(12)),
    "imei-dashes": lambda m: (lambda d: f"{d[:2]}-{d[2:8]}-{d[8:14]}-{d[14]}")(_luhn("35" + m.digits(12))),  # noqa: PLC3002
    "imsi": lambda m: "IMSI 21407" + m.digits(10),
    "mac": lambda m: m.bytes(6).hex(":"),
    "mac-dashes": lambda m: m.bytes(6).hex("-").upper(),
    "mac-cisco": lambda m: (lambda h: f"{h[:4]}.{h[4:8]}.{h[8:]}")(m.bytes(6).hex()),  # noqa: PLC3002
    "mac-plain": lambda m: "mac=" + m.bytes(6).hex(),
    "eui64": lambda m: m.bytes(8).hex(":"),
    "idfa": lambda m: "IDFA " + str(uuid.UUID(bytes=m.bytes(16), version=4)).upper(),
    "gaid": lambda m: "gaid:" + str(uuid.UUID(bytes=m.bytes(16), version=4)),
    "android-id": lambda m: "android_id=" + m.bytes(8).hex(),
    "ipv4": lambda m: f"83.{m.rng.integers(1, 250)}.{m.rng.integers(1, 250)}.{m.rng.integers(1, 250)}",
    "ipv4-port": lambda m: f"client 83.{m.rng.integers(1, 250)}.{m.rng.integers(1, 250)}.9:51514",
    "ipv6": lambda m: "2a02:" + ":".join(m.bytes(2).hex() for _ in range(7)),
    "ipv6-short": lambda m: f"2a02:8109::{m.bytes(2).hex()}",
    "ipv4-mapped": lambda m: f"::ffff:83.12.{m.rng.integers(1, 250)}.7",
    "iccid": lambda m: _luhn("8934" + m.digits(14)),
    "vin": lambda m: "WVWZZZ1KZ6W" + m.digits(6),
    "meid": lambda m: "MEID A0000" + m.bytes(5).hex()[:9].upper(),
    "ble": lambda m: f"bluetooth {m.bytes(6).hex(':').upper()} rssi -67",
    "serial": lambda m: f"phone serial number: F2LX{m.digits(4)}JCLH",
    "user-agent-cookie": lambda m: f"_ga=GA1.2.{m.digits(9)}.16{m.digits(8)}",
}
PLATES: dict[str, Callable[[Maker], str]] = {
    "es": lambda m: f"{m.digits(4)} {''.join(m.pick('BCDFGHJKLMNPRSTVWXYZ') for _ in range(3))}",
    "es-old": lambda m: f"M-{m.digits(4)}-ZX",
    "de": lambda m: f"{m.pick(['B', 'HH', 'M', 'KI'])}-{m.pick(['AB', 'XY', 'K'])} {m.rng.integers(100, 9999)}",
    "uk": lambda m: (
        f"{m.pick(['AB', 'LK', 'YD'])}{m.pick(['12', '67', '71'])} {''.join(m.pick('ABCDEFGHJKLMNOPRSTUVWXYZ') for _ in range(3))}"  # noqa: E501
    ),
    "fr": lambda m: f"{m.pick(['AB', 'FG', 'EK'])}-{m.digits(3)}-{m.pick(['CD', 'XT', 'ZM'])}",
    "it": lambda m: f"{m.pick(['AB', 'FG', 'EK'])} {m.digits(3)} {m.pick(['CD', 'XT', 'ZM'])}",
    "pt": lambda m: f"{m.digits(2)}-{m.pick(['AB', 'XZ'])}-{m.digits(2)}",
    "pt-new": lambda m: f"AA-{m.digits(2)}-{m.pick(['BC', 'XZ'])}",
    "nl": lambda m: f"{m.pick(['GB', 'KL'])}-{m.digits(3)}-{m.pick('BDF')}",
    "br": lambda m: f"{m.pick(['ABC', 'KXT', 'RIO'])}-{m.digits(4)}",
    "br-mercosul": lambda m: f"{m.pick(['ABC', 'KXT', 'RIO'])}{m.digits(1)}{m.pick('ABCDEF')}{m.digits(2)}",
    "ar": lambda m: f"A{m.pick('BCDEF')} {m.digits(3)} {m.pick(['CD', 'XT', 'ZM'])}",
    "cl": lambda m: f"{m.pick(['BB', 'GK'])}{m.pick(['CL', 'TR'])}-{m.digits(2)}",
    "co": lambda m: f"{m.pick(['ABC', 'KXT'])} {m.digits(3)}",
    "pl": lambda m: f"{m.pick(['WA', 'KR', 'PO'])} {m.digits(5)}",
    "us-ca": lambda m: f"{m.pick('5678')}{''.join(m.pick('ABCDEFGH') for _ in range(3))}{m.digits(3)}",
    "in": lambda m: f"MH {m.digits(2)} {m.pick(['AB', 'CD'])} {m.digits(4)}",
    "se": lambda m: f"{m.pick(['ABC', 'KXT'])} {m.digits(2)}{m.pick('ABCDEF')}",
    "ch": lambda m: f"{m.pick(['ZH', 'BE', 'GE'])} {m.digits(6)}",
    "ru": lambda m: f"А{m.digits(3)}ВС77",
    "at": lambda m: f"W-{m.digits(5)}K",
}
PLATE_TEXTS = ("the car with plate {} blocks the ramp", "el coche con matrícula {} está en el carril bici",
               "das Auto mit dem Kennzeichen {} parkt auf dem Gehweg", "la voiture immatriculée {} est sur le trottoir",
               "o carro de matrícula {} está na passadeira", "the vehicle {} parked on the pavement")  # fmt: skip
TEXTS = (
    "Please call back: {}.",
    "Hola, mis datos: {} gracias",
    "Meine Angaben: {}, danke.",
    "Voici mes coordonnées : {}",
    "Segue o contacto {} obrigado",
    "{}",
)


def _identifiers(m: Maker) -> Iterator[WildCase]:
    for i, (kind, make) in enumerate(IDENTIFIERS.items()):
        yield WildCase(kind, "personal", {m.name(): make(m)})
        yield WildCase(f"{kind}/text", "personal", {"description": TEXTS[i % 5].format(make(m))})
        if i % 4 == 0:
            yield WildCase(f"{kind}/nested", "personal", {m.name(): {"a": [{"b": make(m)}]}})
        if i % 6 == 0:
            yield WildCase(f"{kind}/base64", "personal", {m.name(): _b64(("contact: " + make(m)).encode())})
    for i, (kind, make) in enumerate(DEVICES.items()):
        yield WildCase(kind, "device", {m.name(): make(m)})
        yield WildCase(f"{kind}/text", "device", {"note": TEXTS[(i + 2) % 5].format(make(m))})
    for i, (kind, make) in enumerate(PLATES.items()):
        yield WildCase(f"plate-{kind}/text", "number-plate", {"note": PLATE_TEXTS[i % 6].format(make(m))})
        yield WildCase(
            f"plate-{kind}/column",
            "number-plate",
            {str(m.pick(["plate", "matricula", "kennzeichen", "licence_plate"])): make(m)},
        )
    for text in (
        "I live at 14 Elm Street, flat 3", "Vivo en la calle Mayor 14, 3º B", "Ich wohne in der Lindenstraße 14",
        "J'habite au 14 rue des Lilas, 3e étage", "Moro na Rua das Flores, 14, 2º esq", "my home address: 22 Baker Road, N1 4QX",  # noqa: E501
        "mi domicilio es Avenida de la Paz 7", "unsere Wohnung, Goethestr. 5, 2. OG links", "mon domicile : 8 bis avenue Foch",  # noqa: E501
        "minha casa fica na Avenida Brasil 1200, apto 41", "deliver to my house, 14 Elm Street", "mi vecina del 3º B de la calle Luna 5",  # noqa: E501
    ):  # fmt: skip
        yield WildCase("address-of-person", "location-of-person", {"description": text})


SPECIAL_TEXT = {
    "health": ("my mother has dementia and cannot cross", "mi padre tiene cáncer y va en silla de ruedas", "meine Frau ist an Krebs erkrankt", "je suis diabétique et j'ai besoin d'un banc", "o meu filho tem epilepsia", "I am HIV positive", "tengo depresión desde marzo", "ich bin schwanger und die Treppe ist gesperrt", "mon mari est handicapé", "sou autista e o barulho incomoda"),  # noqa: E501
    "religion": ("as a Muslim I cannot park there on Fridays", "soy católica y voy a misa", "ich bin evangelisch", "je suis juif et j'ai peur", "sou evangélico e vou ao culto"),  # noqa: E501
    "union": ("I am a member of the union Unison", "soy afiliado de Comisiones Obreras", "ich bin Mitglied der Gewerkschaft ver.di", "je suis syndiqué à la CGT", "sou sindicalizado na CUT"),  # noqa: E501
    "orientation": ("I am gay and was insulted here", "soy lesbiana y me insultaron", "ich bin schwul", "je suis bisexuelle", "sou homossexual"),  # noqa: E501
    "ethnicity": ("I am of Roma origin", "soy gitano y no me atienden", "ich bin türkischer Herkunft", "je suis d'origine maghrébine", "sou de etnia cigana"),  # noqa: E501
    "political": ("I vote for the Labour Party", "soy militante del PSOE", "ich bin Mitglied der CDU", "je suis membre du parti socialiste", "sou filiado ao PT"),  # noqa: E501
}  # fmt: skip
SPECIAL_FIELDS = {
    "religion": "catholic", "diagnosis": "F32.1", "diagnostico": "diabetes tipo 2", "Konfession": "ev", "religião": "católica",  # noqa: E501
    "orientation_sexuelle": "gay", "sexual_orientation": "lesbian", "ethnicity": "roma", "etnia": "gitana", "race": "black",  # noqa: E501
    "union_member": True, "Gewerkschaft": "IG Metall", "afiliacion_sindical": "CCOO", "political_party": "green", "parti_politique": "PS",  # noqa: E501
    "disability": "blind", "discapacidad": 65, "Behinderungsgrad": 50, "medication": "insulin", "icd10": "E11.9", "hiv_status": "positive",  # noqa: E501
    "blood_type": "0+", "patient": {"condition": "asthma"}, "confession": "musulmane", "partido": "PSOE", "health_condition": "pregnant",  # noqa: E501
    "handicap": "moteur", "krankheit": "Krebs", "genetic_marker": "BRCA1", "criminal_record": "theft 2009",
}  # fmt: skip


def _special(m: Maker) -> Iterator[WildCase]:
    for kind, texts in SPECIAL_TEXT.items():
        for text in texts:
            yield WildCase(f"{kind}/text", "sensitive", {"description": text})
    for field, value in SPECIAL_FIELDS.items():
        yield WildCase(f"field-{field}", "sensitive", {field: value})


def _walk(m: Maker, n: int = 30) -> tuple[np.ndarray, np.ndarray]:
    step = m.rng.normal(0, 0.0004, (n, 2)) + m.rng.normal(0, 0.0003, 2)
    return np.array([-7.2, 43.3]) + np.cumsum(step, 0), 1_714_000_000 + np.cumsum(m.rng.integers(10, 60, n))


def _iso(t: float) -> str:
    return str(np.datetime64(int(t), "s")) + "Z"


def polyline(points: np.ndarray) -> str:
    """Google's encoded polyline of ``points`` (n, 2) as lon, lat."""
    out, last = [], [0, 0]
    for lon, lat in points:
        for k, v in enumerate((lat, lon)):
            now = round(v * 1e5)
            delta, last[k] = now - last[k], now
            delta = ~(delta << 1) if delta < 0 else delta << 1
            while delta >= 0x20:
                out.append(chr((0x20 | (delta & 0x1F)) + 63))
                delta >>= 5
            out.append(chr(delta + 63))
    return "".join(out)


def geohash(lon: float, lat: float, n: int = 8) -> str:
    lo, la, bits, out = [-180.0, 180.0], [-90.0, 90.0], 0, ""
    for i in range(n * 5):
        span, v = (lo, lon) if i % 2 == 0 else (la, lat)
        mid = sum(span) / 2
        bits = bits * 2 + (v >= mid)
        span[0 if v >= mid else 1] = mid
        if i % 5 == 4:
            out, bits = out + "0123456789bcdefghjkmnpqrstuvwxyz"[bits], 0
    return out


def _nmea(lon: float, lat: float, t: float) -> str:
    body = f"GPRMC,{_iso(t)[11:19].replace(':', '')},A,{int(lat):02d}{lat % 1 * 60:07.4f},N,{int(-lon):03d}{-lon % 1 * 60:07.4f},W,3.1,84.4,230524,,"  # noqa: E501
    check = 0
    for c in body:
        check ^= ord(c)
    return f"${body}*{check:02X}"


def _traces(m: Maker) -> Iterator[tuple[str, dict[str, Any]]]:
    p, t = _walk(m)
    iso = [_iso(x) for x in t]
    xy = p.round(6).tolist()
    both = list(zip(xy, t.tolist(), iso, strict=True))
    yield "objects", {m.name(): [{"lat": y, "lon": x, "time": s} for (x, y), _, s in both]}
    yield "objects-unix", {m.name(): [{"latitude": y, "longitude": x, "ts": u} for (x, y), u, _ in both]}
    yield "objects-short", {m.name(): [{"y": y, "x": x, "t": u * 1000} for (x, y), u, _ in both]}
    yield "triples", {m.name(): [[x, y, u] for (x, y), u, _ in both]}
    yield "triples-time-first", {m.name(): [[s, y, x] for (x, y), _, s in both]}
    yield "seconds-from-start", {m.name(): [[x, y, u - int(t[0])] for (x, y), u, _ in both]}
    yield (
        "coord-times",
        {
            m.name(): {
                "type": "Feature",
                "properties": {"coordTimes": iso},
                "geometry": {"type": "LineString", "coordinates": xy},
            }
        },
    )
    yield "linestring-m", {m.name(): "LINESTRING M (" + ", ".join(f"{x} {y} {u}" for (x, y), u, _ in both) + ")"}
    yield "linestring-zm", {m.name(): "LINESTRING ZM (" + ", ".join(f"{x} {y} 12 {u}" for (x, y), u, _ in both) + ")"}
    yield "geojson-4d", {m.name(): {"type": "LineString", "coordinates": [[x, y, 10.0, u] for (x, y), u, _ in both]}}
    yield (
        "gpx",
        {
            m.name(): "<gpx><trk><trkseg>"
            + "".join(f'<trkpt lat="{y}" lon="{x}"><time>{s}</time></trkpt>' for (x, y), _, s in both)
            + "</trkseg></trk></gpx>"
        },
    )
    yield (
        "kml",
        {
            m.name(): "<gx:Track>"
            + "".join(f"<when>{s}</when><gx:coord>{x} {y} 0</gx:coord>" for (x, y), _, s in both)
            + "</gx:Track>"
        },
    )
    yield (
        "tcx",
        {
            m.name(): "".join(
                f"<Trackpoint><Time>{s}</Time><Position><LatitudeDegrees>{y}</LatitudeDegrees><LongitudeDegrees>{x}</LongitudeDegrees></Position></Trackpoint>"
                for (x, y), _, s in both
            )
        },
    )
    yield "nmea", {m.name(): "\r\n".join(_nmea(x, y, u) for (x, y), u, _ in both)}
    yield "polyline-times", {m.name(): {"route": polyline(p), "times": t.tolist()}}
    yield "polyline-deltas", {m.name(): {"poly": polyline(p), "start": iso[0], "dt": np.diff(t).tolist()}}
    yield "geohashes", {m.name(): [[geohash(x, y), u] for (x, y), u, _ in both]}
    yield "geohash-text", {m.name(): ";".join(f"{s}={geohash(x, y)}" for (x, y), _, s in both)}
    yield "parallel-lists", {m.name(): {"lat": [q[1] for q in xy], "lon": [q[0] for q in xy], "t": t.tolist()}}
    yield "csv", {m.name(): "time,lat,lon\n" + "\n".join(f"{s},{y},{x}" for (x, y), _, s in both)}
    yield "text-lines", {m.name(): "\n".join(f"{s} {y} {x}" for (x, y), _, s in both)}
    yield (
        "cells",
        {
            m.name(): [
                {"t": u, "mcc": 214, "mnc": 7, "lac": 3012, "cid": int(50000 + i // 4)}
                for i, (_, u, _) in enumerate(both)
            ]
        },
    )
    yield (
        "projected",
        {
            m.name(): [
                {"easting": round(500000 + x * 80000, 1), "northing": round(y * 111000, 1), "timestamp": s}
                for (x, y), _, s in both
            ]
        },
    )
    yield "h3", {m.name(): [[f"8a{(0x39_54_00_00_00 + i * 77):011x}ff", s] for i, (_, _, s) in enumerate(both)]}
    yield "moving-features", {m.name(): {"type": "MovingPoint", "coordinates": xy, "datetimes": iso}}
    yield (
        "points-with-times",
        {
            m.name(): {
                "type": "FeatureCollection",
                "features": [
                    {"type": "Feature", "geometry": {"type": "Point", "coordinates": q}, "properties": {"at": s}}
                    for q, _, s in both
                ],
            }
        },
    )
    yield (
        "google-takeout",
        {
            m.name(): {
                "locations": [
                    {"latitudeE7": int(y * 1e7), "longitudeE7": int(x * 1e7), "timestampMs": str(u * 1000)}
                    for (x, y), u, _ in both
                ]
            }
        },
    )
    yield "stays", {m.name(): [{"place": [x, y], "arrive": s, "leave": _iso(u + 900)} for (x, y), u, s in both[:6]]}
    yield "packed", {m.name(): _b64(gzip.compress(json.dumps([[x, y, u] for (x, y), u, _ in both]).encode()))}
    yield "f64-binary", {m.name(): _b64(np.column_stack([p, t]).astype("<f8").tobytes())}
    yield "ewkt-trajectory", {m.name(): "[" + ", ".join(f"POINT({x} {y})@{s}" for (x, y), _, s in both) + "]"}
    yield "dict-by-time", {m.name(): {s: [x, y] for (x, y), _, s in both}}
    yield "json-text", {m.name(): json.dumps([{"lat": y, "lng": x, "at": s} for (x, y), _, s in both])}
