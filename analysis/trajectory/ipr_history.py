"""How neurons change over training, and when the network grokked and unlearned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from interp.analysis.fourier.conventions import Convention
from interp.analysis.measure import measure
from interp.analysis.neurons.read import neuron_table, no_neurons_in
from interp.analysis.neurons.table import NeuronTable
from interp.analysis.phases.events import GROK_ACCURACY, Interval, grokking, inversion
from interp.training.display import Result
from interp.training.runs.run import Run
from interp.training.runs.subject import as_run

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Dynamics(Result):
    """IPR of every neuron at every checkpoint, and the dated events.

    Attributes:
        steps: of the checkpoints.
        ipr: IPR of each neuron; NaN where it was dead.
        grokked: test accuracy reached the bound; None if it never did.
        unlearned: corrupted accuracy, having been above one half, fell below it; None if not.
        caption: convention, seed.
        test_accuracy: at each checkpoint; empty where it is not known.
    """

    steps: Int[np.ndarray, " step"]
    ipr: Float[np.ndarray, "step neuron"]
    grokked: Interval | None
    unlearned: Interval | None
    caption: str
    test_accuracy: tuple[float | None, ...] = ()

    def values(self) -> dict[str, float | None]:
        """Mean IPR at both ends, and its rank correlation with the test accuracy (Spearman)."""
        mean = self.mean_ipr
        known = np.isfinite(mean)
        ends = mean[known][[0, -1]].tolist() if known.any() else [None, None]
        found: dict[str, float | None] = {"mean_ipr_start": ends[0], "mean_ipr_end": ends[1]}
        return {**found, **self._correlation(known)}

    def _correlation(self, known: Bool[np.ndarray, " step"]) -> dict[str, float | None]:
        mean = self.mean_ipr[known]
        test = np.array(self.test_accuracy or [None] * len(known), dtype=float)[known]
        if len(set(self.test_accuracy)) < 2 or len(np.unique(mean)) < 2 or np.isnan(test).any():
            return {"ipr_test_rho": None, "ipr_test_p": None}
        from scipy.stats import spearmanr  # takes as long to load as torch, and few ask

        found = spearmanr(mean, test)
        return {"ipr_test_rho": float(found.statistic), "ipr_test_p": float(found.pvalue)}

    def to_pandas(self) -> pd.DataFrame:
        """A row a checkpoint, a column a neuron: its IPR."""
        import pandas as pd

        columns = pd.RangeIndex(self.ipr.shape[1], name="neuron")
        return pd.DataFrame(self.ipr, index=pd.Index(self.steps, name="step"), columns=columns)

    @property
    def mean_ipr(self) -> Float[np.ndarray, " step"]:
        """Average over living neurons; NaN where all were dead."""
        alive = np.isfinite(self.ipr)
        count = alive.sum(axis=1)
        total = np.where(alive, self.ipr, 0).sum(axis=1)
        return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


def dynamics(
    run: Run | Path | str,
    convention: Convention | None = None,
    grok_accuracy: float = GROK_ACCURACY,
    layer: int = 0,
) -> Dynamics:
    """Follows a run through its checkpoints.

    Args:
        run: any run with checkpoints, or its folder.
        convention: of the IPR; by default the reference code's for frequencies, else by irrep.
        layer: whose neurons to follow.
        grok_accuracy: test accuracy that counts as generalizing (the phases' 0.90).

    Raises:
        ValueError: if the run has no checkpoint.
    """
    run = as_run(run)
    steps = run.steps
    if not steps:
        raise ValueError(f"{run.path}: expected a run with a checkpoint, found none yet")
    tables = [neuron_table(run, step, convention, layer=layer) for step in steps]
    return dynamics_of(run, tables, grok_accuracy)


def dynamics_of(
    run: Run, tables: Sequence[NeuronTable], grok_accuracy: float = GROK_ACCURACY
) -> Dynamics:
    """The dynamics of a run whose neurons have been read already, at steps that rise."""
    scored = {row.step: row.scores["test"].accuracy for row in run.measurements}
    return Dynamics(
        steps=np.array([table.step for table in tables]),
        ipr=np.stack([table.ipr for table in tables]),
        grokked=grokking(run, grok_accuracy),
        unlearned=inversion(run),
        caption=tables[-1].caption,
        test_accuracy=tuple(scored.get(int(table.step or 0)) for table in tables),
    )


@measure(
    "ipr_history",
    reads="run",
    source="Doshi et al. 2024 (arXiv 2310.13061), figure 2",
    refuses=no_neurons_in,
)
def ipr_history(run: Run, *, layer: int = 0) -> Dynamics:
    """The IPR of every neuron at every checkpoint, and how its mean goes with test accuracy."""
    return dynamics(run, layer=layer)
