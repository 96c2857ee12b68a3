"""The answers in a plane: PCA and t-SNE of the output layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.neurons.answers import AnswerPlanes
from interp.analysis.neurons.coset_planes import CosetPlane, CosetPlanes
from interp.figures.expected import expect
from interp.figures.template import INK, styled


def answer_planes(planes: AnswerPlanes) -> go.Figure:
    """Each answer's output weights as a point, by PCA and by t-SNE, coloured by its place.

    Lines join elements that are one step apart: in PCA the step that goes round the ring once, in
    t-SNE the commonest step to the nearest neighbour (Power et al. 2022, arXiv 2201.02177).
    """
    expect(planes, AnswerPlanes)
    pca, tsne = planes.pca, planes.tsne
    figure = make_subplots(
        rows=1,
        cols=2,
        horizontal_spacing=0.12,
        subplot_titles=[
            f"PCA: ring R² {pca.ring:.2f}<br>(shuffled {pca.control:.2f})",
            f"t-SNE: nearest is ± {tsne.step} for {tsne.neighbours:.0%}<br>"
            f"(shuffled {tsne.control:.0%})",
        ],
    )
    n = len(planes.residues)
    for column, (points, step) in enumerate(
        ((pca.points, _once_round(pca.frequency, n)), (tsne.points, tsne.step)), start=1
    ):
        figure.add_trace(_lines(points, step), row=1, col=column)
        figure.add_trace(_dots(points, planes, bar=column == 2), row=1, col=column)
    _axes(figure)
    figure.update_annotations(font_size=13)
    figure.update_layout(margin={"t": 108})
    return styled(
        figure,
        f"Output weights of the answers of {planes.name}",
        f"{planes.caption} · lines: ± {_once_round(pca.frequency, n)} and ± {tsne.step} elements",
        height=480,
    )


def _axes(figure: go.Figure) -> None:
    for column, name in ((1, "component"), (2, "t-SNE dimension")):
        figure.update_xaxes(title_text=f"{name} 1", row=1, col=column)
        figure.update_yaxes(title_text=f"{name} 2", row=1, col=column)


def _once_round(frequency: int, n: int) -> int:
    """The step that a ring of that frequency is gone round once by; 1 where there is none."""
    found = next((s for s in range(1, n) if frequency * s % n in (1, n - 1)), 1)
    return min(found, n - found)


def _lines(points: np.ndarray, step: int) -> go.Scatter:
    n = len(points)
    ends = np.stack([np.arange(n), (np.arange(n) + step) % n], axis=1)
    path = np.full((n, 3, 2), np.nan, dtype=np.float32)
    path[:, :2] = points[ends]
    return go.Scatter(
        x=path[..., 0].ravel(),
        y=path[..., 1].ravel(),
        mode="lines",
        line={"color": INK, "width": 0.5},
        opacity=0.5,
        hoverinfo="skip",
        showlegend=False,
    )


def _dots(points: np.ndarray, planes: AnswerPlanes, bar: bool) -> go.Scatter:
    n = len(points)
    return go.Scatter(
        x=points[:, 0].astype(np.float32),
        y=points[:, 1].astype(np.float32),
        mode="markers",
        showlegend=False,
        customdata=planes.residues.astype(np.int32),
        marker={
            "color": np.arange(n, dtype=np.int32),
            "colorscale": "phase",
            "size": 8,
            "line": {"color": "white", "width": 0.5},
            "showscale": bar,
            "colorbar": {"title": {"text": "element", "side": "right"}, "thickness": 12},
        },
        hovertemplate="residue %{customdata}<extra></extra>",
    )


def coset_planes(planes: CosetPlanes) -> go.Figure:
    """Each answer's output weights as a point, by PCA and by t-SNE, coloured by its coset.

    Cosets are of the subgroup that stands out most in each picture.

    Args:
        planes: from the measure ``answers``, of a group that is not cyclic.
    """
    expect(planes, CosetPlanes)
    both = (planes.pca, planes.tsne)
    told = ("between cosets", "nearest in the same")
    figure = make_subplots(
        rows=1,
        cols=2,
        horizontal_spacing=0.12,
        subplot_titles=[
            f"{name}: {one.words}<br>{words} {one.share:.0%} (chance {one.chance:.0%};<br>"
            f"excess {one.excess:.2f}, shuffled {one.control:.2f})"
            for name, words, one in zip(("PCA", "t-SNE"), told, both, strict=True)
        ],
    )
    for column, one in enumerate(both, start=1):
        figure.add_trace(_cosets(one, planes.elements), row=1, col=column)
    _axes(figure)
    figure.update_annotations(font_size=12)
    figure.update_layout(margin={"t": 132})
    return styled(
        figure,
        f"Output weights of the answers of {planes.name}",
        f"{planes.caption} · colour: coset",
        height=500,
    )


def _cosets(plane: CosetPlane, elements: Sequence[str]) -> go.Scatter:
    return go.Scatter(
        x=plane.points[:, 0].astype(np.float32),
        y=plane.points[:, 1].astype(np.float32),
        mode="markers",
        showlegend=False,
        text=[f"{name}, coset {i}" for name, i in zip(elements, plane.coset, strict=True)],
        marker={
            "color": plane.coset,
            # The ends of the scale meet: one more than there are cosets keeps them apart.
            "cmin": 0,
            "cmax": int(plane.coset.max()) + 1,
            "colorscale": "phase",
            "size": 8,
            "line": {"color": "white", "width": 0.5},
        },
        hovertemplate="%{text}<extra></extra>",
    )
