"""Decisions a second: parts of policies parsed once, beside the same engine given their text each time.

Run: ``python benchmarks/bench_access.py``. The peer is cedarpy itself as its first example shows it: policies and
entities as text with each request. The ratio is of one run on one machine.
"""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

import cedarpy

from cityward.core.principal import Principal
from cityward.secure.policy import Around, Policies, Resource
from cityward.secure.policy.policies import _entities, _of

SECONDS = 3.0
WHO = Principal(id="p-1", name="Ana Gómez", kind="person", roles=("operator",), assurance="passkey")
AROUND = Around(age_seconds=10)


def a_second(decide: Callable[[], object]) -> float:
    """How many calls a second of one core, after one that warms up."""
    decide()
    start, calls = process_time(), 0
    while process_time() - start < SECONDS:
        decide()
        calls += 1
    return calls / (process_time() - start)


def main() -> dict[str, tuple[float, str]]:
    """Decisions a second of a core, with policies that are kept parsed and with ones that are parsed each time."""
    policies = Policies()
    text = "\n".join(one.text for one in policies.rules())
    entities = str(_entities(_of(WHO)))
    request = {
        "principal": {"type": "Person", "id": "p-1"},
        "action": {"type": "Action", "id": "read-findings"},
        "resource": {"type": "Need", "id": "N-1"},
        "context": {name: getattr(AROUND, name) for name in Around.__struct_fields__},
    }
    need, waits = Resource(kind="Need", id="N-1"), {"state": "waiting", "overseers": []}
    decision = Resource(kind="Decision", id="D-1", facts=waits)
    assert policies.decide(WHO, "read-findings", need, AROUND).allowed
    assert cedarpy.is_authorized(request, text, entities).allowed
    ours = a_second(lambda: policies.decide(WHO, "read-findings", need, AROUND))
    parsed = a_second(lambda: cedarpy.is_authorized(request, text, entities))
    return {
        f"Access, decisions/s by {len(policies.rules())} policies": (ours, ""),
        "Access, decisions/s with facts of the thing": (
            a_second(lambda: policies.decide(WHO, "read-decisions", decision, AROUND)),
            "",
        ),
        "Access, times as fast as Cedar that parses each time": (ours / parsed, ""),
    }


if __name__ == "__main__":
    for name, (value, _) in main().items():
        print(f"{name}: {value:,.1f}")
