"""Playbooks: how long the shipped ones take to check, and how many steps a second are planned and done.

``python benchmarks/bench_respond.py`` prints its figures, in seconds of this program's own processor time: other
programs on the machine do not count. The steps that are done leave nothing on disk: it is the engine that is measured,
not the disk. The peer is the parser of JSON alone, on the same bytes.
"""

from __future__ import annotations

import json
import statistics
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from cityward.secure.respond.checks import check, read_playbook
from cityward.secure.respond.effects import Effect, Known
from cityward.secure.respond.engine import Engine, Result
from cityward.secure.respond.plan import plan_of
from cityward.secure.respond.records import Command, Execution, Playbook, Run, Step
from cityward.secure.respond.shipped import shipped, shipped_texts

STEPS = 250
AT = datetime(2026, 1, 1, tzinfo=UTC)


def chain(steps: int = STEPS) -> Playbook:
    """One step after the other, each sent to a firewall."""

    def named(kind: str, what: object) -> str:
        return f"{kind}--{uuid.uuid5(uuid.NAMESPACE_URL, str(what))}"

    names = [named("action", at) for at in range(steps)]
    end, start, wall = named("end", 0), named("start", 0), named("http-api", 0)
    workflow: dict[str, Any] = {start: {"type": "start", "on_completion": names[0]}, end: {"type": "end"}}
    for at, name in enumerate(names):
        workflow[name] = {
            "type": "action", "name": f"Step {at}", "timeout": 1_000, "agent": wall,
            "on_completion": names[at + 1] if at + 1 < steps else end,
            "commands": [{"type": "http-api", "command": "POST /block", "content": '{"for": "__about__:value"}'}],
        }  # fmt: skip
    document = {
        "type": "playbook", "spec_version": "cacao-2.0", "id": named("playbook", 0), "name": "chain",
        "created_by": named("identity", 0), "created": "2026-01-01T00:00:00Z", "modified": "2026-01-01T00:00:00Z",
        "workflow_start": start, "workflow": workflow,
        "playbook_variables": {"__about__": {"type": "string", "external": True}},
        "agent_definitions": {
            wall: {"type": "http-api", "name": "Firewall", "address": {"url": ["https://firewall.example.org"]}}
        },
    }  # fmt: skip
    return read_playbook(json.dumps(document).encode(), "chain.json")


class Memory:
    """A host that remembers, and does nothing."""

    def now(self) -> datetime:
        """A clock that stands."""
        return AT

    def pause(self, seconds: float) -> None:
        """No wait."""

    def keep(self, run: Run, step: Execution | None, told: str) -> Run:  # noqa: ARG002
        """In memory."""
        return run

    def do(self, effect: Effect, step: Step, key: str, values: Mapping[str, str]) -> Result:  # noqa: ARG002
        """Nothing."""
        return Result(told="done")


def look(_receiver: str, _command: Command, _values: Mapping[str, str]) -> Known:
    """Everything is allowed."""
    return Known(kind="webhook")


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Median seconds of processor time after one run to warm up."""
    work()
    took = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return statistics.median(took)


def main() -> dict[str, tuple[float, str]]:
    """Figures with their targets."""
    texts = shipped_texts()
    known = shipped().by_id()
    checked = seconds(lambda: [check(data, key, known, key) for key, data in texts.items()])
    parsed = seconds(lambda: [json.loads(data) for data in texts.values()])
    book = chain()
    run = Run(
        id="PR-0000000000", playbook=book.id, title=book.name, sha256=book.sha256, books={}, about="x", by="x",
        started_at=AT, state="running",
    )  # fmt: skip
    planned = seconds(lambda: plan_of({book.id: book}, book, {"__about__": "x"}, look))
    done = seconds(lambda: Engine({book.id: book}, run, Memory(), look).go())
    return {
        "respond: check of all shipped playbooks (ms)": (1e3 * checked, "≤ 1,000"),
        "respond: the same bytes through the parser of JSON alone (ms)": (1e3 * parsed, ""),
        "respond: steps planned dry, a second (thousand)": (STEPS / planned / 1e3, "≥ 10"),
        "respond: steps done by the engine, kept in memory, a second (thousand)": (STEPS / done / 1e3, "≥ 1"),
    }


if __name__ == "__main__":
    for name, (value, target) in main().items():
        print(f"{name}: {value:.3f} {target}")
