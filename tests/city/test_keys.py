"""A key that is lost is told before anything is written; none is ever made anew in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from cityward.city import init, open_city
from cityward.core.errors import SettingsError


@pytest.mark.parametrize("name", ["ledger.key", "pseudonyms.key"])
def test_a_lost_key_stops_writing_and_is_named(tmp_path: Path, chicago: Path, name: str) -> None:
    folder = init(tmp_path / "city", name="C", territories=chicago / "community_areas.geojson")
    (folder / "keys" / name).unlink()
    with open_city(folder) as city:
        with pytest.raises(SettingsError, match=name):
            city.run()
        assert city.verify().ok
    assert not (folder / "keys" / name).exists()
