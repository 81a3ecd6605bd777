"""Ways to reach a person: e-mail addresses, also disguised ones, and telephone numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from cityward.private.spans import Span

_EMAIL: Final = re.compile(
    r"(?<![\w.+%-])[\w.+%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,6}\.(?:xn--[\w-]{2,59}|[^\W\d_]{2,24})\b"
)
_DISGUISED: Final = (
    # "ana @ example . org", "ana(at)example.org", "ana [at] example [dot] org", "ana%40example.org"
    re.compile(
        r"[\w.+-]{1,64}(?:\s{0,2}@\s{0,2}|\s{0,2}[(\[{<]\s?(?:at|arroba|arobase|klammeraffe|chiocciola|aapje|@|"
        r"ät|chez|a)\s?[)\]}>]\s{0,2}|&#0*64;|&#x40;|&commat;|%40)"
        r"[\w-]{1,63}(?:\s{0,2}(?:\.|[(\[{<]\s?(?:dot|punto|punkt|ponto|point|"
        r"\.)\s?[)\]}>]|&#0*46;|&#x0*2e;|&period;|%2e)\s{0,2}[\w-]{1,63}){0,4}?"
        r"\s{0,2}(?:\.|[(\[{<]\s?(?:dot|punto|punkt|ponto|point|\.)\s?[)\]}>]|"
        r"&#0*46;|&#x0*2e;|&period;|%2e)\s{0,2}[a-z]{2,24}\b",
        re.IGNORECASE,
    ),
    # "a n a @ e x a m p l e . o r g"
    re.compile(r"(?<!\S)(?:[\w.+-] ){2,40}@ (?:[\w.-] ){4,60}\w(?!\S)"),
    # "ana at example dot org"
    re.compile(
        r"[\w.+-]{1,64}\s(?:at|arroba|chez|ät)\s[\w-]{1,63}(?:\s(?:dot|punto|punkt|ponto|point)\s[\w-]{1,63}){1,4}",
        re.IGNORECASE,
    ),
)
_NOT_MAIL: Final = re.compile(r"git@|@\d+(?:\.\d+)|noreply@", re.IGNORECASE)


def emails(text: str) -> Iterator[Span]:
    """Yield the e-mail addresses of a folded ``text``."""
    patterns = (_EMAIL,) if "@" in text else ()
    for pattern in (*patterns, *_DISGUISED):
        for match in pattern.finditer(text):
            if not _NOT_MAIL.match(match[0]):
                yield Span(match.start(), match.end(), "personal", "[e-mail]", "content-e-mail 1")


_PROFILE: Final = (
    re.compile(
        r"\b(?:paypal|venmo|facebook|fb|instagram|linkedin|twitter|x|tiktok|snapchat|t|wa|vk|threads)\.(?:com|me|net)/"
        r"(?:in/|@|add/|profile\.php\?id=)?(?!sharer|share|intent|hashtag|watch|groups|events|pages|search|p/)[\w.+-]{3,40}",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:instagram|insta|ig|twitter|facebook|fb|tiktok|snapchat|telegram|skype|discord|signal|wechat)"
        r"(?: (?:handle|user|id|name|account))?\s?[:=]?\s?@?(?P<handle>(?<=@)[\w.-]{3,40}|(?<=[:=] )[\w.-]{3,40}|"
        r"(?<=[:=])[\w.-]{3,40})",
        re.IGNORECASE,
    ),
    re.compile(r"(?<![\w.@/-])@(?P<handle>[a-z][\w.]{2,29})(?![\w@(-])", re.IGNORECASE),
)


def profiles(text: str) -> Iterator[Span]:
    """Yield names in social networks: a profile's address, or a name after its network's."""
    for pattern in _PROFILE[:2] if "@" not in text else _PROFILE:
        for match in pattern.finditer(text):
            part = "handle" if "handle" in pattern.groupindex else 0
            yield Span(match.start(part), match.end(part), "personal", "[profile]", "content-profile 1")


_BORN: Final = re.compile(
    r"\b(?:born(?: on| in)?|date of birth|birth ?date|d\.?o\.?b\.?|fecha de nacimiento|nacid[oa](?: el)?|nac[ií] el|"
    r"data de nascimento|nascid[oa](?: (?:em|a))?|nasci em|geboren(?: am)?|geb\.|geburtsdatum|date de naissance|"
    r"n[ée]+e? le)\b[\s:]{0,3}(?P<day>\d{1,4}[\s./-](?:de )?[\w.]{1,10}[\s./-](?:de )?\d{2,4}|[^\W\d_]{3,9} "
    r"\d{1,2},? \d{4})",
    re.IGNORECASE,
)


_SECRET: Final = re.compile(
    r"\b(?:password|passwort|kennwort|contraseña|clave|senha|mot de passe|pwd|passcode|pin)\b(?: (?:is|es|ist|est|"
    r"é))?[\s:=/]{1,3}"
    r"(?P<secret>(?=\S*\d)\S{4,64})",
    re.IGNORECASE,
)


def secrets(text: str) -> Iterator[Span]:
    """Yield passwords that somebody wrote, told by the word before them."""
    for match in _SECRET.finditer(text):
        yield Span(match.start("secret"), match.end("secret"), "personal", "[secret]", "content-secret 1")


def births(text: str) -> Iterator[Span]:
    """Yield days on which somebody was born, told by the words before them."""
    for match in _BORN.finditer(text):
        yield Span(match.start("day"), match.end("day"), "personal", "[birth date]", "content-birth-date 1")


_RUN: Final = re.compile(r"(?<![\w.,+-])(?:\+\s?)?\(?\d(?:[ .()/-]{0,2}\d){7,22}(?![\w]|[.,]\d)")
_WORDS: Final = (
    r"tel|tels|telephone|phone|phones|call|cell|mobile|cellphone|msisdn|"
    r"whatsapp|llame|ll[áa]m[ae]me|ligue-me|ruf(?:en)? (?:sie )?(?:mich )?an|appelez-moi|rappelez|llamar|llámeme|"
    r"telefono|teléfono|móvil|movil|celular|"
    r"telefone|telemóvel|telemovel|ligue|telefon|handy|rufnummer|téléphone|tél|portable|fax|sms|contact number|rückruf"
)
_WORD: Final = re.compile(rf"(?:^|[^a-zà-ÿ])(?:{_WORDS})(?:number|nummer)?(?![a-zà-ÿ])", re.IGNORECASE)
_SHORT: Final = re.compile(rf"\b(?:{_WORDS})\W{{1,5}}(\d{{3}}[ .-]\d{{4}})\b", re.IGNORECASE)
_NUMBERED: Final = re.compile(
    r"(?:order|ticket|request|reference|ref|case|invoice|tracking|sku|"
    r"serial|permit|licen[cs]e no|pedido|orden|factura|solicitud|"
    r"expediente|radicado|protocolo|processo|fatura|auftrag|auftragsnummer|"
    r"bestellung|bestellnummer|rechnung|aktenzeichen|vorgang|"
    r"commande|facture|dossier|demande|référence|id|nr|no|n[°º]|number|"
    r"número|numéro|nummer|sensor|meter|contador|zähler|"
    r"barcode|ean|isbn|gtin|timestamp|epoch|ts|version|build|parcel|account code|code|código)[\s:#.°º=-]{0,3}$",
    re.IGNORECASE,
)
_INNOCENT: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"[1-9]\d-\d{8}$",  # a request's number
        r"(?:19|20)\d{2}[-/.]\d{1,2}[-/.]\d{1,2}(?:[ T]?\d{0,2}.*)?$",  # stamps and ranges of dates
        r"\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d{2}",
        r"(?:19|20)\d{2}[-/]\d{4,8}$",  # numbered within a year
        r"\d{1,3}\.\d{4,}$",  # a coordinate
        r"(?:\d{1,3}\.){3}\d{1,3}$",  # an address of a machine, or a version
        r"\d{5}-\d{4}$",  # ZIP+4
        r"\d{1,3}(?:\.\d{3}){2,}$",  # thousands
        r"(?:(?:19|20)\d{2}[ /-]{1,2})+(?:19|20)\d{2}$",  # years
        r"(?:19|20)\d{6}(?:[ -]?\d{4,6})?$",  # a stamp without separators
        r"1[0-9]{9}$|1[0-9]{12}$",  # seconds or milliseconds since 1970
        r"\d{1,2}/\d{1,7}/\d{1,7}$|[0-3]{12,}$",  # tiles of a map
        r"\d{1,2}(?: \d{3}){2,}$|\d{1,3}(?: \d{3}){3,}$",  # thousands with spaces
        r"\d{4}(?:\.\d\d){2,3}$|\d{8}-\d$",  # codes of goods and works
        r"[1-9]\d{1,3}-\d{4}-\d{1,2}$",  # a part's number: no country ends with so few
        r"-?\d{1,3}\.\d{3,} -?\d{1,3}\.\d{3,}$",  # a place
        r"(?:\d{1,2}[ /-]{1,2}){4,}\d{1,2}$",  # a list of small numbers; telephones in pairs begin with 0
    )
)


def telephones(text: str, context: str = "") -> Iterator[Span]:
    """Yield the telephone numbers of ``text``, and what is too long a number to be anything public."""
    named = bool(_WORD.search(context))
    for match in _SHORT.finditer(text):
        yield Span(match.start(1), match.end(1), "personal", "[telephone]", "content-telephone 1")
    for match in _RUN.finditer(text):
        before = text[max(0, match.start() - 24) : match.start()]
        label = _number(match[0], before, named=named, whole=match[0] == text.strip())
        if label:
            yield Span(match.start(), match.end(), "personal", label, "content-telephone 1")


def _number(run: str, before: str, *, named: bool, whole: bool) -> str | None:  # noqa: PLR0911
    """Name what a long run of digits is; None if it is nobody's."""
    run = run.strip()
    digits = re.sub(r"\D", "", run)
    told = named or bool(_WORD.search(before))
    if run.startswith(("+", "00")) and re.search(r"[4-9]", run):
        return "[telephone]" if 8 <= len(digits) <= 15 else None
    pairs = bool(re.match(r"0\d(?:[ .-]\d{2}){4}$", run))
    if (
        not told
        and not pairs
        and (any(pattern.match(run.strip("()")) for pattern in _INNOCENT) or _NUMBERED.search(before))
    ):
        return None
    if told and 8 <= len(digits) <= 15:
        return "[telephone]"
    if whole and digits == run:
        return None  # a bare number in a cell of its own: an order, a meter, a stamp
    if 9 <= len(digits) <= 11 and (digits != run or len(digits) >= 10):
        return "[telephone]"
    if 12 <= len(digits) <= 14 and re.match(r"\(?0\d{1,4}\)?[ -]\d{1,4}[ -]\d{3,4}[ -]\d{4}$", run):
        return "[telephone]"
    return "[number]" if len(digits) >= 12 and not whole and digits == run else None
