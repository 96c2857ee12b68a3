"""On cosets of subgroups of which order the neurons are constant."""

from __future__ import annotations

from collections import Counter

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.mechanism.cosets import CURVES, Cosets
from interp.analysis.neurons.table import CURVES as WORDS
from interp.figures.expected import expect
from interp.figures.template import CLASS_COLOUR, styled


def cosets(result: Cosets) -> go.Figure:
    """A panel a curve: how many neurons are constant on cosets of subgroups of each order.

    Order 1 is a curve that is constant on no cosets. Hollow marks are random curves with the same
    power in each irrep.

    Args:
        result: from the measure ``cosets``.
    """
    expect(result, Cosets)
    found = {which: result.sizes(which).orders for which in CURVES}
    null = {which: result.null_sizes(which).orders for which in CURVES}
    orders = np.unique(np.concatenate([*found.values(), *null.values(), [1.0]]))
    figure = make_subplots(
        rows=len(CURVES),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.1,
        subplot_titles=WORDS,
    )
    labels = [f"{order:g}" for order in orders]
    for row, which in enumerate(CURVES, start=1):
        names = [_names(result, which, order) for order in orders]
        bars = _bars(labels, _shares(found[which], orders), names)
        for trace in (bars, _marks(labels, _shares(null[which], orders))):
            figure.add_trace(trace.update(showlegend=row == 1), row=row, col=1)
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=labels)
    figure.update_xaxes(title_text="order of the largest subgroup", row=len(CURVES), col=1)
    figure.update_yaxes(title_text="share", rangemode="tozero", matches="y")
    figure.update_annotations(font_size=13)
    figure.update_layout(legend={"orientation": "h", "y": -0.14})
    return styled(figure, "Constant on cosets", f"{result.about} · {result.name}", height=620)


def _bars(labels: list[str], shares: np.ndarray, names: list[str]) -> go.Bar:
    return go.Bar(
        x=labels,
        y=shares,
        name="neurons",
        legendgroup="neurons",
        marker_color=CLASS_COLOUR["generalizing"],
        customdata=names,
        hovertemplate="order %{x}: %{y:.3f} of the neurons<br>%{customdata}<extra></extra>",
    )


def _marks(labels: list[str], shares: np.ndarray) -> go.Scatter:
    return go.Scatter(
        x=labels,
        y=shares,
        mode="markers",
        cliponaxis=False,
        name="random curves of the same irreps",
        legendgroup="null",
        marker={"symbol": "diamond-open", "size": 11, "color": "#D55E00"},
        hovertemplate="order %{x}: %{y:.3f} of random curves<extra></extra>",
    )


def _shares(found: np.ndarray, orders: np.ndarray) -> np.ndarray:
    count = (found == orders[:, None]).sum(axis=1)
    return np.asarray(count / max(len(found), 1))


def _names(result: Cosets, which: str, order: float) -> str:
    """How many neurons have which subgroup of an order."""
    if order == 1:
        return "on no cosets"
    chosen = result.curves[which].subgroup[result.alive]
    count = Counter(result.subgroups.names[at] for at in chosen)
    own = set(np.array(result.subgroups.names)[result.subgroups.orders == order])
    return ", ".join(f"{name}: {count[name]}" for name in sorted(own) if count[name])
