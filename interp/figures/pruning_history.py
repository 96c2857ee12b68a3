"""Pruning curves of many checkpoints, as a heat map."""

from __future__ import annotations

from typing import cast

import numpy as np
import plotly.graph_objects as go

from interp.analysis.trajectory.pruning_history import CheckpointCurves
from interp.figures.template import styled
from interp.training.arguments import word
from interp.training.data.splits import SPLITS, Split


def pruning_history(found: CheckpointCurves, split: Split = "test") -> go.Figure:
    """Accuracy of a split by step and number of neurons pruned from the lowest IPR.

    Args:
        found: from the measure ``pruning_history``.
        split: whose accuracy.
    """
    accuracy = found.accuracy[:, SPLITS.index(cast(Split, word(split, SPLITS, "split")))]
    figure = go.Figure(
        go.Heatmap(
            z=accuracy.astype(np.float32),
            x=np.arange(accuracy.shape[1], dtype=np.int32),
            y=[str(step) for step in found.steps],
            zmin=0,
            zmax=1,
            colorscale="Viridis",
            colorbar={"title": {"text": f"{split} accuracy", "side": "right"}},
            hovertemplate="step %{y}<br>%{x} pruned<br>accuracy %{z:.3f}<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="neurons pruned, lowest IPR first")
    figure.update_yaxes(title_text="step", type="category")
    height = 200 + 22 * max(len(found.steps), 8)
    return styled(figure, f"Pruning over training: {split} accuracy", found.caption, height)
