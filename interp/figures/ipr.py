"""Histogram of the neurons' IPR."""

from __future__ import annotations

from typing import cast

import numpy as np
import plotly.graph_objects as go

from interp.analysis.caption import ipr_words
from interp.analysis.neurons.belonging import check_classes
from interp.analysis.neurons.classify import Classes
from interp.analysis.neurons.table import NeuronTable
from interp.figures.above import above
from interp.figures.classes import HIGH, Group, groups_of
from interp.figures.expected import expect
from interp.figures.overlay.lines import Several, check_alone, is_several
from interp.figures.template import INK, styled
from interp.training.arguments import truth, whole


def ipr_histogram(
    table: NeuronTable | Several,
    classes: Classes | None = None,
    bins: int = 50,
    null: bool = True,
    fold: bool = True,
) -> go.Figure:
    """How many neurons have which IPR, with the threshold and the IPR of noise drawn in.

    Of several runs, lines one over the other: the share of living neurons in each bin, named by
    what differs; runs that differ by seed alone are their mean, with a band from least to greatest.

    Args:
        table: the neurons; or several runs, checkpoints or tables, as a list or by name.
        classes: of one table, colours the bars by class and marks the threshold.
        bins: number of bins over [0, 1].
        null: whether to draw the expected counts if all curves were Gaussian noise.
        fold: of several, whether those that differ by seed alone are one line.

    Raises:
        ValueError: if several cannot be told apart, or have their IPR in other conventions.
    """
    if is_several(table):
        if classes is not None:
            raise ValueError("classes: expected beside one neuron table, got some beside several")
        from interp.figures.overlay.ipr import ipr_histograms

        return ipr_histograms(cast(Several, table), bins, null, fold)
    check_alone(fold)
    table = expect(table, NeuronTable)
    truth(null, "null")
    if classes is not None:
        check_classes(classes, table)
    bins = whole(bins, "bins", least=1)
    edges = np.linspace(0, 1, bins + 1)
    figure = go.Figure()
    groups = [Group("all neurons", HIGH, ~table.dead)] if classes is None else groups_of(classes)
    figure.add_traces([_bars(one, table.ipr[one.members], edges) for one in groups])
    if null and table.elements > 1:
        figure.add_trace(_null_line(table, edges))
    if classes is not None:
        _mark(figure, classes)
    figure.update_layout(
        barmode="stack", bargap=0, legend={"x": 0.99, "xanchor": "right", "y": 0.98}
    )
    convention = ipr_words(table.convention, table.r)
    dead = f", {int(table.dead.sum())} dead not shown" if table.dead.any() else ""
    figure.update_xaxes(title_text=f"IPR of a neuron ({convention})", range=[0, 1])
    figure.update_yaxes(title_text=f"neurons (of {len(table)}{dead})")
    return styled(figure, f"IPR of the neurons of {table.name}", table.caption)


def _bars(group: Group, values: np.ndarray, edges: np.ndarray) -> go.Bar:
    """How many values lie in each bin; hatched for neurons below the threshold."""
    counts, _ = np.histogram(values, edges)
    bins = len(edges) - 1
    pattern = {
        "shape": group.look.hatch,
        "fillmode": "overlay",
        "fgcolor": "white",
        "solidity": 0.15,
        "size": 6,
    }
    return go.Bar(
        x=((edges[1:] + edges[:-1]) / 2).astype(np.float32),
        y=counts.astype(np.int32),
        name=f"{group.name} ({len(values)})",
        width=1 / bins,
        marker={
            "color": group.look.colour,
            "line": {"color": "white", "width": 0.5},
            "pattern": pattern,
        },
        hovertemplate=f"IPR %{{x:.2f}} ± {0.5 / bins:.2f}<br>%{{y}} neurons"
        f"<extra>{group.name}</extra>",
    )


def _mark(figure: go.Figure, classes: Classes) -> None:
    """A line at the threshold, with the rule that gave it."""
    words = {
        "text": f"threshold {classes.threshold:.3f} · {classes.rule}",
        **above(classes.threshold),
    }
    line = {"color": INK, "dash": "dash", "width": 1.5}
    figure.add_vline(x=classes.threshold, line=line, annotation=words)


def _null_line(table: NeuronTable, edges: np.ndarray) -> go.Scatter:
    null = table.null
    counts, _ = np.histogram(null.samples, edges)
    expected = counts / len(null.samples) * int((~table.dead).sum())
    return go.Scatter(
        x=np.repeat(edges, 2)[1:-1].astype(np.float32),
        y=np.repeat(expected, 2).astype(np.float32),
        name=f"Gaussian noise (mean {null.mean:.3f})",
        mode="lines",
        line={"color": INK, "width": 1, "dash": "dot"},
        hovertemplate="%{y:.1f} neurons expected of noise<extra></extra>",
    )
