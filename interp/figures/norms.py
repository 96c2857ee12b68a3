"""The norm's weight of each neuron beside its IPR."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from interp.analysis.fourier.conventions import CONVENTIONS
from interp.analysis.neurons.belonging import check_classes
from interp.analysis.neurons.classify import Classes
from interp.analysis.neurons.norm_weights import norm_correlation
from interp.analysis.neurons.table import NeuronTable
from interp.figures.expected import expect
from interp.figures.template import CLASS_COLOUR, styled

_MARKER = {"memorizing": "diamond", "generalizing": "circle"}


def norm_weights(table: NeuronTable, classes: Classes | None = None) -> go.Figure:
    """IPR against |norm weight|, a point a neuron (Doshi et al. 2024, figure 5).

    Raises:
        ValueError: if the layer has no norm.
    """
    expect(table, NeuronTable)
    if classes is not None:
        check_classes(classes, table)
    found = norm_correlation(table)
    weight = np.asarray(table.norm_weight)
    groups = {"generalizing": ~table.dead}
    if classes is not None:
        groups = {"memorizing": classes.memorizing, "generalizing": classes.generalizing}
    figure = go.Figure()
    for name, members in groups.items():
        figure.add_trace(
            go.Scatter(
                x=table.ipr[members].astype(np.float32),
                y=weight[members].astype(np.float32),
                mode="markers",
                name=name if classes is not None else "neurons",
                marker={
                    "color": CLASS_COLOUR[name],
                    "symbol": _MARKER[name],
                    "size": 6,
                    "opacity": 0.7,
                },
                customdata=np.flatnonzero(members).astype(np.int32),
                hovertemplate="neuron %{customdata}<br>IPR %{x:.3f}<br>|weight| %{y:.3f}"
                f"<extra>{name}</extra>",
            )
        )
    figure.update_xaxes(title_text=f"IPR ({CONVENTIONS[table.convention].words})", range=[0, 1.02])
    figure.update_yaxes(title_text="|weight of the norm|", rangemode="tozero")
    figure.update_layout(legend={"orientation": "h", "y": -0.22})
    words = (
        f"{table.caption} · Spearman ρ = {found.rho:.2f}, "
        f"p = {found.p_value:.1g}, {found.neurons} neurons"
    )
    return styled(figure, f"Norm weight and IPR of the neurons of {table.name}", words)
