"""Pruning curves: what is left of a network after each number of removed neurons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from interp.analysis.ablation.kernel_scores import cumulative_counts, cumulative_sums
from interp.analysis.ablation.logit_sum import LabelledPairs, LogitSum
from interp.analysis.ablation.prune import BAND, DRAWS
from interp.analysis.ablation.ranking import Direction, Order, every_order, order_by
from interp.analysis.ablation.tail import Tail
from interp.analysis.measure import measure
from interp.analysis.neurons.table import NeuronTable, neuron_table, no_neurons
from interp.training.config.sections import LossName
from interp.training.data.dataset import Dataset
from interp.training.data.scores import Scores
from interp.training.data.splits import PARTS, SPLITS, Split, split_means
from interp.training.display import Displayed, Result
from interp.training.evaluation import Evaluation
from interp.training.losses.loss import LOSSES
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.subject import Source, as_checkpoint, of_kind

if TYPE_CHECKING:
    import pandas as pd

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


@dataclass(frozen=True, repr=False)
class PruningCurves(Result):
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

    def values(self) -> dict[str, float | None]:
        """Accuracies of the whole network, and the best test accuracy of each order."""
        first = next(iter(self.curves.values()))
        found: dict[str, float | None] = {
            f"before.{split}_accuracy": None if row is None else float(row[0])
            for split, row in first.accuracy.items()
        }
        for (ranking, direction), curve in self.curves.items():
            test = curve.accuracy["test"]
            place = None if test is None else int(np.argmax(test))
            name = f"{ranking}, {direction} first"
            best = None if test is None or place is None else float(test[place])
            found[f"{name}: best test_accuracy"] = best
            found[f"{name}: pruned there"] = None if place is None else float(self.sizes[place])
        return found

    def to_pandas(self) -> pd.DataFrame:
        """A row an order, size and split: accuracy, loss; the control's mean, low and high too."""
        import pandas as pd

        orders = {f"{ranking}, {way}": curve for (ranking, way), curve in self.curves.items()}
        if self.control is not None:
            for name in ("mean", "low", "high"):
                orders[f"random, {name}"] = getattr(self.control, name)
        columns = ("order", "split", "pruned", "accuracy", "loss")
        parts = [
            pd.DataFrame(dict(zip(columns, row, strict=True)))
            for name, curve in orders.items()
            for row in _rows(name, curve)
        ]
        return pd.concat(parts, ignore_index=True)


def _rows(order: str, curve: PruningCurve) -> Iterator[tuple[Any, ...]]:
    """Columns of a tidy table, for each split that has examples."""
    nothing = np.full(len(curve.sizes), np.nan)
    for split, accuracy in curve.accuracy.items():
        if accuracy is not None:
            loss = curve.loss[split]
            yield order, split, curve.sizes, accuracy, nothing if loss is None else loss


def pruning_curve(
    source: Source,
    dataset: Dataset | None = None,
    *,
    step: int | None = None,
    layer: int = 0,
    table: NeuronTable | None = None,
    draws: int | None = None,
    seed: int = 0,
    orders: Sequence[Order] | None = None,
    losses: bool = True,
) -> PruningCurves:
    """Accuracy and loss of every split after pruning numbers of neurons of a hidden layer.

    From the lowest and from the highest of every ranking, with random removals as control. Where
    the logits are a sum over the neurons (no norm or layer follows), each order is one cumulative
    pass in float64 over every number 0 … N. Elsewhere each number is a forward pass of
    what follows, in the network's precision, over a grid of about 50 numbers.

    Args:
        source: a run or its folder, a checkpoint, or a network together with ``dataset``.
        dataset: what to score on; a run brings its own.
        step: which checkpoint of a run; a table brings its own.
        layer: which hidden layer; a table brings its own.
        table: the neuron table, if it has been made already; its IPR convention is then used.
        draws: random removal orders for the control; 0 for none. By default 50, or 10 where each
            number is a forward pass.
        seed: of the control's draws.
        orders: rankings and directions; every ranking in both directions by default.
        losses: without them, sums over neurons are in float32 and take half the time.

    Raises:
        ValueError: if a network comes without a dataset, draws is negative, or an order is unknown.
    """
    if draws is not None and draws < 0:
        raise ValueError(f"draws: expected 0 or more random controls, got {draws}")
    origin = as_checkpoint(source, step if table is None else table.step, dataset)
    table = table or neuron_table(origin, layer=layer)
    of_kind(table, NeuronTable, "a neuron table, such as interp.neuron_table(run)")
    walk = _passes(origin, table.layer, losses)
    orders = every_order() if orders is None else orders
    ranked = [order_by(table, *order) for order in orders]
    curves = dict(zip(orders, walk(np.stack(ranked)), strict=True))
    draws = walk.default_draws if draws is None else draws
    return PruningCurves(
        curves,
        _control(walk, len(table), draws, seed) if draws else None,
        len(table),
        walk.sizes,
        walk.method,
        table.caption,
        origin.loss,
    )


