"""Singular values of the embeddings and of W_L, and which of their frequencies are circles."""

from __future__ import annotations

from html import escape

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.mechanism.circles import Circle
from interp.analysis.mechanism.geometry import Geometry
from interp.analysis.mechanism.singular import Spectrum
from interp.figures.template import INK, styled

_COLOUR = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")
_BESIDE = ("top center", "bottom center", "middle right", "middle left")  # of a mark, its number


def geometry(found: Geometry, title: str | None = None) -> go.Figure:
    """Left the singular values, dotted where untrained; right share and ratio of frequencies.

    A frequency that counts as a circle is a full mark, another one of the strongest is hollow. The
    dotted lines are the shares from which on it may count, one a matrix.

    Args:
        found: of the measure ``geometry``.
        title: of the figure.
    """
    figure = make_subplots(
        rows=1,
        cols=2,
        horizontal_spacing=0.12,
        subplot_titles=["singular values<br>(dotted: untrained)", "frequencies<br>(full: circles)"],
    )
    for name, colour, beside in zip(found.spectra, _COLOUR, _BESIDE, strict=False):
        figure.add_trace(_spectrum(name, found.spectra[name], colour, "solid"), row=1, col=1)
        if name in found.untrained:
            line = _spectrum(name, found.untrained[name], colour, "dot")
            figure.add_trace(line, row=1, col=1)
        circles = [one for one in found.circles if one.matrix == name]
        figure.add_trace(_frequencies(name, circles, (colour, beside)), row=1, col=2)
        if circles:
            figure.add_vline(
                x=circles[0].least_share,
                line={"color": colour, "dash": "dot", "width": 1},
                row=1,
                col=2,
            )
    figure.update_xaxes(title_text="component", row=1, col=1)
    figure.update_yaxes(title_text="of the greatest", rangemode="tozero", row=1, col=1)
    figure.update_xaxes(title_text="share of the power", rangemode="tozero", row=1, col=2)
    figure.update_yaxes(title_text="ratio of the two axes", range=[0, 1.05], row=1, col=2)
    figure.update_annotations(font_size=13)
    figure.update_layout(legend={"orientation": "h", "y": -0.2})
    words = title or f"Geometry of the embeddings of {escape(found.name)}"
    styled(figure, words, found.caption, 500)
    return figure.update_layout(margin={"t": 130})


def _spectrum(name: str, values: Spectrum, colour: str, dash: str) -> go.Scatter:
    own, greatest = dash == "solid", values.max(initial=0)
    return go.Scatter(
        x=np.arange(1, len(values) + 1, dtype=np.int32),
        y=(values / greatest if greatest > 0 else values).astype(np.float32),
        mode="lines",
        name=name,
        legendgroup=name,
        showlegend=own,
        line={"color": colour, "dash": dash, "width": 2 if own else 1},
        hovertemplate="component %{x}: %{y:.3f}<extra>"
        + (name if own else f"{name}, untrained")
        + "</extra>",
    )


def _frequencies(name: str, circles: list[Circle], look: tuple[str, str]) -> go.Scatter:
    return go.Scatter(
        x=[one.share for one in circles],
        y=[one.ratio for one in circles],
        mode="markers+text",
        name=name,
        legendgroup=name,
        showlegend=False,
        text=[str(one.frequency) for one in circles],
        textposition=look[1],
        textfont={"size": 11, "color": INK},
        marker={
            "color": look[0],
            "size": 11,
            "symbol": ["circle" if one.is_circle else "circle-open" for one in circles],
        },
        hovertemplate="frequency %{text}<br>share %{x:.3f}<br>ratio %{y:.3f}<extra>"
        + name
        + "</extra>",
    )
