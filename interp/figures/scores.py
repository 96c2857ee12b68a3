"""Scores of the splits: of one network, and of one before and after pruning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from interp.analysis.ablation.band import band_words
from interp.analysis.ablation.by_class import Pruning
from interp.figures.template import CLASS_COLOUR, INK, SPLIT_COLOUR, styled
from interp.training.data.scores import Scores
from interp.training.data.splits import SPLITS


def scores(found: Scores) -> go.Figure:
    """Accuracy of each split, a bar each; the label tells the loss."""
    there = [(split, score) for split, score in found.items() if score.accuracy is not None]
    figure = go.Figure(
        go.Bar(
            x=[split for split, _ in there],
            y=[score.accuracy for _, score in there],
            marker={"color": [SPLIT_COLOUR[split] for split, _ in there]},
            customdata=[score.loss for _, score in there],
            hovertemplate="%{x}<br>accuracy %{y:.4f}<br>loss %{customdata:.4g}<extra></extra>",
        )
    )
    figure.update_yaxes(title_text="accuracy", range=[-0.03, 1.03])
    return styled(figure, "Scores", found.caption)


def before_after(result: Pruning) -> go.Figure:
    """Accuracy before and after pruning, and the random control with its band."""
    there = [split for split in SPLITS if result.before[split].accuracy is not None]
    control = [result.control[split]["accuracy"] for split in there]
    mean, high, low = (
        np.array([one[end] for one in control], dtype=float) for end in ("mean", "high", "low")
    )
    figure = go.Figure(
        [
            _bars("before", there, [result.before[s].accuracy for s in there], INK),
            _bars(
                "after",
                there,
                [result.after[s].accuracy for s in there],
                CLASS_COLOUR["generalizing"],
            ),
            _bars("random control", there, mean, CLASS_COLOUR["dead"]),
        ]
    )
    figure.data[2].error_y = {
        "array": high - mean,
        "arrayminus": mean - low,
    }
    figure.update_layout(barmode="group", legend={"orientation": "h", "y": -0.18})
    figure.update_yaxes(title_text="accuracy", range=[-0.03, 1.03])
    words = f"{result.about} · control: {result.draws} random prunings, "
    words += band_words(result.draws)
    title = f"{result.pruned} of {result.kept + result.pruned} neurons pruned"
    return styled(figure, title, words)


def _bars(
    name: str, splits: Sequence[str], values: Sequence[float | None] | np.ndarray, colour: str
) -> go.Bar:
    return go.Bar(
        x=splits,
        y=values,
        name=name,
        marker={"color": colour},
        hovertemplate="%{x}<br>accuracy %{y:.4f}<extra>" + name + "</extra>",
    )
