"""Files for the public, made from releases alone: CSV, Parquet, JSON, and a catalogue that machines read.

Names and order of files follow from what was asked, never from the data.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import polars as pl

from cityward.core.disk import durable, replace_file, sync_folder
from cityward.core.identifiers import slug
from cityward.core.neutral_csv import neutral_csv
from cityward.core.records import to_json
from cityward.core.releases import Release

CATALOGUE: Final = "catalogue.jsonld"
_MEDIA: Final = "https://www.iana.org/assignments/media-types/"
_FORMATS: Final = {
    "csv": ("text/csv", "CSV"),
    "parquet": ("application/vnd.apache.parquet", "PARQUET"),
    "json": ("application/json", "JSON"),
}
_CONTEXT: Final = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def open_folder(city: Path) -> Path:
    """Where the files for the public lie in the folder of a city; nothing else writes there."""
    return city / "open"


@durable("writing the open data")
def write_open_data(folder: Path, release: Release, frame: pl.DataFrame) -> Path:
    """Write the files of one release into ``folder``; return the folder of the release."""
    place = folder / name_of(release)
    place.mkdir(parents=True, exist_ok=True)
    buffer = BytesIO()
    frame.write_parquet(buffer, statistics=False, metadata={"cityward.release": to_json(release).decode()})
    rows = [{key: _plain(value) for key, value in row.items()} for row in frame.iter_rows(named=True)]
    about = json.loads(to_json(release))
    told = {"release": about, "how_to_read": how_to_read(release), "rows": rows}
    # The CSV has its error in every row; what it was made with lies beside it.
    replace_file(place / "data.csv", neutral_csv(frame))
    replace_file(place / "data.parquet", buffer.getvalue())
    replace_file(place / "data.json", json.dumps(told, ensure_ascii=False, indent=1).encode())
    replace_file(place / "README.txt", ("\n".join(how_to_read(release)) + "\n").encode())
    sync_folder(folder)
    return place


@durable("writing the catalogue")
def write_catalogue(
    folder: Path, releases: Sequence[Release], *, city: str, publisher: str | None, licence: str | None
) -> Path:
    """Write the catalogue of everything that was released.

    Notes
    -----
    Source: DCAT-AP 3.0 (SEMIC), as JSON-LD; its mandatory properties are title and description of catalogue and
    dataset, publisher of the catalogue, and ``accessURL`` of a distribution.
    """
    folder.mkdir(parents=True, exist_ok=True)
    agent = {"@type": "foaf:Agent", "foaf:name": publisher or city}
    catalogue = {
        "@context": _CONTEXT,
        "@type": "dcat:Catalog",
        "dct:title": f"Open data of {city}",
        "dct:description": "Figures with noise that protects single persons; each states its error.",
        "dct:publisher": agent,
        "dcat:dataset": [_dataset(folder, one, agent, licence) for one in releases],
    }
    path = folder / CATALOGUE
    replace_file(path, json.dumps(catalogue, ensure_ascii=False, indent=1).encode())
    return path


def name_of(release: Release) -> str:
    """Name of a release's folder."""
    return f"{slug(release.title)[:60].strip('-')}-{release.id.lower()}"


def how_to_read(release: Release) -> list[str]:
    """What the figures are, in plain words; one sentence a line."""
    request = release.request
    cost = f"epsilon {request.epsilon:g}" if request.epsilon is not None else f"rho {request.rho:g} (zero-concentrated)"
    lines = [
        f"{release.title} ({release.unit}). Release {release.id}.",
        f"Every figure carries noise (discrete {release.mechanism.capitalize()}, scale {release.scale:g}) that hides "
        f"whether any one person is in the data; it cost {cost} of the privacy budget of '{request.group}' in "
        f"{', '.join(release.periods)}.",
        f"A person counts with at most {request.rows} rows in a cell and in at most {request.cells} cells. A row "
        "without a person's identifier counts as one person of its own: of such rows, it is the single row that is "
        "hidden.",
        "'error_95' is how far noise alone moves a figure in 95 of 100 cases at most; what the bound left out is "
        "not in it. 'noisy' is the figure as measured and may be negative; 'value' is the same made whole and not "
        "negative" + (", so that the levels add up." if request.levels else "."),
        f"'too_noisy' marks figures whose error is above {request.noisy_share:.0%} of the value: do not allocate money "
        f"or people by them ({release.too_noisy:,} of {release.rows:,}).",
        "Cells in which nobody is are told like all others, so that a missing cell tells nothing.",
    ]
    if request.suppress_below:
        lines.append(
            f"Values below {request.suppress_below} are left out ({release.suppressed:,} of {release.rows:,}); such a "
            f"figure lies, with its error, between 0 and {request.suppress_below + release.error_95:g}."
        )
    return lines


def _dataset(folder: Path, release: Release, agent: dict[str, str], licence: str | None) -> dict[str, Any]:
    place = name_of(release)
    request = release.request
    return {
        "@type": "dcat:Dataset",
        "@id": f"urn:cityward:release:{release.id}",
        "dct:identifier": release.id,
        "dct:title": release.title,
        "dct:description": " ".join(how_to_read(release)),
        "dct:publisher": agent,
        "dct:issued": {"@value": release.made_at.isoformat(), "@type": "xsd:dateTime"},
        "dct:temporal": {
            "@type": "dct:PeriodOfTime",
            "dcat:startDate": {"@value": request.first.isoformat(), "@type": "xsd:date"},
            "dcat:endDate": {"@value": request.last.isoformat(), "@type": "xsd:date"},
        },
        "dct:provenance": {
            "@type": "dct:ProvenanceStatement",
            "dct:description": f"Ledger entries {release.spent_receipt} (cost) and {release.receipt} (release).",
        },
        "dcat:distribution": [_distribution(folder, place, ending, licence) for ending in _FORMATS],
    }


def _distribution(folder: Path, place: str, ending: str, licence: str | None) -> dict[str, Any]:
    media, name = _FORMATS[ending]
    url = {"@id": f"{place}/data.{ending}"}
    file = folder / place / f"data.{ending}"
    found = {
        "@type": "dcat:Distribution",
        "dcat:accessURL": url,
        "dcat:downloadURL": url,
        "dcat:mediaType": {"@id": _MEDIA + media},
        "dct:format": {"@id": f"http://publications.europa.eu/resource/authority/file-type/{name}"},
        "dcat:byteSize": file.stat().st_size,
    }
    return found | ({"dct:license": {"@id": licence}} if licence else {})


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
