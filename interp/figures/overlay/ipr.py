"""Histograms of the IPR of several runs, one over the other."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from interp.analysis.caption import ipr_words
from interp.analysis.comparison.subjects import Subject
from interp.analysis.neurons.read import neuron_table
from interp.analysis.neurons.table import NeuronTable
from interp.figures.overlay.lines import Several, band_of, finished, grouped, looks, told, traces
from interp.figures.template import INK
from interp.training.arguments import truth, whole

_NAME = "ipr_histogram"


def ipr_histograms(
    several: Several, bins: int = 50, null: bool = True, fold: bool = True
) -> go.Figure:
    """Which share of the living neurons of each run has which IPR.

    Args:
        several: runs, checkpoints or neuron tables, as a list or by name.
        bins: number of bins over [0, 1].
        null: whether to draw the shares if all curves were Gaussian noise.
        fold: whether runs that differ by seed alone are one line, their mean, with a band.

    Raises:
        ValueError: if they cannot be told apart, or have their IPR in other conventions.
    """
    edges = np.linspace(0, 1, whole(bins, "bins", least=1) + 1)
    truth(null, "null")
    found = grouped(several, _NAME, NeuronTable, fold)
    tables = {id(one): table_of(one) for one in found.members}
    first, *others = tables.values()
    for other in others:
        if (first.convention, first.r) != (other.convention, other.r):
            raise ValueError(
                f"{_NAME}: expected one IPR convention, got {_convention(first)} and "
                f"{_convention(other)}"
            )

    def curve(member: Subject) -> tuple[np.ndarray, np.ndarray] | None:
        return _places(edges), shares(tables[id(member)], edges)

    figure = go.Figure()
    for group, look in zip(found.groups, looks(found), strict=True):
        drawn = band_of(group.members, curve)
        assert drawn is not None
        hover = "IPR %{x:.2f}<br>%{y:.3f} of the living neurons"
        figure.add_traces(traces(drawn, look, True, hover))
    dead = sum(int(one.dead.sum()) for one in tables.values())
    words = [f"IPR: {_convention(first)}", f"{bins} bins", f"dead neurons left out: {dead}"]
    if null:
        words += _draw_null(figure, list(tables.values()), edges)
    figure.update_xaxes(title_text="IPR of a neuron", range=[0, 1])
    figure.update_yaxes(title_text="share of living neurons", rangemode="tozero")
    return finished(figure, "IPR of the neurons", [*told(found), *words], 460)


def table_of(member: Subject) -> NeuronTable:
    """The neurons of a run's first hidden layer, or the table that was given."""
    given = member.given
    return given if isinstance(given, NeuronTable) else neuron_table(member.checkpoint)


def shares(table: NeuronTable, edges: np.ndarray) -> np.ndarray:
    """The share of living neurons in each bin, at both of its ends."""
    counts, _ = np.histogram(table.ipr[~table.dead], edges)
    return np.repeat(counts / max(counts.sum(), 1), 2)


def _places(edges: np.ndarray) -> np.ndarray:
    """Both ends of each bin, told apart so that a step is drawn between two bins."""
    ends = np.repeat(edges, 2)[1:-1]
    ends[1:-1:2] = np.nextafter(ends[1:-1:2], 0)
    return ends


def _convention(table: NeuronTable) -> str:
    return ipr_words(table.convention, table.r)


def _draw_null(figure: go.Figure, tables: list[NeuronTable], edges: np.ndarray) -> list[str]:
    """The IPR of noise, where it is the same for all; else why it is not drawn."""
    if len({(one.task.p, one.group, one.alike) for one in tables}) > 1:
        return ["noise not drawn: its IPR is another for another task"]
    null = tables[0].null
    counts, _ = np.histogram(null.samples, edges)
    figure.add_trace(
        go.Scatter(
            x=_places(edges).astype(np.float32),
            y=np.repeat(counts / len(null.samples), 2).astype(np.float32),
            mode="lines",
            name=f"Gaussian noise (mean {null.mean:.3f})",
            line={"color": INK, "width": 1, "dash": "dot"},
            hovertemplate="%{y:.3f} expected of noise<extra></extra>",
        )
    )
    return []
