"""Spectra of all neurons at once."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from interp.analysis.neurons.belonging import check_classes
from interp.analysis.neurons.classify import Classes
from interp.analysis.neurons.table import NeuronTable
from interp.figures.block_words import axis_title
from interp.figures.expected import expect
from interp.figures.template import styled


def spectra_heatmap(table: NeuronTable, classes: Classes | None = None) -> go.Figure:
    """Share of one-sided power by frequency, a row a neuron, mean over its three curves.

    Where answers have frequencies of their own, the mean is over the two curves over operands.
    Rows are sorted by class (above the threshold, below it, dead), then by dominant frequency.
    """
    expect(table, NeuronTable)
    if classes is not None:
        check_classes(classes, table)
    share = table.shares
    kind = _kind(table, classes)
    order = spectra_order(table, classes)
    figure = go.Figure(
        go.Heatmap(
            z=share[order].astype(np.float32),
            colorscale="Viridis",
            zmin=0,
            zmax=1,
            text=np.repeat(order[:, None], share.shape[1], axis=1).astype(np.int32),
            **_hover(table),
            colorbar={"title": {"text": "share of power", "side": "right"}},
        )
    )
    if classes is not None:
        edge = np.cumsum(np.bincount(kind, minlength=3))[:2]
        for boundary in edge[(edge > 0) & (edge < len(table))]:
            figure.add_hline(y=float(boundary) - 0.5, line={"color": "white", "width": 1.5})
    over = "" if table.alike else " of the curves over operands"
    figure.update_xaxes(title_text=axis_title(table.block, over))
    words = "neurons"
    if classes is not None:
        words += f": {classes.words.high}, {classes.words.low}, dead; by {table.block}"
    figure.update_yaxes(title_text=words, autorange="reversed")
    return styled(figure, f"Spectra of all neurons of {table.name}", table.caption, height=560)


def _hover(table: NeuronTable) -> dict[str, object]:
    """What a cell says: its neuron, its frequency or the name of its irrep, and its share."""
    if table.is_cyclic:
        words = "neuron %{text}<br>frequency %{x}<br>share %{z:.3f}<extra></extra>"
        return {"hovertemplate": words}
    names = np.repeat(np.array([table.block_names]), len(table), axis=0)
    words = "neuron %{text}<br>irrep %{x}: %{customdata}<br>share %{z:.3f}<extra></extra>"
    return {"customdata": names, "hovertemplate": words}


def spectra_order(table: NeuronTable, classes: Classes | None = None) -> np.ndarray:
    """The neuron of each row of :func:`spectra_heatmap`, from the top."""
    return np.lexsort((table.frequency, _kind(table, classes)))


def _kind(table: NeuronTable, classes: Classes | None) -> np.ndarray:
    """0 for the rows at the top, 2 for those at the bottom."""
    if classes is None:
        return table.dead.astype(int) * 2
    return np.where(classes.generalizing, 0, np.where(classes.memorizing, 1, 2))
