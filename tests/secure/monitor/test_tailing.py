"""A log that is being written: half lines, rotation, truncation, lines without end; every line once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cityward.secure.monitor.tailing import Place, Tail


def all_of(tail: Tail) -> bytes:
    found = b""
    while part := tail.read():
        found += part
    return found


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def write(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def test_a_log_that_comes_later_and_half_lines(log: Path) -> None:
    tail = Tail(log, Place())
    assert all_of(tail) == b""
    write(log, b"one\ntw")
    assert all_of(tail) == b"one\n"
    write(log, b"o\n")
    assert all_of(tail) == b"two\n"
    assert tail.place.offset == 8


def test_rotation_loses_nothing_even_its_last_half_line(log: Path) -> None:
    tail = Tail(log, Place())
    write(log, b"one\n")
    assert all_of(tail) == b"one\n"
    write(log, b"two\nlast")
    log.rename(log.with_name("log.1"))
    write(log, b"three\n")
    assert all_of(tail) == b"two\nlast\nthree\n"


def test_after_a_kill_the_rotated_file_is_read_to_its_end_first(log: Path) -> None:
    tail = Tail(log, Place())
    write(log, b"one\n")
    assert all_of(tail) == b"one\n"
    tail.close()
    write(log, b"two\n")
    log.rename(log.with_name("log.1"))
    write(log, b"three\n")
    again = Tail(log, tail.place)
    assert all_of(again) == b"two\nthree\n"
    assert again.notes == []


def test_what_was_replaced_while_nobody_read_is_said(log: Path) -> None:
    tail = Tail(log, Place())
    write(log, b"one\n")
    all_of(tail)
    tail.close()
    log.rename(log.with_name("gone"))
    write(log, b"another\n")
    again = Tail(log, tail.place)
    assert all_of(again) == b"another\n"
    assert "may be missing" in again.notes[0]


@pytest.mark.parametrize("text", [b"new\n", b"new and longer than all that stood there before\n"])
def test_truncation_is_told_by_size_and_by_the_beginning(log: Path, text: bytes) -> None:
    tail = Tail(log, Place())
    write(log, b"one\ntwo\nthree\n")
    assert all_of(tail) == b"one\ntwo\nthree\n"
    os.truncate(log, 0)
    write(log, text)
    assert all_of(tail) == text
    assert "written anew" in tail.notes[0]


def test_a_line_without_end_is_counted_and_passed_over(log: Path) -> None:
    tail = Tail(log, Place())
    write(log, b"one\n" + b"x" * 20_000_000)
    assert all_of(tail) == b"one\n"
    write(log, b"x" * 300_000 + b"\ntwo\n")
    assert all_of(tail) == b"two\n"
    assert tail.too_long == 1


def test_header_of_zeek_is_kept(log: Path) -> None:
    write(log, b"#separator \\x09\n#fields\ta\tb\n1\t2\n")
    tail = Tail(log, Place())
    all_of(tail)
    assert tail.header == b"#separator \\x09\n#fields\ta\tb\n"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.binary(max_size=12)), st.sampled_from([("rotate",), ("read",), ("kill",)])
    ),
    max_size=20,
)


@given(steps=STEPS)
@settings(max_examples=150, deadline=None, phases=[Phase.generate])
def test_whatever_happens_every_line_comes_once(
    steps: list[tuple[object, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("tail")
    log, number, wrote, read = folder / "log", 0, b"", b""
    log.touch()
    tail = Tail(log, Place())
    for step in [*steps, ("read",)]:
        if step[0] == "write":
            number += 1
            text = b"%d " % number + bytes(step[1]).replace(b"\n", b"") + b"\n"  # type: ignore[arg-type]
            write(log, text)
            wrote += text
        elif step[0] == "rotate":
            read += all_of(tail)  # of two rotations between two looks only the newest file is found by its name
            log.rename(folder / f"log.{number}.{len(list(folder.iterdir()))}")
            log.touch()
        elif step[0] == "read":
            read += all_of(tail)
        else:
            tail.close()
            tail = Tail(log, tail.place)
    assert read == wrote
