"""Pruning neurons, and scoring what is left beside controls of the same size."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool

from interp.analysis.ablation.ranking import competing, order_by
from interp.analysis.ablation.tail import Tail
from interp.analysis.neurons.classify import Classes
from interp.analysis.neurons.composition import check_layer
from interp.analysis.neurons.table import NeuronTable
from interp.training.config.sections import LossName
from interp.training.data.dataset import Dataset
from interp.training.data.scores import Scores
from interp.training.data.splits import SPLITS, Split
from interp.training.evaluation import Evaluation, in_float64, scores
from interp.training.models.kinds import Network
from interp.training.models.layers.norm import LayerNorm
from interp.training.randomness import stream
from interp.training.runs.run import Run

BAND = (0.05, 0.95)
DRAWS = 50  # random prunings, unless told otherwise


@torch.no_grad()
def prune(network: Network, keep: np.ndarray, layer: int = 0) -> Network:
    """A copy of the network in which the other neurons' weights are zero; nothing is retrained.

    Their activations (``mlp.hook_post``) are then zero, so it is the same as ablating them by a
    hook. Under a layer norm on the neurons, whose statistics are those of the whole layer, the
    weights into a pruned neuron stay, and what it writes and is read by is zero.

    Args:
        network: not changed.
        keep: boolean mask over neurons, or the indices of those to keep.
        layer: which hidden layer.

    Raises:
        ValueError: if the mask has a wrong length, an index is out of range, or the network has
            no such layer.
    """
    check_layer(network, layer)
    pruned = deepcopy(network)
    gone = torch.from_numpy(~_mask(keep, network.width))
    one = pruned.layers[layer]
    if not isinstance(one.norm, LayerNorm):
        one.W_in[:, gone] = 0
        if one.b_in is not None:
            one.b_in[gone] = 0
    if one.norm is not None:
        one.norm.w[gone], one.norm.b[gone] = 0, 0
    pruned.read_by(layer)[gone] = 0
    return pruned


@dataclass(frozen=True)
class Pruning:
    """A network before and after pruning, with the controls of the same size.

    Attributes:
        network: the pruned network.
        classes: what was kept (generalizing) and pruned (memorizing and dead).
        kept, pruned: numbers of neurons.
        before, after: scores.
        rankings: scores when the same number is pruned by another ranking, lowest first.
        control: for each split and metric, mean, low and high (5–95 %) over random prunings.
        draws, seed: of the random control.
    """

    network: Network
    classes: Classes
    kept: int
    pruned: int
    before: Scores
    after: Scores
    rankings: Mapping[str, Scores]
    control: Mapping[Split, Mapping[str, Mapping[str, float | None]]]
    draws: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data, the object that ``interp prune --json`` prints."""
        return {
            "threshold": self.classes.threshold,
            "rule": self.classes.rule,
            "dip_p_value": self.classes.dip_p_value,
            "classes": self.classes.counts,
            "kept": self.kept,
            "pruned": self.pruned,
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "control": {
                "draws": self.draws,
                "seed": self.seed,
                "band": list(BAND),
                "random": {split: dict(value) for split, value in self.control.items()},
                "rankings": {name: value.to_dict() for name, value in self.rankings.items()},
            },
        }


def prune_by_class(
    source: Run | Network,
    table: NeuronTable,
    classes: Classes,
    dataset: Dataset | None = None,
    draws: int | None = None,
    seed: int = 0,
    loss: LossName | None = None,
) -> Pruning:
    """Keeps the generalizing neurons only, and re-evaluates on every split beside controls.

    Raises:
        ValueError: if the classes would prune every neuron or none, or draws is below 1.
    """
    draws = DRAWS if draws is None else draws
    if draws < 1:
        raise ValueError(f"draws: expected at least 1 random control, got {draws}")
    network, dataset, loss = resolve(source, dataset, table.step, loss)
    kept = int(classes.generalizing.sum())
    if kept in (0, len(table)):
        alive = table.ipr[~table.dead]
        span = f"; IPRs run from {alive.min():.4f} to {alive.max():.4f}" if len(alive) else ""
        raise ValueError(
            f"threshold {classes.threshold:.4g} prunes {'no' if kept else 'every'} neuron "
            f"of {len(table)}{span}"
        )
    random = stream(seed, "control")
    evaluation = Evaluation(dataset, loss)
    tail = Tail(in_float64(network), evaluation.pairs, table.layer)

    def scores_of(neurons: np.ndarray) -> Scores:
        return evaluation(tail(neurons))

    # The same draws as the pruning curve's: the first of an order are removed.
    drawn = [scores_of(random.permutation(len(table))[-kept:]) for _ in range(draws)]
    rankings = {name: scores_of(order_by(table, name, "lowest")[-kept:]) for name in competing()}
    pruned = prune(network, classes.generalizing, table.layer)
    return Pruning(
        network=pruned,
        classes=classes,
        kept=kept,
        pruned=len(table) - kept,
        before=scores(network, dataset, loss),
        after=scores(pruned, dataset, loss),
        rankings=rankings,
        control={split: _spread([one[split] for one in drawn]) for split in SPLITS},
        draws=draws,
        seed=seed,
    )


def resolve(
    source: Run | Network, dataset: Dataset | None, step: int | None, loss: LossName | None
) -> tuple[Network, Dataset, LossName]:
    """The network, dataset and loss that a source stands for."""
    if isinstance(source, Run):
        return source.network(step), dataset or source.dataset, loss or source.config.loss
    if dataset is None:
        raise ValueError("dataset: expected one beside a network; a run brings its own")
    return source, dataset, loss or "mse"


def _mask(keep: np.ndarray, width: int) -> Bool[np.ndarray, " neuron"]:
    keep = np.asarray(keep)
    if keep.dtype == bool:
        if keep.shape != (width,):
            raise ValueError(f"keep: expected a mask of {width} neurons, got shape {keep.shape}")
        return keep
    if keep.size and (keep.ndim != 1 or keep.min() < 0 or keep.max() >= width):
        raise ValueError(f"keep: expected neuron indices from 0 to {width - 1}, got {keep}")
    mask = np.zeros(width, dtype=bool)
    mask[keep.astype(np.int64)] = True
    return mask


def _spread(drawn: list[Any]) -> dict[str, dict[str, float | None]]:
    spread: dict[str, dict[str, float | None]] = {}
    for metric in ("accuracy", "loss"):
        values = [getattr(score, metric) for score in drawn]
        if values[0] is None:
            spread[metric] = {"mean": None, "low": None, "high": None}
            continue
        low, high = np.quantile(values, BAND)
        spread[metric] = {"mean": float(np.mean(values)), "low": float(low), "high": float(high)}
    return spread
