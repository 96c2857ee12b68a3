"""Pruning what a threshold calls memorizing, scored beside controls of the same size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from interp.analysis.ablation.band import band_of, ends
from interp.analysis.ablation.ranking import competing, order_by, random_orders
from interp.analysis.ablation.tail import Tail
from interp.analysis.measure import measure
from interp.analysis.neurons.belonging import check_classes, check_network
from interp.analysis.neurons.classify import Classes, classify
from interp.analysis.neurons.read import neuron_table, no_neurons
from interp.analysis.neurons.table import NeuronTable
from interp.training.arguments import MOST_DRAWS, of_kind, whole
from interp.training.data.dataset import Dataset
from interp.training.data.scores import Scores
from interp.training.data.splits import SPLITS, Split
from interp.training.display import Result
from interp.training.evaluation import scores
from interp.training.models.network import Network
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.subject import Source, as_checkpoint

if TYPE_CHECKING:
    import pandas as pd

from interp.analysis.ablation.prune import prune

# Mean, low and high by metric.
Spread = Mapping[str, Mapping[str, float | None]]

DRAWS = 50  # random prunings, unless told otherwise


@dataclass(frozen=True, repr=False)
class Pruning(Result):
    """A network before and after pruning, with the controls of the same size.

    Attributes:
        network: the pruned network.
        classes: what was kept (generalizing) and pruned (memorizing and dead).
        kept, pruned: numbers of neurons.
        before, after: scores.
        rankings: scores when the same number is pruned by another ranking, lowest first: by weight
            norm, by invariant norm, and by those that users added.
        control: for each split and metric, mean, low and high over random prunings, the ends of
            their band: 5–95 %, or the range of fewer than 20 draws.
        draws, seed: of the random control.
        caption: of the neurons: convention, basis, seed, step.
        note: that the invariant norm is not invariant, where φ has no degree.
    """

    network: Network
    classes: Classes
    kept: int
    pruned: int
    before: Scores
    after: Scores
    rankings: Mapping[str, Scores]
    control: Mapping[Split, Spread]
    draws: int
    seed: int
    caption: str = ""
    note: str = ""

    def values(self) -> dict[str, float | None]:
        """Scores before and after, by other rankings and at random: ``after.test_accuracy``."""
        found: dict[str, float | None] = {
            "threshold": self.classes.threshold,
            "kept": float(self.kept),
            "pruned": float(self.pruned),
        }
        for name, one in {"before": self.before, "after": self.after, **self.rankings}.items():
            found |= {f"{name}.{k}": v for k, v in one.values().items()}
        for split, metrics in self.control.items():
            found |= {f"random.{split}_{m}": spread["mean"] for m, spread in metrics.items()}
        return found

    def to_pandas(self) -> pd.DataFrame:
        """A row a split: accuracy before, after, under random pruning and other rankings."""
        import pandas as pd

        rows = {
            split: {
                "before": self.before[split].accuracy,
                "after": self.after[split].accuracy,
                **{f"random_{k}": v for k, v in self.control[split]["accuracy"].items()},
                **{name: one[split].accuracy for name, one in self.rankings.items()},
            }
            for split in SPLITS
        }
        table = pd.DataFrame.from_dict(rows, orient="index", dtype=float)
        return table.rename_axis(index="split")

    def to_dict(self) -> dict[str, Any]:
        """Plain data, the object that ``interp prune --json`` prints."""
        return {
            "threshold": self.classes.threshold,
            "rule": self.classes.rule,
            "threshold_gap": self.classes.threshold_gap,
            "dip_p_value": self.classes.dip_p_value,
            "classes": self.classes.told(),
            "kept": self.kept,
            "pruned": self.pruned,
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "control": {
                "draws": self.draws,
                "seed": self.seed,
                "band": list(band_of(self.draws)),
                "random": {split: dict(value) for split, value in self.control.items()},
                "rankings": {name: value.to_dict() for name, value in self.rankings.items()},
                **({"note": self.note} if self.note else {}),
            },
        }


def prune_by_class(
    source: Source,
    table: NeuronTable,
    classes: Classes,
    dataset: Dataset | None = None,
    draws: int | None = None,
    seed: int = 0,
) -> Pruning:
    """Keeps the generalizing neurons only, and re-evaluates on every split beside controls.

    Args:
        source: a run or its folder, a checkpoint, or a network together with ``dataset``.
        table: its neurons; says which checkpoint of a run.
        classes: of these neurons.
        dataset: what to score on; a run brings its own.
        draws: random prunings of the same size; 50 by default.
        seed: of the random prunings.

    Raises:
        ValueError: if the table is not the network's or the classes not the table's, these would
            prune every neuron or none, or draws is below 1.
    """
    draws = DRAWS if draws is None else whole(draws, "draws", least=1, most=MOST_DRAWS)
    whole(seed, "seed")
    of_kind(table, NeuronTable, "a neuron table, such as interp.neuron_table(run)")
    of_kind(classes, Classes, "classes, such as interp.classify(table)")
    origin = as_checkpoint(source, table.step, dataset)
    check_network(table, origin.network)
    check_classes(classes, table)
    kept = _kept(table, classes)
    pruned = prune(origin.network, classes.generalizing, table.layer)
    rankings, control = _controls(origin, table, kept, draws, seed)
    return Pruning(
        network=pruned,
        classes=classes,
        kept=kept,
        pruned=len(table) - kept,
        before=origin.scores,
        after=scores(pruned, origin.scored_on, origin.loss),
        rankings=rankings,
        control=control,
        draws=draws,
        seed=seed,
        caption=table.caption,
        note=table.note,
    )


def _kept(table: NeuronTable, classes: Classes) -> int:
    """How many neurons the classes keep; neither none nor all."""
    kept = int(classes.generalizing.sum())
    if kept in (0, len(table)):
        alive = table.ipr[~table.dead]
        span = f"; IPRs run from {alive.min():.4f} to {alive.max():.4f}" if len(alive) else ""
        raise ValueError(
            f"threshold {classes.threshold:.4g} prunes {'no' if kept else 'every'} neuron "
            f"of {len(table)}{span}"
        )
    return kept


def _controls(
    origin: Checkpoint, table: NeuronTable, kept: int, draws: int, seed: int
) -> tuple[dict[str, Scores], dict[Split, Spread]]:
    """Scores when as many neurons are pruned by other rankings, and at random."""
    evaluation = origin.evaluation
    tail = Tail(origin.exact, evaluation.pairs, table.layer)

    def scores_of(neurons: np.ndarray) -> Scores:
        return evaluation(tail(neurons))

    random = stream(seed, "control")
    # The same draws as the pruning curve's: the first of an order are removed.
    drawn = [scores_of(order[-kept:]) for order in random_orders(table.dead, draws, random)]
    rankings = {name: scores_of(order_by(table, name, "lowest")[-kept:]) for name in competing()}
    return rankings, {split: _spread([one[split] for one in drawn]) for split in SPLITS}


@measure(
    "pruning_at_threshold",
    source="Doshi et al. 2024 (arXiv 2310.13061), section 4",
    refuses=no_neurons,
    version=3,
)
def pruning_at_threshold(
    checkpoint: Checkpoint,
    *,
    threshold: str | float = "auto",
    draws: int = DRAWS,
    layer: int = 0,
    seed: int = 0,
) -> Pruning:
    """Scores before and after pruning all neurons below an IPR, beside controls of the same size.

    Args:
        checkpoint: of any network with neurons.
        threshold: ``auto``, ``null`` or an IPR.
        draws: random prunings of the same size.
        layer: which hidden layer.
        seed: of the random prunings.
    """
    table = neuron_table(checkpoint, layer=layer)
    classes = classify(table, cast(Any, threshold))
    return prune_by_class(checkpoint, table, classes, draws=draws, seed=seed)


def _spread(drawn: list[Any]) -> Spread:
    spread: dict[str, Mapping[str, float | None]] = {}
    for metric in ("accuracy", "loss"):
        values = [getattr(score, metric) for score in drawn]
        if values[0] is None:
            spread[metric] = {"mean": None, "low": None, "high": None}
            continue
        low, high = ends(np.array(values), axis=0)
        spread[metric] = {"mean": float(np.mean(values)), "low": float(low), "high": float(high)}
    return spread
