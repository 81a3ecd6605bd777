"""Every operation answers as its description says, to what fits it and to what does not; no answer is a defect."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.fuzz.openapi import MODES, ask, operations
from tests.fuzz.small_city import small_city

from cityward.api import create_app
from cityward.city import open_city

EXAMPLES = 3


def test_every_operation_answers_as_its_description_says(tmp_path: Path) -> None:
    told: Counter[tuple[str, int]] = Counter()
    with open_city(small_city(tmp_path)) as city:
        app = create_app(city)
        for operation in operations(app):
            few = 1 if operation.label in ("POST /api/turns", "POST /api/watch") else EXAMPLES
            for mode in MODES:
                assert list(ask(operation, mode, 1, few, told)) == []
    assert len({label for label, _ in told}) > 25
