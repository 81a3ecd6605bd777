"""Names, homes, numbers and things in free text of five languages, and what must stay."""

from __future__ import annotations

import polars as pl
import pytest

from cityward.private.redact import redact, redact_text

REDACTED = {
    "My name is Ana Gómez and I live at 12 Elm Street apt 4.": "My name is [name] and I live at [address].",
    "Mr John Smith parked here": "Mr [name] parked here",
    "me llamo ana gomez y vivo en Calle Mayor 12, 3ºB": "me llamo [name] y vivo en [address]",
    "La señora María López denuncia ruido": "La señora [name] denuncia ruido",
    "Meu nome é João da Silva, moro na Rua das Flores, 45": "Meu nome é [name], moro na [address]",
    "Ich heiße Jürgen Müller und wohne in der Lindenstraße 5": "Ich heiße [name] und wohne in der [address]",
    "Je m'appelle Marie Dupont, j'habite au 12 rue de la Paix": "Je m'appelle [name], j'habite au [address]",
    "Broken bench.\nRegards,\nJohn Smith": "Broken bench.\nRegards,\n[name]",
    "Tél 06 12 34 56 78": "Tél [telephone]",
    "the car with plate ABC 1234 blocks": "the car with plate [plate] blocks",
    "coche con matrícula 1234 BCD": "coche con matrícula [plate]",
    "Kennzeichen B-AB 1234": "Kennzeichen [plate]",
    "probe 00:1A:2B:3C:4D:5E": "probe [device]",
    "Mi cédula es 1.020.345.678": "Mi cédula es [id number]",
    "mi DNI es 12345678Z": "mi DNI es [id number]",
    "CPF 529.982.247-25": "CPF [id number]",
    "a\u200bna@example.org": "[e-mail]",
    "аna@exаmple.org": "[e-mail]",
    "ana＠example．org": "[e-mail]",
    "ana (at) example (dot) org": "[e-mail]",
}
KEPT = [
    "Pothole on Martin Luther King Dr near 4853 S WOOD",
    "Dr. Martin Luther King Blvd is dark",
    "La calle Doctor Fleming 12 no tiene luz",
    "Am Konrad-Adenauer-Platz ist die Ampel defekt",
    "Ich bin Anwohner der Goethestraße 12",
    "Sr. Alcalde, arregle la calle",
    "thanks for fixing it",
    "Order 1234567890 is delayed",
    "Bus N 52 and tram 4 stop here",
    "the 12 buses, 34 trams and 56 trains",
    "Total 1.234.567,89 EUR",
    "Version 2.10.3.1 of the app",
    "I am very angry about the noise.",
]


@pytest.mark.parametrize(("text", "clean"), REDACTED.items())
def test_who_it_is_about_is_redacted(text: str, clean: str):
    assert redact(pl.Series([text, None])).to_list() == [clean, None]


@pytest.mark.parametrize("text", KEPT)
def test_places_and_services_stay(text: str):
    assert redact_text(text) == text


def test_a_long_text_is_redacted_in_every_part():
    text = "word " * 60_000 + "mail ana@example.org"
    assert "ana@example.org" not in redact_text(text)
