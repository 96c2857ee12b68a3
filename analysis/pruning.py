"""Pruning neurons, and what is left of the network after each number of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from analysis.classify import Classes
from analysis.cumulative import cumulative_sums
from analysis.neurons import NeuronTable, neuron_table
from training.config import LossName
from training.data import SPLITS, Dataset, Split
from training.evaluation import PARTS, Evaluation, Scores, in_float64, scores, split_means
from training.models.mlp import MLP
from training.randomness import stream
from training.run import Run

Direction = Literal["lowest", "highest"]
Curve = Float[np.ndarray, " size"]

# What neurons can be ranked by: a name, and the value that says how much a neuron has of it.
RANKINGS: Mapping[str, Callable[[NeuronTable], Float[np.ndarray, " neuron"]]] = {
    "IPR": lambda table: table.ipr,
    "weight norm": lambda table: table.norm,
}

BAND = (0.05, 0.95)


def prune(network: MLP, keep: np.ndarray) -> MLP:
    """A copy of the network in which the other neurons' weights are zero; nothing is retrained.

    Args:
        network: not changed.
        keep: boolean mask over neurons, or the indices of those to keep.

    Raises:
        ValueError: if the mask has a wrong length or an index is out of range.
    """
    pruned = deepcopy(network)
    curves = network.curves()
    curves[:, ~_mask(keep, network.width)] = 0
    pruned.set_curves(curves)
    return pruned


@dataclass(frozen=True)
class PruningCurve:
    """Scores after removing 0 … N neurons in one order, by split; None for an empty split."""

    accuracy: Mapping[Split, Curve | None]
    loss: Mapping[Split, Curve | None]


@dataclass(frozen=True)
class ControlBand:
    """Random removals of the same sizes: mean and 5–95 % band over the draws.

    Losses are absent for networks trained with cross-entropy, where they would cost an
    exponential for every logit, size and draw.
    """

    mean: PruningCurve
    low: PruningCurve
    high: PruningCurve
    draws: int
    seed: int


@dataclass(frozen=True)
class PruningCurves:
    """Pruning curves in both directions, for every ranking, with the random control.

    Attributes:
        curves: by (ranking, direction); ``curves["IPR", "lowest"]`` prunes from the lowest IPR.
        control: random removals; None if no draw was asked for.
        neurons: N; curves have N + 1 entries.
        caption: convention, seed and step.
        loss_name: name of the loss.
    """

    curves: Mapping[tuple[str, Direction], PruningCurve]
    control: ControlBand | None
    neurons: int
    caption: str
    loss_name: LossName

    def __getitem__(self, key: tuple[str, Direction]) -> PruningCurve:
        return self.curves[key]


def removal_order(
    value: Float[np.ndarray, " neuron"], dead: Bool[np.ndarray, " neuron"], direction: Direction
) -> Int[np.ndarray, " neuron"]:
    """Neurons in the order of their removal; dead ones, which have no rank, go first."""
    rank = np.where(dead, 0, value if direction == "lowest" else -value)
    return np.lexsort((rank, ~dead))


def pruning_curve(
    source: Run | MLP,
    dataset: Dataset | None = None,
    step: int | None = None,
    draws: int = 50,
    seed: int = 0,
    loss: LossName | None = None,
    table: NeuronTable | None = None,
) -> PruningCurves:
    """Accuracy and loss of every split after pruning every number of neurons.

    From the lowest and from the highest IPR and weight norm, with random removals as control.
    The logits are a sum over neurons, so each order is one cumulative pass in float64.

    Args:
        source: a run, or a network together with ``dataset``.
        dataset: what to score on; a run brings its own.
        step: which checkpoint of a run.
        draws: random removal orders for the control; 0 for none.
        seed: of the control's draws.
        loss: defaults to the run's.
        table: the neuron table, if it has been made already (its IPR convention is then used).

    Raises:
        ValueError: if a network comes without a dataset, or draws is negative.
    """
    if draws < 0:
        raise ValueError(f"draws: expected 0 or more random controls, got {draws}")
    network, dataset, loss = _resolve(source, dataset, step, loss)
    table = table or neuron_table(source, step)
    directions: tuple[Direction, ...] = ("lowest", "highest")
    ranked = {
        (name, direction): removal_order(value(table), table.dead, direction)
        for name, value in RANKINGS.items()
        for direction in directions
    }
    evaluation = Evaluation(dataset, loss)
    hidden = _hidden(network, evaluation).numpy()
    readout = network.curves()[2]

    def walk(orders: np.ndarray, loss: LossName) -> list[PruningCurve]:
        sums = cumulative_sums(
            hidden, readout, orders, evaluation.labels.numpy(), evaluation.part, len(PARTS), loss
        )
        return [
            PruningCurve(
                split_means(right, evaluation.counts), split_means(losses, evaluation.counts)
            )
            for right, losses in zip(*sums, strict=True)
        ]

    curves = dict(zip(ranked, walk(np.stack(list(ranked.values())), loss), strict=True))
    control = None
    if draws:
        random = stream(seed, "control")
        orders = np.stack([random.permutation(network.width) for _ in range(draws)])
        control = _band(walk(orders, "mse"), draws, seed, keep_loss=loss == "mse")
    return PruningCurves(curves, control, network.width, table.caption, loss)


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

    network: MLP
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
    source: Run | MLP,
    table: NeuronTable,
    classes: Classes,
    dataset: Dataset | None = None,
    draws: int = 50,
    seed: int = 0,
    loss: LossName | None = None,
) -> Pruning:
    """Keeps the generalizing neurons only, and re-evaluates on every split beside controls.

    Raises:
        ValueError: if the classes would prune every neuron or none, or draws is below 1.
    """
    if draws < 1:
        raise ValueError(f"draws: expected at least 1 random control, got {draws}")
    network, dataset, loss = _resolve(source, dataset, table.step, loss)
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
    hidden, readout = _hidden(network, evaluation), torch.from_numpy(network.curves()[2])

    def scores_of(neurons: np.ndarray) -> Scores:
        return evaluation(hidden[neurons].T @ readout[neurons])

    drawn = [scores_of(random.permutation(len(table))[:kept]) for _ in range(draws)]
    rankings = {
        name: scores_of(removal_order(value(table), table.dead, "lowest")[-kept:])
        for name, value in RANKINGS.items()
        if name != "IPR"
    }
    pruned = prune(network, classes.generalizing)
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


def _resolve(
    source: Run | MLP, dataset: Dataset | None, step: int | None, loss: LossName | None
) -> tuple[MLP, Dataset, LossName]:
    """The network, dataset and loss that a source stands for."""
    if isinstance(source, Run):
        return source.network(step), dataset or source.dataset, loss or source.config.loss
    if dataset is None:
        raise ValueError("dataset: expected one beside a network; a run brings its own")
    return source, dataset, loss or "mse"


@torch.no_grad()
def _hidden(network: MLP, evaluation: Evaluation) -> Float[torch.Tensor, "neuron pair"]:
    """Activations of every neuron on every pair, in float64, one contiguous row a neuron."""
    activations: torch.Tensor = in_float64(network).hidden(evaluation.pairs)
    return activations.T.contiguous()


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


def _band(drawn: list[PruningCurve], draws: int, seed: int, keep_loss: bool) -> ControlBand:
    def over(reduce: Callable[[np.ndarray], np.ndarray]) -> PruningCurve:
        def each(kind: str) -> dict[Split, Curve | None]:
            rows = {split: [getattr(one, kind)[split] for one in drawn] for split in SPLITS}
            return {s: None if r[0] is None else reduce(np.stack(r)) for s, r in rows.items()}

        nothing: dict[Split, Curve | None] = dict.fromkeys(SPLITS)
        return PruningCurve(each("accuracy"), each("loss") if keep_loss else nothing)

    low, high = BAND
    return ControlBand(
        over(lambda rows: rows.mean(axis=0)),
        over(lambda rows: np.quantile(rows, low, axis=0)),
        over(lambda rows: np.quantile(rows, high, axis=0)),
        draws,
        seed,
    )


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
