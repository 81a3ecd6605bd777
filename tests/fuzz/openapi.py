"""Every operation of the OpenAPI document, asked with data that fits it and with data that does not.

``python tests/fuzz/openapi.py SECONDS [SEED]`` asks for so long; a test asks a few times each.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import hypothesis
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.fuzz.small_city import small_city

from cityward.api import create_app
from cityward.city import open_city

CHECKS: Final = (
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
SLOW_SECONDS: Final = 5.0
"""Of the processor, so that a busy machine does not count; a turn of the small city takes one."""

MODES: Final = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)


@schemathesis.serializer("application/x-ndjson")
def ndjson(_context: Any, value: Any) -> bytes:
    """Bodies of the intake are text as it stands."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def operations(app: FastAPI) -> list[Any]:
    """Operations of the application's own description."""
    found = schemathesis.openapi.from_asgi("/openapi.json", app).get_all_operations()
    return [one.ok() for one in found]


def ask(operation: Any, mode: Any, seed: int, examples: int, told: Counter[tuple[str, int]]) -> Iterator[str]:
    """Ask one operation ``examples`` times; yields what went wrong, in words."""
    wrong: list[str] = []

    @hypothesis.seed(seed)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def each(case: Any) -> None:
        began = time.process_time()
        try:
            answer = case.call()
            told[operation.label, answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - whatever it is, it is told
            wrong.append(f"{operation.label}: {type(error).__name__}: {str(error)[:1_500]}")
        took = time.process_time() - began
        if took > SLOW_SECONDS:
            wrong.append(f"{operation.label}: took {took:.1f} s of the processor: {case.as_curl_command()[:500]}")

    with contextlib.suppress(hypothesis.errors.Unsatisfiable):  # what takes nothing cannot be given anything wrong
        each()
    yield from wrong


def main() -> int:
    """Ask for so many seconds; ends with 1 when anything went wrong."""
    seconds, seed = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    logging.disable()
    told: Counter[tuple[str, int]] = Counter()
    wrong: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, open_city(small_city(Path(folder))) as city:
        app = create_app(city)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            seed += 1
            for operation in operations(app):
                for mode in MODES:
                    for problem in ask(operation, mode, seed, 20, told):
                        wrong[problem] += 1
                        if wrong[problem] == 1:
                            print(problem, flush=True)
                if time.monotonic() > until:
                    break
    by_status: Counter[int] = Counter()
    for (_, status), count in told.items():
        by_status[status] += count
    asked = len({label for label, _ in told})
    print(f"{told.total():,} requests to {asked} operations: {dict(sorted(by_status.items()))}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
