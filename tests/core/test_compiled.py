"""What is compiled is kept where that is possible, and compiled anew where it is not."""

from __future__ import annotations

from pathlib import Path

import numba
import pytest

from cityward.core import compiled


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> object:
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setenv("HOME", "/proc/nowhere")
    return numba.config


def test_a_folder_that_can_be_written_is_used(config, tmp_path):
    compiled.ensure_cache(tmp_path)
    assert config.CACHE_DIR == ""


def test_without_any_folder_the_process_has_its_own(config):
    compiled.ensure_cache(Path("/proc/nowhere"))
    assert Path(config.CACHE_DIR).is_dir()
    assert Path(config.CACHE_DIR).stat().st_mode & 0o077 == 0


def test_a_folder_that_was_named_and_cannot_be_written_is_replaced(config, monkeypatch, tmp_path):
    monkeypatch.setattr(numba.config, "CACHE_DIR", "/proc/nowhere")
    compiled.ensure_cache(tmp_path)
    assert Path(config.CACHE_DIR).is_dir()
