"""How neurons change over training, and when the network grokked and unlearned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from analysis.ipr import Convention
from analysis.neurons import NeuronTable, neuron_table
from training.data import Split
from training.run import Run

GROK_ACCURACY = 0.9  # test accuracy that counts as generalizing, the phases' 0.90


@dataclass(frozen=True)
class Interval:
    """Something happened after step ``after`` and not later than step ``by`` (two evaluations)."""

    after: int
    by: int

    def __str__(self) -> str:
        return f"between steps {self.after} and {self.by}"


@dataclass(frozen=True)
class Dynamics:
    """IPR of every neuron at every checkpoint, and the dated events.

    Attributes:
        steps: of the checkpoints.
        ipr: IPR of each neuron; NaN where it was dead.
        grokked: test accuracy reached the bound; None if it never did.
        unlearned: corrupted accuracy, having been above one half, fell below it; None if not.
        caption: convention, seed.
    """

    steps: Int[np.ndarray, " step"]
    ipr: Float[np.ndarray, "step neuron"]
    grokked: Interval | None
    unlearned: Interval | None
    caption: str

    @property
    def mean_ipr(self) -> Float[np.ndarray, " step"]:
        """Average over living neurons; NaN where all were dead."""
        alive = np.isfinite(self.ipr)
        count = alive.sum(axis=1)
        total = np.where(alive, self.ipr, 0).sum(axis=1)
        return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


def dynamics(
    run: Run,
    convention: Convention = "one-sided",
    grok_accuracy: float = GROK_ACCURACY,
    layer: int = 0,
) -> Dynamics:
    """Follows a run through its checkpoints.

    Args:
        run: any run with checkpoints.
        convention: of the IPR.
        layer: whose neurons to follow.
        grok_accuracy: test accuracy that counts as generalizing (the phases' 0.90).

    Raises:
        ValueError: if the run has no checkpoint.
    """
    steps = run.steps
    if not steps:
        raise ValueError(f"{run.path}: expected a run with a checkpoint, found none yet")
    tables = [neuron_table(run, step, convention, layer=layer) for step in steps]
    return dynamics_of(run, tables, grok_accuracy)


def dynamics_of(
    run: Run, tables: Sequence[NeuronTable], grok_accuracy: float = GROK_ACCURACY
) -> Dynamics:
    """The dynamics of a run whose neurons have been read already, at steps that rise."""
    return Dynamics(
        steps=np.array([table.step for table in tables]),
        ipr=np.stack([table.ipr for table in tables]),
        grokked=grokking(run, grok_accuracy),
        unlearned=inversion(run),
        caption=tables[-1].caption,
    )


def grokking(run: Run, accuracy: float = GROK_ACCURACY) -> Interval | None:
    """When the test accuracy first reached a level; None if it never did."""
    return first_crossing(run, "test", accuracy, rising=True)


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
