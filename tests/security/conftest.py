"""A small city that a module shares."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.fuzz.small_city import small_city

from cityward.city import City, open_city


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """One area, 30 reports, one turn; open."""
    with open_city(small_city(tmp_path_factory.mktemp("small"))) as city:
        yield city
