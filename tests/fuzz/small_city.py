"""The smallest city that every route has something to say about: one area, 30 reports, one turn."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

from cityward.city import init, open_city

MAPPING = """
source = "calls"
kind = "complaint"
domain = "environment"
time_zone = "UTC"

[columns]
id = "id"
occurred_at = "opened"
service = "what"
lon = "lon"
lat = "lat"

[service]
default = "x"
"""
_SQUARE = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]


def small_city(folder: Path) -> Path:
    """Make it below ``folder`` and return its own folder; a turn of it takes less than a second."""
    areas, mapping, file = folder / "areas.geojson", folder / "map.toml", folder / "reports.ndjson"
    area = {"type": "Feature", "properties": {"name": "A"}, "geometry": {"type": "Polygon", "coordinates": _SQUARE}}
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": [area]}), encoding="utf-8")
    home = init(folder / "city", name="Small", territories=areas, name_property="name")
    with (home / "city.toml").open("a", encoding="utf-8") as settings:
        settings.write("\n[needs]\nreplicates = 99\n")
    mapping.write_text(MAPPING, encoding="utf-8")
    rows = [
        {"id": str(at), "opened": f"{date(2014, 6, 1) + timedelta(days=at)}", "what": "x", "lon": 0.5, "lat": 0.4}
        for at in range(30)
    ]
    file.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    with open_city(home) as city:
        city.sense(file, city.add_mapping(mapping))
        city.run()
    return home
