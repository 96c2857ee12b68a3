"""How near the neurons are to the solution that is known on paper."""

from __future__ import annotations

import numpy as np

from interp.analysis.measure import measure
from interp.analysis.neurons.read import neuron_table, no_neurons
from interp.analysis.numbers import Numbers
from interp.training.runs.checkpoint import Checkpoint


@measure("solution", source="Gromov 2023 (arXiv 2301.02679)", refuses=no_neurons)
def solution(checkpoint: Checkpoint, *, layer: int = 0) -> Numbers:
    """How near every neuron is to the analytic solution: least IPR, greatest phase error."""
    table = neuron_table(checkpoint, layer=layer)
    alive = ~table.dead
    error = table.phase_error
    none = not alive.any()
    distance = {
        "ipr_least": None if none else float(table.ipr[alive].min()),
        "phase_error": None if error is None or none else float(np.abs(error[alive]).max()),
    }
    return Numbers(distance, table.caption)
