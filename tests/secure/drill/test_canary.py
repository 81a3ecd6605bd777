"""Canaries say by themselves that they are whole."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from cityward.private.redact import redact_text
from cityward.secure.drill.canary import Book
from cityward.secure.drill.report import at_most, told

AT = datetime(2026, 11, 30, tzinfo=UTC)


def names(book: Book, count: int) -> list[str]:
    return [msgspec.json.decode(book.line(number, AT))["id"] for number in range(1, count + 1)]


def test_what_came_back_is_held_against_what_was_acknowledged() -> None:
    book = Book("DR-1")
    sent = names(book, 10)
    book.acknowledged = {number: float(number) for number in range(1, 9)}
    loss = book.lost([*sent[:6], sent[2], "aaaa", sent[8]])
    assert (loss.missing, loss.last_acknowledged, loss.last_recovered, loss.numbers) == (2, 8, 6, 2)
    assert (loss.changed, loss.doubled, loss.seconds) == (1, 1, 1.0)
    assert book.lost(sent).missing == 0


def test_a_canary_of_another_drill_or_key_is_none() -> None:
    book, other = Book("DR-1"), Book("DR-1")
    (name,) = names(book, 1)
    assert book.number_of(name) == 1
    assert other.number_of(name) is None
    assert Book("DR-2", signer=book.signer).number_of(name) is None
    assert book.number_of(name[:-1] + ("a" if name[-1] != "a" else "b")) is None
    assert book.number_of("x" * 500) is None


def test_the_door_in_finds_nothing_to_redact_in_a_canary() -> None:
    for name in names(Book("DR-1"), 50):
        assert redact_text(name) == name


def test_targets_in_words() -> None:
    met, missed = at_most("time", 1.0, 5.0, "s"), at_most("reports lost", 3, 0, "")
    assert told((met,)) == "Every target was met: time 1 s"
    assert told((met, missed)) == "1 of 2 targets were missed: reports lost 3 (wanted: at most 0)"


@pytest.mark.parametrize("measured", [5.0, 0.0])
def test_at_most_is_met_up_to_its_bound(measured: float) -> None:
    assert at_most("time", measured, 5.0, "s").met
