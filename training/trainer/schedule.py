"""When to evaluate and when to save."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from interp.training.config.run_config import RunConfig


def evaluation_steps(steps: int, count: int) -> list[int]:
    """About ``count`` steps from 0 to ``steps``, dense early and thinning out linearly.

    The gap grows in proportion to the square root of the step, so that both a fast rise at the
    start and a slow change at the end are seen.
    """
    spaced = steps * np.linspace(0, 1, min(count, steps + 1)) ** 2
    return _distinct([0, *spaced.tolist(), steps])


def checkpoint_steps(steps: int, count: int, also: tuple[int, ...] = ()) -> list[int]:
    """About ``count`` logarithmically spaced steps, with 0, ``steps`` and the listed ones."""
    spaced = np.geomspace(1, steps, min(count, steps)) if count > 0 else np.empty(0)
    return _distinct([0, steps, *spaced.tolist(), *also])


def save_and_score_steps(config: RunConfig) -> tuple[set[int], set[int]]:
    """Steps at which a run is saved, and at which it is scored.

    Whatever is saved is also scored, so that every checkpoint can be read beside its scores.
    """
    schedule = config.schedule
    saves = checkpoint_steps(config.steps, schedule.checkpoints, schedule.checkpoint_steps)
    return set(saves), {*evaluation_steps(config.steps, schedule.evaluations), *saves}


def _distinct(steps: Iterable[float]) -> list[int]:
    return sorted({round(step) for step in steps})
