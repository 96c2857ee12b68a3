"""Lines of several groups of runs in one figure: their colours, bands, legend and caption."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from interp.analysis.comparison.groups import Groups, groups_of
from interp.analysis.comparison.spread import Band, Curve, band
from interp.analysis.comparison.subjects import Subject
from interp.figures.between import between
from interp.figures.template import styled
from interp.training.arguments import truth
from interp.words.compared import BAND, labels, shared_words

# Okabe and Ito's palette; beyond its colours, lines differ in dash.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5F5F5F")
DASHES = ("solid", "dash", "dot")
_LINE = 15  # pixels of a line of a caption
_LEGEND = 64  # pixels below the axes at which it begins

Several = Sequence[Any] | Mapping[str, Any]


@dataclass(frozen=True)
class Look:
    """How a group is drawn.

    Attributes:
        name: in the legend.
        colour, dash: of its lines.
        key: that its traces share, so that they are hidden together.
    """

    name: str
    colour: str
    dash: str
    key: str


def is_several(value: object) -> bool:
    """Whether a figure is asked of several runs instead of one."""
    return isinstance(value, list | tuple | Mapping)


def check_alone(fold: bool) -> None:
    """Refuses what only several runs have.

    Raises:
        ValueError: if they are not to be folded, where there is one.
    """
    if not truth(fold, "fold"):
        raise ValueError("fold: expected beside several runs, got False beside one")


def grouped(several: Several, figure: str, result: type | None, fold: bool) -> Groups:
    """The groups of what a figure is asked of; what is refused names the figure.

    Args:
        several: what is compared.
        figure: its name.
        result: what may stand in place of a run.
        fold: whether runs that differ by seed alone are one line with a band.
    """
    try:
        return groups_of(several, result, fold=fold)
    except ValueError as error:
        raise ValueError(f"{figure}: {error}") from None


def looks(found: Groups) -> list[Look]:
    """A look for each group."""
    return [
        Look(
            name,
            COLOURS[place % len(COLOURS)],
            DASHES[place // len(COLOURS) % len(DASHES)],
            f"group {place}",
        )
        for place, name in enumerate(labels(found))
    ]


def band_of(members: Sequence[Subject], curve: Callable[[Subject], Curve | None]) -> Band | None:
    """Mean, least and greatest of a curve over a group; None where some of it has none."""
    curves = [one for member in members if (one := curve(member)) is not None]
    return band(curves) if len(curves) == len(members) else None


def traces(found: Band, look: Look, legend: bool, hover: str, **line: Any) -> list[go.Scatter]:
    """The band of a group, where it has several members, and the line of its mean.

    Args:
        found: the curves.
        look: of the group.
        legend: whether the line stands in the legend.
        hover: what a point says before its group's name.
        line: of the mean, in place of the look's.
    """
    x = _small(found.x)
    around = []
    if found.count > 1:
        options = {"legendgroup": look.key, "showlegend": False, "name": f"{look.name}, band"}
        options["mode"] = "lines"  # few points would be marked
        low, high = found.least, found.greatest
        around = [between(x, low, high, look.colour, opacity=0.2, **options)]
    single = len(x) == 1  # a single point is no line
    mean = go.Scatter(
        x=x,
        y=found.mean.astype(np.float32),
        mode="markers" if single else "lines",
        name=look.name,
        legendgroup=look.key,
        showlegend=legend,
        line={"color": look.colour, "dash": look.dash, "width": 2, **line},
        hovertemplate=f"{hover}<extra>{look.name}</extra>",
    )
    return [*around, mean]


def _small(x: np.ndarray) -> np.ndarray:
    return x.astype(np.int32) if x.dtype.kind in "iu" else x.astype(np.float32)


def told(found: Groups, whole: bool = False) -> list[str]:
    """What all runs share, and what lines and bands are, for a caption.

    Args:
        found: the groups.
        whole: whether their training is shown, and not a checkpoint of each.
    """
    return [*shared_words(found, whole), *([BAND] if found.folded else [])]


def finished(figure: go.Figure, title: str, words: Sequence[str], height: int) -> go.Figure:
    """The figure with its legend below, its title and its caption.

    Args:
        figure: with its traces and axes.
        title: of the figure.
        words: of the caption.
        height: in pixels, with a caption of one line.
    """
    drawn = height - 84 - 56 - 40
    figure.update_layout(
        legend={"orientation": "h", "x": 0, "y": -_LEGEND / drawn, "yanchor": "top"},
        showlegend=True,
    )
    styled(figure, title, " · ".join(words), height)
    more = figure.layout.title.subtitle.text.count("<br>")
    # A page that has words of its own above the figure leaves the axes their height on a phone too.
    return figure.update_layout(height=height + _LINE * more, meta={"tall": height})
