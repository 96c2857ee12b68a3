"""Spectra of the embeddings of several runs, one over the other: a panel a matrix."""

from __future__ import annotations

from typing import Literal

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.comparison.spread import Curve
from interp.analysis.comparison.subjects import Subject
from interp.analysis.neurons.embedding import EmbeddingTable, embedding_table
from interp.figures.block_words import axis_title
from interp.figures.overlay.lines import Several, band_of, finished, grouped, looks, told, traces
from interp.figures.template import INK

_NAME = "embedding_spectrum"
_PANEL = 165  # pixels of a panel

By = Literal["frequency", "rank"]


def spectra_of_embeddings(several: Several, fold: bool = True) -> go.Figure:
    """Share of the embeddings' power at each frequency, of several runs.

    Where runs that differ by seed are folded, frequencies stand by rank, the strongest of each run
    first: which frequencies a network uses is drawn anew with every seed, so that a mean over one
    and the same frequency would be flat whatever the networks learned.

    Args:
        several: runs, checkpoints or embedding tables, as a list or by name.
        fold: whether runs that differ by seed alone are one line, their mean, with a band.

    Raises:
        ValueError: if they cannot be told apart, or are spectra over other frequencies, of other
            matrices, or in other IPR conventions.
    """
    found = grouped(several, _NAME, EmbeddingTable, fold)
    tables = {id(one): _table(one) for one in found.members}
    first, *others = tables.values()
    for other in others:
        _check(first, other)
    by: By = "rank" if found.folded else "frequency"
    names = list(first.shares)
    figure = make_subplots(
        rows=len(names), cols=1, shared_xaxes=True, vertical_spacing=0.1, subplot_titles=names
    )
    for group, look in zip(found.groups, looks(found), strict=True):
        for row, name in enumerate(names, start=1):

            def curve(member: Subject, name: str = name) -> Curve:
                return _points(tables[id(member)].shares[name], by)

            drawn = band_of(group.members, curve)
            assert drawn is not None
            hover = f"{by} %{{x}}<br>%{{y:.4f}} of the power"
            for trace in traces(drawn, look, row == 1, hover):
                figure.add_trace(trace, row=row, col=1)
    for row, share in enumerate(first.shares.values(), start=1):
        flat = {"color": INK, "dash": "dot", "width": 1}
        figure.add_hline(y=1 / len(share), line=flat, row=row, col=1)
    one = first.block
    words = axis_title(one) if by == "frequency" else f"rank of the {one}, strongest first"
    figure.update_xaxes(title_text=words, row=len(names), col=1)
    figure.update_yaxes(title_text="share", rangemode="tozero", nticks=4)
    about = [*told(found), "share of power, all dimensions", "dotted: a flat spectrum"]
    title = "Spectrum of the embeddings"
    return finished(figure, title, about, 150 + _PANEL * len(names))


def _table(member: Subject) -> EmbeddingTable:
    given = member.given
    return given if isinstance(given, EmbeddingTable) else embedding_table(member.checkpoint)


def _points(share: np.ndarray, by: By) -> Curve:
    if by == "rank":
        return np.arange(1, len(share) + 1), np.sort(share)[::-1]
    return np.arange(len(share)), share


def _check(first: EmbeddingTable, other: EmbeddingTable) -> None:
    """Refuses spectra that do not stand over the same places.

    Raises:
        ValueError: naming what differs.
    """
    for what in ("convention", "r", "group"):
        pair = getattr(first, what), getattr(other, what)
        if pair[0] != pair[1]:
            raise ValueError(f"{_NAME}: expected one {what}, got {pair[0]} and {pair[1]}")
    if list(first.shares) != list(other.shares):
        both = " and ".join(", ".join(one.shares) for one in (first, other))
        raise ValueError(f"{_NAME}: expected networks with the same embeddings, got {both}")
    for name, rows in first.curves.items():
        lengths = rows.shape[-1], other.curves[name].shape[-1]
        if lengths[0] != lengths[1]:
            raise ValueError(
                f"{_NAME}: expected spectra over the same elements, got {lengths[0]} and "
                f"{lengths[1]} of {name}"
            )
