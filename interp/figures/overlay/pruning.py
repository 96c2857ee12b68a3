"""Pruning curves of several runs, one over the other: a row a split, a column a direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.ablation.curves import PruningCurves
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.ablation.ranking import DIRECTIONS, MAIN, Direction, Order
from interp.analysis.comparison.groups import Group, Groups
from interp.analysis.comparison.spread import Curve
from interp.analysis.comparison.subjects import Subject
from interp.figures.metric import METRICS, Metric, check_measured
from interp.figures.overlay.lines import (
    Look,
    Several,
    band_of,
    finished,
    grouped,
    looks,
    told,
    traces,
)
from interp.training.arguments import word
from interp.training.data.splits import Split

_NAME = "pruning_curves"
_SHOWN: tuple[Split, ...] = ("test", "corrupted")
_ORDERS: tuple[Order, ...] = tuple((MAIN, direction) for direction in DIRECTIONS)
_DRAWS = 10  # of the control of a run whose curves are made here
_PANEL = 185  # pixels of a row
_BROAD = 2  # pixels of a line by IPR

Read = dict[int, PruningCurves]  # by the id of their subject


def curves_of_pruning(
    several: Several, metric: Metric = "accuracy", fold: bool = True
) -> go.Figure:
    """Accuracy or loss against the number of pruned neurons, by IPR in both directions.

    Dotted, of the same colour: random removals, the mean over a group's runs and draws.

    Args:
        several: runs, checkpoints or pruning curves, as a list or by name.
        metric: what to draw.
        fold: whether runs that differ by seed alone are one line, their mean, with a band.

    Raises:
        ValueError: if they cannot be told apart, or losses were not measured or are others.
    """
    word(metric, METRICS, "metric")
    found = grouped(several, _NAME, PruningCurves, fold)
    every = {id(one): _curves(one, metric) for one in found.members}
    for one in every.values():
        _check(one, metric)
    losses = list(dict.fromkeys(one.loss_name for one in every.values()))
    if metric == "loss" and len(losses) > 1:
        raise ValueError(f"{_NAME}: expected networks of one loss, got {' and '.join(losses)}")
    splits = [s for s in _SHOWN if any(_has(one, s) for one in every.values())] or ["all"]
    figure = make_subplots(
        rows=len(splits),
        cols=2,
        shared_xaxes=True,
        shared_yaxes=True,
        horizontal_spacing=0.05,
        vertical_spacing=0.06,
        subplot_titles=[f"{direction} IPR first" for direction in DIRECTIONS],
    )
    widths = {one.neurons for one in every.values()}
    whole = len(widths) == 1
    panels = [_Panel(split, metric, one, whole) for split in splits for one in DIRECTIONS]
    _draw(figure, found, splits, panels, every)
    for row, split in enumerate(splits, start=1):
        figure.update_yaxes(title_text=split, row=row, col=1)
    words = f"pruned of {widths.pop()}" if whole else "share pruned"
    figure.update_xaxes(title_text=words, row=len(splits))
    if metric == "accuracy":
        figure.update_yaxes(range=[-0.03, 1.03])
    about = [*told(found), *_about(list(every.values()))]
    return finished(figure, f"Pruning by IPR: {metric}", about, 190 + _PANEL * len(splits))


def _curves(member: Subject, metric: Metric) -> PruningCurves:
    if isinstance(member.given, PruningCurves):
        return member.given
    losses = metric == "loss"
    return pruning_curve(member.checkpoint, draws=_DRAWS, orders=_ORDERS, losses=losses)


def _check(curves: PruningCurves, metric: Metric) -> None:
    for order in _ORDERS:
        check_measured(curves[order], metric, _NAME)


def _has(curves: PruningCurves, split: Split) -> bool:
    return curves[_ORDERS[0]].accuracy[split] is not None


@dataclass(frozen=True)
class _Panel:
    """What a panel shows.

    Attributes:
        split, metric: what is scored.
        direction: which neurons go first.
        whole: whether numbers of neurons stand on the axis, and not their share.
    """

    split: Split
    metric: Metric
    direction: Direction
    whole: bool

    def points(self, curves: PruningCurves, control: bool) -> Curve | None:
        """Of one run; None of a split without examples, and where no control was drawn."""
        curve = curves[MAIN, self.direction]
        if control:
            if curves.control is None:
                return None
            curve = curves.control.mean
        values = getattr(curve, self.metric)[self.split]
        if values is None:
            return None
        return (curve.sizes if self.whole else curve.sizes / curves.neurons), np.asarray(values)


def _draw(
    figure: go.Figure, found: Groups, splits: list[Split], panels: list[_Panel], every: Read
) -> None:
    for group, look in zip(found.groups, looks(found), strict=True):
        legend = True
        for panel in panels:
            place = {"row": splits.index(panel.split) + 1}
            place["col"] = DIRECTIONS.index(panel.direction) + 1
            for trace in _traces(group, look, panel, every):
                named = trace.line.width == _BROAD
                figure.add_trace(trace.update(showlegend=legend and named), **place)
                legend = legend and not named


def _traces(group: Group, look: Look, panel: _Panel, every: Read) -> list[go.Scatter]:
    """The random control without its band, then the band and the line by IPR."""
    hover = f"%{{x}} pruned<br>{panel.split} {panel.metric} %{{y:.4g}}"
    found: list[go.Scatter] = []
    control = band_of(group.members, lambda one: panel.points(every[id(one)], True))
    if control is not None:
        thin = {"dash": "dot", "width": 1}
        found += traces(control, look, False, f"{hover}, random", **thin)[-1:]
    own = band_of(group.members, lambda one: panel.points(every[id(one)], False))
    if own is not None:
        words = f"{hover}, {panel.direction} IPR first"
        found += traces(own, look, True, words, width=_BROAD)
    return found


def _about(every: list[PruningCurves]) -> list[str]:
    """The convention, what the dotted lines are, and how sizes were scored."""
    words = list(dict.fromkeys(one.caption.split(" · ")[0] for one in every))
    controls = [one.control for one in every if one.control is not None]
    if controls:
        draws = sorted({one.draws for one in controls})
        words.append(f"dotted: mean of {' or '.join(map(str, draws))} random orders a run")
    return [*words, "nothing is retrained"]
