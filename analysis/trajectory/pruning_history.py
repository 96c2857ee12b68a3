"""Pruning curves of many checkpoints of a run: accuracies only, lowest IPR first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int

from interp.analysis.ablation.band import ends
from interp.analysis.ablation.kernel_scores import cumulative_counts
from interp.analysis.ablation.logit_sum import LabelledPairs, LogitSum
from interp.analysis.ablation.ranking import dead_first, removal_order
from interp.analysis.ablation.tail import Tail
from interp.analysis.measure import measure
from interp.analysis.neurons.belonging import check_network
from interp.analysis.neurons.classify import pruned_below
from interp.analysis.neurons.read import neuron_table, no_neurons_in
from interp.analysis.neurons.table import NeuronTable
from interp.training.arguments import whole
from interp.training.data.splits import PARTS, SPLITS, split_means
from interp.training.display import Result
from interp.training.evaluation import Evaluation
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.run import Run

if TYPE_CHECKING:
    import pandas as pd

CONTROL_SIZES = 26


@dataclass(frozen=True, repr=False)
class CheckpointCurves(Result):
    """Accuracies at every checkpoint, in the order of the splits; NaN for an empty split.

    Attributes:
        steps: of the checkpoints.
        accuracy: after removing numbers of neurons from the lowest IPR on: 0 … N, or those given.
        sizes: numbers of neurons that random prunings removed: a grid, and where a threshold
            was given the number that it prunes at the step.
        mean, low, high: of the random prunings: 5–95 %, or the range of fewer than 20 draws.
        draws, seed: of the control; the same orders at every checkpoint.
        caption: of the newest checkpoint's neurons.
    """

    steps: tuple[int, ...]
    accuracy: Float[np.ndarray, "step split removed"]
    sizes: Int[np.ndarray, "step size"]
    mean: Float[np.ndarray, "step split size"]
    low: Float[np.ndarray, "step split size"]
    high: Float[np.ndarray, "step split size"]
    draws: int
    seed: int
    caption: str = ""

    def values(self) -> dict[str, float | None]:
        """At the last checkpoint: the best test accuracy, and how many neurons are pruned there."""
        test = self.accuracy[-1, SPLITS.index("test")]
        if np.isnan(test).all():
            return {"best_test_accuracy": None, "pruned_there": None}
        return {"best_test_accuracy": float(test.max()), "pruned_there": float(test.argmax())}

    def to_pandas(self) -> pd.DataFrame:
        """A row a step, split and number of pruned neurons: the accuracy."""
        import pandas as pd

        levels = [self.steps, SPLITS, range(self.accuracy.shape[-1])]
        index = pd.MultiIndex.from_product(levels, names=["step", "split", "pruned"])
        return pd.DataFrame({"accuracy": self.accuracy.ravel()}, index=index)


def checkpoint_curves(
    pairs: Iterable[tuple[Checkpoint, NeuronTable]],
    draws: int = 4,
    seed: int = 0,
    threshold: float | None = None,
    removed: Int[np.ndarray, " removed"] | None = None,
) -> CheckpointCurves:
    """Prunes a run's checkpoints by IPR, beside random prunings at a grid of sizes.

    Args:
        pairs: checkpoints whose logits are a sum over the neurons, at steps that rise, each with
            its neurons, all of the same layer. They are taken one by one.
        draws: random orders.
        seed: of the random orders.
        threshold: an IPR; random prunings are scored at the number of neurons below it as well.
        removed: numbers of neurons removed from the lowest IPR on; all by default.

    Raises:
        ValueError: if a norm or a layer follows the neurons, or draws is below 1.
    """
    draws = whole(draws, "draws", least=1)
    steps: list[int] = []
    curves, controls, scored = [], [], []
    for checkpoint, table in pairs:
        if not steps:
            orders, grid = _drawn(len(table), draws, seed)
        sizes = grid if threshold is None else _beside(grid, pruned_below(table, threshold))
        curve, control = _of_checkpoint(checkpoint, table, orders, sizes, removed)
        steps.append(table.step or 0)
        curves.append(curve)
        controls.append(control)
        scored.append(sizes)
    found = np.stack(controls)  # step, draw, split, size
    low, high = ends(found, axis=1)
    return CheckpointCurves(
        tuple(steps),
        np.stack(curves),
        np.stack(scored),
        found.mean(axis=1),
        low,
        high,
        draws,
        seed,
        table.caption,
    )


def _drawn(
    neurons: int, draws: int, seed: int
) -> tuple[Int[np.ndarray, "order neuron"], Int[np.ndarray, " size"]]:
    """Random orders, the same at every checkpoint, and the sizes at which they are scored."""
    random = stream(seed, "control")
    orders = np.stack([random.permutation(neurons) for _ in range(draws)])
    return orders, np.unique(np.linspace(0, neurons, CONTROL_SIZES).round().astype(np.int64))


def _beside(grid: Int[np.ndarray, " size"], size: int) -> Int[np.ndarray, " size_"]:
    """The grid with one more size; if it has that one, with another, so that all are as long."""
    free = np.setdiff1d(np.arange(grid[-1] + 1), grid)
    if not len(free):
        return grid
    return np.union1d(grid, free[np.abs(free - size).argmin()])


@torch.no_grad()
def _of_checkpoint(
    checkpoint: Checkpoint,
    table: NeuronTable,
    orders: Int[np.ndarray, "order neuron"],
    sizes: Int[np.ndarray, " size"],
    removed: Int[np.ndarray, " removed"] | None,
) -> tuple[Float[np.ndarray, "split removed"], Float[np.ndarray, "order split size"]]:
    check_network(table, checkpoint.network)
    evaluation = checkpoint.evaluation
    tail = Tail(checkpoint.network, evaluation.pairs, table.layer)
    if tail.readout is None or tail.base is None:
        raise ValueError(
            f"layer {table.layer}: expected logits that are a sum over its neurons, "
            "but a norm or a layer follows"
        )
    logits = LogitSum(tail.hidden.numpy(), tail.readout.numpy(), tail.base.numpy())
    pairs = LabelledPairs(evaluation.labels.numpy(), evaluation.part, len(PARTS))
    by_ipr = removal_order(table.ipr, table.dead, "lowest")[None]
    (counts,) = cumulative_counts(logits, by_ipr, pairs, removed)
    control = cumulative_counts(logits, dead_first(orders, table.dead), pairs, sizes)
    return (
        _accuracies(counts, evaluation),
        np.stack([_accuracies(one, evaluation) for one in control]),
    )


@measure(
    "pruning_history",
    reads="run",
    source="Doshi et al. 2024 (arXiv 2310.13061), figure 17",
    refuses=no_neurons_in,
    version=2,
)
def pruning_history(run: Run, *, draws: int = 4, layer: int = 0) -> CheckpointCurves:
    """Accuracies after pruning every number of neurons by IPR, at every checkpoint.

    Args:
        run: whose logits are a sum over the layer's neurons.
        draws: random orders of the control.
        layer: which hidden layer.
    """
    every = (run.checkpoint(step) for step in run.steps)
    return checkpoint_curves(((one, neuron_table(one, layer=layer)) for one in every), draws)


def _accuracies(
    counts: Int[np.ndarray, "2 part size"], evaluation: Evaluation
) -> Float[np.ndarray, "split size"]:
    found = split_means(counts, evaluation.counts)
    nothing = np.full(counts.shape[-1], np.nan)
    return np.stack([nothing if (row := found[s]) is None else row for s in SPLITS])
