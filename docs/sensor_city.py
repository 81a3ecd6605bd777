"""Makes a small city whose six sensors say made-up values, for the screenshots: python docs/sensor_city.py FOLDER.

The values are those of the tests: a month of fine dust with a daily rhythm, of which one sensor falls silent and four
rise above the level of the WHO.
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.know.sensors import START, frame, streams

from cityward.city import init, open_city
from cityward.core.clock import Clock

DAYS = 30
HOURS_SAID, HOURS_CLEAN = 700, 690
RISE = 30.0
COLUMNS = ("sensor", "observed_at", "property", "value", "unit", "lon", "lat")
RING = [[9.1, 48.7], [9.3, 48.7], [9.3, 48.9], [9.1, 48.9], [9.1, 48.7]]


def main(folder: Path) -> None:
    """Make the city, take the values in, and watch once."""
    area = {"type": "Feature", "properties": {"id": "mitte"}, "geometry": {"type": "Polygon", "coordinates": [RING]}}
    values = streams(DAYS)
    values[0, HOURS_SAID:] = np.nan
    values[2:, HOURS_CLEAN:] += RISE
    with tempfile.TemporaryDirectory() as name:
        files = Path(name)
        (files / "areas.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [area]}))
        columns = "".join(f'{one} = "{one}"\n' for one in COLUMNS)
        (files / "map.toml").write_text(f'source = "air"\nkind = "observation"\n[columns]\n{columns}')
        frame(values).write_parquet(files / "day.parquet")
        init(folder, name="Made-up sensors", territories=files / "areas.geojson")
        with open_city(folder, Clock.fixed(START + timedelta(days=DAYS))) as city:
            city.sense(files / "day.parquet", city.add_mapping(files / "map.toml"))
            city.observing.watch()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
