"""When a run grokked, by the four definitions in use, each as an interval of two evaluations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.phases.events import Interval, check_level
from interp.training.arguments import number, whole
from interp.training.display import Result
from interp.training.runs.run import Run
from interp.training.runs.subject import as_run

GrokRule = Literal["first", "sustained", "steady", "lasting"]
GROK_RULES: tuple[GrokRule, ...] = get_args(GrokRule)

Steps = Int[np.ndarray, " step"]
Accuracies = Float[np.ndarray, " step"]
Holds = Bool[np.ndarray, " step"]


@dataclass(frozen=True)
class GrokCriteria:
    """What counts as having grokked.

    Attributes:
        level: test accuracy to reach.
        repeats: evaluations in a row that ``sustained`` asks for.
        window: evaluations in a row that ``steady`` asks for.
        tolerance: their largest accuracy minus their smallest must lie below it.
    """

    level: float = 0.99
    repeats: int = 3
    window: int = 5
    tolerance: float = 0.005

    def __post_init__(self) -> None:
        check_level(self.level, "grok level")
        for name in ("repeats", "window"):
            whole(getattr(self, name), f"grok {name}", least=1)
        if not number(self.tolerance, "grok tolerance") > 0:
            raise ValueError(f"grok tolerance: expected a number above 0, got {self.tolerance}")


def grok_steps(
    run: Run | Path | str,
    level: float = 0.99,
    repeats: int = 3,
    window: int = 5,
    tolerance: float = 0.005,
) -> dict[GrokRule, Interval | None]:
    """When the test accuracy of a run reached a level, under each definition.

    Definitions differ, and can order two runs differently, so all are given. Lengths are counted
    in evaluations, which thin out over a run.

    Args:
        run: any run, or its folder.
        level: test accuracy to reach.
        repeats: evaluations in a row that ``sustained`` asks for.
        window: evaluations in a row that ``steady`` asks for.
        tolerance: of ``steady``, for the largest less the smallest accuracy in its window.

    Returns:
        For each rule, the evaluation from which it holds and the one before; None for a run that
        never grokked by it, was above the level from its start, or has no test examples.

    Raises:
        ValueError: if a criterion is out of range.
    """
    criteria = GrokCriteria(level, repeats, window, tolerance)
    rows = [(m.step, m.scores["test"].accuracy) for m in as_run(run).measurements]
    scored = [(step, accuracy) for step, accuracy in rows if accuracy is not None]
    steps = np.array([step for step, _ in scored], dtype=np.int64)
    accuracies = np.array([accuracy for _, accuracy in scored], dtype=np.float64)
    return {rule: grok_interval(rule, steps, accuracies, criteria) for rule in GROK_RULES}


@dataclass(frozen=True, repr=False)
class GrokSteps(Result):
    """The four intervals, at one level.

    Attributes:
        intervals: by rule; None where a run never grokked by it.
        caption: level, seed.
    """

    intervals: Mapping[GrokRule, Interval | None]
    caption: str

    def values(self) -> dict[str, float | None]:
        """``steps_to_generalize`` (first rule, infinite if never), and the ends of all four."""
        first = self.intervals["first"]
        found: dict[str, float | None] = {
            "steps_to_generalize": math.inf if first is None else float(first.by)
        }
        for rule, one in self.intervals.items():
            found[f"{rule}_after"] = None if one is None else float(one.after)
            found[f"{rule}_by"] = None if one is None else float(one.by)
        return found


@measure("grok", reads="run", source="four definitions; Power et al. 2022 (arXiv 2201.02177)")
def grok(run: Run, *, level: float = 0.99) -> GrokSteps:
    """The steps between which the test accuracy reached a level, by four definitions.

    Args:
        run: any run, or its folder.
        level: test accuracy to reach.
    """
    caption = place(run.seed, run.measurement().step, f"test accuracy ≥ {level:g}")
    return GrokSteps(grok_steps(run, level), caption)


def grok_interval(
    rule: GrokRule,
    steps: Steps,
    accuracies: Accuracies,
    criteria: GrokCriteria = GrokCriteria(),
) -> Interval | None:
    """The first evaluation at which a rule holds and before which an accuracy was below the level.

    Returns:
        That evaluation and the one before it; None if there is none. Where several rules give an
        interval, first ≤ sustained ≤ lasting, and sustained ≤ steady for window ≥ repeats;
        lasting and steady have no order.
    """
    below = accuracies < criteria.level
    was_below = np.cumsum(below) - below > 0
    (found,) = np.nonzero(_RULES[rule](accuracies, criteria) & was_below)
    if not len(found):
        return None
    return Interval(int(steps[found[0] - 1]), int(steps[found[0]]))


def _first(accuracies: Accuracies, criteria: GrokCriteria) -> Holds:
    """The level is reached."""
    return accuracies >= criteria.level


def _sustained(accuracies: Accuracies, criteria: GrokCriteria) -> Holds:
    """It is reached here and at the following evaluations, ``repeats`` of them in all."""
    lowest, _ = _extremes(accuracies, criteria.repeats)
    return lowest >= criteria.level


def _steady(accuracies: Accuracies, criteria: GrokCriteria) -> Holds:
    """It is reached throughout a window that starts here, and the window is nearly flat."""
    lowest, highest = _extremes(accuracies, criteria.window)
    return (lowest >= criteria.level) & (highest - lowest < criteria.tolerance)


def _lasting(accuracies: Accuracies, criteria: GrokCriteria) -> Holds:
    """It is reached here and at every later evaluation."""
    lowest_from_here = np.minimum.accumulate(accuracies[::-1])[::-1]
    return lowest_from_here >= criteria.level


_RULES: Mapping[GrokRule, Callable[[Accuracies, GrokCriteria], Holds]] = {
    "first": _first,
    "sustained": _sustained,
    "steady": _steady,
    "lasting": _lasting,
}


def _extremes(accuracies: Accuracies, length: int) -> tuple[Accuracies, Accuracies]:
    """Lowest and highest of the window that starts at each evaluation.

    A window that the run ends inside has −∞ as its lowest, so that it reaches no level.
    """
    lowest = np.full(len(accuracies), -np.inf)
    highest = np.zeros(len(accuracies))
    if len(accuracies) >= length:
        windows = np.lib.stride_tricks.sliding_window_view(accuracies, length)
        lowest[: len(windows)] = windows.min(axis=-1)
        highest[: len(windows)] = windows.max(axis=-1)
    return lowest, highest
