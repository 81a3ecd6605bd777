"""Two sets by somebody who had not read the rules: what the door finds in them does not get worse."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NamedTuple

import content_holdout
import content_wild
import pytest

from cityward.guard.check import check_row
from cityward.guard.content.finding import PAYLOADS


class Floor(NamedTuple):
    """What was measured; the only way on is up."""

    hidden: int
    noticed: int
    stopped: int
    innocent: int
    alarms: int


SETS = {
    "wild": (content_wild, Floor(hidden=812, noticed=808, stopped=805, innocent=504, alarms=2)),
    "holdout": (content_holdout, Floor(hidden=790, noticed=771, stopped=756, innocent=512, alarms=0)),
}


def verdicts(row: dict[str, Any]) -> set[str]:
    """What becomes of the fields of a row that came as JSON."""
    return {finding.verdict for _, finding in check_row(json.loads(json.dumps(row)))}


@pytest.mark.parametrize("name", SETS)
def test_recall_and_false_alarms_stay_at_what_was_measured(name: str) -> None:
    """Noticed: not let pass as it is. Stopped: noticed, and refused if it is a payload of a body or a recording."""
    module, floor = SETS[name]
    judged = [(case, verdicts(case.row)) for case in module.wild()]
    hidden = [(case, told) for case, told in judged if case.truth != "public"]
    innocent = [(case, told) for case, told in judged if case.truth == "public"]
    passed = Counter(case.kind for case, told in hidden if told == {"pass"})
    weak = Counter(case.kind for case, told in hidden if case.truth in PAYLOADS and "refuse" not in told)
    alarms = Counter(case.kind for case, told in innocent if told != {"pass"})
    stopped = sum("refuse" in told if case.truth in PAYLOADS else told != {"pass"} for case, told in hidden)
    print(f"{name}: of {len(hidden)} {len(hidden) - passed.total()} noticed, {stopped} stopped; {alarms} false alarms")
    assert (len(hidden), len(innocent)) == (floor.hidden, floor.innocent)
    assert len(hidden) - passed.total() >= floor.noticed, passed
    assert stopped >= floor.stopped, weak
    assert alarms.total() <= floor.alarms, alarms
