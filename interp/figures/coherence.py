"""Phase errors of the neurons, and how far their phases agree with the rule."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.mechanism.coherence import CONTROLS, WORDS, Coherence
from interp.figures.expected import expect
from interp.figures.template import CLASS_COLOUR, INK, SPLIT_COLOUR, styled

_BINS = 24


def coherence(result: Coherence) -> go.Figure:
    """How many neurons have which phase error; below, the coherence beside its controls.

    Args:
        result: from the measure ``coherence``.
    """
    expect(result, Coherence)
    known = result.error[np.isfinite(result.error)]
    counts, edges = np.histogram(known, bins=_BINS, range=(-np.pi, np.pi))
    figure = make_subplots(
        rows=2,
        cols=1,
        vertical_spacing=0.24,
        subplot_titles=["phase error of each neuron", "coherence; hollow: controls"],
    )
    figure.add_trace(
        go.Bar(
            x=(edges[:-1] + edges[1:]) / 2 / np.pi,
            y=counts,
            marker={"color": SPLIT_COLOUR["train"]},
            name="neurons",
            showlegend=False,
            hovertemplate="%{x:.2f} π<br>%{y} neurons<extra></extra>",
        ),
        row=1,
        col=1,
    )
    expected = len(known) / _BINS
    words = {"text": "phases at random", "font_size": 11, "bgcolor": "rgba(255,255,255,0.8)"}
    line = {"color": INK, "dash": "dash", "width": 1.2}
    figure.add_hline(y=expected, line=line, row=1, col=1, annotation=words)
    figure.update_xaxes(title_text="phase error / π", row=1, col=1)
    figure.update_yaxes(title_text="neurons", row=1, col=1)
    for control in (False, True):
        figure.add_trace(_marks(result, control), row=2, col=1)
    figure.update_xaxes(title_text="coherence", range=[-1.05, 1.05], row=2, col=1)
    figure.update_yaxes(autorange="reversed", tickfont={"size": 11}, row=2, col=1)
    figure.update_layout(title={"x": 0.02, "xref": "container"})
    return styled(figure, "Phases and the rule", f"{result.caption} · {result.name}", height=640)


def _marks(result: Coherence, control: bool) -> go.Scatter:
    there = {
        which: one
        for which, one in result.agreement.items()
        if (which in CONTROLS) is control and one.coherence is not None
    }
    return go.Scatter(
        x=[one.coherence for one in there.values()],
        y=[WORDS[which].split(":")[0] for which in there],
        mode="markers",
        showlegend=False,
        marker={
            "size": 10,
            "symbol": "diamond-open" if control else "circle",
            "color": CLASS_COLOUR["dead"] if control else SPLIT_COLOUR["train"],
        },
        customdata=[[one.square, one.near] for one in there.values()],
        hovertemplate="%{y}<br>coherence %{x:.3f}<br>mean e² %{customdata[0]:.3f}"
        "<br>|e| < π/4 %{customdata[1]:.3f}<extra></extra>",
    )
