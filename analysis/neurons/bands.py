"""Neurons counted in bands of IPR, as the reference outcomes are."""

from __future__ import annotations

import numpy as np

from interp.analysis.measure import measure
from interp.analysis.neurons.read import neuron_table, no_neurons
from interp.analysis.numbers import Numbers
from interp.training.runs.checkpoint import Checkpoint

LOW, HIGH = 0.15, 0.40  # bounds of the bands that the reference outcomes count neurons in


@measure("bands", source="Doshi et al. 2024 (arXiv 2310.13061), figure 4", refuses=no_neurons)
def bands(checkpoint: Checkpoint, *, layer: int = 0) -> Numbers:
    """Shares of neurons with an IPR below 0.15, between, and above 0.40."""
    table = neuron_table(checkpoint, layer=layer)
    ipr = np.where(table.dead, 0, table.ipr)
    shares = {
        "share_low": float((ipr < LOW).mean()),
        "share_middle": float(((ipr >= LOW) & (ipr <= HIGH)).mean()),
        "share_high": float((ipr > HIGH).mean()),
    }
    return Numbers(shares, table.caption)
