"""How few neurons a network needs to generalize."""

from __future__ import annotations

import math

import numpy as np

from interp.analysis.ablation.curves import PruningCurve
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.measure import measure
from interp.analysis.neurons.read import no_neurons
from interp.analysis.numbers import Numbers
from interp.analysis.phases.events import check_level
from interp.training.runs.checkpoint import Checkpoint


@measure("needed", source="Doshi et al. 2024 (arXiv 2310.13061), figure 32", refuses=no_neurons)
def needed(checkpoint: Checkpoint, *, accuracy: float = 0.99) -> Numbers:
    """How few neurons keep the test accuracy, pruned from the lowest IPR, and at random.

    Args:
        checkpoint: of any network with neurons and test examples.
        accuracy: on test examples, that counts as kept.
    """
    check_level(accuracy, "accuracy")
    curves = pruning_curve(checkpoint, draws=20, losses=False, orders=(("IPR", "lowest"),))
    control = curves.control
    assert control is not None
    by_ipr = _fewest(curves["IPR", "lowest"], curves.neurons, accuracy)
    at_random = _fewest(control.mean, curves.neurons, accuracy)
    values = {
        "neurons_needed": by_ipr,
        "share_needed": by_ipr / curves.neurons,
        "neurons_needed_random": at_random,
    }
    return Numbers(values, curves.caption)


def _fewest(curve: PruningCurve, neurons: int, accuracy: float) -> float:
    """Infinite where no number of neurons is enough."""
    test = curve.accuracy["test"]
    if test is None:
        raise ValueError("needed: expected test examples (α < 1), found none")
    enough = np.flatnonzero(test >= accuracy)
    return float(neurons - curve.sizes[enough[-1]]) if len(enough) else math.inf
