"""One neuron: its three curves and their spectra."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.neurons.curves import check_neuron
from interp.analysis.neurons.table import CURVES, NeuronTable
from interp.figures.block_words import HOVERED
from interp.figures.coset_order import CosetOrder, coset_order, means
from interp.figures.expected import expect
from interp.figures.template import CLASS_COLOUR, INK, styled
from interp.training.tasks.groups import GROUPS


def neuron_curves(table: NeuronTable, neuron: int) -> go.Figure:
    """A neuron's curves over the group's elements, its dominant wave, and its spectra.

    In a group that is not cyclic elements stand coset by coset, of the largest subgroup on whose
    cosets the curve is constant, or of its irrep's kernel; else in the order of the group.

    Raises:
        ValueError: if there is no such neuron.
    """
    expect(table, NeuronTable)
    check_neuron(table, neuron)
    figure = make_subplots(
        rows=3,
        cols=2,
        column_widths=[0.58, 0.42],
        horizontal_spacing=0.11,
        vertical_spacing=0.09,
        shared_xaxes="columns",
    )
    in_legend: set[str] = set()
    for row, name in enumerate(CURVES, start=1):
        order = _order(table, row - 1, neuron)
        for trace in _curve(table, row - 1, neuron, order):
            first = trace.legendgroup not in in_legend
            figure.add_trace(trace.update(showlegend=first), row=row, col=1)
            in_legend.add(trace.legendgroup)
        if order.words:
            _say(figure, order.words, row)
        figure.add_trace(_spectrum(table, row - 1, neuron), row=row, col=2)
        figure.update_yaxes(title_text=name, row=row, col=1)
        figure.update_yaxes(title_text="share of power", range=[0, 1.02], row=row, col=2)
    figure.update_xaxes(title_text=GROUPS[table.group].axis, row=3, col=1)
    figure.update_xaxes(title_text=table.block, row=3, col=2)
    figure.update_layout(legend={"orientation": "h", "y": -0.12})
    return styled(
        figure,
        f"Neuron {neuron} of {table.name}: {_words(table, neuron)}",
        table.caption,
        height=620,
    )


def _order(table: NeuronTable, curve: int, neuron: int) -> CosetOrder:
    if table.is_cyclic:
        elements = np.arange(table.lengths[curve])
        return CosetOrder(elements, np.zeros_like(elements))
    return coset_order(table, curve, neuron)


def _say(figure: go.Figure, words: str, row: int) -> None:
    """Above a panel on the left."""
    place = {"x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom", "font_size": 10}
    axes = {"xref": "x domain", "yref": "y domain", "row": row, "col": 1}
    figure.add_annotation(text=words, showarrow=False, **place, **axes)


def _curve(table: NeuronTable, curve: int, neuron: int, order: CosetOrder) -> list[go.Scatter]:
    """The weights over the group's elements, and their component at the dominant frequency."""
    at, element = order.elements, np.arange(table.lengths[curve], dtype=np.int32)
    frequency = int(table.shown_frequency[curve, neuron])
    which = f"frequency {frequency}" if table.is_cyclic else f"{table.block_names[frequency]}"
    own = table.ordered[curve][neuron][at]
    weights = go.Scatter(
        x=element,
        y=own.astype(np.float32),
        mode="markers" if order.words else "lines+markers",
        name="weight",
        marker={"size": 4},
        line={"color": CLASS_COLOUR["generalizing"], "width": 1},
        legendgroup="weight",
        **_named(table, order),
    )
    wave = go.Scatter(
        x=element,
        y=_wave(table, curve, neuron, frequency)[at].astype(np.float32),
        mode="lines",
        name=f"its component at {which}",
        legendgroup="wave",
        line={"color": "#D55E00", "width": 1.5, "dash": "dot"},
    )
    return [weights, wave, *([means(order, own)] if order.words else [])]


def _named(table: NeuronTable, order: CosetOrder) -> dict[str, Any]:
    """What hovering says of each element; its number in a cyclic group."""
    if table.is_cyclic:
        return {}
    names = [table.task.elements[one] for one in order.elements]
    if order.words:
        names = [f"{one}, coset {i}" for one, i in zip(names, order.coset, strict=True)]
    return {"text": names, "hoverinfo": "text+y"}


def _spectrum(table: NeuronTable, curve: int, neuron: int) -> go.Bar:
    shares, block = table.curve_shares[curve][neuron], table.block
    return go.Bar(
        x=np.arange(len(shares), dtype=np.int32),
        y=shares.astype(np.float32),
        name="share of power",
        marker_color=INK,
        showlegend=False,
        text=None if table.is_cyclic else table.block_names,
        textposition=None if table.is_cyclic else "none",
        hovertemplate=f"{block} {HOVERED[block]}<br>%{{y:.3f}} of the power<extra></extra>",
    )


def _wave(table: NeuronTable, curve: int, neuron: int, frequency: int) -> np.ndarray:
    """The curve's component at one frequency or irrep, over the group's elements."""
    basis = table.basis
    if basis is not None:
        part = basis.matrix[:, basis.block == frequency]
        return np.asarray(part @ (part.T @ table.ordered[curve][neuron]))
    spectrum = table.coefficients[curve][neuron]
    kept = np.zeros_like(spectrum)
    kept[frequency] = spectrum[frequency]
    wave: np.ndarray = np.fft.irfft(kept, n=table.lengths[curve])
    return wave


def _words(table: NeuronTable, neuron: int) -> str:
    if table.dead[neuron]:
        return "dead, no power"
    words = f"IPR {table.ipr[neuron]:.3f}"
    if table.phase_error is not None:
        sign = "+" if table.task.operation.second_sign == 1 else "−"
        words += f", a {sign} b − c = {table.phase_error[neuron]:+.2f} rad"
    return words
