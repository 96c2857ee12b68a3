"""What is left after pruning shares of the neurons, by IPR, by two weight norms and at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interp.analysis.ablation.curves import PruningCurve, PruningCurves
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.ablation.ranking import INVARIANT, MAIN, Direction
from interp.analysis.measure import measure
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.read import neuron_table, no_neurons
from interp.analysis.neurons.table import NeuronTable
from interp.training.arguments import share
from interp.training.data.splits import SPLITS
from interp.training.display import Result
from interp.training.runs.checkpoint import Checkpoint

# What values are called, and the ranking that they are of.
_NAMES = {"ipr": MAIN, "norm": "weight norm", "invariant_norm": INVARIANT}
_WAYS: tuple[Direction, ...] = ("lowest", "highest")


@dataclass(frozen=True, repr=False)
class PrunedShares(Result):
    """Pruning curves, read at a number of neurons in each direction.

    Attributes:
        curves: by every ranking, with the random control.
        places: in each direction, the place among the curves' sizes that is read.
    """

    curves: PruningCurves
    places: dict[Direction, int]

    @property
    def caption(self) -> str:
        """Of the neurons: convention, basis, seed, step."""
        return self.curves.caption

    @property
    def note(self) -> str:
        """That of the curves."""
        return self.curves.note

    def values(self) -> dict[str, float | None]:
        """``pruned_lowest``, ``lowest.ipr.test_accuracy``, ``lowest.random.…``, ``before.…``.

        Beside ``ipr`` stand ``norm`` and ``invariant_norm``.
        """
        found: dict[str, float | None] = {}
        for way, place in self.places.items():
            found[f"pruned_{way}"] = float(self.curves.sizes[place])
            for name, curve in self._read(way).items():
                found |= _at(curve, place, f"{way}.{name}")
        return found | _at(self.curves["IPR", "lowest"], 0, "before")

    def _read(self, way: Direction) -> dict[str, PruningCurve]:
        """The curves of a direction: by IPR, by the norms, and the mean of the random ones."""
        found = {name: self.curves[ranking, way] for name, ranking in _NAMES.items()}
        control = self.curves.control
        return found if control is None else {**found, "random": control.mean}


def _at(curve: PruningCurve, place: int, prefix: str) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for split in SPLITS:
        for metric in ("accuracy", "loss"):
            values = getattr(curve, metric)[split]
            if values is not None:
                found[f"{prefix}.{split}_{metric}"] = float(values[place])
    return found


@measure(
    "pruning",
    source="Doshi et al. 2024 (arXiv 2310.13061), section 4 and figure 6",
    refuses=no_neurons,
    version=3,
)
def pruning(
    checkpoint: Checkpoint,
    *,
    lowest: float | None = None,
    highest: float | None = None,
    losses: bool = False,
    draws: int = 20,
) -> PrunedShares:
    """Scores after pruning shares of the neurons by IPR and by weight norms, and at random.

    Args:
        checkpoint: of any network with neurons.
        lowest: share pruned from the lowest; by default the neurons below the two-class cut.
        highest: share pruned from the highest; by default the neurons above it, behind the dead,
            which go first in every order.
        losses: measure losses too.
        draws: random prunings of each size, as control.
    """
    table = neuron_table(checkpoint)
    sizes = {
        way: _cut_size(table, way) if one is None else round(share(one, way) * len(table))
        for way, one in zip(_WAYS, (lowest, highest), strict=True)
    }
    asked = list(sizes.values())
    curves = pruning_curve(checkpoint, draws=draws, table=table, losses=losses, sizes=asked)
    places = {way: int(np.flatnonzero(curves.sizes == size)[0]) for way, size in sizes.items()}
    return PrunedShares(curves, places)


def _cut_size(table: NeuronTable, way: Direction) -> int:
    """Number of neurons on one side of the two-class cut, and of the dead, which go before them."""
    classes = classify(table, "auto")
    side = classes.memorizing if way == "lowest" else classes.generalizing
    return int((side | classes.dead).sum())
