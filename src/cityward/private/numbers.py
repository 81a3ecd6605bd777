"""Numbers that belong to one person: cards, accounts and national ids, told by their check digits.

Source: python-stdnum for the checks. A number whose check is weak counts only beside its word, in the
text or in the name of its column.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from cityward.private.spans import Span

NEAR_CHARS: Final = 40
"""How far before a number its word may stand."""


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    pattern: re.Pattern[str]
    module: str | None
    needs: Literal["nothing", "cell", "word"]
    words: re.Pattern[str] | None = None
    label: str = "[id number]"


def _kind(
    name: str,
    pattern: str,
    module: str | None,
    needs: Literal["nothing", "cell", "word"],
    words: str = "",
    label: str = "",
) -> _Kind:
    told = re.compile(rf"(?:^|[^a-zà-ÿ])(?:{words})(?![a-zà-ÿ])", re.IGNORECASE) if words else None
    whole = re.compile(rf"(?<![\w+-])(?<!\d[.,])(?:{pattern})(?![\w-]|[.,]\d)", re.IGNORECASE)
    return _Kind(name, whole, module, needs, told, label or "[id number]")


_ID_WORDS: Final = (
    r"ssn|social security(?: number| no)?|tax ?id|tin|sin|national ?id|identity(?: card| number)?|id ?card|passport|"
    r"dni|nif|nie|nipc|cpf|cnpj|rg|cc|c[eé]dula|cedula|documento|contribuinte|"
    r"steuer-?id|steuer(?:liche)? ?identifikations\w*|idnr|"
    r"identifikationsnummer|nir|insee|s[eé]curit[eé] sociale|n[°ºo] s[eé]cu|"
    r"codice fiscale|curp|pesel|bsn|rut|cuit|personnummer|"
    r"citizen ?id|person(?:al)? ?(?:id|number|no)|nin|nino|ni number|"
    r"aadhaar|tckn|nhs|identificaci[oó]n|identidad|cidad[aã]o"
)
_KINDS: Final = (
    _kind(
        "iban", r"[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,4})?", "iban", "nothing", label="[account]"
    ),
    _kind("us-ssn", r"\d{3}-\d{2}-\d{4}", None, "nothing"),
    _kind("us-ssn", r"\d{3} ?\d{2} ?\d{4}", "us.ssn", "word", r"ssn|social security(?: number| no)?|social"),
    _kind("es-dni", r"\d{8}[ -]?[A-Z]|\d{2}\.\d{3}\.\d{3}-?[A-Z]", "es.dni", "nothing"),
    _kind("es-nie", r"[XYZ][ -]?\d{7}[ -]?[A-Z]", "es.nie", "nothing"),
    _kind("pt-nif", r"(?:PT)?\d{3} ?\d{3} ?\d{3}", "pt.nif", "word", r"nif|contribuinte|nipc|vat|tax ?id"),
    _kind("pt-cc", r"\d{8} ?\d ?[A-Z0-9]{2}\d", "pt.cc", "word", r"cc|cart[aã]o de cidad[aã]o|cidad[aã]o"),
    _kind("br-cpf", r"\d{3}\.\d{3}\.\d{3}[-/]?\d{2}|\d{9}-\d{2}", "br.cpf", "nothing"),
    _kind("br-cpf", r"\d{11}", "br.cpf", "cell"),
    _kind("br-cnpj", r"\d{2}\.\d{3}\.\d{3}/\d{4}-?\d{2}", "br.cnpj", "nothing"),
    _kind("br-cnpj", r"\d{14}", "br.cnpj", "word", r"cnpj"),
    _kind("de-steuer-id", r"\d{2} \d{3} \d{3} \d{3}", "de.idnr", "nothing"),
    _kind("de-steuer-id", r"\d{2}[ /]?\d{3}[ /]?\d{3}[ /]?\d{3}", "de.idnr", "cell"),
    _kind("fr-nir", r"[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3}[ -]?\d{2}", "fr.nir", "nothing"),
    _kind(
        "co-cedula",
        r"\d{1,3}(?:\.\d{3}){2,3}|\d{6,10}",
        None,
        "word",
        r"c[eé]dula(?: de ciudadan[ií]a)?|c\.?c\.?|documento de identidad",
    ),
    _kind("it-codice-fiscale", r"[A-Z]{6}\d{2}[A-EHLMPR-T]\d{2}[A-Z]\d{3}[A-Z]", "it.codicefiscale", "nothing"),
    _kind("mx-curp", r"[A-Z][AEIOUX][A-Z]{2}\d{2}[01]\d[0-3]\d[HMX][A-Z]{5}[A-Z0-9]\d", None, "nothing"),
    _kind("mx-rfc", r"[A-ZÑ&]{4}\d{2}[01]\d[0-3]\d[A-Z0-9]{2}[0-9A]", None, "nothing"),
    _kind("gb-licence", r"(?=[A-Z]{2})[A-Z9]{5}\d[0156]\d[0-3]\d\d[A-Z9]{2}[A-Z0-9]{3}", None, "nothing"),
    _kind(
        "mrz", r"(?:[PIACV][A-Z<][A-Z<]{3}[A-Z0-9<]{20,40}<<[A-Z0-9<\s]{5,100})", None, "nothing", label="[passport]"
    ),
    _kind("gb-nino", r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]", None, "nothing"),
    _kind("gb-nhs", r"\d{3}[ -]?\d{3}[ -]?\d{4}", "gb.nhs", "word", r"nhs(?: number| no)?"),
    _kind("nl-bsn", r"\d{4}\.?\d{2}\.?\d{3}", "nl.bsn", "word", r"bsn|burgerservicenummer"),
    _kind("pl-pesel", r"\d{11}", "pl.pesel", "cell"),
    _kind("cl-rut", r"\d{1,2}\.\d{3}\.\d{3}-[\dK]", "cl.rut", "nothing"),
    _kind("cl-rut", r"\d{7,8}-[\dK]", "cl.rut", "word", r"rut|run"),
    _kind("ar-cuit", r"(?:20|23|24|27)-\d{8}-\d", "ar.cuit", "nothing"),
    _kind("ch-ahv", r"756\.\d{4}\.\d{4}\.\d{2}", "ch.ssn", "nothing"),
    _kind("be-nn", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", "be.nn", "nothing"),
    _kind("se-personnummer", r"(?:\d{2})?\d{6}[-+]\d{4}", "se.personnummer", "cell"),
    _kind("fi-hetu", r"\d{6}[-+A]\d{3}[0-9A-Z]", "fi.hetu", "nothing"),
    _kind("ca-sin", r"\d{3}[ -]\d{3}[ -]\d{3}", "ca.sin", "word", r"sin|social insurance(?: number)?"),
    _kind("in-aadhaar", r"\d{4} \d{4} \d{4}", "in_.aadhaar", "nothing"),
    _kind("in-pan", r"[A-Z]{3}P[A-Z]\d{4}[A-Z]", None, "nothing"),
    _kind("in-pan", r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]", "in_.pan", "word", r"pan|permanent account number"),
    _kind("cn-id", r"\d{17}[\dX]", "cn.ric", "nothing"),
    _kind(
        "document",
        r"(?=(?:[A-Z-]*\d){5})[A-Z0-9]{5,18}(?:-[A-Z0-9]{1,4})?",
        None,
        "word",
        r"passport(?: number| no\.?)?|pasaporte|passaporte|reisepass\w*|passeport|"
        r"driv(?:ing|er['’]?s?) licen[cs]e(?: (?:number|no\.?))?|f(?:ü|ue)hrerschein\w*|permis de conduire|"
        r"(?:permiso|carn[eé]) de conducir|carta de condu[cç][ãa]o|cnh|personalausweis\w*|carte d['’]identit[ée]|"
        r"(?:health|insurance|medicare) (?:card|number|no\.?)|tarjeta sanitaria|versichertennummer|"
        r"krankenversicherung\w*|"
        r"carte vitale|cart[ãa]o (?:de|do) (?:sa[úu]de|cidad[ãa]o)|residence permit|student (?:id|number)|"
        r"membership number",
    ),
    _kind(
        "labelled",
        r"[A-Z]{0,2}\d[\d./ -]{4,14}\d(?:-?[A-Z\d])?(?:\(\d\))?|[A-Z]\d{6}\(\d\)|[A-Z]\d{7}[A-Z]",
        None,
        "word",
        r"dni|nif|cpf|ssn|itin|curp|pesel|bsn|rut|cui[tl]|c\.i\.|hkid|nric|kimlik(?: no)?|aadhaar|seguridad social|"
        r"social security|"
        r"steuer-?id|sozialversicherungsnummer|personnummer|national insurance|national id(?:entity)?|identity card|"
        r"c[ée]dula(?: de identidad)?",
    ),
    _kind(
        "account",
        r"\d{2}-\d{2}-\d{2}|\d[\d -]{4,22}\d",
        None,
        "word",
        r"(?:bank )?account (?:number|no\.?)|sort code|routing (?:number|no\.?)|n[úu]mero de cuenta|cuenta(?: "
        r"bancaria)?|"
        r"clabe|konto(?:nummer|nr\.?)?|num[ée]ro de compte|n[úu]mero (?:da|de) conta|conta banc[áa]ria|ag[êe]ncia",
        label="[account]",
    ),
    _kind("bitcoin", r"bc1[02-9ac-hj-np-z]{25,60}", None, "nothing", label="[account]"),
)


@cache
def _check(module: str) -> Callable[[str], bool]:
    check: Callable[[str], bool] = importlib.import_module(f"stdnum.{module}").is_valid
    return check


def _any_word(text: str) -> bool:
    return bool(_ID_WORD.search(text))


_ID_WORD: Final = re.compile(rf"(?:^|[^a-zà-ÿ])(?:{_ID_WORDS})(?![a-zà-ÿ])", re.IGNORECASE)
_SSN_NOT: Final = re.compile(r"000|666|9\d\d")


def ids(text: str, context: str = "") -> Iterator[Span]:
    """Yield the national ids and accounts of ``text``; ``context`` is the name of its column, in words."""
    if not any(map(str.isdigit, text)):
        return
    for kind in _KINDS:
        for match in kind.pattern.finditer(text):
            before = f"{context} {text[max(0, match.start() - NEAR_CHARS) : match.start()]}"
            whole = match.end() - match.start() == len(text.strip())
            told = bool(kind.words.search(before)) if kind.words else False
            if kind.needs == "word" and not told:
                continue
            if kind.needs == "cell" and not whole and not _any_word(before):
                continue
            if kind.module and not _holds(kind.module, match[0]):
                continue
            if kind.name == "us-ssn" and _SSN_NOT.match(match[0]) and not told:
                continue
            yield Span(match.start(), match.end(), "personal", kind.label, f"content-{kind.name} 1")


def _holds(module: str, number: str) -> bool:
    if module == "iban":  # a country's own check beside it fails on numbers of banks that no longer are
        plain = re.sub(r"[ -]", "", number).upper()
        return 15 <= len(plain) <= 34 and _check("iso7064.mod_97_10")(plain[4:] + plain[:4])
    if module == "de.idnr":
        number = number.replace("/", "")
    try:
        return _check(module)(number.replace(".", "") if module == "es.dni" else number)
    except LookupError:  # the check digit is right, and the library's table of places has a hole there
        return True


_CARD: Final = re.compile(r"(?<![\w.+-])(?:\d(?:[ -]?\d){12,18}|\d{4}(?:\.\d{4}){3})(?![\w-]|\.\d)")
_BRANDS: Final = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|"
    r"3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
)
"""First digits and lengths of payment cards (Source: ISO/IEC 7812 and the issuers' published ranges)."""


def cards(text: str) -> Iterator[Span]:
    """Yield the payment cards of ``text``: Luhn holds and the first digits are a brand's."""
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if _BRANDS.fullmatch(digits) and luhn(digits):
            yield Span(match.start(), match.end(), "personal", "[card number]", "content-card 1")


def luhn(digits: str) -> bool:
    """Whether the check digit of a card number holds (Source: ISO/IEC 7812-1, annex B)."""
    return _check("luhn")(digits)
