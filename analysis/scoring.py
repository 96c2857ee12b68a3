"""Accuracy and loss of every split: of a run, a checkpoint or any network."""

from __future__ import annotations

from typing import cast

from torch import nn

from interp.analysis.measure import measure
from interp.training.config.sections import LossName
from interp.training.data.dataset import Dataset
from interp.training.data.scores import Scores
from interp.training.evaluation import scores as scores_of
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.subject import Source, as_checkpoint


def scores(
    source: Source | nn.Module,
    dataset: Dataset | None = None,
    loss: LossName | None = None,
    step: int | None = None,
) -> Scores:
    """Accuracy and loss on every split, in float64.

    Args:
        source: a run or its folder, a checkpoint, or together with ``dataset`` a network: one of
            interp's or any module that maps (pair, 2) operands to (pair, p) logits. Not changed.
        dataset: what to score on; a run brings its own.
        loss: a row of the table of losses: ``mse`` against one-hot labels, ``cross_entropy``, ….
            A run brings its own, and a network of a run knows it; else ``mse``. The caption of the
            scores says which it was.
        step: which checkpoint of a run.

    Raises:
        TypeError: if the source is something else.
        ValueError: for an unknown loss or step, or a dataset of another task or none at all.
    """
    if isinstance(source, nn.Module) and not hasattr(source, "task") and dataset is not None:
        return scores_of(source, dataset, loss)
    return as_checkpoint(cast(Source, source), step, dataset, loss).scores


@measure("scores", source="Doshi et al. 2024 (arXiv 2310.13061), section 2")
def scoring(checkpoint: Checkpoint) -> Scores:
    """Accuracy and loss of every split, in float64."""
    return checkpoint.scores
