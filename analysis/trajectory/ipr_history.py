"""How neurons change over training, and when the network grokked and unlearned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from interp.analysis.fourier.conventions import Convention
from interp.analysis.neurons.table import NeuronTable, neuron_table
from interp.analysis.phases.events import GROK_ACCURACY, Interval, grokking, inversion
from interp.training.runs.run import Run


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
