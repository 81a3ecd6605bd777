"""A pretrained model from a folder of this machine. Off without one; nothing is ever downloaded.

Two kinds of folder are known: Chronos (a ``config.json`` with a ``chronos_config``) and TiRex (a ``model.ckpt``).
Another kind is a package that offers an entry point of the group `GROUP`: a function that takes the folder
and returns a `Model`. Whatever it is, it is tried as any other model is, and used only where it wins.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

import numpy as np

from cityward.anticipate.features import Counts
from cityward.anticipate.floors import LEVELS, Distribution
from cityward.core.errors import UserError

GROUP: Final = "cityward.checkpoints"

CONTEXT_STEPS: Final = 2048
"""The newest steps that are shown to the model: more are slow, and neither model was trained on many more."""

BATCH_SERIES: Final = 256

Model = Callable[[Counts, int], Counts]
"""Takes values (series, steps), NaN where unknown, and a horizon; returns quantiles (series, horizon, `LEVELS`)."""

_TAIL: Final = 0.826
"""From the 10 % to the 5 % quantile, over from the 20 % to the 10 % one, of a normal distribution."""


def open_checkpoint(folder: Path) -> Callable[[Counts, int], Distribution]:
    """Load the model in ``folder``; the function returned forecasts as the floors do.

    Raises
    ------
    UserError
        There is no such folder, its kind is unknown, its library is missing, or it cannot be loaded.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder with a model.", "Name the folder that holds the checkpoint's files.")
    load = _loader(folder)
    try:
        model = load(folder)
    except ImportError as error:
        raise UserError(
            f"The model in {folder} needs a library that is not installed: {error.name}.",
            "Install 'chronos-forecasting' for Chronos, 'tirex-ts' for TiRex; both bring PyTorch.",
        ) from error
    except Exception as error:  # a library of somebody else reads somebody's file
        raise UserError(
            f"The model in {folder} cannot be loaded: {error}", "Check that the folder is whole, and of this version."
        ) from error
    return lambda values, horizon: _forecast(model, values, horizon, folder)


def _forecast(model: Model, values: Counts, horizon: int, folder: Path) -> Distribution:
    some = values[:, -CONTEXT_STEPS:]
    parts = np.array_split(some, max(1, -(-len(some) // BATCH_SERIES)))
    try:
        found = np.concatenate([np.asarray(model(part, horizon), dtype=float) for part in parts])
    except Exception as error:  # as above
        raise UserError(f"The model in {folder} failed: {error}", "Go without it, or take another.") from error
    if found.shape != (len(values), horizon, len(LEVELS)) or not np.isfinite(found).all():
        raise UserError(
            f"The model in {folder} returned {found.shape} where {(len(values), horizon, len(LEVELS))} finite "
            "numbers were asked for.",
            "Go without it, or take another.",
        )
    quantiles = np.sort(np.maximum(found, 0.0), axis=-1)
    tenths = quantiles[..., 1:-1]
    return Distribution(tenths.mean(axis=-1), quantiles)


def _loader(folder: Path) -> Callable[[Path], Model]:
    for one in entry_points(group=GROUP):
        if one.name == folder.name or (folder / f"{one.name}.json").exists():
            found: Callable[[Path], Model] = one.load()
            return found
    if (folder / "model.ckpt").exists():
        return _tirex
    config = folder / "config.json"
    try:
        if json.loads(config.read_bytes()).get("chronos_config") is not None:
            return _chronos
    except (OSError, ValueError, AttributeError):
        pass
    raise UserError(
        f"{folder} holds no model of a known kind.",
        "A Chronos checkpoint has a config.json with a 'chronos_config', a TiRex one a model.ckpt.",
    )


def _chronos(folder: Path) -> Model:
    """Chronos-2 and Chronos-Bolt, by the library of their makers (Apache-2.0)."""
    import torch
    from chronos import BaseChronosPipeline

    pipeline = BaseChronosPipeline.from_pretrained(str(folder), device_map="cpu", local_files_only=True)
    known = getattr(pipeline, "quantiles", LEVELS)
    # Bolt knows the tenths alone, and would repeat them for what lies outside.
    levels = list(LEVELS if min(known) <= LEVELS[0] else LEVELS[1:-1])

    def model(values: Counts, horizon: int) -> Counts:
        series = [torch.tensor(one, dtype=torch.float32) for one in values]
        quantiles, _ = pipeline.predict_quantiles(series, prediction_length=horizon, quantile_levels=levels)
        found = np.stack([np.asarray(one, dtype=float).reshape(horizon, len(levels)) for one in quantiles])
        return found if len(levels) == len(LEVELS) else _with_tails(found)

    return model


def _tirex(folder: Path) -> Model:
    """TiRex, by the library of its makers, whose licence is their own: read it before you use it."""
    import tirex  # noqa: F401 (registers its models)
    import torch
    from tirex.base import PretrainedModel

    # Its own 'load_model' reads the kind of model off the first two parts of a hub's name, not off a path.
    pipeline: Any = PretrainedModel.REGISTRY["TiRex"].from_pretrained(str(folder / "model.ckpt"), device="cpu")

    def model(values: Counts, horizon: int) -> Counts:
        context = torch.tensor(values, dtype=torch.float32)
        quantiles, _ = pipeline.forecast(context=context, prediction_length=horizon)
        return _with_tails(np.asarray(quantiles, dtype=float))

    return model


def _with_tails(tenths: Counts) -> Counts:
    """Add the 5 % and 95 % quantiles to the tenths (series, horizon, 9)."""
    low = tenths[..., :1] - _TAIL * (tenths[..., 1:2] - tenths[..., :1])
    high = tenths[..., -1:] + _TAIL * (tenths[..., -1:] - tenths[..., -2:-1])
    return np.concatenate([low, tenths, high], axis=-1)
