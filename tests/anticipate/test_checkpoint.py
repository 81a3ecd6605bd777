"""The slot for a model from elsewhere: a real package with a real entry point, made on the spot."""

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from cityward.anticipate.checkpoint import open_checkpoint
from cityward.anticipate.engine import CHECKPOINT, Setting, ahead
from cityward.anticipate.rhythm import DAILY
from cityward.core.errors import UserError

START = datetime(2023, 1, 2)  # noqa: DTZ001 (the hour on the wall)

PACKAGE = """
import json
import numpy as np

def load(folder):
    told = json.loads((folder / "ramp.json").read_text())
    def model(values, horizon):
        day = values.shape[1] + np.arange(horizon)
        mean = (day % told["period"]).astype(float)
        if told["wide"] < 0:
            return np.zeros((1, 1, 1))
        return np.broadcast_to(mean[None, :, None] + told["wide"], (len(values), horizon, 11))
    return model
"""


@pytest.fixture
def packaged(tmp_path: Path) -> Iterator[Path]:
    """A package that knows one thing: series climb for eleven days, then fall to nothing."""
    site = tmp_path / "site"
    (site / "ramp-1.0.dist-info").mkdir(parents=True)
    (site / "ramp_model.py").write_text(PACKAGE)
    (site / "ramp-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: ramp\nVersion: 1.0\n")
    (site / "ramp-1.0.dist-info/entry_points.txt").write_text("[cityward.checkpoints]\nramp = ramp_model:load\n")
    sys.path.insert(0, str(site))
    yield tmp_path
    sys.path.remove(str(site))
    sys.modules.pop("ramp_model", None)


def checkpoint(folder: Path, wide: float = 0.0) -> Path:
    (folder / "weights").mkdir()
    (folder / "weights/ramp.json").write_text(f'{{"period": 11, "wide": {wide}}}')
    return folder / "weights"


def test_a_model_from_elsewhere_is_used_where_it_wins(packaged: Path) -> None:
    ramp = np.tile(np.arange(400) % 11, (6, 1)).astype(float)
    model = open_checkpoint(checkpoint(packaged))
    found = ahead(ramp, 14, Setting(START, DAILY, outside=model))
    assert set(found.model) == {CHECKPOINT}
    assert found.distribution.quantiles[0, :, 5].tolist() == [(400 + step) % 11 for step in range(14)]


def test_a_model_from_elsewhere_that_loses_is_not_used(packaged: Path) -> None:
    weeks = np.tile(np.array([3.0, 1, 4, 1, 5, 9, 2]), (6, 60))
    found = ahead(weeks, 14, Setting(START, DAILY, outside=open_checkpoint(checkpoint(packaged))))
    assert CHECKPOINT not in set(found.model)
    assert CHECKPOINT in [one.model for one in found.tested]


def test_a_model_that_answers_nonsense_is_told(packaged: Path) -> None:
    model = open_checkpoint(checkpoint(packaged, wide=-1))
    with pytest.raises(UserError, match="returned"):
        model(np.ones((2, 50)), 7)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "no model of a known kind"),
        ({"config.json": "{"}, "no model of a known kind"),
        ({"config.json": "[]"}, "no model of a known kind"),
        ({"config.json": '{"chronos_config": {}}'}, "needs a library|cannot be loaded"),
        ({"model.ckpt": "rubbish"}, "needs a library|cannot be loaded"),
    ],
)
def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path, files: dict[str, str], said: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=said):
        open_checkpoint(tmp_path)


def test_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no folder"):
        open_checkpoint(tmp_path / "nothing")
