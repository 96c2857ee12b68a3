"""Pre-memorization accuracy by its threshold, beside what is known without it."""

from __future__ import annotations

import plotly.graph_objects as go

from interp.analysis.memorization.pre_memorization import PreMemorization
from interp.figures.expected import expect
from interp.figures.template import CLASS_COLOUR, SPLIT_COLOUR, styled
from interp.training.data.splits import Split

_PARTS: dict[str, tuple[str, Split]] = {
    "all": ("score, all examples", "train"),
    "clean": ("score, right labels", "clean"),
    "wrong": ("score, wrong labels", "corrupted"),
}
# Of the newest network: what the score is to predict, and what is known without any history.
_CONTROLS = {
    "test_accuracy": ("test accuracy", "solid", SPLIT_COLOUR["test"]),
    "answers_truth": ("answers the truth at the end", "dash", CLASS_COLOUR["dead"]),
    "train_accuracy": ("train accuracy", "dot", CLASS_COLOUR["dead"]),
    "mean_ipr": ("mean IPR", "dashdot", CLASS_COLOUR["generalizing"]),
}


def pre_memorization(result: PreMemorization) -> go.Figure:
    """Mean score of all, clean and wrong training examples against τ; level lines are controls.

    Args:
        result: from the measure ``pre_memorization``.
    """
    expect(result, PreMemorization)
    taus = sorted(result.means)
    figure = go.Figure()
    for part, (name, split) in _PARTS.items():
        found = [result.means[tau][part] for tau in taus]
        if None in found:
            continue
        figure.add_trace(
            go.Scatter(
                x=taus,
                y=found,
                mode="lines+markers",
                name=name,
                line={"color": SPLIT_COLOUR[split]},
                hovertemplate=f"τ %{{x:g}}<br>%{{y:.3f}}<extra>{name}</extra>",
            )
        )
    for control, (name, dash, colour) in _CONTROLS.items():
        value = result.controls[control]
        if value is not None:
            figure.add_trace(
                go.Scatter(
                    x=[taus[0], taus[-1]],
                    y=[value, value],
                    mode="lines",
                    name=name,
                    line={"color": colour, "dash": dash, "width": 2},
                    hovertemplate=f"%{{y:.3f}}<extra>{name}</extra>",
                )
            )
    figure.update_xaxes(title_text=f"τ, {result.value} of the given label")
    figure.update_yaxes(title_text="share, or mean IPR", range=[-0.03, 1.03])
    figure.update_layout(legend={"orientation": "h", "y": -0.22}, showlegend=True)
    return styled(figure, "Pre-memorization accuracy", result.caption, 480)
