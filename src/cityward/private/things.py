"""Things that stand for one person: number plates, devices and their addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from stdnum import imei as stdnum_imei
from stdnum import imsi as stdnum_imsi
from stdnum import luhn

from cityward.private.spans import Span

# -- number plates ---------------------------------------------------------------------------------

_GERMAN: Final = (
    "A AA AB AC AK B BA BB BI BM BN BO BS C CB CE CO D DA DD DE DN DO "
    "DU E EF EM ER ES EU F FB FD FF FL FR FS FT FÜ G GE GI GL GM "
    "GP GS GT GÖ H HA HB HD HE HF HG HH HI HL HN HO HR HRO HS HSK IN "
    "J K KA KB KE KG KI KL KN KO KR KS L LA LB LD LG LM LÖ LU M MA "
    "MD ME MG MH MI MK MR MS MTK MZ N ND NE NI NMS NR NW OA OB OF OG "
    "OH OL OS P PA PB PF PI R RA RE RO RT RV S SB SC SG SI SN SO "
    "ST SU SW TR TÜ UL UN V VER VIE W WE WEN WES WI WL WN WO WOB WÜ Z ZW"
)
_STRONG: Final = (
    r"\d{4}[ -]?[BCDFGHJKLMNPRSTVWXYZ]{3}",  # Spain
    r"[A-HJ-NP-TV-Z]{2}[ -]\d{3}[ -][A-HJ-NP-TV-Z]{2}",  # France, Italy, Argentina
    r"[A-Z]{2}-\d{2}-[A-Z]{2}|\d{2}-[A-Z]{2}-\d{2}|[A-Z]{2}-\d{2}-\d{2}|\d{2}-\d{2}-[A-Z]{2}",  # Portugal, Netherlands
    r"[A-Z]{2}\d{2} [A-Z]{3}",  # United Kingdom
    r"[A-Z]{3}\d[A-J]\d{2}",  # Brazil, Mercosur
    rf"(?:{'|'.join(sorted(_GERMAN.split(), key=len, reverse=True))})[- "
    rf"][A-Z]{{1,2}}[ -]?[1-9]\d{{0,3}}[EH]?",  # Germany
)
_STRONG_RE: Final = re.compile(rf"(?<![\w-])(?:{'|'.join(_STRONG)})(?![\w-])")
_CELL: Final = (
    r"[A-Z]{2}-\d{2}-[A-Z]{2}",
    _STRONG[0].replace("[ -]?", "[ -]"),
    _STRONG[1],
    _STRONG[3],
    _STRONG[4],
    _STRONG[5].replace("[- ]", "-", 1).replace("[ -]?", "[ ]"),
)
_CELL_RE: Final = re.compile("|".join(_CELL))
"""Plates that show what they are alone in a cell; the others could be an order's number."""
_LOOSE: Final = r"(?=[A-Z0-9 ·.-]{0,11}\d)(?=[A-Z0-9 ·.-]{0,11}[A-Z])[A-Z0-9]{1,8}(?:[ ·.-]{1,2}[A-Z0-9]{1,6}){0,3}"
_PLATE_WORDS: Final = (
    r"(?:licen[cs]e|number|reg(?:istration)?|vehicle|car) ?plates?(?: "
    r"(?:number|no\.?))?|plates?|plate ?(?:number|no)|licen[cs]e ?tag|"
    r"lpr|alpr|anpr|vrm|"
    r"registration (?:number|no\.?|mark)|tag number|"
    r"matr[ií]culas?|placas?|patente|chapa|dominio|kennzeichen|kfz(?:-kennzeichen)?|"
    r"nummernschild|autokennzeichen|immatricul\w+|plaque(?: d['’]immatriculation)?|"
    r"targa|kenteken|nummerplaat|nummerplade|plaka|rejestracj\w*|regnr|registreringsnummer|rendszám|spz"
)
_PLATE_WORD: Final = re.compile(rf"(?:^|[^a-zà-ÿ])(?:{_PLATE_WORDS})(?![a-zà-ÿ])", re.IGNORECASE)
_BESIDE: Final = re.compile(
    rf"(?<![\w-])(?:{_PLATE_WORDS})(?: (?:is|was|number|no|es|era|número|"
    rf"é|ist|lautet|est|of|del|do|der|with|con|com|mit))*[\s:#=.\"'(-]{{1,"
    rf"4}}({_LOOSE})(?![\w])",
    re.IGNORECASE,
)
_VEHICLE: Final = re.compile(
    r"\b(?:car|cars|vehicle|truck|van|suv|sedan|motorcycle|motorbike|"
    r"parked|taxi|coche|carro|veh[ií]culo|cami[oó]n|furgoneta|moto|aparcado|"
    r"estacionad[oa]|"
    r"ve[ií]culo|autom[oó]vel|carrinha|caminh[aã]o|auto|wagen|pkw|lkw|"
    r"fahrzeug|transporter|motorrad|geparkt|voiture|v[eé]hicule|camion|"
    r"camionnette|gar[eé]e?)\b",
    re.IGNORECASE,
)
_AFTER_VEHICLE: Final = re.compile(
    r"\b(?i:car|vehicle|truck|van|suv|taxi|coche|carro|veh[ií]culo|furgoneta|"
    r"ve[ií]culo|carrinha|auto|wagen|pkw|lkw|fahrzeug|voiture|v[eé]hicule|"
    r"camion),?"
    r"(?: (?i:with|reg|no\.?|con|com|mit|avec|de|\())?[ :#(]{1,2}((?=[A-Z0-9 "
    r"-]*[A-Z])[A-Z0-9]{1,4}[ -]?\d{2,4}[A-Z]{0,3}|\d{1,4}[ -]?[A-Z]{2,"
    r"3}\d{0,3})(?!\w)"
)
_NOT_PLATE: Final = re.compile(
    r"order|pedido|sku|part|ref|route|line|flight|invoice|model|version|"
    r"product|material|batch|lot|code|ticket|zip|postal|isbn|id$",
    re.IGNORECASE,
)
_PLATE_CELL: Final = re.compile(_LOOSE, re.IGNORECASE)


