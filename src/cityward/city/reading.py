"""Reads ahead: the next batch is decoded while the present one is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def read_ahead(items: Iterator[T], prepare: Callable[[T], R]) -> Iterator[R]:
    """Yield ``prepare(item)`` in order, one item ahead of the reader; errors arrive in their place."""

    def step() -> tuple[bool, R | None]:
        for item in items:
            return True, prepare(item)
        return False, None

    with ThreadPoolExecutor(1, thread_name_prefix="cityward-read-ahead") as thread:
        waiting = thread.submit(step)
        while True:
            more, ready = waiting.result()
            if not more:
                return
            waiting = thread.submit(step)
            yield ready  # type: ignore[misc]
