"""Pruning curves: what is left of a network after each number of removed neurons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from interp.analysis.ablation.kernel_scores import cumulative_counts, cumulative_sums
from interp.analysis.ablation.prune import BAND, DRAWS, resolve
from interp.analysis.ablation.ranking import Direction, Order, every_order, order_by
from interp.analysis.ablation.tail import Tail
from interp.analysis.neurons.table import NeuronTable, neuron_table
from interp.training.config.sections import LossName
from interp.training.data.dataset import Dataset
from interp.training.data.scores import Scores
from interp.training.data.splits import PARTS, SPLITS, Split, split_means
from interp.training.display import Displayed
from interp.training.evaluation import Evaluation, in_float64
from interp.training.models.kinds import Network
from interp.training.randomness import stream
from interp.training.runs.run import Run

Curve = Float[np.ndarray, " size"]


@dataclass(frozen=True)
class PruningCurve(Displayed):
    """Scores after removing neurons in one order, by split; None for an empty split.

    Attributes:
        accuracy, loss: one value for each number of removed neurons.
        sizes: those numbers.
    """

    accuracy: Mapping[Split, Curve | None]
    loss: Mapping[Split, Curve | None]
    sizes: Int[np.ndarray, " size"]


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
class PruningCurves(Displayed):
    """Pruning curves in both directions, for every ranking, with the random control.

    Attributes:
        curves: by (ranking, direction); ``curves["IPR", "lowest"]`` prunes from the lowest IPR.
        control: random removals; None if no draw was asked for.
        neurons: N.
        sizes: numbers of removed neurons, one for each entry of a curve: 0 … N, or a grid.
        method: how the sizes were computed, in words.
        caption: convention, seed and step.
        loss_name: name of the loss.
    """

    curves: Mapping[tuple[str, Direction], PruningCurve]
    control: ControlBand | None
    neurons: int
    sizes: Int[np.ndarray, " size"]
    method: str
    caption: str
    loss_name: LossName

    def __getitem__(self, key: tuple[str, Direction]) -> PruningCurve:
        return self.curves[key]

    @property
    def rankings(self) -> tuple[str, ...]:
        """Names of the rankings that neurons were removed by."""
        return tuple(dict.fromkeys(name for name, _ in self.curves))


def pruning_curve(
    source: Run | Network,
    dataset: Dataset | None = None,
    step: int | None = None,
    draws: int | None = None,
    seed: int = 0,
    loss: LossName | None = None,
    table: NeuronTable | None = None,
    layer: int = 0,
    orders: Sequence[Order] | None = None,
    losses: bool = True,
) -> PruningCurves:
    """Accuracy and loss of every split after pruning numbers of neurons of a hidden layer.

    From the lowest and from the highest of every ranking, with random removals as control. Where
    the logits are a sum over the neurons (no norm or layer follows), each order is one cumulative
    pass in float64 over every number 0 … N. Elsewhere each number is a forward pass of
    what follows, in the network's precision, over a grid of about 50 numbers.

    Args:
        source: a run, or a network together with ``dataset``.
        dataset: what to score on; a run brings its own.
        step: which checkpoint of a run; a table brings its own.
        draws: random removal orders for the control; 0 for none. By default 50, or 10 where each
            number is a forward pass.
        seed: of the control's draws.
        loss: defaults to the run's.
        table: the neuron table, if it has been made already; its IPR convention and layer are
            then used.
        layer: which hidden layer.
        orders: rankings and directions; every ranking in both directions by default.
        losses: without them, sums over neurons are in float32 and take half the time.

    Raises:
        ValueError: if a network comes without a dataset, draws is negative, or an order is unknown.
    """
    if draws is not None and draws < 0:
        raise ValueError(f"draws: expected 0 or more random controls, got {draws}")
    table = table or neuron_table(source, step, layer=layer)
    network, dataset, loss = resolve(source, dataset, table.step, loss)
    orders = every_order() if orders is None else orders
    ranked = [order_by(table, *order) for order in orders]
    evaluation = Evaluation(dataset, loss)
    exact = losses and network.readout(table.layer) is not None
    tail = Tail(in_float64(network) if exact else network, evaluation.pairs, table.layer)
    passes = _CumulativePasses if tail.readout is not None else _ForwardPasses
    walk = passes(tail, evaluation, loss if losses else None)
    curves = dict(zip(orders, walk(np.stack(ranked)), strict=True))
    control = None
    draws = walk.default_draws if draws is None else draws
    if draws:
        random = stream(seed, "control")
        drawn = np.stack([random.permutation(network.width) for _ in range(draws)])
        control = _band(walk.control(drawn), draws, seed, walk.controls_loss)
    return PruningCurves(
        curves, control, network.width, walk.sizes, walk.method, table.caption, loss
    )


class _CumulativePasses:
    """Every size of an order in one pass, where the logits are a sum over neurons."""

    default_draws = DRAWS

    def __init__(self, tail: Tail, evaluation: Evaluation, loss: LossName | None) -> None:
        assert tail.readout is not None and tail.base is not None
        self._hidden, self._readout = tail.hidden.numpy(), tail.readout.detach().numpy()
        self._base = tail.base.numpy()
        self._evaluation, self._loss = evaluation, loss
        self.sizes = np.arange(len(self._hidden) + 1)
        self.controls_loss = loss == "mse"
        precision = "float64" if loss else "float32"
        self.method = f"one cumulative pass for each order, in {precision}"

    def __call__(self, orders: Int[np.ndarray, "order neuron"]) -> list[PruningCurve]:
        return self._walk(orders, self._loss)

    def control(self, orders: Int[np.ndarray, "order neuron"]) -> list[PruningCurve]:
        """Without the losses of cross-entropy, which would cost an exponential a logit."""
        return self._walk(orders, self._loss and "mse")

    def _walk(
        self, orders: Int[np.ndarray, "order neuron"], loss: LossName | None
    ) -> list[PruningCurve]:
        evaluation = self._evaluation
        given = (
            self._hidden,
            self._readout,
            orders,
            evaluation.labels.numpy(),
            evaluation.part,
            len(PARTS),
        )
        if loss is None:
            counts = cumulative_counts(*given, self._base)
            nothing: dict[Split, Curve | None] = dict.fromkeys(SPLITS)
            return [
                PruningCurve(split_means(one, evaluation.counts), nothing, self.sizes)
                for one in counts
            ]
        sums = cumulative_sums(*given, loss, self._base)
        return [
            PruningCurve(
                split_means(right, evaluation.counts),
                split_means(losses, evaluation.counts),
                self.sizes,
            )
            for right, losses in zip(*sums, strict=True)
        ]


class _ForwardPasses:
    """A forward pass of what follows the layer for every size of a grid."""

    method = "a forward pass for each number on a grid, since a norm or a layer follows"
    default_draws = 10

    def __init__(self, tail: Tail, evaluation: Evaluation, loss: LossName | None) -> None:
        self._tail, self._evaluation = tail, evaluation
        self.controls_loss = loss is not None
        neurons = len(tail.hidden)
        self.sizes = np.unique(np.linspace(0, neurons, 51).round().astype(np.int64))

    def __call__(self, orders: Int[np.ndarray, "order neuron"]) -> list[PruningCurve]:
        return [
            _from_scores(
                [self._evaluation(one) for one in self._tail.along(order, self.sizes)], self.sizes
            )
            for order in orders
        ]

    control = __call__


def _from_scores(found: list[Scores], sizes: Int[np.ndarray, " size"]) -> PruningCurve:
    """A curve from scores at falling sizes."""

    def column(metric: str) -> dict[Split, Curve | None]:
        rows = {s: [getattr(one[s], metric) for one in reversed(found)] for s in SPLITS}
        return {s: None if values[0] is None else np.array(values) for s, values in rows.items()}

    return PruningCurve(column("accuracy"), column("loss"), sizes)


def _band(drawn: list[PruningCurve], draws: int, seed: int, keep_loss: bool) -> ControlBand:
    def over(reduce: Callable[[np.ndarray], np.ndarray]) -> PruningCurve:
        def each(kind: str) -> dict[Split, Curve | None]:
            rows = {split: [getattr(one, kind)[split] for one in drawn] for split in SPLITS}
            return {s: None if r[0] is None else reduce(np.stack(r)) for s, r in rows.items()}

        nothing: dict[Split, Curve | None] = dict.fromkeys(SPLITS)
        loss = each("loss") if keep_loss else nothing
        return PruningCurve(each("accuracy"), loss, drawn[0].sizes)

    low, high = BAND
    return ControlBand(
        over(lambda rows: rows.mean(axis=0)),
        over(lambda rows: np.quantile(rows, low, axis=0)),
        over(lambda rows: np.quantile(rows, high, axis=0)),
        draws,
        seed,
    )
