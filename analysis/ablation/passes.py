"""How the sizes of removal orders are computed: one cumulative pass each, or one for each size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from interp.analysis.ablation.by_class import DRAWS
from interp.analysis.ablation.curves import Curve, PruningCurve
from interp.analysis.ablation.kernel_scores import cumulative_counts, cumulative_sums
from interp.analysis.ablation.logit_sum import LabelledPairs, LogitSum
from interp.analysis.ablation.tail import Tail
from interp.training.config.sections import LossName
from interp.training.data.scores import Scores
from interp.training.data.splits import PARTS, SPLITS, Split, split_means
from interp.training.evaluation import Evaluation
from interp.training.losses.loss import LOSSES


class Grid(NamedTuple):
    """About how many numbers of removed neurons are scored: of each order, of random ones."""

    orders: int
    control: int

    @staticmethod
    def over(neurons: int, count: int, sizes: Sequence[int]) -> Int[np.ndarray, " size"]:
        """So many numbers 0 … N at even distances, and some more; every number if it has room."""
        even = np.linspace(0, neurons, min(count, neurons + 1)).round().astype(np.int64)
        return np.union1d(even, np.array(sizes, dtype=np.int64))


class CumulativePasses:
    """Many sizes of an order in one pass, where the logits are a sum over neurons.

    Args:
        tail: from the layer on.
        evaluation: scores logits.
        loss: to be summed too; None sums in float32.
        sizes: to have on a grid.
        grid: how many sizes there are, without losses; None: every number.
    """

    default_draws = DRAWS

    def __init__(
        self,
        tail: Tail,
        evaluation: Evaluation,
        loss: LossName | None,
        sizes: Sequence[int] = (),
        grid: Grid | None = None,
    ) -> None:
        assert tail.readout is not None and tail.base is not None
        readout = tail.readout.detach().numpy()
        self._logits = LogitSum(tail.hidden.numpy(), readout, tail.base.numpy())
        self._pairs = LabelledPairs(evaluation.labels.numpy(), evaluation.part, len(PARTS))
        self._evaluation, self._loss = evaluation, loss
        every = len(readout) + 1
        counts = (every, every) if grid is None else grid
        self.sizes, self._control = (Grid.over(every - 1, one, sizes) for one in counts)
        self.controls_loss = loss is not None and LOSSES[loss].kernel == "squares"
        precision = "float64" if loss else "float32"
        on = "" if len(self.sizes) == every else f" on a grid of {len(self.sizes)} numbers"
        self.method = f"one cumulative pass for each order{on}, in {precision}"

    def __call__(self, orders: Int[np.ndarray, "order neuron"]) -> list[PruningCurve]:
        """One curve an order."""
        return self._walk(orders, self._loss, self.sizes)

    def control(self, orders: Int[np.ndarray, "order neuron"]) -> list[PruningCurve]:
        """Without losses that would cost an exponential a logit, as cross-entropy's."""
        return self._walk(orders, self._loss and "mse", self._control)

    def _walk(
        self,
        orders: Int[np.ndarray, "order neuron"],
        loss: LossName | None,
        sizes: Int[np.ndarray, " size"],
    ) -> list[PruningCurve]:
        evaluation = self._evaluation
        if loss is None:
            counts = cumulative_counts(self._logits, orders, self._pairs, sizes)
            nothing: dict[Split, Curve | None] = dict.fromkeys(SPLITS)
            return [
                PruningCurve(split_means(one, evaluation.counts), nothing, sizes) for one in counts
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


class ForwardPasses:
    """A forward pass of what follows the layer for every size of a grid, and for some more."""

    default_draws = 10

    def __init__(
        self, tail: Tail, evaluation: Evaluation, loss: LossName | None, sizes: Sequence[int] = ()
    ) -> None:
        self._tail, self._evaluation = tail, evaluation
        self.controls_loss = loss is not None
        why = "a norm or a layer follows" if tail.readout is None else "no pass adds up the loss"
        self.method = f"a forward pass for each number on a grid, since {why}"
        neurons = len(tail.hidden)
        self.sizes = Grid.over(neurons, 51, sizes)

    def __call__(self, orders: Int[np.ndarray, "order neuron"]) -> list[PruningCurve]:
        """One curve an order, over the grid."""
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
