"""A cell a pair with one of them chosen, and the neurons that add to its margin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int

from interp.analysis.memorization.pair_rows import PairTable
from interp.analysis.memorization.pair_votes import PairVotes
from interp.analysis.neurons.classify import Classes
from interp.analysis.neurons.table import NeuronTable
from interp.figures.classes import Group, Look, groups_of
from interp.figures.pair_looks import DIVERGING, OUTCOMES, grid_of, layers_of, outcomes, scale
from interp.figures.template import CLASS_COLOUR, INK, TEMPLATE
from interp.training.data.splits import PARTS
from interp.training.tasks.task import Task

SHOWN = 15  # neurons on either side
CHOSEN = 1  # the trace that frames the chosen pair
_ROW = 17  # pixels of a bar
_MARGIN = {"l": 56, "r": 16, "t": 30, "b": 104}  # plotly's buttons stand above the cells


def pair_cells(found: PairTable, name: str, chosen: int) -> go.Figure:
    """Every pair, coloured in one of the ways of :func:`layers_of`."""
    layer = layers_of(found)[name]
    return _cells(found, layer.values, layer.look, _told(found), chosen)


def neuron_cells(found: PairTable, votes: PairVotes, neuron: int, chosen: int) -> go.Figure:
    """What a neuron adds to the margin of every pair, in logits; blue is for the label."""
    values = votes.each[:, neuron]
    most = float(np.abs(values).max(initial=0)) or 1.0
    look = {**scale("", (-most, most), ""), "colorscale": DIVERGING}
    sides = votes.sides
    words = [
        f"{vote:.3g} for {a} over {b}<br>{told}"
        for vote, a, b, told in zip(values, sides.ahead, sides.behind, _told(found), strict=True)
    ]
    return _cells(found, values, look, words, chosen)


def _told(found: PairTable) -> list[str]:
    """What hovering over a cell says besides its place."""
    data = found.dataset
    parts, kinds = data.parts.argmax(axis=0), outcomes(found)
    called = _called(data.task)
    answers = ["a tie" if one < 0 else called(one) for one in found.answered]
    rows = zip(parts, kinds, data.true_label, data.given_label, answers, found.margin, strict=True)
    names = [*OUTCOMES]
    told = [
        f"{PARTS[part]}, {names[kind]}<br>true {called(true)}, given {called(given)}, "
        f"answered {answer}<br>margin {margin:.3f}"
        for part, kind, true, given, answer, margin in rows
    ]
    if data.task.operation.finite is None:
        return told
    return [
        f"{called(x)}, {called(y)}: {one}" for (x, y), one in zip(data.pairs, told, strict=True)
    ]


def _called(task: Task) -> Callable[[int], str]:
    """What an answer is called: an element of a finite group by its name, others by number."""
    elements = task.elements
    return (lambda i: elements[i]) if task.operation.finite is not None else str


def _cells(
    found: PairTable, values: np.ndarray, look: dict[str, Any], words: list[str], chosen: int
) -> go.Figure:
    p = found.dataset.task.p
    text = np.full((p, p), "", dtype=object)
    x, y = found.dataset.pairs.T
    text[y, x] = words
    bar = {**look["colorbar"], "yref": "container", "y": 0, "yanchor": "bottom", "len": 1}
    bar |= {"title": None, "tickfont": {"size": 10.5}}
    cells = go.Heatmap(
        z=grid_of(found, values),
        text=text.tolist(),
        **{**look, "colorbar": bar},
        hoverongaps=False,
        hovertemplate="(%{x}, %{y}) %{text}<extra></extra>",
        name="pairs",
    )
    frame = go.Scatter(
        x=[int(x[chosen])],
        y=[int(y[chosen])],
        mode="markers",
        hoverinfo="skip",
        showlegend=False,
        marker={"symbol": "square-open", "size": 10, "color": INK, "line": {"width": 2}},
    )
    figure = go.Figure([cells, frame])
    edges = {"range": [-0.5, p - 0.5], "constrain": "domain", "showgrid": False}
    figure.update_xaxes(title_text="first operand", constraintoward="left", **edges)
    figure.update_yaxes(
        title_text="second operand", scaleanchor="x", constraintoward="top", **edges
    )
    return figure.update_layout(
        template=TEMPLATE, margin=_MARGIN, dragmode=False, hovermode="closest"
    )


def strongest(votes: Float[np.ndarray, " neuron"]) -> Int[np.ndarray, " shown"]:
    """The neurons that add most and those that take most, greatest vote first."""
    order = np.argsort(-votes, kind="stable")
    return order if len(order) <= 2 * SHOWN else np.r_[order[:SHOWN], order[-SHOWN:]]


def pair_bars(votes: PairVotes, pair: int, table: NeuronTable, classes: Classes) -> go.Figure:
    """The strongest votes of neurons on one pair, by class."""
    each = votes.each[pair]
    order = strongest(each)
    dead = Group("dead", Look(CLASS_COLOUR["dead"], "circle", ""), classes.dead)
    figure = go.Figure()
    for group in (*groups_of(classes), dead):
        own = order[group.members[order]]
        if not len(own):
            continue
        figure.add_bar(
            orientation="h",
            y=own.astype(str).tolist(),
            x=each[own],
            name=group.name,
            customdata=[[int(i), f"{table.ipr[i]:.3f}"] for i in own],
            marker={
                "color": group.look.colour,
                "pattern": {
                    "shape": group.look.hatch,
                    "fillmode": "overlay",
                    "fgcolor": "white",
                    "solidity": 0.15,
                    "size": 6,
                },
            },
            hovertemplate="neuron %{customdata[0]}<br>IPR %{customdata[1]}<br>adds %{x:.4f}"
            f"<extra>{group.name}</extra>",
        )
    return _labelled(figure, votes, pair, order)


def _labelled(
    figure: go.Figure, votes: PairVotes, pair: int, order: Int[np.ndarray, " shown"]
) -> go.Figure:
    """Axes of the votes, a row a neuron in this order."""
    ahead, behind = votes.sides.ahead[pair], votes.sides.behind[pair]
    figure.update_xaxes(title_text=f"logits for {ahead} over {behind}", zeroline=True)
    figure.update_yaxes(
        title_text="neuron",
        type="category",
        categoryorder="array",
        categoryarray=order[::-1].astype(str).tolist(),
        dtick=1,
        tickfont={"size": 10},
        range=[-0.6, len(order) - 0.4],
    )
    below = {"orientation": "h", "y": 0, "yref": "container", "yanchor": "bottom", "x": 0}
    look = {"template": TEMPLATE, "margin": {**_MARGIN, "b": 90}, "dragmode": False}
    height = bars_height(len(order))
    return figure.update_layout(
        height=height, legend=below, barmode="overlay", bargap=0.15, showlegend=True, **look
    )


def bars_height(rows: int) -> int:
    """Pixels of the figure of so many neurons."""
    return 140 + _ROW * rows
