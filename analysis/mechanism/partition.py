"""How few neurons carry the rule, and how few the wrong labels, by every ranking and at random."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jaxtyping import Float, Int

from interp.analysis.ablation.halves import HalfAccuracies, HalfScores, halved
from interp.analysis.ablation.ranking import (
    MAIN,
    STRENGTH,
    alike_by,
    dead_first,
    known_of,
    order_by,
    random_orders,
)
from interp.analysis.ablation.tail import Tail
from interp.analysis.measure import measure
from interp.analysis.neurons.read import neuron_table, no_neurons
from interp.analysis.phases.events import check_level
from interp.training.arguments import MOST_DRAWS, some_whole, whole
from interp.training.data.splits import PARTS
from interp.training.display import Result, Value
from interp.training.memory import check_memory
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint

if TYPE_CHECKING:
    import pandas as pd

RANDOM = "random"
_BOTTOM = (1, 4, 5)  # of the columns of a row, those of the bottom network


@dataclass(frozen=True)
class TwoNetworks:
    """The top and the bottom network of a ranking; of random orders, means over the draws.

    Attributes:
        gamma_g, gamma_r: γ_G and γ_R, shares of the neurons. There is no bottom network where the
            whole network gives no corrupted label.
        top_test, top_corrupted: accuracies of the top network; on test pairs it was not chosen by.
        bottom_test, bottom_corrupted: the same of the bottom network.
        spearman: rank correlation with the IPR over the living neurons; None for random orders,
            and where either has no order.
    """

    gamma_g: float
    gamma_r: float | None
    top_test: float
    top_corrupted: float
    bottom_test: float | None
    bottom_corrupted: float | None
    spearman: float | None = None

    @property
    def total(self) -> float | None:
        """γ_G + γ_R."""
        return None if self.gamma_r is None else self.gamma_g + self.gamma_r

    @property
    def disjoint(self) -> bool | None:
        """Whether the networks can have no neuron in common: γ_G + γ_R ≤ 1."""
        # Sums of shares may come out a rounding above 1.
        return None if self.total is None else self.total <= 1 + 1e-9

    def values(self) -> dict[str, Value]:
        """By name: ``gamma_G``, ``gamma_R``, ``top.test_accuracy`` and so on."""
        return {
            "gamma_G": self.gamma_g,
            "gamma_R": self.gamma_r,
            "sum": self.total,
            "disjoint": self.disjoint,
            "top.test_accuracy": self.top_test,
            "top.corrupted_accuracy": self.top_corrupted,
            "bottom.test_accuracy": self.bottom_test,
            "bottom.corrupted_accuracy": self.bottom_corrupted,
            "spearman_with_IPR": self.spearman,
        }


@dataclass(frozen=True, repr=False)
class Partition(Result):
    """The two networks of every ranking, with random orders as control.

    Attributes:
        rows: by ranking, ``random`` last.
        test, corrupted: accuracies of the whole network, on the same test pairs.
        caption: of the neurons.
        note: how the networks were found.
    """

    rows: Mapping[str, TwoNetworks]
    test: float
    corrupted: float
    caption: str
    note: str = ""

    COLUMNS: ClassVar[tuple[str, ...]] = (
        "ranking",
        "gamma_G",
        "gamma_R",
        "top.test_accuracy",
        "spearman_with_IPR",
    )

    def values(self) -> dict[str, Value]:
        """``IPR.gamma_G``, ``IPR.gamma_R``, ``random.sum``, ``before.test_accuracy`` and so on."""
        found: dict[str, Value] = {
            "before.test_accuracy": self.test,
            "before.corrupted_accuracy": self.corrupted,
        }
        for name, row in self.rows.items():
            found |= {f"{name}.{key}": value for key, value in row.values().items()}
        return found

    def to_pandas(self) -> pd.DataFrame:
        """A row a ranking: γ_G, γ_R, their sum, accuracies of both networks, Spearman with IPR."""
        import pandas as pd

        return pd.DataFrame([{"ranking": name, **row.values()} for name, row in self.rows.items()])


def no_partition(checkpoint: Checkpoint) -> str | None:
    """Why neurons cannot be told apart by what they are needed for."""
    if checkpoint.dataset is None or not checkpoint.network.layers:
        return no_neurons(checkpoint)
    counts = dict(zip(PARTS, checkpoint.evaluation.counts, strict=True))
    if counts["test"] < 2:
        return f"expected test examples for two halves (α < 1), got {counts['test']}"
    if counts["corrupted"] == 0:
        return "expected corrupted examples (ξ > 0), got none"
    return None


@measure("partition", source="Liu and Lu 2026 (arXiv 2605.18022)", refuses=no_partition, version=2)
def partition(
    checkpoint: Checkpoint,
    *,
    level: float = 0.9,
    grid: int = 10,
    draws: int | None = None,
    layer: int = 0,
    seed: int = 0,
) -> Partition:
    """How few top neurons hold the rule, and how few bottom ones the wrong labels, by a ranking.

    γ_G = k/N of the top-k network that is best on a random half of the test pairs, the smallest k
    among equals; its accuracy is told on the other half. γ_R = k/N of the smallest bottom-k
    network with ``level`` of the whole network's corrupted accuracy. They can be disjoint where
    γ_G + γ_R ≤ 1. Nothing is retrained.

    Args:
        checkpoint: of any network with neurons, and test and corrupted examples.
        level: share of the whole network's accuracy on corrupted labels that is asked for.
        grid: step between the numbers of neurons that are tried; N itself is tried as well.
        draws: random orders of the control; 10, or 3 where each number is a forward pass.
        layer: which hidden layer.
        seed: of the halves and of the control.
    """
    check_level(level, "level")
    whole(grid, "grid", least=1)
    draws = some_whole(draws, "draws", least=1, most=MOST_DRAWS)
    table, evaluation = neuron_table(checkpoint, layer=layer), checkpoint.evaluation
    kept = np.union1d(np.arange(grid, len(table), grid), [len(table)])
    tail = Tail(checkpoint.network, evaluation.pairs, layer)
    score = HalfScores(tail, evaluation, halved(evaluation, seed), kept)
    draws = draws or (10 if score.adds_up else 3)
    names = known_of(table)
    random = stream(seed, "control")
    check_memory(8 * draws * len(table), f"{draws:,} random orders of {len(table):,} neurons")
    drawn = random_orders(table.dead, draws, random)
    tops = np.stack([*(order_by(table, name, "lowest") for name in names), *drawn])
    bottoms = np.stack(
        [
            *(order_by(table, name, "highest") for name in names),
            *dead_first(drawn[:, ::-1], table.dead),
        ]
    )
    top, bottom = score(tops), score(bottoms)
    found = _networks(top, bottom, kept, level)
    rows = {
        name: replace(_row(row), spearman=alike_by(table, table, MAIN, name))
        for name, row in zip(names, found, strict=False)
    }
    rows[RANDOM] = _row(found[len(names) :].mean(axis=0))
    words = [f"{draws} random orders, seed {seed}", f"numbers of neurons in steps of {grid}"]
    words += [f"no {STRENGTH}, as φ is not known"] if STRENGTH not in names else []
    words += [table.note] if table.note else []
    test, corrupted = float(top.telling[0, -1]), float(top.corrupted[0, -1])
    return Partition(rows, test, corrupted, table.caption, " · ".join(words))


def _networks(
    top: HalfAccuracies, bottom: HalfAccuracies, kept: Int[np.ndarray, " kept"], level: float
) -> Float[np.ndarray, "order 6"]:
    """γ_G, γ_R and the four accuracies of every order, as :class:`TwoNetworks` has them.

    NaN for a bottom network where the whole one gives no corrupted label.
    """
    each = np.arange(len(top.telling))
    best = top.choosing.argmax(axis=1)  # the first among equals, which is the smallest
    enough = (bottom.corrupted >= level * bottom.corrupted[:, -1:]).argmax(axis=1)
    columns = (
        kept[best] / kept[-1],
        kept[enough] / kept[-1],
        top.telling[each, best],
        top.corrupted[each, best],
        bottom.telling[each, enough],
        bottom.corrupted[each, enough],
    )
    found = np.stack(columns, axis=1)
    silent = bottom.corrupted[:, -1] == 0
    found[np.ix_(silent, _BOTTOM)] = np.nan
    return found


def _row(found: Float[np.ndarray, " 6"]) -> TwoNetworks:
    row: list[Any] = [float(one) for one in found]
    for place in _BOTTOM:
        row[place] = None if np.isnan(row[place]) else row[place]
    return TwoNetworks(*row)
