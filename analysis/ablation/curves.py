"""Scores after each number of removed neurons: one order, a band of random ones, all together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from interp.analysis.ablation.ranking import Direction
from interp.training.arguments import shown
from interp.training.config.sections import LossName
from interp.training.data.splits import Split
from interp.training.display import Displayed, Result

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
    """Random removals of the same sizes, or of some of them: mean and band over the draws.

    The band is 5–95 %, or the range of fewer than 20 draws. Losses are absent for networks trained
    with cross-entropy, where they would cost an exponential for every logit, size and draw.
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
        key: of the neuron table that ordered them; None for one made by hand.
        note: that the invariant norm is not invariant, where it orders and φ has no degree.
    """

    curves: Mapping[tuple[str, Direction], PruningCurve]
    control: ControlBand | None
    neurons: int
    sizes: Int[np.ndarray, " size"]
    method: str
    caption: str
    loss_name: LossName
    key: str | None = None
    note: str = ""

    def __getitem__(self, key: tuple[str, Direction]) -> PruningCurve:
        if not isinstance(key, tuple) or key not in self.curves:
            known = " or ".join(f"{name}, {way}" for name, way in self.curves)
            raise ValueError(
                f"curve: expected an order that was pruned by ({known}), got {shown(key)}"
            )
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
