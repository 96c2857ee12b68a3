"""When to evaluate and when to save."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


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


def _distinct(steps: Iterable[float]) -> list[int]:
    return sorted({round(step) for step in steps})
