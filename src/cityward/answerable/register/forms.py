"""Forms of public registers: their fields, and what a record lacks of them.

Sources: Publicatiestandaard Algoritmeregister 1.0 (github.com/MinBZK/Algoritmeregister, backend/app/schemas/config/
v1_0.json, EUPL), field by field; Regulation (EU) 2024/1689, annex VIII, section C. Of the UK Algorithmic Transparency
Recording Standard the numbers and titles are those of records published under template 2; which fields a newer template
numbers otherwise was not checked against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

Form = Literal["algoritmeregister", "atrs", "annex-viii", "json"]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form: its title, whether it must be filled in, the longest text, and the values that it may have."""

    title: str
    required: bool = False
    chars_max: int | None = None
    values: tuple[str, ...] = ()
    items_max: int | None = None


_THEMES = (
    "Organisatie en bedrijfsvoering", "Cultuur en recreatie", "Economie", "Overheidsfinanciën", "Wonen",
    "Internationaal", "Migratie en integratie", "Natuur en milieu", "Onderwijs en wetenschap",
    "Openbare orde en veiligheid", "Recht", "Ruimte en infrastructuur", "Sociale zekerheid", "Verkeer", "Werk",
    "Zorg en gezondheid",
)  # fmt: skip
_STATES = ("In ontwikkeling", "In gebruik", "Buiten gebruik")
_CATEGORIES = ("Hoog-risico AI-systeem", "Impactvolle algoritmes", "Overige algoritmes")

ALGORITMEREGISTER: Final = {
    "name": Field("Naam", required=True, chars_max=100),
    "description_short": Field("Korte omschrijving", required=True, chars_max=350),
    "organization": Field("Organisatie", required=True, chars_max=100),
    "category": Field("Thema", values=_THEMES, items_max=3),
    "status": Field("Status", required=True, values=_STATES),
    "begin_date": Field("Begindatum", chars_max=7),
    "end_date": Field("Einddatum", chars_max=7),
    "contact_email": Field("Contactgegevens", required=True, chars_max=500),
    "website": Field("Link naar publiekspagina", chars_max=500),
    "publication_category": Field("Publicatiecategorie", required=True, values=_CATEGORIES),
    "url": Field("Link naar bronregistratie", chars_max=500),
    "goal": Field("Doel en impact", chars_max=2500),
    "proportionality": Field("Afwegingen", chars_max=2500),
    "human_intervention": Field("Menselijke tussenkomst", chars_max=2500),
    "risks": Field("Risicobeheer", chars_max=2500),
    "lawful_basis": Field("Wettelijke basis", chars_max=2500),
    "lawful_basis_grouping": Field("Verwijzingen wettelijke basis"),
    "process_index_url": Field("Link naar verwerkingsregister", chars_max=500),
    "impacttoetsen_grouping": Field("Impacttoetsen"),
    "impacttoetsen": Field("Toelichting op impacttoetsen", chars_max=2500),
    "source_data": Field("Gegevens", chars_max=2500),
    "source_data_grouping": Field("Verwijzingen gegevensbronnen"),
    "methods_and_models": Field("Technische werking", chars_max=5000),
    "provider": Field("Leverancier", chars_max=200),
    "publiccode": Field("Link naar broncode", chars_max=500),
    "lang": Field("Taal", required=True, values=("nld",)),
    "standard_version": Field("Versie publicatiestandaard", values=("1.0",)),
    "source_id": Field("Bron-ID", chars_max=100),
    "tags": Field("Zoektermen", chars_max=2500),
    "lars": Field("Algoritme-ID"),
}

