"""The segment log keeps what it acknowledged and nothing else."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.core.errors import StoreError
from cityward.store import segment_log
from cityward.store.segment_log import SegmentLog


@settings(max_examples=30, deadline=None)
@given(payloads=st.lists(st.binary(max_size=300), min_size=1, max_size=8), torn=st.integers(1, 40))
def test_a_torn_tail_is_cut_and_the_rest_kept(tmp_path_factory, payloads, torn):
    folder = tmp_path_factory.mktemp("log")
    log = SegmentLog(folder)
    for payload in payloads:
        log.append(payload)
    log.close()
    segment = max(folder.glob("*.seg"))
    os.truncate(segment, max(0, segment.stat().st_size - torn))
    kept = [payload for _, payload in SegmentLog(folder).replay()]
    assert kept == payloads[: len(kept)]
    assert len(kept) < len(payloads)


def test_numbers_go_on_after_a_cut(tmp_path: Path):
    log = SegmentLog(tmp_path)
    assert [log.append(b"a"), log.append(b"b")] == [1, 2]
    log.cut(2)
    assert log.append(b"c") == 3
    log.close()
    again = SegmentLog(tmp_path, after=2)
    assert list(again.replay()) == [(3, b"c")]
    assert again.append(b"d") == 4


def test_damage_in_the_middle_names_the_file(tmp_path: Path):
    log = SegmentLog(tmp_path)
    for letter in (b"aaaa", b"bbbb", b"cccc"):
        log.append(letter)
    log.close()
    segment = next(tmp_path.glob("*.seg"))
    content = bytearray(segment.read_bytes())
    content[content.index(b"bbbb")] ^= 1
    segment.write_bytes(content)
    with pytest.raises(StoreError, match=segment.name):
        SegmentLog(tmp_path)


def test_a_full_disk_acknowledges_nothing_and_the_log_goes_on(tmp_path: Path, monkeypatch):
    log = SegmentLog(tmp_path)
    log.append(b"first")
    real = os.write
    monkeypatch.setattr(
        segment_log.os, "write", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left"))
    )
    with pytest.raises(StoreError, match="No space left"):
        log.append(b"lost")
    monkeypatch.setattr(segment_log.os, "write", real)
    assert log.append(b"second") == 2
    log.close()
    assert [payload for _, payload in SegmentLog(tmp_path).replay()] == [b"first", b"second"]
