"""Gives out an order and dispatches; dies at a chosen moment."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sql
from tests.approved import approved, inspection

from cityward.city import open_city
from cityward.core.clock import Clock

NOON = datetime(2014, 7, 1, 12, tzinfo=UTC)


def deadly(moment: int) -> Callable[[], None]:
    """A step that ends the process when it is taken for the ``moment``-th time, as kill -9 does; 0 never."""
    passed = 0

    def step() -> None:
        nonlocal passed
        passed += 1
        if passed == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    return step


def around(step: Callable[[], None], real: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*given: Any, **named: Any) -> Any:
        step()
        result = real(*given, **named)
        step()
        return result

    return wrapped


def live(folder: Path, number: int, what: str, moment: int) -> None:
    """Live in the hour ``number``; die at the ``moment``-th step before or after a ``what`` (fsync, commit, send)."""
    steps = {name: deadly(moment if name == what else 0) for name in ("fsync", "commit", "send")}
    with open_city(folder, Clock(lambda: NOON + timedelta(hours=number))) as city:
        work = approved(city, [inspection(number)]) if moment else ([], "")
        engine = city.registers._inside.engine
        os.fsync = around(steps["fsync"], os.fsync)
        httpx.Client.send = around(steps["send"], httpx.Client.send)  # type: ignore[method-assign]
        engine.dialect.do_commit = around(steps["commit"], engine.dialect.do_commit)
        assert isinstance(engine, sql.Engine)
        if work[0]:
            city.orders.issue(*work)
        city.orders.dispatch()


if __name__ == "__main__":
    live(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
