"""Names and homes of private persons in free text, told by the words before them.

English, Spanish, Portuguese, German and French. Streets, squares and services that bear a person's name stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from cityward.private.spans import Span

_CAP: Final = r"(?:[A-ZÀ-ÖØ-Þ][\w'’-]*[^\W\d_]|[A-ZÀ-ÖØ-Þ]\.)"
_JOIN: Final = r"(?:de|da|do|dos|das|del|la|las|los|van|von|der|den|zu|di|du|le|y|e|bin|al)"
_FULL: Final = rf"{_CAP}(?:[ ](?:{_JOIN}[ ]){{0,2}}{_CAP}){{0,3}}"
_TWO: Final = rf"{_CAP}(?:[ ](?:{_JOIN}[ ]){{0,2}}{_CAP}){{1,3}}"
_ANY: Final = r"[^\W\d_][\w'’-]*(?:[ ](?:(?:de|da|do|dos|del|la|van|von|der|di)[ ]){0,2}[^\W\d_][\w'’-]*){0,2}"

_CALLED: Final = (
    r"my (?:full )?name(?: is|['’]s|:)|name:|me llamo|mi nombre (?:completo "
    r")?es|nombre:|meu nome (?:completo )?[ée]|chamo-me|me chamo|"
    r"nome:|ich hei(?:ß|ss)e|mein name ist|mein name lautet|name lautet|je m['’]appelle|mon nom est|je me nomme|nom ?:|"
    r"(?:her|his|their) name is|se llama|chama-se|se chama|hei(?:ß|ss)t "
    r"(?=herr|frau)|(?:il|elle) s['’]appelle|responde al nombre de|a "
    r"nombre de|en nombre de|em nome de|au nom de|im namen von|on behalf "
    r"of"
)
_SELF: Final = (
    r"i am|i['’]m|this is|it['’]s me,?|soy|habla|aqu[ií]|sou(?: [oa])?|"
    r"aqui [ée]|fala|ich bin|hier (?:ist|spricht)|je suis|c['’]est|ici|"
    r"my (?:neighbou?r|landlord|tenant|husband|wife|son|daughter|mother|"
    r"father|brother|sister|boss|colleague|doctor)|neighbou?r|"
    r"(?:mi|el|la) (?:vecin[oa]|marido|esposa|esposo|hij[oa]|madre|padre|herman[oa]|jefe)|vecin[oa]|"
    r"(?:o |a )?(?:meu|minha) (?:vizinh[oa]|marido|esposa|filh[oa]|m[ãa]e|pai|irm[ãa]o?)|vizinh[oa]|"
    r"(?:mein|meine|der|die) (?:nachbar(?:in)?|mann|frau|sohn|tochter|"
    r"mutter|vater|bruder|schwester|chef)|nachbar(?:in)?|"
    r"(?:mon|ma|le|la) (?:voisine?|mari|femme|fils|fille|m[èe]re|p[èe]re|fr[èe]re|s[œo]eur)|voisine?|"
    r"contact(?: person)?:?|ask for|speak (?:to|with)|spoke (?:to|with)|"
    r"talked to|attn:?|reported by|submitted by|complainant:?|caller:?|"
    r"resident:?|"
    r"contacto:?|preguntar por|habl[eé] con|denunciante:?|solicitante:?|"
    r"reportado por|contato:?|perguntar por|falei com|requerente:?|"
    r"kontakt:?|ansprechpartner(?:in)?:?|gemeldet von|melder:?|demandeur:?|"
    r"signal[ée] par|demander|parl[ée] [àa]|contacter"
)
_SIGNED: Final = (
    r"(?:kind |best |warm )?regards|sincerely|yours (?:truly|faithfully|"
    r"sincerely)|thanks|thank you|cheers|signed|signature:|"
    r"atentamente|saludos(?: cordiales)?|un saludo|cordialmente|firmado|firma:|fdo\.?:?|gracias|"
    r"atenciosamente|cumprimentos|com os melhores cumprimentos|assinado|obrigad[oa]|abra[çc]os?|"
    r"mit freundlichen gr(?:ü|ue)(?:ß|ss)en|freundliche gr(?:ü|ue)(?:ß|"
    r"ss)e|viele gr(?:ü|ue)(?:ß|ss)e|gr(?:ü|ue)(?:ß|ss)e|gez\.|unterschrift:|"
    r"danke|mfg|"
    r"cordialement|bien [àa] vous|salutations(?: distingu[ée]es)?|sign[ée]|merci"
)
_TITLE: Final = (
    r"[Mm]r|[Mm]rs|[Mm]s|Miss|Mx|[Ss]r|[Ss]ra|[Ss]rta|[Ss]eñora?|[Ss]eñorita|"
    r"[Ss]enhora?|[Dd]oña|[Dd]ña|[Dd]ona|Herrn?|Frau|Fräulein|[Mm]onsieur|"
    r"[Mm]adame|[Mm]ademoiselle|Mme|Mlle|MM|Dr|Dra|Prof|M|D|Don"
)
_CALLED_RE: Final = re.compile(
    rf"(?<![\w])(?:{_CALLED})[\s:,\"'«“„]{{1,4}}(?!\[)(?P<name>(?-i:{_FULL})|{_ANY})", re.IGNORECASE
)
_SELF_RE: Final = re.compile(rf"(?<!\w)(?:{_SELF})[\s,:]{{1,3}}(?P<name>(?-i:{_TWO}))", re.IGNORECASE)
_SIGNED_RE: Final = re.compile(
    rf"(?<!\w)(?:{_SIGNED})[\s,.:!–—-]{{1,6}}(?P<name>(?-i:{_FULL}))(?=\s*(?:$|[\n,.;|(]|\[))", re.IGNORECASE
)
_TITLE_RE: Final = re.compile(rf"(?<![\w.'’-])(?:{_TITLE})(?:\.[ ]?|[ ])(?P<name>(?:(?:{_JOIN})[ ]){{0,2}}{_FULL})")
_DOT_ONLY: Final = re.compile(r"(?:M|D|Dr|Dra|MM)\b(?!\.)")
"""Titles that are other words without their dot: 'Main Dr', 'M', the vitamin."""

_ROAD_BEFORE: Final = re.compile(
    r"\b(?:calle|c/|avda\.?|av\.?|avenida|plaza|paseo|parque|colegio|"
    r"escuela|hospital|carrera|cra\.?|rua|travessa|pra[çc]a|largo|escola|"
    r"alameda|"
    r"rue|avenue|boulevard|bd\.?|place|square|impasse|all[ée]e|quai|pont|"
    r"[ée]cole|lyc[ée]e|parc|stra(?:ß|ss)e|platz|schule|ave\.?|street|"
    r"school|park|"
    r"library|estaci[óo]n|esta[çc][ãa]o|station|metro|biblioteca|centro|"
    r"barrio|bairro|puente|ponte|statue|estatua|monument|monumento|d[ue]|"
    r"del|da|do)\s+(?:de\s+|del\s+|do\s+|da\s+|du\s+|la\s+)?$",
    re.IGNORECASE,
)
_ROAD: Final = (
    r"(?:St|Street|Ave|Avenue|Blvd|Boulevard|Rd|Road|Dr|Drive|Ln|Lane|"
    r"Ct|Court|Pl|Place|Pkwy|Parkway|Way|Hwy|Square|Park|School|Library|"
    r"Bridge|"
    r"Plaza|Station|Hospital|Elementary|High|Center|Centre|Stra(?:ß|ss)e|"
    r"Str|Platz|Allee|Weg|Ring|Br(?:ü|ue)cke|Schule|Ufer|Gasse)"
)
_ROAD_AFTER: Final = re.compile(rf"(?:[ ]{_CAP}){{0,2}}[ -]{_ROAD}\b")
_ROAD_LAST: Final = re.compile(rf"(?:^|[ -]){_ROAD}\b\.?|\w(?:stra(?:ß|ss)e|platz|allee|weg|gasse|ring|damm|ufer)\b")
_ROLE: Final = re.compile(
    r"(?:Mayor|President|Officer|Chairman|Alderman|Commissioner|Inspector|"
    r"Sir|Madam|Alcaldes?a?|Presidente|Director|Presidenta|Concejal|Ministro|"
    r"Prefeit[oa]|Vereador|B(?:ü|ue)rgermeister(?:in)?|Oberb(?:ü|ue)rgermeister|"
    r"Minister|Pr[ée]sident|Maire|Ministre|Directeur|City|Department|"
    r"Street|Public|"
    r"Works|Water|Sanitation|Team|Service|Services|Police|Anwohner(?:in)?|"
    r"Mieter(?:in)?|Rentner(?:in)?|B(?:ü|ue)rger(?:in)?|Mutter|Vater|"
    r"Eigent(?:ü|ue)mer(?:in)?|Ayuntamiento|C[âa]mara|Stadt|Mairie|Ville|"
    r"Chicago|The|In|On|At|My|We|I|It|If|No|Not|And|Quijote|"
    r"Please|Thank|Thanks|Gracias|Danke|Merci|Obrigad[oa]|Por|Bitte|Also|"
    r"Dear|Und|Pero|Mais|Mas|Aber|La|El|Los|Der|Die|Das|Les|Le)\b"
)
_STOP: Final = frozenset(
    [
        "not",
        "on",
        "in",
        "the",
        "a",
        "an",
        "and",
        "still",
        "missing",
        "wrong",
        "no",
        "yes",
        "ok",
        "being",
        "misspelled",
        "mentioned",
        "listed",
        "unknown",
        "irrelevant",
        "is",
        "was",
        "of",
        "for",
        "with",
        "está",
        "esta",
        "en",
        "el",
        "la",
        "los",
        "un",
        "una",
        "muy",
        "que",
        "por",
        "para",
        "mal",
        "nicht",
        "auf",
        "in",
        "im",
        "falsch",
        "der",
        "die",
        "das",
        "ein",
        "eine",
        "und",
        "am",
        "aus",
        "hier",
        "não",
        "nao",
        "na",
        "o",
        "um",
        "uma",
        "errado",
        "em",
        "pas",
        "sur",
        "dans",
        "le",
        "les",
        "une",
        "et",
        "mal",
        "de",
        "du",
        "des",
    ]
)
_WORDS_END: Final = frozenset(
    [
        "and",
        "y",
        "e",
        "und",
        "et",
        "from",
        "de",
        "i",
        "live",
        "my",
        "call",
        "he",
        "she",
        "we",
        "vivo",
        "moro",
        "habite",
        "wohne",
        "ich",
        "je",
        "eu",
        "yo",
        "mi",
        "meu",
        "mon",
        "la",
        "el",
        "at",
        "in",
        "on",
        "with",
        "your",
        "but",
        "pero",
        "mas",
        "aber",
        "mais",
        "of",
        "which",
        "who",
    ]
)


def names(text: str) -> Iterator[Span]:
    """Yield the names of private persons in ``text``."""
    for match in _CALLED_RE.finditer(text):
        found = _person(match["name"])
        if found:
            yield _span(match.start("name"), found)
    for pattern in (_SELF_RE, _SIGNED_RE):
        for match in pattern.finditer(text):
            if not _ROLE.match(match["name"]) and not _public(text, match.start("name"), match.end("name")):
                yield _span(match.start("name"), match["name"])
    for match in _TITLE_RE.finditer(text):
        if _DOT_ONLY.match(match[0]) or _ROLE.match(match["name"]):
            continue
        if _ROAD_BEFORE.search(text[: match.start()][-40:]) or _public(text, match.start("name"), match.end("name")):
            continue
        yield _span(match.start("name"), match["name"])


def _person(name: str) -> str:
    """The words of ``name`` up to the first that is none; empty if there is no name."""
    words = name.split(" ")
    if words[0].casefold() in _STOP:
        return ""
    kept = [words[0]]
    for word in words[1:]:
        if word.casefold() in _WORDS_END and word.casefold() not in ("de", "y", "e", "la", "i"):
            break
        if word in ("and", "y", "e", "i", "I") and not any(other[:1].isupper() for other in words[len(kept) + 1 :]):
            break
        kept.append(word)
    while len(kept) > 1 and kept[-1].casefold() in _WORDS_END:
        kept.pop()
    return " ".join(kept)


def _public(text: str, start: int, end: int) -> bool:
    """Whether the name is that of a street, a square or a public building."""
    return bool(
        _ROAD_AFTER.match(text[end : end + 60])
        or _ROAD_LAST.search(text[start:end])
        or _ROAD_BEFORE.search(text[max(0, start - 40) : start])
    )


def _span(start: int, name: str) -> Span:
    return Span(start, start + len(name), "personal", "[name]", "content-name 1")


_HOME: Final = (
    r"(?:i|we|he|she|they) lives? (?:at|on|in)|lives (?:at|on|in)|liv(?:e|"
    r"ing) (?:at|on)|my (?:home |house |full )?address(?: is|:)|home "
    r"address(?: is|:)?|"
    r"my (?:house|home|apartment|flat|place)(?: is)? (?:at|on|in)|resid(?:e|"
    r"es|ing) (?:at|on|in)|address of (?:my|the) (?:mother|neighbou?r|"
    r"tenant)(?: is|:)?|"
    r"(?:vivo|vivimos|vive|viven|resido|reside|residimos|habito) en|mi "
    r"(?:dirección|direccion|domicilio|casa)(?: es| está en| esta en|"
    r" queda en|:)|"
    r"domicilio:?|domiciliad[oa] en|con domicilio en|"
    r"(?:moro|moramos|mora|resido|reside|vivo|vivemos) (?:n[ao]s?|em)|"
    r"(?:minha|a minha) (?:morada|casa|resid[êe]ncia)(?: [ée]| fica n[ao]|"
    r" fica em|:)|morada:|"
    r"(?:meu|o meu) endere[çc]o(?: [ée]|:)|residente (?:n[ao]|em)|"
    r"wohnen? (?:hier )?(?:in der|in dem|im|in|an der|am|auf der|hier "
    r"in der)|wohnhaft(?: in(?: der)?)?:?|wohnt (?:in der|in|am|an der)|"
    r"meine (?:adresse|anschrift|wohnung)(?: ist| lautet|:)|privatadresse:?|"
    r"j['’]habite(?: au| [àa]| dans| sur)?|(?:nous )?habit(?:ons|e|ent) "
    r"(?:au|[àa]|dans)|mon (?:adresse|domicile)(?: est| se trouve(?: "
    r"au)?|:)|domicili[ée]e?s?(?: au| [àa])?|je r[ée]side(?: au| [àa])?|"
    r"r[ée]sidant (?:au|[àa])"
)
_HOME_RE: Final = re.compile(
    rf"(?<!\w)(?:{_HOME})\s+(?P<place>[^;\n!?]{{2,80}}?)"
    r"(?=$|[;\n!?]|(?<!Avda)(?<!Av)(?<!tr)(?<!St)(?<!No)(?<!Nr)(?<!nº)(?<!Dr)\.(?:\s|$)|,?\s(?:and|but|where|since|und|aber|wo|"
    r"seit|y|pero|donde|desde|mas|onde|e (?=[a-z])|et|mais|o[ùu]|depuis|"
    r"please|por favor|bitte|there|que|the|my|tel|phone|call)\b)",
    re.IGNORECASE,
)
_HOUSE: Final = (
    r"(?:my|our) (?:house|home|apartment|flat|place)|(?:mi|nuestr[oa]) (?:domicilio|casa|piso|vivienda)|vecin[oa] "
    r"(?:del?|en)|"
    r"(?:minha|nossa) (?:morada|casa|resid[êe]ncia)|vizinh[oa] d[oa]|(?:meine[rm]?|unsere[rm]?) (?:wohnung|"
    r"anschrift|haus)|"
    r"(?:mein|unser) haus|nachbar(?:in)? (?:aus|von)|(?:mon|notre) (?:domicile|appartement|adresse)|(?:ma|notre) "
    r"maison|"
    r"voisine? d[ue]|home|resid[êe]nci?a|residence|tenant (?:of|at)|inquilin[oa] d[eo]l?|mieter(?:in)? (?:in|der)|"
    r"locataire du"
)
_ROAD_NAME: Final = (
    r"(?:calle|c/|avda\.?|avenida|plaza|paseo|camino|rua|travessa|estrada|largo|rue|avenue|boulevard|chemin|place|impasse|"
    r"all[ée]e|via|am|an der|auf der)"
)
_HOUSE_RE: Final = re.compile(
    rf"(?<!\w)(?i:{_HOUSE})[\s:,;(]{{1,3}}(?i:is |at |in |on |en |est |ist )?(?P<place>"
    rf"\d{{1,5}}[a-z]?,? (?:bis |ter )?(?:[NSEW]\.? )?(?:(?i:{_ROAD_NAME}) )?[A-ZÀ-Þ][^;\n!?.]{{2,60}}|"
    rf"(?:\d\d?[ºª°]\s?\w{{0,4}} (?:de |da |do )?(?:la )?)?(?i:{_ROAD_NAME})\s[^;\n!?]{{2,50}}?\d{{1,5}}\w?|"
    rf"[A-ZÀ-Þ][\w-]+(?:str\.|stra(?:ß|ss)e|weg|platz|gasse|allee|ring)\s?\d{{1,4}}[^;\n!?]{{0,20}})"
)
"""Somebody's house, and right after it a number and a road: no words of living are needed then."""
_DOOR: Final = re.compile(
    r"\b\d{1,6}[a-z]?\s+(?:[NSEW]\.?\s+)?[A-ZÀ-Þ][\w.'’-]*(?:\s+[A-ZÀ-Þ][\w.'’-]*){0,"
    r"3},?\s+(?:apt|apartment|unit|suite|flat|#)\.?\s*#?\s*\w{1,5}\b|"
    r"\b(?:calle|c/|avda\.?|av\.?|avenida|plaza|paseo|carrera|rua|travessa)\s+[\w "
    r".'’-]{2,40}?,?\s*(?:n[ºo°]\.?\s*)?\d{1,5},?\s*(?:piso|apto\.?|apartamento|"
    r"puerta|esc\.?|bloco|andar|\d{1,2}[ºª°]\s*[\w.]{0,6}|\d{1,2}\.?[ºª°]?\s?(?:esq|"
    r"dto|dcha|izda)\.?)\s*\w{0,4}",
    re.IGNORECASE,
)