def plates(text: str, context: str = "") -> Iterator[Span]:
    """Yield the number plates of ``text``."""
    stripped = text.strip()
    whole = len(stripped) <= 14
    if whole and stripped and (_CELL_RE.fullmatch(stripped) and not _NOT_PLATE.search(context)):
        yield _plate(0, len(text))
        return
    if whole and _PLATE_WORD.search(context) and _PLATE_CELL.fullmatch(stripped):
        yield _plate(0, len(text))
        return
    if _VEHICLE.search(text) or _PLATE_WORD.search(text) or _PLATE_WORD.search(context):
        for match in _STRONG_RE.finditer(text):
            yield _plate(match.start(), match.end())
    for match in _AFTER_VEHICLE.finditer(text):
        yield _plate(match.start(1), match.end(1))
    for match in _BESIDE.finditer(text):
        found = match[1].strip()
        # The pattern ignores case so that the word may be written in any; a plate in lower case has digits enough.
        if sum(map(str.isdigit, found)) >= 2 and re.match(r"[A-Z0-9 ·.-]+$", found.upper()):
            words = re.match(r"(?:[A-Za-z0-9]+[ ·.-]{1,2})*?[A-Za-z0-9 ·.-]*\d[A-Za-z]{0,3}(?![a-z])", found)
            yield _plate(match.start(1), match.start(1) + (words.end() if words else len(found)))


def _plate(start: int, end: int) -> Span:
    return Span(start, end, "number-plate", "[plate]", "content-number-plate 1")


# -- devices ---------------------------------------------------------------------------------------

_MAC: Final = re.compile(
    r"(?<![\w:.-])(?:[0-9A-F]{2}([:-]))(?:[0-9A-F]{2}\1){4}[0-9A-F]{2}(?![\w:-])|"
    r"(?<![\w.])[0-9A-F]{4}\.[0-9A-F]{4}\.[0-9A-F]{4}(?![\w.])",
    re.IGNORECASE,
)
_MAC_PLAIN: Final = re.compile(r"(?<!\w)[0-9A-F]{12}(?:[0-9A-F]{4})?(?!\w)", re.IGNORECASE)
_UUID: Final = re.compile(
    r"(?<![\w-])[0-9A-F]{8}-(?:[0-9A-F]{4}-){3}[0-9A-F]{12}(?![\w-])|(?<!\w)[0-9A-F]{32}(?!\w)", re.IGNORECASE
)
_IMEI: Final = re.compile(r"(?<![\w.+-])\d{2}[ -]?\d{6}[ -]?\d{6}[ -]?\d(?!\w)|(?<![\w.+-])\d{15,16}(?!\w)")
_IPV4: Final = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IPV6: Final = re.compile(r"(?<![\w:.])(?:[0-9A-F]{0,4}:){2,7}[0-9A-F]{0,4}(?:%\w+)?(?![\w:])", re.IGNORECASE)
_DEVICE_WORD: Final = re.compile(
    r"(?:^|[^a-z])(?:device|idfa|idfv|gaid|adid|aaid|ifa|advertising|"
    r"android|udid|hardware|handset|imei|imsi|meid|phone|mobile|"
    r"bluetooth|bssid|wifi|wi-?fi|mac|ble|beacon|probe|dispositivo|aparelho|"
    r"ger[aä]t|appareil|maid|rdid|client mac|station mac|subscriber|sim|"
    r"terminal)(?![a-z])",
    re.IGNORECASE,
)
_IMEI_WORD: Final = re.compile(r"imei|meid|handset", re.IGNORECASE)
_IMSI_WORD: Final = re.compile(r"imsi|subscriber|sim(?![a-z])", re.IGNORECASE)
_VERSION: Final = re.compile(
    r"version|firmware|release|build|\bsw\b|\bfw\b|\bv\.?$|software|schema|section|clause|oid", re.IGNORECASE
)
_IP_WORD: Final = re.compile(
    r"(?:^|[^a-z])(?:ip|ips|ipv[46]|remote|host|client|addr|address|peer|x forwarded for|forwarded)(?![a-z])",
    re.IGNORECASE,
)
_IMEI_FIRST: Final = ("01", "10", "33", "35", "44", "45", "49", "50", "51", "52", "53", "54", "86", "91", "98", "99")
"""Reporting bodies that number nearly all handsets (Source: GSMA TS.06)."""