ATRS: Final = {
    "1.1": Field("Name", required=True),
    "1.2": Field("Description", required=True),
    "1.3": Field("Website URL"),
    "1.4": Field("Contact email", required=True),
    "2.1.1": Field("Organisation or department", required=True),
    "2.1.2": Field("Team", required=True),
    "2.1.3": Field("Senior responsible owner", required=True),
    "2.1.4": Field("Third party involvement", required=True, values=("Yes", "No")),
    "2.1.4.1": Field("Third party"),
    "2.1.4.2": Field("Companies House Number"),
    "2.1.4.3": Field("Third party role"),
    "2.1.4.4": Field("Procurement procedure type"),
    "2.1.4.5": Field("Third party data access terms"),
    "2.2.1": Field("Detailed description", required=True),
    "2.2.2": Field("Scope", required=True),
    "2.2.3": Field("Benefit", required=True),
    "2.2.4": Field("Previous process"),
    "2.2.5": Field("Alternatives considered"),
    "2.3.1": Field("Process integration", required=True),
    "2.3.2": Field("Provided information", required=True),
    "2.3.3": Field("Frequency and scale of usage"),
    "2.3.4": Field("Human decisions and review", required=True),
    "2.3.5": Field("Required training"),
    "2.3.6": Field("Appeals and review", required=True),
    "2.4.1.1": Field("System architecture"),
    "2.4.1.2": Field("Phase", required=True),
    "2.4.1.3": Field("Maintenance"),
    "2.4.1.4": Field("Models"),
    "2.4.2.1": Field("Model name"),
    "2.4.2.2": Field("Model version"),
    "2.4.2.3": Field("Model task"),
    "2.4.2.4": Field("Model input"),
    "2.4.2.5": Field("Model output"),
    "2.4.2.6": Field("Model architecture"),
    "2.4.2.7": Field("Model performance"),
    "2.4.2.8": Field("Datasets"),
    "2.4.2.9": Field("Dataset purposes"),
    "2.4.3.1": Field("Data name"),
    "2.4.3.2": Field("Data modality"),
    "2.4.3.3": Field("Data description", required=True),
    "2.4.3.4": Field("Data quantities"),
    "2.4.3.5": Field("Sensitive attributes"),
    "2.4.3.6": Field("Data completeness and representativeness"),
    "2.4.3.7": Field("Source data URL"),
    "2.4.3.8": Field("Data collection"),
    "2.4.3.9": Field("Data cleaning"),
    "2.4.3.10": Field("Data sharing agreements"),
    "2.4.3.11": Field("Data access and storage"),
    "2.5.1": Field("Impact assessment", required=True),
    "2.5.2": Field("Risks", required=True),
}

ANNEX_VIII: Final = {
    "1": Field("The name, address and contact details of the deployer", required=True),
    "2": Field("The name, address and contact details of the person submitting information on behalf of the deployer",
               required=True),
    "3": Field("The URL of the entry of the AI system in the EU database by its provider", required=True),
    "4": Field("A summary of the findings of the fundamental rights impact assessment conducted in accordance with "
               "article 27", required=True),
    "5": Field("A summary of the data protection impact assessment carried out in accordance with article 35 of "
               "Regulation (EU) 2016/679 or article 27 of Directive (EU) 2016/680, where applicable"),
}  # fmt: skip

FORMS: Final[dict[str, dict[str, Field]]] = {
    "algoritmeregister": ALGORITMEREGISTER,
    "atrs": ATRS,
    "annex-viii": ANNEX_VIII,
}
TITLES: Final = {
    "algoritmeregister": "Algoritmeregister, publicatiestandaard 1.0",
    "atrs": "Algorithmic Transparency Recording Standard",
    "annex-viii": "AI Act, annex VIII, section C",
    "json": "Everything that the register says of it",
}


def faults(form: str, record: dict[str, Any]) -> tuple[str, ...]:
    """What stands in the way of handing a record in: fields that are missing, too long, or not of the permitted values.

    Parameters
    ----------
    form : str
        One of `FORMS`.
    record : dict
        A record of that form by its field names.
    """
    fields = FORMS[form]
    found = [f"{name} is no field of this form." for name in record if name not in fields]
    for name, field in fields.items():
        told = f"{name} ({field.title})"
        value = record.get(name)
        if value in (None, "", []):
            if field.required:
                found.append(f"{told} must be filled in.")
            continue
        values = value if isinstance(value, list) else [value]
        if field.values:
            known = ", ".join(field.values)
            found += [f"{told} cannot be '{one}'; it is one of {known}." for one in values if one not in field.values]
        if field.items_max is not None and len(values) > field.items_max:
            found.append(f"{told} has {len(values)} values, at most {field.items_max}.")
        if field.chars_max is not None and isinstance(value, str) and len(value) > field.chars_max:
            found.append(f"{told} has {len(value):,} characters, at most {field.chars_max:,}.")
    return tuple(found)
