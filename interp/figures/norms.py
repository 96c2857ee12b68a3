"""The norm's weight of each neuron beside its IPR."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from interp.analysis.fourier.conventions import CONVENTIONS
from interp.analysis.neurons.belonging import check_classes
from interp.analysis.neurons.classify import Classes
from interp.analysis.neurons.norm_weights import norm_correlation
from interp.analysis.neurons.table import NeuronTable
from interp.figures.classes import HIGH, Group, groups_of
from interp.figures.expected import expect
from interp.figures.template import styled


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
    groups = [Group("neurons", HIGH, ~table.dead)] if classes is None else groups_of(classes)
    figure = go.Figure()
    for group in groups:
        figure.add_trace(
            go.Scatter(
                x=table.ipr[group.members].astype(np.float32),
                y=weight[group.members].astype(np.float32),
                mode="markers",
                name=group.name,
                marker={
                    "color": group.look.colour,
                    "symbol": group.look.marker,
                    "size": 6,
                    "opacity": 0.7,
                },
                customdata=np.flatnonzero(group.members).astype(np.int32),
                hovertemplate="neuron %{customdata}<br>IPR %{x:.3f}<br>|weight| %{y:.3f}"
                f"<extra>{group.name}</extra>",
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
