"""Words in the names of columns and keys that say what a value may be; they add to evidence, seldom decide."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final


@lru_cache(maxsize=4096)
def in_words(name: str) -> str:
    """Return a name as lower-case words: ``faceEmbedding_v2`` is ``face embedding v2``."""
    parted = re.sub(r"(?<=[a-zß-ÿ0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name[:400])
    return re.sub(r"[\W_]+", " ", parted).strip().casefold()


def _any(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^| )(?:{words})(?= |$|\d)")


BIOMETRIC: Final = _any(
    r"faces?|facial|embed\w*|biometri\w*|fingerprints?|finger ?print|"
    r"minutiae?|iris\w*|retina\w*|voice ?prints?|voiceprints?|speaker|"
    r"x ?vector|xvector|"
    r"i ?vector|ivector|d ?vector|dvector|gait\w*|arcface|facenet|insightface|"
    r"mfccs?|cepstr\w*|formants?|keystroke\w*|rostro\w*|"
    r"dlib|template|tmpl|descriptor|palm|vein|ear ?print|landmarks?|keypoints?|"
    r"skeleton|pose|"
    r"rostros?|cara|huellas?|voz|biometria|biometrico|plantilla|gesichts?\w*|"
    r"fingerabdruck\w*|stimm\w*|visages?|empreintes?|voix|rosto|impressao "
    r"digital|digitais|"
    r"person ?vec\w*|reid|re id|faceid|face id|fp ?template|fmd|fir|fmr|identity ?vec\w*"
)
BODY: Final = _any(
    r"faces?|facial|iris\w*|retina\w*|voice ?prints?|speaker|gait|palm|vein|minutiae?|rostros?|gesichts?\w*|visages?|"
    r"keystroke\w*|mfccs?|huella dactilar|fingerabdruck\w*|empreintes?"
)
"""Words that no hash or key bears, unless it is that of a body."""
JOINTS: Final = _any(r"(?:\w+ )?key ?points?(?: \w+)?|landmarks?|skeleton|pose ?(?:2d|3d)|face ?mesh|gait\w*")
"""Names of lists of joints; a pose may be that of a camera."""
GAIT: Final = _any(r"gait\w*|skeleton|pose|joints?|keypoints?|landmarks?|stride\w*|mesh")
IMAGE: Final = _any(
    r"images?|img|imagen|imagem|photos?|fotos?|picture|pic|bild|selfie|"
    r"mugshot|snapshot|thumbnail|portrait|frame|crop|jpe?g|png|pixels?|"
    r"scan|gray|greyscale|grayscale|rgb|camera|face|visage"
)
AUDIO: Final = _any(r"audio|voice|voz|sound|pcm|wav|recording|speech|stimme|voix|mic|aufnahme|grabacion|microphone")
VIDEO: Final = _any(r"videos?|clip|footage|cctv|stream|mp4")
SERIES: Final = _any(
    r"readings?|hourly|daily|minutely|weekly|monthly|series|history|"
    r"measurements?|temp\w*|pm ?\d+\w*|pm|no2|o3|so2|co2?|humidity|noise|"
    r"levels?|counts?|"
    r"prices?|tariffs?|costs?|flow|load|demand|power|energy|kwh|rain\w*|"
    r"precip\w*|wind|pressure|sensor|observations?|samples?|residuals?|"
    r"anomal\w*|forecasts?|"
    r"lecturas|mediciones|precios?|messwerte|preise|"
    r"mesures|prix|leituras|medicoes|precos?|vibration|acceler\w*|weights?|"
    r"coefficients?|"
    r"elevations?|heights?|depths?|traffic|volume|speed|usage|consumption|"
    r"budget|scores?|returns?|deltas?|changes?|waveform|signal"
)
OPAQUE: Final = _any(
    r"hash\w*|sha\d*|digest|checksum|md5|sig|signature|signed|key|pubkey|"
    r"public key|cert\w*|token|jwt|etag|nonce|salt|ciphertext|encrypted|"
    r"jwks?|jws|jose|pgp|gpg|commit|proof|uuid|guid|"
    r"merkle|root|hmac|mac tag|receipt|x5c|signatur|firma|assinatura|"
    r"rsa|pem|csr|modulus|fingerprint sha\d*|key fingerprint|ssh"
)
LIFE: Final = _any(
    r"health|medical|diagnos\w*|disease|illness|disab\w*|hiv|religi\w*|"
    r"faith|church member\w*|ethnic\w*|race|racial|political|party member\w*|"
    r"union member\w*|trade union|"
    r"sexual\w*|orientation|gender identity|genetic\w*|dna|pregnan\w*|"
    r"salud|enfermedad\w*|discapacidad|raza|etnia|sindicat\w*|sexo|saude|"
    r"doenca|deficiencia|etnico|"
    r"gesundheit\w*|krankheit\w*|behinder\w*|rasse|gewerkschaft\w*|partei\w*|"
    r"sante|maladie|handicap|ethnie|syndicat\w*|grossesse|schwanger\w*|"
    r"embaraz\w*|gravidez"
)
LIFE_OF_PERSON: Final = _any(
    r"religi(?:on|ous|osa|ao|os)\w*|religion|konfession\w*|confession|denomination|faith|religiao|"
    r"diagnos(?:is|es|e|tico)|diseases?|illness\w*|enfermedad\w*|doencas?|maladies?|krankheit\w*|vorerkrankung\w*|"
    r"disabilit(?:y|ies)|disabled|discapacidad\w*|deficiencia|behinder\w*|handicap|hiv|vih|"
    r"ethnic\w*|ethnie|ethnicity|etnia|etnico|racial\w*|political (?:party|opinions?|views?|affiliation)|"
    r"parti politique|partido(?: politico)?|partei\w*|opinions? politiques?|opinion politica|party member\w*|"
    r"union member\w*|trade union|gewerkschaft\w*|sindicat\w*|afiliacion sindical|syndicat\w*|church member\w*|"
    r"sexual orientation|orientation sexuelle|orientacion sexual|orientacao sexual|sexuelle orientierung|sexuality|"
    r"gender identity|identidad de genero|genetic\w*|genetisch\w*|dna|adn|"
    r"pregnan\w*|schwanger\w*|embaraz\w*|gravidez|grossesse|medications?|medicamentos?|medikament\w*|medicaments?|"
    r"icd ?\d*|cie ?10|cid ?10|blood (?:type|group)|blutgruppe|grupo sanguineo|groupe sanguin|tipo sanguineo|"
    r"(?:medical|health) (?:conditions?|history|records?|problems?|data|notes?)|allerg(?:y|ies|ias?|ien)|"
    r"patient (?:condition|diagnosis|notes?)|mental health|"
    r"confesion\w*|vaccin\w*|vacun\w*|impf\w*|genotyp\w*|genotipo|convictions?|condenas?|party membership|"
    r"politische partei|criminal (?:record|history|convictions?)|antecedentes penales|vorstrafen|casier judiciaire|"
    r"antecedentes criminais"
)
"""Names of fields that hold a special category of one person; `LIFE` also holds words that may mean something else."""
NOT_LIFE: Final = _any(
    r"bays?|parking|spaces?|places?|counts?|total|number|n|share|percent\w*|rate|centres?|centers?|stations?|toilets?|"
    r"access\w*|ramps?|services?|facilit\w*|building|streets?|school|votes?|seats?|results?|area|zone|institution|office"
)
"""Words that make of it a thing of the city, or a count."""
PERSON: Final = _any(
    r"full ?name|first ?name|last ?name|fore ?name|given ?name|family "
    r"?name|middle name|surname|maiden name|username|user name|nickname|"
    r"nombres?|apellidos?|vorname|nachname|familienname|"
    r"nom|prenom|nome|sobrenome|apelido|citizen(?: name)?|resident(?: "
    r"name)?|complainant(?: name)?|reporter(?: name)?|reported by|requester(?: "
    r"name)?|caller(?: name)?|"
    r"patient(?: name)?|owner(?: name)?|applicant(?: name)?|contact(?: "
    r"name| person)?|customer(?: name)?|person(?: name)?|driver(?: name)?|"
    r"tenant(?: name)?|ciudadano|denunciante|"
    r"solicitante|cidadao|requerente|burger|antragsteller\w*|demandeur|"
    r"citoyen|victim|suspect|witness|student name|employee name"
)
BIRTH: Final = _any(
    r"dob|birth ?(?:date|day)|date of birth|born|fecha (?:de )?nacimiento|"
    r"geburts\w*|date (?:de )?naissance|data (?:de )?nascimento"
)
HOME: Final = _any(
    r"home ?(?:address|addr|street)|residen(?:ce|tial)(?: address)?|residential|"
    r"domicil\w*|private address|mailing address|personal address|wohn\w*|"
    r"privatadresse|anschrift|"
    r"direccion (?:del? )?(?:residencia|particular|casa)|residencia|morada|"
    r"endereco residencial|adresse (?:personnelle|privee|domicile)|complainant "
    r"address|caller address|owner address|tenant address|patient address|"
    r"billing address"
)
NOT_PERSON: Final = _any(
    r"station|street|stop|service|road|park|school|sensor|department|"
    r"agency|company|city|place|product|file|column|field|layer|route|"
    r"facility|public|calle|rue|strasse"
)
