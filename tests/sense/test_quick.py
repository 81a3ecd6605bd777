"""The shortcut for single messages says yes only to what is plain; properties hold both ways to one answer."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cityward.sense import quick
from cityward.sense.files import decode_ndjson
from cityward.sense.mapping import parse_mapping

NOW = datetime(2026, 1, 10, tzinfo=UTC)
MAPPING = parse_mapping(
    'source = "lamps"\nkind = "request"\ndomain = "energy"\ntime_zone = "Europe/Berlin"\n'
    '[columns]\nid = "id"\noccurred_at = "at"\nlon = "lon"\nlat = "lat"\n[service]\ndefault = "street light"\n',
    "lamps.toml",
)


@pytest.mark.parametrize(
    ("body", "yes"),
    [
        ('{"id": "a", "at": "2026-01-05T10:00:00Z"}', True),
        ('{"id": 7, "at": "2026-01-05", "lon": 7, "lat": 50.5}', True),
        ('{"id": "a", "at": "2025-03-30T02:30:00"}', True),  # skipped by the clocks
        ('{"id": "a", "at": "2025-10-26T02:30:00"}', True),  # occurs twice
        ('{"id": "a", "at": "2026-01-05T10:00:00-00:61"}', False),
        ('{"id": "a", "at": "2026-01-05T10:00:00+24:00"}', False),
        ('{"id": "a", "at": "05/01/2026"}', False),
        ('{"id": "a", "at": "2026-02-30"}', False),
        ('{"id": "a", "at": "2031-01-01"}', False),
        ('{"id": " ", "at": "2026-01-05"}', False),
        ('{"id": "a\\u0000", "at": "2026-01-05"}', False),
        ('{"id": "a", "at": "2026-01-05", "lon": true, "lat": 1}', False),
        ('{"id": "a", "at": "2026-01-05", "lon": 7}', False),
        ('{"id": "a", "at": "2026-01-05", "lon": 7, "lat": 91}', False),
        ('{"id": "a", "at": "2026-', False),
        ("", False),
    ],
)
def test_only_what_is_plain(body: str, yes: bool):
    found = quick.decode([body.encode()], MAPPING, NOW, "http")
    assert (found is not None) == yes
    batch = decode_ndjson(body.encode(), MAPPING, NOW)
    assert batch.received == batch.frame.height + batch.quarantine.height == bool(body)
    if found is not None:
        assert batch.frame.equals(found[0].frame)


def test_the_clocks_are_read_as_the_long_way_reads_them():
    body = b'{"id": "a", "at": "2025-03-30T02:30:00"}\n{"id": "b", "at": "2025-10-26T02:30:00"}\n'
    times = decode_ndjson(body, MAPPING, NOW).frame["occurred_at"].to_list()
    assert times == [datetime(2025, 3, 30, 1, 30, tzinfo=UTC), datetime(2025, 10, 26, 0, 30, tzinfo=UTC)]
