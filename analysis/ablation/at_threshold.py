"""What is left of a network at an IPR threshold, read off its pruning curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from interp.analysis.ablation.curves import PruningCurve, PruningCurves
from interp.analysis.neurons.belonging import check_table
from interp.analysis.neurons.classify import pruned_below
from interp.analysis.neurons.table import NeuronTable
from interp.training.arguments import number
from interp.training.data.splits import SPLITS, Split
from interp.training.display import Result

Accuracies = Mapping[Split, float | None]


@dataclass(frozen=True, repr=False)
class ThresholdScores(Result):
    """Accuracies before and after pruning all neurons below an IPR, beside random prunings.

    Attributes:
        threshold: the IPR from which a neuron is kept.
        kept, pruned: numbers of neurons; dead ones are pruned.
        size: the number of pruned neurons that was scored. It is ``pruned`` where the curve has
            every number, else the nearest of its grid.
        before, after: accuracy of each split; None for an empty one.
        mean, low, high: of random prunings of the same size, or the nearest of their own grid;
            None without a control.
        caption: of the curves.
    """

    threshold: float
    kept: int
    pruned: int
    size: int
    before: Accuracies
    after: Accuracies
    mean: Accuracies | None
    low: Accuracies | None
    high: Accuracies | None
    caption: str = ""

    def values(self) -> dict[str, float | None]:
        """Accuracy of each split before, after, and at random: ``after.test_accuracy``."""
        found: dict[str, float | None] = {"threshold": self.threshold, "pruned": float(self.pruned)}
        rows = {"before": self.before, "after": self.after, "random": self.mean}
        for name, row in rows.items():
            found |= {f"{name}.{split}_accuracy": value for split, value in (row or {}).items()}
        return found


def scores_at(curves: PruningCurves, table: NeuronTable, threshold: float) -> ThresholdScores:
    """Reads the pruning curve by IPR, lowest first, at a threshold.

    Any threshold is allowed, also one that prunes every neuron or none.

    Args:
        curves: of the same network as the table.
        table: whose neurons are counted.
        threshold: an IPR.

    Raises:
        ValueError: if the curves are not of the table's neurons.
    """
    check_table(table, "curves", curves.neurons, curves.key)
    threshold = number(threshold, "threshold")
    pruned = pruned_below(table, threshold)
    kept = len(table) - pruned
    place = int(np.abs(curves.sizes - pruned).argmin())
    control, drawn = curves.control, 0
    if control is not None:
        drawn = int(np.abs(control.mean.sizes - pruned).argmin())
    curve = curves["IPR", "lowest"]
    return ThresholdScores(
        threshold,
        kept,
        pruned,
        int(curves.sizes[place]),
        _accuracies(curve, 0),
        _accuracies(curve, place),
        None if control is None else _accuracies(control.mean, drawn),
        None if control is None else _accuracies(control.low, drawn),
        None if control is None else _accuracies(control.high, drawn),
        curves.caption,
    )


def _accuracies(curve: PruningCurve, place: int) -> Accuracies:
    found = ((split, curve.accuracy[split]) for split in SPLITS)
    return {split: None if row is None else float(row[place]) for split, row in found}
