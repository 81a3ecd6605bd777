"""A city's own rules, and what it may not replace."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cityward.answerable.table import load_tables, write_form
from cityward.city import City
from cityward.core.errors import Refused, UserError


def test_a_city_keeps_its_own_rules(demo_copy: City):
    folder = demo_copy.folder.rules
    folder.mkdir(exist_ok=True)
    own = next(table for table in load_tables() if table.id == "scholarship-award")
    (folder / "mine.toml").write_text(write_form(own, "toml").replace('version = "1"', 'version = "mine"'))
    assert [one.version for one in demo_copy.rules() if one.id == "scholarship-award"] == ["mine"]
    assert demo_copy.rule("scholarship-award", datetime(2026, 1, 1, 12, tzinfo=UTC)).version == "mine"
    with pytest.raises(UserError, match="No version of scholarship-award is valid on 2025-12-31 in America/Chicago"):
        demo_copy.rule("scholarship-award", datetime(2026, 1, 1, 3, tzinfo=UTC))


def test_who_decides_a_proposal_is_not_for_a_city_to_loosen(demo_copy: City):
    folder = demo_copy.folder.rules
    folder.mkdir(exist_ok=True)
    loose = next(table for table in load_tables() if table.id == "proposal-approval")
    text = write_form(loose, "toml").replace('outcome = "refuse"', 'outcome = "allow"')
    (folder / "loose.toml").write_text(text.split("[[tests]]")[0])
    with pytest.raises(Refused, match="no person is named"):
        demo_copy.decide(demo_copy.proposals("waiting")[0].id, "approved", by="operator", because="it is late at night")
