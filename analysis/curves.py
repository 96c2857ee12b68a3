"""Pruning curves: what is left of a network after each number of removed neurons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analysis.cumulative import cumulative_sums
from analysis.neurons import NeuronTable, neuron_table
from analysis.pruning import BAND, RANKINGS, Direction, hidden_rows, removal_order, resolve
from training.config import LossName
from training.data import SPLITS, Dataset, Split
from training.evaluation import PARTS, Evaluation, split_means
from training.models.mlp import MLP
from training.randomness import stream
from training.run import Run

Curve = Float[np.ndarray, " size"]


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
        step: which checkpoint of a run; a table brings its own.
        draws: random removal orders for the control; 0 for none.
        seed: of the control's draws.
        loss: defaults to the run's.
        table: the neuron table, if it has been made already (its IPR convention is then used).

    Raises:
        ValueError: if a network comes without a dataset, or draws is negative.
    """
    if draws < 0:
        raise ValueError(f"draws: expected 0 or more random controls, got {draws}")
    table = table or neuron_table(source, step)
    network, dataset, loss = resolve(source, dataset, table.step, loss)
    directions: tuple[Direction, ...] = ("lowest", "highest")
    ranked = {
        (name, direction): removal_order(value(table), table.dead, direction)
        for name, value in RANKINGS.items()
        for direction in directions
    }
    evaluation = Evaluation(dataset, loss)
    hidden = hidden_rows(network, evaluation).numpy()
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
