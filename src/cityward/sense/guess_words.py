"""Words by which columns and states are recognised: English, Spanish, Portuguese, German, French.

Compared as `cityward.core.identifiers.slug` writes them, without hyphens; better words first.
"""

from __future__ import annotations

from typing import Final

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "id": (
        *("id", "uniquekey", "servicerequestnumber", "casenumber", "caseid", "ticketid", "ticket", "requestid"),
        *("referencenumber", "reference", "key", "number", "code", "objectid", "uuid"),
        *("radicado", "numeroradicado", "expediente", "folio", "numero", "numerosolicitud", "codigo", "consecutivo"),
        *("protocolo", "numeroprotocolo", "chamado", "numerochamado", "nummer", "vorgangsnummer", "vorgang"),
        *("meldungsid", "meldungsnummer", "aktenzeichen", "kennung", "identifiant", "numerodemande", "dossier"),
    ),
    "occurred_at": (
        *("occurredat", "createddate", "creationdate", "createdat", "created", "requestdate", "requesteddatetime"),
        *("opened", "opendate", "openeddate", "reporteddate", "reportedat", "datereceived", "timestamp", "datetime"),
        *("submitted", "date", "fecharadicacion", "fechasolicitud", "fechacreacion", "fechaapertura", "fechareporte"),
        *("fecharegistro", "fechaingreso", "fechahora", "fecha", "datadecriacao", "datacriacao", "dataabertura"),
        *("datadeabertura", "dataregistro", "datasolicitacao", "datahora", "data", "eingangsdatum", "eingang"),
        *("meldedatum", "gemeldetam", "erstelltam", "erstellt", "datum", "zeitpunkt", "datecreation", "datedecreation"),
        *("datedemande", "datesignalement", "datedepot", "dateouverture", "dateheure"),
    ),
    "closed_at": (
        *("closedat", "closeddate", "completiondate", "closed", "completed", "completeddate", "resolveddate"),
        *("resolvedat", "resolutiondate", "closingdate", "enddate", "fechacierre", "fechadecierre", "fechasolucion"),
        *("fechafin", "fecharespuesta", "fechaatencion", "datafechamento", "datadefechamento", "dataconclusao"),
        *(
            "dataencerramento",
            "datasolucao",
            "abgeschlossenam",
            "abschluss",
            "abschlussdatum",
            "erledigtam",
            "erledigt",
        ),
        *("geschlossenam", "datecloture", "datedecloture", "datefermeture", "dateresolution", "datefin"),
    ),
    "status": (
        *("status", "state", "casestatus", "requeststatus", "estado", "estatus", "estadosolicitud", "situacion"),
        *("situacao", "statuschamado", "zustand", "bearbeitungsstand", "stand", "statut", "etat"),
    ),
    "service": (
        *("service", "servicename", "complainttype", "requesttype", "typeofservicerequest", "category", "type"),
        *("nature", "issuetype", "topic", "subject", "servicio", "tiposolicitud", "tipodesolicitud", "tiporeporte"),
        *("categoria", "tipo", "tema", "asunto", "motivo", "servico", "tiposervico", "tipodeservico", "assunto"),
        *("kategorie", "dienst", "leistung", "anliegen", "art", "thema", "betreff", "categorie", "typedemande"),
        *("typedesignalement", "theme", "objet"),
    ),
    "lon": ("lon", "longitude", "lng", "long", "longitud", "laengengrad", "langengrad", "lange", "coordx", "x"),
    "lat": ("lat", "latitude", "latitud", "breitengrad", "breite", "coordy", "y"),
    "stated_territory": (
        *("communityarea", "neighborhood", "neighbourhood", "district", "ward", "area", "borough", "areaid"),
        *("barrio", "comuna", "localidad", "distrito", "colonia", "codigobarrio", "bairro", "regiao", "freguesia"),
        *("stadtteil", "bezirk", "ortsteil", "stadtbezirk", "quartier", "arrondissement", "commune", "secteur"),
    ),
    "address": (
        *("address", "streetaddress", "incidentaddress", "location", "street", "direccion", "domicilio", "ubicacion"),
        *("calle", "endereco", "logradouro", "rua", "adresse", "anschrift", "strasse", "rue", "lieu"),
    ),
    "text": (
        *("description", "text", "comment", "comments", "details", "message", "notes", "descripcion", "observaciones"),
        *("comentario", "detalle", "mensaje", "descricao", "observacao", "mensagem", "relato", "beschreibung"),
        *("bemerkung", "nachricht", "kommentar", "meldungstext", "commentaire", "detail", "remarque"),
    ),
    "person": (
        *(
            "personid",
            "userid",
            "citizenid",
            "customerid",
            "reporterid",
            "requester",
            "reporter",
            "cedula",
            "documento",
        ),
        *(
            "ciudadano",
            "usuario",
            "solicitante",
            "cpf",
            "cidadao",
            "buerger",
            "burger",
            "melder",
            "usager",
            "demandeur",
        ),
    ),
    "channel": (
        *("channel", "source", "origin", "opendatachanneltype", "methodreceived", "canal", "medio", "origen", "origem"),
        *("kanal", "meldeweg", "quelle", "canaldesaisie", "provenance"),
    ),
}

