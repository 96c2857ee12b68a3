"""Scores of several networks, or parts of one, a row each, with the controls hollow."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.mechanism.filtration import Filtration
from interp.analysis.mechanism.scored import Scored
from interp.figures.expected import expect
from interp.figures.template import FAINT, SPLIT_COLOUR, SPLIT_DASH, styled
from interp.training.data.splits import Split

_SHOWN: tuple[Split, ...] = ("clean", "corrupted", "test")
_LABEL = 26  # characters of a line of a label
_TITLES = {
    "Filtration": "Frequency filtration",
    "Progress": "Restricted and excluded logits",
    "Swap": "x² in place of the activation function",
}


def scored(result: Scored) -> go.Figure:
    """Accuracy on clean, corrupted and test examples of each; hollow marks are controls.

    Args:
        result: from the measure ``progress`` or ``activation_swap``, say.
    """
    expect(result, Scored)
    figure = go.Figure(list(_rows(result)))
    _accuracy_axis(figure)
    title = _TITLES.get(type(result).__name__, type(result).__name__)
    return styled(figure, title, _caption(result), height=_height(result))


def filtration(result: Filtration) -> go.Figure:
    """As :func:`scored`; below it, the scores when more blocks are kept.

    Args:
        result: from the measure ``filtration``.
    """
    expect(result, Filtration)
    if not result.strength:
        return scored(result)
    above, below = _height(result) - 160, 260
    figure = make_subplots(
        rows=2,
        cols=1,
        row_heights=[above, below],
        vertical_spacing=110 / (above + below + 200),
        subplot_titles=["one network a row; hollow: controls", "more blocks kept"],
    )
    for trace in _rows(result):
        figure.add_trace(trace, row=1, col=1)
    for trace in _strength(result):
        figure.add_trace(trace, row=2, col=1)
    _accuracy_axis(figure)
    figure.update_yaxes(autorange=True, title_text="accuracy", row=2, col=1)
    figure.update_xaxes(
        title_text="blocks kept", type="log", range=None, autorange=True, row=2, col=1
    )
    figure.update_xaxes(tickvals=list(result.strength), row=2, col=1)
    return styled(figure, _TITLES["Filtration"], _caption(result), height=above + below + 200)


def _rows(result: Scored) -> Iterator[go.Scatter]:
    """A trace a split; those of controls by themselves."""
    for split in _SHOWN:
        for control in (False, True):
            there = {
                which: scores[split].accuracy
                for which, scores in result.scores.items()
                if result.is_control(which) is control and scores[split].accuracy is not None
            }
            # All rows keep their order, also where a split has none of them.
            yield go.Scatter(
                x=list(there.values()),
                y=[_label(result, which) for which in there],
                mode="markers",
                name=split,
                legendgroup=split,
                showlegend=not control and bool(there),
                marker={
                    "size": 14 if control else 10,
                    "color": SPLIT_COLOUR[split],
                    "symbol": "diamond-open" if control else "circle",
                    "line": {"width": 2 if control else 0},
                },
                customdata=list(there),
                hovertemplate=f"%{{customdata}}<br>{split} accuracy %{{x:.4f}}<extra></extra>",
            )


def _strength(result: Filtration) -> Iterator[go.Scatter]:
    kept = list(result.strength)
    dashes = {"g": SPLIT_DASH["train"], "r": "dash", "random": "dot"}
    names = {"g": "G-net", "r": "R-net", "random": "random blocks"}
    for net, dash in dashes.items():
        for split in ("test", "corrupted"):
            rows = [result.strength[keep][net].by_split[split].accuracy for keep in kept]
            yield go.Scatter(
                x=kept,
                y=rows,
                mode="lines+markers",
                name=f"{split}, {names[net]}",
                line={"color": SPLIT_COLOUR[split], "dash": dash},
                marker={"size": 5},
                hovertemplate=f"%{{x}} kept<br>%{{y:.4f}}<extra>{split}, {names[net]}</extra>",
            )


def _accuracy_axis(figure: go.Figure) -> None:
    figure.update_xaxes(title_text="accuracy", range=[-0.03, 1.03])
    figure.update_yaxes(autorange="reversed", gridcolor=FAINT, tickfont={"size": 11})
    figure.update_layout(legend={"orientation": "h", "y": -0.12}, showlegend=True)
    # Beside labels of any length, the caption has the whole width.
    figure.update_layout(title={"x": 0.02, "xref": "container"})


def _label(result: Scored, which: str) -> str:
    return "<br>".join(wrap(result.words(result.beside(which)), _LABEL))


def _height(result: Scored) -> int:
    labels = {_label(result, which) for which in result.scores}
    lines = max(label.count("<br>") + 1 for label in labels)
    return 200 + len(labels) * (10 + 13 * lines)


def _caption(result: Scored) -> str:
    hollow = " · hollow: controls" if any(map(result.is_control, result.scores)) else ""
    return f"{result.caption} · {result.name}{hollow}"
