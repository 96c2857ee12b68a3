"""Pruning curves of many checkpoints of a run: accuracies only, lowest IPR first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from interp.analysis.ablation.kernel_scores import cumulative_counts
from interp.analysis.ablation.logit_sum import LabelledPairs, LogitSum
from interp.analysis.ablation.prune import BAND
from interp.analysis.ablation.ranking import removal_order
from interp.analysis.ablation.tail import Tail
from interp.analysis.neurons.table import NeuronTable
from interp.training.data.splits import PARTS, SPLITS, split_means
from interp.training.evaluation import Evaluation
from interp.training.randomness import stream
from interp.training.runs.run import Run

CONTROL_SIZES = 26


@dataclass(frozen=True)
class CheckpointCurves:
    """Accuracies at every checkpoint, in the order of the splits; NaN for an empty split.

    Attributes:
        steps: of the checkpoints.
        accuracy: after removing 0 … N neurons from the lowest IPR on.
        sizes: numbers of neurons that random prunings removed.
        mean, low, high: of the random prunings, 5–95 %.
        draws, seed: of the control; the same orders at every checkpoint.
    """

    steps: tuple[int, ...]
    accuracy: Float[np.ndarray, "step split size_from_0"]
    sizes: Int[np.ndarray, " size"]
    mean: Float[np.ndarray, "step split size"]
    low: Float[np.ndarray, "step split size"]
    high: Float[np.ndarray, "step split size"]
    draws: int
    seed: int


def checkpoint_curves(
    run: Run, tables: Sequence[NeuronTable], draws: int = 4, seed: int = 0
) -> CheckpointCurves:
    """Prunes a run's checkpoints by IPR, beside random prunings at a grid of sizes.

    Args:
        run: whose networks' logits are a sum over the neurons.
        tables: one of each checkpoint, of the same layer.
        draws: random orders.
        seed: of the random orders.

    Raises:
        ValueError: if a norm or a layer follows the neurons, or draws is below 1.
    """
    if draws < 1:
        raise ValueError(f"draws: expected at least 1 random control, got {draws}")
    neurons = len(tables[0])
    random = stream(seed, "control")
    orders = np.stack([random.permutation(neurons) for _ in range(draws)])
    sizes = np.unique(np.linspace(0, neurons, CONTROL_SIZES).round().astype(np.int64))
    evaluation = Evaluation(run.dataset, run.config.loss)
    found = [_of_checkpoint(run, table, evaluation, orders, sizes) for table in tables]
    drawn = np.stack([control for _, control in found])  # step, draw, split, size
    low, high = (np.quantile(drawn, q, axis=1) for q in BAND)
    return CheckpointCurves(
        tuple(table.step or 0 for table in tables),
        np.stack([curve for curve, _ in found]),
        sizes,
        drawn.mean(axis=1),
        low,
        high,
        draws,
        seed,
    )


@torch.no_grad()
def _of_checkpoint(
    run: Run,
    table: NeuronTable,
    evaluation: Evaluation,
    orders: Int[np.ndarray, "order neuron"],
    sizes: Int[np.ndarray, " size"],
) -> tuple[Float[np.ndarray, "split size_from_0"], Float[np.ndarray, "order split size"]]:
    tail = Tail(run.network(table.step), evaluation.pairs, table.layer)
    if tail.readout is None or tail.base is None:
        raise ValueError(
            f"layer {table.layer}: expected logits that are a sum over its neurons, "
            "but a norm or a layer follows"
        )
    logits = LogitSum(tail.hidden.numpy(), tail.readout.numpy(), tail.base.numpy())
    pairs = LabelledPairs(evaluation.labels.numpy(), evaluation.part, len(PARTS))
    by_ipr = removal_order(table.ipr, table.dead, "lowest")[None]
    (counts,) = cumulative_counts(logits, by_ipr, pairs)
    control = cumulative_counts(logits, orders, pairs, sizes)
    return (
        _accuracies(counts, evaluation),
        np.stack([_accuracies(one, evaluation) for one in control]),
    )


def _accuracies(
    counts: Int[np.ndarray, "2 part size"], evaluation: Evaluation
) -> Float[np.ndarray, "split size"]:
    found = split_means(counts, evaluation.counts)
    nothing = np.full(counts.shape[-1], np.nan)
    return np.stack([nothing if (row := found[s]) is None else row for s in SPLITS])