def devices(text: str, context: str = "") -> Iterator[Span]:
    """Yield the identifiers of devices in ``text``; ``context`` is the name of its column, in words."""
    for match in _MAC.finditer(text):
        yield _device(match, "mac")
    named = bool(_DEVICE_WORD.search(context))
    for pattern, kind in ((_UUID, "advertising-id"), (_MAC_PLAIN, "mac")):
        for match in pattern.finditer(text):
            if named or _DEVICE_WORD.search(text[max(0, match.start() - 32) : match.start()]):
                yield _device(match, kind)
    for match in _IMEI.finditer(text):
        near = f"{context} {text[max(0, match.start() - 24) : match.start()]}"
        digits = re.sub(r"\D", "", match[0])
        valid = stdnum_imei.is_valid(digits)
        if (valid and len(digits) == 15 and (_DEVICE_WORD.search(near) or digits.startswith(_IMEI_FIRST))) or (
            len(digits) in (15, 16) and _IMEI_WORD.search(near)
        ):
            yield _device(match, "imei")
        elif _IMSI_WORD.search(near) and stdnum_imsi.is_valid(digits):
            yield _device(match, "imsi")
    yield from _chips(text, context)
    yield from _addresses(text, context)


_ICCID: Final = re.compile(r"(?<![\w.+-])89\d{17,18}(?!\w)")
_VIN: Final = re.compile(r"(?<![\w-])(?=(?:\d*[A-Z]){5})[A-HJ-NPR-Z0-9]{11}[A-HJ-NPR-Z0-9]{2}\d{4}(?![\w-])")
_TAG_UID: Final = re.compile(
    r"\b(?:uid|nfc|rfid|card|mifare|tag)\b[\s:#=]{1,3}(?:uid[\s:=]{1,2})?(?P<code>(?:[0-9A-F]{2}[:-]?){4,10})\b",
    re.IGNORECASE,
)
_PUSH: Final = re.compile(
    r"\b(?:device|push|registration|fcm|apns)[ _-]?token[\s:=]{1,3}(?P<code>[\w:-]{20,})", re.IGNORECASE
)
_SERIAL: Final = re.compile(
    r"\b(?:meid|esn|udid|serial(?: (?:number|no\.?))?|n[úu]mero de serie|seriennummer|num[ée]ro de s[ée]rie|"
    r"android[_ ]?id)"
    r"[\s:=#]{1,3}(?P<code>(?=[A-Z]*\d)[A-Z0-9-]{8,40})\b",
    re.IGNORECASE,
)
_COOKIE: Final = re.compile(
    r"\b(?:GA1\.\d\.\d{5,}\.\d{8,}|fb\.\d\.\d{10,}\.\d{5,})\b|"
    r"\b(?:cookie|_gid|_fbp|session_?id|visitor_?id|client_?id)\s?[=:]\s?[\w.%-]{12,}",
    re.IGNORECASE,
)


def _chips(text: str, context: str) -> Iterator[Span]:
    """SIM cards, vehicles, serial numbers of somebody's device, and what a browser is known by."""
    for match in _ICCID.finditer(text):
        if luhn.is_valid(match[0]):
            yield _device(match, "iccid")
    for match in _VIN.finditer(text):
        yield _device(match, "vehicle-number")
    for pattern, kind in ((_TAG_UID, "card"), (_PUSH, "push-token")):
        for match in pattern.finditer(text):
            yield Span(match.start("code"), match.end("code"), "device", "[device]", f"content-{kind} 1")
    for match in _COOKIE.finditer(text):
        yield _device(match, "cookie")
    for match in _SERIAL.finditer(text):
        near = f"{context} {text[max(0, match.start() - 32) : match.end('code')]}"
        if _DEVICE_WORD.search(near) or not re.match("serial|n|ser", match[0], re.IGNORECASE):
            yield Span(match.start("code"), match.end("code"), "device", "[device]", "content-serial-number 1")


def _addresses(text: str, context: str) -> Iterator[Span]:
    for match in _IPV4.finditer(text):
        near = f"{context} {text[max(0, match.start() - 16) : match.start()]}"
        parts = [int(part) for part in match[0].split(".")]
        likely = bool(_IP_WORD.search(near)) or (max(parts) >= 64 and not _VERSION.search(near))
        if max(parts) <= 255 and likely and not (_VERSION.search(near) and not _IP_WORD.search(near)):
            yield _device(match, "ip-address")
    for match in _IPV6.finditer(text):
        try:
            address = ipaddress.IPv6Address(match[0].split("%")[0])
        except ValueError:
            continue
        if not address.is_unspecified:
            yield _device(match, "ip-address")


def _device(match: re.Match[str], kind: str) -> Span:
    return Span(match.start(), match.end(), "device", "[device]", f"content-{kind} 1")
