"""FFD, FCR and Gini coefficient of each matrix, beside those of its controls."""

from __future__ import annotations

from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.mechanism.compared import Compared
from interp.analysis.mechanism.sparsity import Sparsity
from interp.figures.marks import Mark
from interp.figures.template import INK, SPLIT_COLOUR, styled

_TITLES = {
    "ffd": "FFD<br>(1: flat spectrum)",
    "fcr": "FCR<br>(1: cosines and sines alike)",
    "gini": "Gini coefficient<br>(0: flat spectrum)",
}


_LOOKS = (
    Mark("network", "value", "circle", SPLIT_COLOUR["train"]),
    Mark("untrained", "untrained", "circle-open", SPLIT_COLOUR["corrupted"], 15),
    Mark("Gaussian", "gaussian", "diamond-open", INK),
)


def sparsity(found: Sparsity, title: str | None = None) -> go.Figure:
    """A panel a quantity, a line a matrix; hollow marks are the controls.

    Args:
        found: of the measure ``sparsity``.
        title: of the figure.
    """
    figure = make_subplots(
        rows=1,
        cols=len(_TITLES),
        shared_yaxes=True,
        horizontal_spacing=0.04,
        subplot_titles=list(_TITLES.values()),
    )
    for column, quantity in enumerate(_TITLES, start=1):
        rows = [row for row in found.rows if row.quantity == quantity]
        for look in _LOOKS:
            figure.add_trace(_marks(rows, look, column == 1), row=1, col=column)
    matrices = list(dict.fromkeys(row.matrix for row in found.rows))
    figure.update_xaxes(range=[-0.05, 1.05])
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_annotations(font_size=13)
    figure.update_layout(legend={"orientation": "h", "y": -0.2})
    words = title or f"Sparsity of the spectra of {escape(found.name)}"
    styled(figure, words, found.caption, 300 + 28 * len(matrices))
    return figure.update_layout(margin={"t": 130})


def _marks(rows: list[Compared], look: Mark, legend: bool) -> go.Scatter:
    return go.Scatter(
        x=[getattr(row, look.field) for row in rows],
        y=[row.matrix for row in rows],
        mode="markers",
        name=look.name,
        legendgroup=look.name,
        showlegend=legend,
        marker={
            "symbol": look.symbol,
            "color": look.colour,
            "size": look.size,
            "line": {"width": 2},
        },
        hovertemplate="%{y}: %{x:.3f}<extra>" + look.name + "</extra>",
    )
