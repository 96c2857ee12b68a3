"""Configurations of a run on other examples: a part of its own, or pairs that it has not seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from interp.training.config.plain_data import with_overrides
from interp.training.config.run_config import RunConfig, parse_config
from interp.training.data.dataset import Dataset
from interp.training.runs.run import Run

_EVALUATIONS = 20  # of a retrained run, whose history nobody looks at
_PARTS = 4  # of its steps, after each of which it is saved, so that it can be cut off


def not_retrained(run: Run) -> str | None:
    """Why a run cannot be trained again on other examples; None if it can."""
    if not run.origin.trained_here:
        return f"expected a run that was trained here, got one {run.origin.words}"
    if not run.config.model.row.trains:
        return f"expected a network that is trained here, got {run.config.model.row.noun}"
    if not run.finished:
        step = f"step {max(run.steps, default=0)} of {run.config.steps}"
        return f"expected a finished run, got one that is not marked as done, at {step}"
    return None


def on(run: Run, dataset: Dataset, start: Run | None = None, **changes: Any) -> RunConfig:
    """The configuration of a run on another dataset.

    Seeds, and so initial weights, stay the run's own, as do what is frozen and, where scores can
    end the run, when it is scored. Few checkpoints are kept, unless a change says otherwise.

    Args:
        run: whose configuration is changed.
        dataset: to be trained on.
        start: the run whose newest weights are the first ones; by default those of ``run``.
        changes: other values by dotted path, with ``__`` for a dot.

    Raises:
        ValueError: if the configuration does not fit the dataset, as a batch larger than it.
    """
    values, steps = run.config.to_dict(), changes.get("steps", run.config.steps)
    scored = run.config.schedule.evaluations if values["stop"] else _EVALUATIONS
    saved = sorted({steps * part // _PARTS for part in range(1, _PARTS)})
    own: dict[str, Any] = {
        "schedule": {"evaluations": scored, "checkpoints": 0, "checkpoint_steps": saved},
        "optimizer.warmup": min(run.config.optimizer.warmup, steps),
        **{path.replace("__", "."): value for path, value in changes.items()},
    }
    made = with_overrides(values, own)
    made["data"] = dataset
    if start is not None:
        frozen = run.config.start.freeze
        made["start"] = {"run": str(start.path) if start.path else start, "freeze": frozen}
    return parse_config(made)


def without(dataset: Dataset, left_out: Bool[np.ndarray, " pair"]) -> Dataset:
    """A dataset whose training set lacks some of its examples; these become test pairs."""
    return replace(
        dataset,
        given_label=np.where(left_out, dataset.true_label, dataset.given_label),
        is_train=dataset.is_train & ~left_out,
        is_redrawn=dataset.is_redrawn & ~left_out,
    )


def marked(dataset: Dataset, places: Int[np.ndarray, " chosen"]) -> Bool[np.ndarray, " pair"]:
    """A mask over all pairs."""
    mask = np.zeros(len(dataset), dtype=bool)
    mask[places] = True
    return mask


def left_out(run: Run, again: Run) -> Int[np.ndarray, " chosen"]:
    """Places, among the training examples of a run, of those that it was retrained without."""
    return np.flatnonzero(~again.dataset.is_train[run.dataset.is_train])
