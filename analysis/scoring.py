"""Scores as a measure: accuracy and loss of every split at a checkpoint."""

from __future__ import annotations

from interp.analysis.measure import measure
from interp.training.data.scores import Scores
from interp.training.runs.checkpoint import Checkpoint


@measure("scores", source="Doshi et al. 2024 (arXiv 2310.13061), section 2")
def scoring(checkpoint: Checkpoint) -> Scores:
    """Accuracy and loss of every split, in float64."""
    return checkpoint.scores
