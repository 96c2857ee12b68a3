"""IPR of every neuron over training."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from interp.analysis.neurons.classify import Classes
from interp.analysis.trajectory.ipr_history import Dynamics
from interp.figures.above import make_room, mark_interval
from interp.figures.classes import HIGH, Group, groups_of
from interp.figures.expected import expect
from interp.figures.template import INK, styled


def ipr_dynamics(history: Dynamics, classes: Classes | None = None) -> go.Figure:
    """IPR against step (log axis), a thin line a neuron, one trace a class; the mean in black.

    Args:
        history: from :func:`interp.analysis.trajectory.ipr_history.dynamics`.
        classes: of the last checkpoint; colours the lines.
    """
    expect(history, Dynamics)
    if classes is not None:
        expect(classes, Classes)
    if classes is not None and len(classes.dead) != history.ipr.shape[1]:
        expected = f"classes: expected those of the run's {history.ipr.shape[1]} neurons"
        raise ValueError(f"{expected}, got {len(classes.dead)}")
    drawn = history.steps > 0
    steps = history.steps[drawn]
    figure = go.Figure()
    everyone = np.ones(history.ipr.shape[1], dtype=bool)
    groups = [Group("neurons", HIGH, everyone)] if classes is None else groups_of(classes)
    values = history.ipr[drawn]
    figure.add_traces([_lines(one, steps, values[:, one.members]) for one in groups])
    figure.add_trace(
        go.Scatter(
            x=steps.astype(np.int32),
            y=history.mean_ipr[drawn].astype(np.float32),
            mode="lines+markers",
            name="mean IPR",
            line={"color": INK, "width": 2.5},
            hovertemplate="step %{x}<br>mean IPR %{y:.3f}<extra></extra>",
        )
    )
    marks = {"grokked": history.grokked, "unlearned": history.unlearned}
    there = {words: interval for words, interval in marks.items() if interval is not None}
    for place, (words, interval) in enumerate(there.items()):
        mark_interval(figure, interval, words, place)
    figure.update_xaxes(title_text="step", type="log")
    figure.update_yaxes(title_text="IPR of a neuron", range=[0, 1.02])
    figure.update_layout(legend={"orientation": "h", "y": -0.22})
    styled(figure, "IPR over training", history.caption, height=460)
    return make_room(figure, len(there)) if there else figure


def _lines(group: Group, steps: np.ndarray, values: np.ndarray) -> go.Scatter:
    """IPRs (step, neuron) as one trace of many lines, with a gap after each neuron."""
    lines = np.full((values.shape[1], len(steps) + 1), np.nan, dtype=np.float32)
    lines[:, :-1] = values.T
    return go.Scatter(
        x=np.tile(np.append(steps, steps[-1:]), len(lines)).astype(np.int32),
        y=lines.ravel(),
        mode="lines",
        name=f"{group.name} ({len(lines)})",
        opacity=0.35,
        line={"color": group.look.colour, "width": 0.8},
        hoverinfo="skip",
    )
