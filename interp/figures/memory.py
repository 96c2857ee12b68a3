"""Which neurons hold which wrong label, and how many must go until it is lost."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.memorization.memory import Memory
from interp.figures.expected import expect
from interp.figures.template import CLASS_COLOUR, INK, SPLIT_COLOUR, styled

_MOST_ROWS, _MOST_CELLS = 400, 200_000  # of the heat map, which a page has to hold
_TICKS = 6
_FULL = 0.99  # quantile of |vote| that has the full colour
# Votes for the memory in the colour of memorizing neurons, those against it in the other.
_COLOURS = [
    (0.0, CLASS_COLOUR["generalizing"]),
    (0.5, "#FFFFFF"),
    (1.0, CLASS_COLOUR["memorizing"]),
]


def memory(result: Memory) -> go.Figure:
    """The vote of every neuron for every wrong label; below, labels left against neurons removed.

    Rows are the wrong examples by first operand and then given label, evenly left out where there
    are more than 400; columns the neurons by IPR, dead ones last.

    Args:
        result: from the measure ``memory``.
    """
    expect(result, Memory)
    figure = make_subplots(
        rows=2,
        cols=1,
        row_heights=[0.62, 0.38],
        vertical_spacing=0.16,
        subplot_titles=[
            "votes for the given label against the true one",
            "wrong labels left without some neurons",
        ],
    )
    rows = _shown(result)
    figure.add_trace(_votes(result, rows), row=1, col=1)
    figure.update_xaxes(title_text="neuron, by IPR", row=1, col=1)
    ticks = np.linspace(0, len(rows) - 1, min(_TICKS, len(rows))).round().astype(int)
    figure.update_yaxes(
        title_text="wrong example, by first operand",
        autorange="reversed",
        tickvals=ticks,
        ticktext=[str(one) for one in result.pairs[rows[ticks], 0]],
        row=1,
        col=1,
    )
    figure.update_xaxes(title_text="neurons removed", type="log", row=2, col=1)
    figure.update_yaxes(title_text="share left", range=[-0.03, 1.03], row=2, col=1)
    for trace in _curves(result):
        figure.add_trace(trace, row=2, col=1)
    _mark_cut(figure, result)
    figure.update_layout(legend={"orientation": "h", "y": -0.1})
    shown = f"{len(rows)} of {len(result.matrix)} wrong examples are drawn, evenly"
    about = f"{result.about} · {shown}" if len(rows) < len(result.matrix) else result.about
    return styled(figure, "Which neurons hold which wrong label", about, height=760)


def _shown(result: Memory) -> np.ndarray:
    """Numbers of the examples that are drawn, in their order."""
    order = np.lexsort((result.given, result.pairs[:, 0]))
    most = min(_MOST_ROWS, max(50, _MOST_CELLS // result.matrix.shape[1]))
    if len(order) <= most:
        return order
    return order[np.linspace(0, len(order) - 1, most).round().astype(int)]


def _votes(result: Memory, rows: np.ndarray) -> go.Heatmap:
    neurons = np.argsort(result.ipr, kind="stable")  # NaN, of the dead, last
    found = result.matrix[np.ix_(rows, neurons)]
    full = float(np.quantile(np.abs(found), _FULL)) or 1.0
    return go.Heatmap(
        z=found,
        zmin=-full,
        zmax=full,
        colorscale=_COLOURS,
        colorbar={"title": {"text": "vote"}, "len": 0.6, "y": 1, "yanchor": "top", "thickness": 14},
        name="votes",
        hovertemplate="neuron %{x} by IPR<br>row %{y}<br>vote %{z:.3g}<extra></extra>",
    )


def _mark_cut(figure: go.Figure, result: Memory) -> None:
    """A line between the two classes, where there are two."""
    if result.classes is None:
        return
    low, words = int(result.classes.memorizing.sum()), result.classes.words
    line = {"color": INK, "dash": "dash", "width": 1.2}
    figure.add_vline(x=low - 0.5, line=line, row=1, col=1)
    title = f"neuron, by IPR; dashed: {words.low} | {words.high}"
    figure.update_xaxes(title_text=title, row=1, col=1)


def _curves(result: Memory) -> list[go.Scatter]:
    removed = np.arange(1, len(result.removal.left_best))
    looks = (
        ("best first", result.removal.left_best, SPLIT_COLOUR["corrupted"], "solid"),
        ("random order", result.removal.left_random, SPLIT_COLOUR["corrupted"], "dash"),
        ("noise, best first", result.removal_null.left_best, SPLIT_COLOUR["all"], "solid"),
        ("noise, random order", result.removal_null.left_random, SPLIT_COLOUR["all"], "dash"),
    )
    return [
        go.Scatter(
            x=removed.astype(np.int32),
            y=left[1:].astype(np.float32),
            mode="lines",
            name=name,
            line={"color": colour, "dash": dash, "width": 2},
            hovertemplate="%{x} removed<br>%{y:.1%} left<extra>" + name + "</extra>",
        )
        for name, left, colour, dash in looks
    ]