def homes(text: str) -> Iterator[Span]:
    """Yield the addresses at which ``text`` says that somebody lives; a street without a number stays."""
    for match in _HOME_RE.finditer(text):
        if any(map(str.isdigit, match["place"])):
            yield Span(match.start("place"), match.end("place"), "location-of-person", "[address]", "content-home 1")
    for match in _HOUSE_RE.finditer(text):
        yield Span(match.start("place"), match.end("place"), "location-of-person", "[address]", "content-home 1")
    for match in _DOOR.finditer(text):
        yield Span(match.start(), match.end(), "location-of-person", "[address]", "content-home 1")


MARKERS: Final = (
    r"(?i)(?:^|[^a-z])(?:name|nom|nome|nombre|llamo?|chamo|chama|hei(?:ß|"
    r"ss)[et]|appelle|nomme|i am|i['’]m|this is|soy|sou|ich bin|je suis|"
    r"mr|mrs|ms|mx|miss|sra?|srta|"
    r"señor[a-z]*|senhora?|doña|dña|dona|don|herrn?|frau|monsieur|madame|"
    r"mademoiselle|mme|mlle|dra?|prof|neighbou?r|vecin[oa]|vizinh[oa]|"
    r"nachbar|nachbarin|voisine?|"
    r"regards|sincerely|truly|faithfully|thanks|thank you|cheers|sign[a-zé]*|"
    r"atentamente|saludos?|firm[a-z]*|fdo|gracias|atenciosamente|cumprimentos|"
    r"assinado|obrigad[oa]|"
    r"gr(?:ü|ue)(?:ß|ss)en?|gez|unterschrift|danke|mfg|cordialement|salutations|"
    r"merci|contact[a-z]*|kontakt|contato|ask for|spe?[ao]ke? (?:to|with)|"
    r"talked|attn|"
    r"reported|submitted|complainant|caller|resident[ea]?|denunciante|"
    r"solicitante|requerente|melder|gemeldet|demandeur|liv(?:e|es|ing)|"
    r"address|house|home|resid\w+|tenant|inquilin[oa]|mieter(?:in)?|locataire|haus|maison|vivienda|apartamento|appartement|"
    r"born|birth\w*|dob|d\.o\.b\.?|nacid[oa]|nac[ií]|nacimiento|nascid[oa]|nasci|nascimento|geb\.|geboren|geburt\w*|"
    r"naissance|n[ée]e?|instagram|insta|facebook|twitter|tiktok|snapchat|telegram|skype|linkedin|discord|wechat|"
    r"passport|pasaporte|passaporte|reisepass|passeport|licen[cs]e|f(?:ü|ue)hrerschein|account|cuenta|konto\w*|compte|conta|"
    r"serial|meid|cookie|_ga|password|passwort|kennwort|contraseña|clave|senha|mot de passe|pwd|passcode|pin|token|"
    r"uid|nfc|rfid|"
    r"nummerplaat|nummerplade|plaka|rejestracj\w*|regnr|registreringsnummer|rendszám|"
    r"viv[eoi]\w*|domicil\w+|casa|dirección|direccion|mor[aoe]\w*|endere[çc]o|"
    r"wohn\w+|adresse|anschrift|habit\w*|r[ée]sid\w+|apt|apartment|unit|"
    r"flat|piso|apto|"
    r"husband|wife|marido|espos[oa]|mari|femme|mann|plates?|placas?|matr[íi]cula\w*|"
    r"patente|chapa|kennzeichen|immatricul\w+|vehicle|car|truck|van|coche|"
    r"carro|"
    r"behalf|ve[íi]culo|auto|wagen|voiture|v[ée]hicule|camion|aqu[ií]|"
    r"hier|ici|fala|falei|habl[ae]|bien [àa] vous|d\.|m\.)(?:$|[^a-z])"
)
"""What a text has in it if it may name a person, a home or a vehicle: a columnar pattern for Polars."""