PERSONAL: Final = (
    *("name", "firstname", "lastname", "surname", "email", "mail", "phone", "telephone", "mobile", "birth", "ssn"),
    *("nombre", "apellido", "correo", "telefono", "celular", "cedula", "nacimiento", "nome", "sobrenome", "telefone"),
    *("cpf", "nascimento", "vorname", "nachname", "telefon", "handy", "geburt", "prenom", "nom", "courriel"),
)
BIRTH: Final = ("birth", "dob", "nacimiento", "nascimento", "geburt", "naissance")
"""A day of birth is a date too, and never that of a request."""

SENSITIVE: Final = (
    *("health", "diagnosis", "religion", "ethnic", "race", "disability", "salud", "diagnostico", "raza", "etnia"),
    *("discapacidad", "saude", "deficiencia", "gesundheit", "diagnose", "behinderung", "sante", "handicap"),
)
BIOMETRIC: Final = (
    *("face", "facial", "embedding", "fingerprint", "iris", "biometric", "voiceprint", "gait", "rostro", "huella"),
    *("biometria", "digital", "gesicht", "fingerabdruck", "visage", "empreinte"),
)

OPEN: Final = (
    *(
        "open",
        "new",
        "inprogress",
        "pending",
        "assigned",
        "received",
        "started",
        "acknowledged",
        "submitted",
        "abierto",
    ),
    *("abierta", "nuevo", "nueva", "entramite", "enproceso", "pendiente", "asignado", "recibido", "radicado", "aberto"),
    *("aberta", "novo", "emandamento", "pendente", "offen", "neu", "inbearbeitung", "gemeldet", "ouvert", "ouverte"),
    *("nouveau", "encours", "enattente"),
)
CLOSED: Final = (
    *("closed", "completed", "resolved", "done", "fixed", "cancelled", "canceled", "rejected", "cerrado", "cerrada"),
    *(
        "resuelto",
        "resuelta",
        "atendido",
        "atendida",
        "finalizado",
        "finalizada",
        "solucionado",
        "terminado",
        "anulado",
    ),
    *("rechazado", "fechado", "fechada", "concluido", "concluida", "resolvido", "encerrado", "cancelado", "atendida"),
    *("geschlossen", "abgeschlossen", "erledigt", "geloest", "gelost", "abgelehnt", "ferme", "fermee", "clos"),
    *("cloture", "cloturee", "resolu", "resolue", "termine", "traite", "rejete"),
)
CLOSED_STEMS: Final = (
    *("cerrad", "resuelt", "solucionad", "finalizad", "terminad", "anulad", "rechazad", "atendid", "archivad"),
    *("fechad", "concluid", "resolvid", "encerrad", "cancelad", "cancell", "indeferid", "deferid", "executad"),
    *("cloture", "resolue", "terminee", "traitee", "rejete", "annule", "abgeschlossen", "geschlossen", "erledigt"),
)
"""Beginnings of such words in both genders and numbers."""

NOT: Final = ("no", "not", "non", "nao", "sin", "sem", "sans", "pas", "nicht", "ohne", "un", "por", "pour")
"""Words that turn one round: what is "not resolved" is open."""

FILLERS: Final = (
    "de",
    "del",
    "da",
    "do",
    "du",
    "des",
    "la",
    "le",
    "el",
    "l",
    "d",
    "of",
    "the",
    "der",
    "die",
    "das",
    "von",
)
"""Words that a column's name may leave out."""

DUPLICATE: Final = ("dup", "duplicate", "duplicado", "duplicada", "duplikat", "doublon", "repetido")
