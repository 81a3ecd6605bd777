"""Special categories of personal data in free text: what somebody says of his own, or of his family's.

Health, faith, love, origin, union and party (Source: Regulation (EU) 2016/679, article 9(1)), in English, Spanish,
Portuguese, German and French. Only the words that tell it are found: the request around them stays readable. A ramp
for wheelchairs, a church square and a health centre are nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from cityward.private.spans import Span

_KIN: Final = (
    r"mother|father|mum|mom|dad|husband|wife|partner|son|daughter|child|kids?|brother|sister|grand\w+|neighbou?r|"
    r"madre|padre|marido|espos[oa]|pareja|hij[oa]s?|herman[oa]|abuel[oa]|vecin[oa]|"
    r"mãe|mae|pai|filh[oa]s?|irmã|irmão|av[óô]|vizinh[oa]|companheir[oa]|"
    r"mutter|vater|mann|frau|partner(?:in)?|sohn|tochter|kind|bruder|schwester|oma|opa|nachbar(?:in)?|"
    r"m[èe]re|p[èe]re|mari|femme|fils|fille|enfant|fr[èe]re|s[œo]eur|grand-\w+|voisine?"
)
_WHO: Final = (
    rf"i am|i['’]m|i have|i['’]ve|i suffer|i use|i take|tomo|je prends|ich nehme|i was|we are|as an?|i vote|(?:my|"
    rf"our) (?:{_KIN})|"
    rf"soy|tengo|estoy|padezco|sufro|somos|voto|(?:mi|nuestr[oa]) (?:{_KIN})|"
    rf"sou|tenho|estou|sofro|(?:meu|minha|nossa?) (?:{_KIN})|"
    rf"ich bin|ich habe|ich leide|ich w[äa]hle|wir sind|als|(?:meine?|unsere?) (?:{_KIN})|"
    rf"je suis|j['’]ai|je souffre|je vote|nous sommes|en tant que|(?:mon|ma|notre) (?:{_KIN})"
)
_HEALTH: Final = (
    r"hiv(?:[ -]positive)?|vih|aids|sida|s[ée]ropositi\w*|seropositi\w*|(?:breast |lung )?cancer|c[áa]ncer|câncer|"
    r"krebs\w*|"
    r"diab[eéè]t\w*|depress(?:ed|ion|iv|ive|ões|ão)|depresi[óo]n|d[ée]pression|depressão|[ée]pilep\w*|schizo\w*|esquizo\w*|"
    r"dementia|demen[zc]\w*|d[ée]mence|alzheimer\w*|parkinson\w*|autis\w*|asthm\w*|asma|asm[áa]tic[oa]|"
    r"pregnant|embarazada|gr[áa]vida|schwanger|enceinte|blind|visually impaired|cieg[oa]|ceg[oa]|aveugle|malvoyante?|"
    r"deaf|hard of hearing|sord[oa]|surd[oa]|geh[öo]rlos|schwerh[öo]rig|sourde?|disabled|a disability|discapacitad[oa]|"
    r"(?:una )?discapacidad|deficiente|behindert|schwerbehindert\w*|(?:une? )?handicap\w*|invalid\w*|"
    r"(?:in |uses |use )?a wheelchair|wheelchair user|silla de ruedas|cadeira de rodas|rollstuhl\w*|fauteuil roulant|"
    r"multiple sclerosis|esclerosis\w*|multiple[rn]? sklerose|scl[ée]rose|esclerose|stroke|schlaganfall|(?:un )?avc|"
    r"bipolar|anxiety|ansiedad\w*|ansiedade|copd|epoc|hepatit\w*|tubercul\w*|leuk\w+|l[ei]ucemia|arthritis|artritis|"
    r"kidney disease|heart (?:disease|failure|condition)|insuficiencia card[íi]aca|herz(?:krank|fehler|infarkt)|"
    r"enferm[oa](?: de \w+)?|doente|krank|malade|adhd|tdah|methadone?|metadona|insulin\w*|antidepress\w*|chemo\w*|"
    r"quimio\w*|dialy[sz]\w*|di[áa]lisis|down['’]?s? syndrome|s[íi]ndrome de down|addict\w*|alcoholic"
)
_FAITH: Final = (
    r"muslim\w*|musulm\w*|muçulman\w*|jewish|jew|jud[íi][oa]|judeu|judia|j[üu]disch|jude|j[üu]din|jui(?:f|ve)|catholic|cat[óo]lic[oa]|"
    r"katholi(?:sch|k|kin)|catholique|protestant\w*|evang[ée]lic[oa]|evangelisch|[ée]vang[ée]lique|hindu\w*|buddhist\w*|"
    r"budista|bouddhiste|atheist\w*|ate[oau]|ath[ée]e|christian|cristian[oa]|christ(?:in)?|chr[ée]tien(?:ne)?|crist[ãa]o?|"
    r"sikh|mormon\w*|orthodox|ortodox[oa]|jehova\w*"
)
_LOVE: Final = (
    r"gay|lesbian\w*|l[ée]sbica|lesbisch|lesbienne|bisex\w*|homoss?ex\w*|schwul|trans(?:gender|sexual|exual|sexuelle?|frau|mann)?|"
    r"non-binary|no binari[oa]|queer"
)
_ORIGIN: Final = (
    r"(?:of )?(?:roma(?:ni)?|gyps(?:y|ies)|sinti|gitan[oa]|cigan[oa])(?: (?:origin|descent|family))?|"
    r"of [A-Za-zÀ-ÿ-]+ (?:origin|descent|ethnicity)|black|negr[oa]|de origen [\wÀ-ÿ]+|de origem [\wÀ-ÿ]+|"
    r"de etnia [\wÀ-ÿ]+|[\wÀ-ÿ]+er (?:herkunft|abstammung)|d['’]origine [\wÀ-ÿ]+|d['’]ethnie [\wÀ-ÿ]+"
)
_UNION: Final = (
    r"(?:a )?(?:member of (?:the |a )?(?:trade )?union(?: [A-Z]\w+)?|trade unionist|union member|union rep\w*)|"
    r"(?:afiliad[oa]|delegad[oa]) (?:sindical|de [\wÀ-ÿ ]{2,24}|al? [\wÀ-ÿ ]{2,24})|sindicali\w+(?: na [A-Z]+)?|"
    r"(?:mitglied (?:der|einer|in der) )?gewerkschaft\w*(?: [\w.]+)?|syndiqu[ée]e?(?: (?:à la|au) \w+)?|syndicaliste"
)
_PARTY: Final = (
    r"(?:vote|voto|w[äa]hle) (?:for|a|al|por|no|na|die|pour)(?: the| la| le)? [\wÀ-ÿ]+(?: party)?|"
    r"militante? (?:del?|d[oau]) [\wÀ-ÿ]+|(?:a )?member of the [\w ]{2,24} party|mitglied (?:der|in der) (?:cdu|csu|"
    r"spd|fdp|afd|gr[üu]nen|linken)|"
    r"membre d(?:u parti|e la) [\wÀ-ÿ]+|filiad[oa] (?:ao|no) [\wÀ-ÿ]+|"
    r"(?:social|commun|conservat|liberal|anarch|fasc)(?:ist|ista|iste|ive|or|adora?|eur)?(?= (?:voter|party|w[äa]hler))"
)
_WHAT: Final = "|".join((_HEALTH, _FAITH, _LOVE, _UNION, _PARTY, _ORIGIN))
_TOLD: Final = re.compile(
    rf"(?<!\w)(?:{_WHO})(?!\w)(?:[^.;!?\n]{{0,40}}?[\s'’])??(?P<what>{_WHAT})(?!\w)",
    re.IGNORECASE,
)
_ALSO: Final = re.compile(
    rf"\s(?:and|y|und|et|e|,)\s(?P<what>{'|'.join((_HEALTH, _FAITH, _LOVE))})(?!\w)", re.IGNORECASE
)

SPECIAL: Final = (
    r"(?i)hiv|vih|aids|sida|seropos|séropos|c[aáâ]nc|krebs|diab|depres|dépres|epil|épil|s[ck]hizo|esquizo|demen|démen|"
    r"alzh|parkins|autis|asthm|asma|pregn|embaraz|gr[aá]vida|schwang|enceinte|blind|impair|cieg|ceg[oa]|aveug|malvoy|deaf|"
    r"hearing|sord|surd|geh[oö]rl|schwerh|sourd|disab|discap|deficien|behind|handic|invalid|wheelch|ruedas|rodas|rollst|"
    r"roulant|scl[eé]ro|sklero|stroke|schlagan|avc|bipol|anx|ansied|copd|epoc|hepat|tuberc|leuk|leuc|arthr|artrit|kidney|"
    r"heart|card[ií]ac|herz|enferm|doente|krank|malad|adhd|tdah|metha|metad|insulin|antidep|chemo|quimio|dialy|di[aá]lis|down|addict|alcohol|musl|musul|muçul|jew|jud[ieíe]|j[uü]d|"
    r"juif|juiv|[ck]ath?[oó]li|protest|evang|évang|hindu|bud|bouddh|athe|ateo|atea|ateu|athée|christ|crist|chr[eé]t|sikh|"
    r"mormon|orthod|ortod|jehov|gay|lesb|l[eé]sb|bisex|homos|schwul|trans|binar|queer|roma|gyps|sinti|gitan|cigan|origin|"
    r"descent|ethnic|black|negr|origen|origem|etnia|herkunft|abstamm|ethnie|union|afiliad|delegad|sindic|gewerk|syndi|"
    r"vote|voto|w[aä]hl|milit|member|mitglied|membre|filiad"
)
"""What a text has in it if it may tell such a thing: a columnar pattern for Polars."""


def specials(text: str) -> Iterator[Span]:
    """Yield the words of ``text`` by which somebody tells a special category of his own or his family's."""
    for match in _TOLD.finditer(text):
        yield _span(match)
        more = _ALSO.match(text, match.end())
        if more:
            yield _span(more)


def _span(match: re.Match[str]) -> Span:
    start, end = match.span("what")
    return Span(start, end, "sensitive", "[special category]", "content-special-category 1")
