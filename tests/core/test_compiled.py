"""What is compiled is kept where that is possible, and compiled anew where it is not."""

from __future__ import annotations

import subprocess
import sys
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


def _new_process(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_compiled_code_loads_without_linear_algebra_and_leaves_it_to_others():
    code = """
import sys
import numpy as np
from cityward.core.compiled import njit, prepare
prepare()
@njit
def total(values):
    return values.sum()
assert total(np.ones(3)) == 3
print("scipy.linalg" in sys.modules)
@njit
def product(one, other):
    return np.dot(one, other)
try:
    assert (product(np.eye(2), np.eye(2)) == np.eye(2)).all()
except ImportError:  # there is no scipy
    pass
"""
    assert _new_process(code) == "False"