def _passes(origin: Checkpoint, layer: int, losses: bool) -> _CumulativePasses | _ForwardPasses:
    """How the sizes of an order are computed, for the network from a layer on."""
    evaluation = origin.evaluation
    exact = losses and origin.network.readout(layer) is not None
    tail = Tail(origin.exact if exact else origin.network, evaluation.pairs, layer)
    adds_up = not losses or LOSSES[origin.loss].kernel is not None
    passes = _CumulativePasses if tail.readout is not None and adds_up else _ForwardPasses
    return passes(tail, evaluation, origin.loss if losses else None)


def _control(
    walk: _CumulativePasses | _ForwardPasses, neurons: int, draws: int, seed: int
) -> ControlBand:
    """Random removals, drawn one after the other from the seed."""
    random = stream(seed, "control")
    drawn = np.stack([random.permutation(neurons) for _ in range(draws)])
    return _band(walk.control(drawn), draws, seed, walk.controls_loss)


@measure(
    "pruning_curves",
    source="Doshi et al. 2024 (arXiv 2310.13061), figures 6 and 17",
    refuses=no_neurons,
)
def curves(
    checkpoint: Checkpoint,
    *,
    draws: int | None = None,
    layer: int = 0,
    losses: bool = True,
    seed: int = 0,
) -> PruningCurves:
    """Scores after pruning every number of neurons, by each ranking, beside random removals.

    Args:
        checkpoint: of any network with neurons.
        draws: random removal orders of the control; 50, or 10 where each number is a pass.
        layer: which hidden layer.
        losses: whether losses are measured too.
        seed: of the control's draws.
    """
    return pruning_curve(checkpoint, layer=layer, draws=draws, losses=losses, seed=seed)


class _CumulativePasses:
    """Every size of an order in one pass, where the logits are a sum over neurons."""

    default_draws = DRAWS

    def __init__(self, tail: Tail, evaluation: Evaluation, loss: LossName | None) -> None:
        assert tail.readout is not None and tail.base is not None
        readout = tail.readout.detach().numpy()
        self._logits = LogitSum(tail.hidden.numpy(), readout, tail.base.numpy())
        self._pairs = LabelledPairs(evaluation.labels.numpy(), evaluation.part, len(PARTS))
        self._evaluation, self._loss = evaluation, loss
        self.sizes = np.arange(len(readout) + 1)
        self.controls_loss = loss is not None and LOSSES[loss].kernel == "squares"
        precision = "float64" if loss else "float32"
        self.method = f"one cumulative pass for each order, in {precision}"

    def __call__(self, orders: Int[np.ndarray, "order neuron"]) -> list[PruningCurve]:
        return self._walk(orders, self._loss)

    def control(self, orders: Int[np.ndarray, "order neuron"]) -> list[PruningCurve]:
        """Without losses that would cost an exponential a logit, as cross-entropy's."""
        return self._walk(orders, self._loss and "mse")

    def _walk(
        self, orders: Int[np.ndarray, "order neuron"], loss: LossName | None
    ) -> list[PruningCurve]:
        evaluation = self._evaluation
        if loss is None:
            counts = cumulative_counts(self._logits, orders, self._pairs)
            nothing: dict[Split, Curve | None] = dict.fromkeys(SPLITS)
            return [
                PruningCurve(split_means(one, evaluation.counts), nothing, self.sizes)
                for one in counts
            ]
        sums = cumulative_sums(self._logits, orders, self._pairs, loss)
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

    default_draws = 10

    def __init__(self, tail: Tail, evaluation: Evaluation, loss: LossName | None) -> None:
        self._tail, self._evaluation = tail, evaluation
        self.controls_loss = loss is not None
        why = "a norm or a layer follows" if tail.readout is None else "no pass adds up the loss"
        self.method = f"a forward pass for each number on a grid, since {why}"
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
