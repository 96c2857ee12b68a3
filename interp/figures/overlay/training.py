"""Training curves of several runs, one over the other: a panel a split."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.comparison.groups import Groups
from interp.analysis.comparison.spread import Curve
from interp.analysis.comparison.subjects import Subject
from interp.figures.metric import METRICS, Metric
from interp.figures.overlay.lines import Several, band_of, finished, grouped, looks, told, traces
from interp.training.arguments import told as what
from interp.training.arguments import word
from interp.training.data.splits import Split
from interp.training.losses.loss import LOSSES
from interp.training.runs.run import Run

_NAME = "training_curves"
_SHOWN: tuple[Split, ...] = ("train", "test", "corrupted")
PANEL = 165  # pixels of a panel


def curves_of_training(
    several: Several, metric: Metric = "accuracy", fold: bool = True
) -> go.Figure:
    """Accuracy or loss of the splits against the step, of several runs.

    The mean of a group is taken at the steps at which each of its runs was scored, so that it ends
    with the first run that stopped.

    Args:
        several: runs or their folders, as a list or by name.
        metric: what to draw.
        fold: whether runs that differ by seed alone are one line, their mean, with a band.

    Raises:
        TypeError: if something is no run.
        ValueError: if they cannot be told apart, are not scored yet, or have other losses.
    """
    word(metric, METRICS, "metric")
    found = grouped(several, _NAME, None, fold)
    runs = [_run(one) for one in found.members]
    losses = list(dict.fromkeys(run.config.loss for run in runs))
    if metric == "loss" and len(losses) > 1:
        raise ValueError(f"{_NAME}: expected runs of one loss, got {' and '.join(losses)}")
    splits = [split for split in _SHOWN if any(_curve(one, split, metric) for one in found.members)]
    splits = splits or ["all"]
    figure = make_subplots(rows=len(splits), cols=1, shared_xaxes=True, vertical_spacing=0.06)
    _draw(figure, found, splits, metric)
    figure.update_xaxes(type="log", dtick=1, exponentformat="power")
    figure.update_xaxes(title_text="step", row=len(splits), col=1)
    if metric == "accuracy":
        figure.update_yaxes(range=[-0.03, 1.03])
    else:
        figure.update_yaxes(type="log", exponentformat="power", nticks=4)
    title = "accuracy" if metric == "accuracy" else LOSSES[losses[0]].title
    height = 150 + PANEL * len(splits)
    words = [*told(found, whole=True), *_ended(runs)]
    return finished(figure, f"Training: {title}", words, height)


def _run(member: Subject) -> Run:
    run = member.given
    if not isinstance(run, Run):
        raise TypeError(f"{_NAME}: expected whole runs, got {what(run)}")
    if not any(row.step > 0 for row in run.measurements):
        raise ValueError(f"{_NAME}: expected runs with scores after step 0, {run.name} has none")
    return run


def _draw(figure: go.Figure, found: Groups, splits: list[Split], metric: Metric) -> None:
    for group, look in zip(found.groups, looks(found), strict=True):
        legend = True
        for row, split in enumerate(splits, start=1):
            drawn = band_of(group.members, lambda one, split=split: _curve(one, split, metric))  # type: ignore[misc]
            if drawn is not None:
                hover = f"step %{{x}}<br>{split} {metric} %{{y:.4g}}"
                for trace in traces(drawn, look, legend, hover):
                    figure.add_trace(trace, row=row, col=1)
                legend = False
    for row, split in enumerate(splits, start=1):
        figure.update_yaxes(title_text=split, row=row, col=1)


def _curve(member: Subject, split: Split, metric: Metric) -> Curve | None:
    """None of a split without examples. A log axis has no place for step 0."""
    rows = [row for row in member.given.measurements if row.step > 0]
    values = [getattr(row.scores[split], metric) for row in rows]
    if None in values:
        return None
    return np.array([row.step for row in rows]), np.array(values)


def _ended(runs: list[Run]) -> list[str]:
    unfinished = sum(not run.finished for run in runs)
    stopped = sum(run.stopped is not None for run in runs)
    words = [f"{unfinished} of {len(runs)} runs not finished"] if unfinished else []
    return words + ([f"{stopped} of {len(runs)} stopped early"] if stopped else [])
