"""When a run grokked and when it unlearned, as intervals between two evaluations."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from interp.training.arguments import is_number, shown
from interp.training.data.splits import Split

if TYPE_CHECKING:
    from interp.training.runs.run import Run

GROK_ACCURACY = 0.9  # test accuracy that counts as generalizing, the phases' 0.90


@dataclass(frozen=True)
class Interval:
    """Something happened after step ``after`` and not later than step ``by`` (two evaluations)."""

    after: int
    by: int

    def __str__(self) -> str:
        return f"between steps {self.after} and {self.by}"


def grokking(run: Run, accuracy: float = GROK_ACCURACY) -> Interval | None:
    """When the test accuracy first reached a level; None if it never did.

    Raises:
        ValueError: if the level is no accuracy above 0.
    """
    check_level(accuracy, "accuracy")
    return first_crossing(run, "test", accuracy, rising=True)


def check_level(level: float, what: str) -> None:
    """Refuses a level that no accuracy crosses: NaN, 0, more than 1.

    Raises:
        ValueError: saying what was expected and what came.
    """
    if not is_number(level) or not 0 < level <= 1:
        raise ValueError(f"{what}: expected an accuracy above 0, at most 1, got {shown(level)}")


def inversion(run: Run) -> Interval | None:
    """When the corrupted accuracy, having been above one half, first fell below it."""
    return first_crossing(run, "corrupted", 0.5, rising=False)


def first_crossing(run: Run, split: Split, level: float, rising: bool) -> Interval | None:
    """The first two neighbouring evaluations between which an accuracy crosses a level.

    A crossing that no evaluation resolves is an interval, not a step; a run that starts on the
    far side has not crossed.
    """
    rows = [(m.step, m.scores[split].accuracy) for m in run.measurements]
    sides = [(step, (a >= level) == rising) for step, a in rows if a is not None]
    for (before, was), (after, now) in pairwise(sides):
        if not was and now:
            return Interval(before, after)
    return None
