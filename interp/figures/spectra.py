"""Spectra of all neurons at once."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from analysis.classify import Classes
from analysis.neurons import NeuronTable
from analysis.spectrum import power_shares
from interp.figures.template import styled


def spectra_heatmap(table: NeuronTable, classes: Classes | None = None) -> go.Figure:
    """Share of one-sided power by frequency, a row a neuron, mean over its three curves.

    Rows are sorted by class (generalizing, memorizing, dead), then by dominant frequency.
    """
    share = power_shares(table.coefficients).mean(axis=0)
    kind = table.dead.astype(int) * 2
    if classes is not None:
        kind = np.where(classes.generalizing, 0, np.where(classes.memorizing, 1, 2))
    order = np.lexsort((table.frequency, kind))
    figure = go.Figure(
        go.Heatmap(
            z=share[order].astype(np.float32),
            colorscale="Viridis",
            zmin=0,
            zmax=1,
            customdata=np.repeat(order[:, None], share.shape[1], axis=1).astype(np.int32),
            colorbar={"title": {"text": "share<br>of power"}},
            hovertemplate="neuron %{customdata}<br>frequency %{x}<br>share %{z:.3f}<extra></extra>",
        )
    )
    if classes is not None:
        edge = np.cumsum(np.bincount(kind, minlength=3))[:2]
        for boundary in edge[(edge > 0) & (edge < len(table))]:
            figure.add_hline(y=float(boundary) - 0.5, line={"color": "white", "width": 1.5})
    figure.update_xaxes(title_text="frequency (0 is the constant)")
    words = "neurons: generalizing, memorizing, dead; by frequency" if classes else "neurons"
    figure.update_yaxes(title_text=words, autorange="reversed")
    return styled(figure, f"Spectra of all neurons of {table.name}", table.caption, height=560)
