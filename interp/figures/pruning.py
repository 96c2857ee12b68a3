"""Pruning curves in both directions, with the random control."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.ablation.band import band_words
from interp.analysis.ablation.curves import ControlBand, PruningCurve, PruningCurves
from interp.analysis.ablation.ranking import DIRECTIONS, MAIN, Direction
from interp.figures.between import between
from interp.figures.expected import expect
from interp.figures.metric import METRICS, Metric, check_measured
from interp.figures.overlay.lines import Several, check_alone, is_several
from interp.figures.template import INK, SPLIT_COLOUR, SPLIT_DASH, styled
from interp.training.arguments import whole, word
from interp.training.data.splits import SPLITS, Split

_SHOWN: tuple[Split, ...] = ("train", "test", "corrupted", "corrected", "clean")
_WITH_CONTROL: tuple[Split, ...] = ("test", "corrupted")
# Of the rankings beside the IPR, one after the other.
_DASHES = ("dot", "dashdot", "longdashdot", "dash")


def pruning_curves(
    curves: PruningCurves | Several,
    metric: Metric = "accuracy",
    pruned: int | None = None,
    fold: bool = True,
) -> go.Figure:
    """Accuracy (or loss) of every split against the number of pruned neurons.

    Left, pruning from the lowest value of a ranking; right, from the highest. Solid: by IPR.
    Thin: by the competing rankings, a dash each. Band: random prunings of the same sizes.

    Of several runs, by IPR alone, a row a split, a line a run, named by what differs; runs that
    differ by seed alone are their mean, with a band from least to greatest.

    Args:
        curves: from :func:`interp.analysis.ablation.pruning_curves.pruning_curve`; or several runs,
            checkpoints or curves, as a list or by name.
        metric: what to draw.
        pruned: of one, marks this number of pruned neurons in the left panel.
        fold: of several, whether those that differ by seed alone are one line.

    Raises:
        ValueError: if there are not as many neurons, or several cannot be told apart.
    """
    if is_several(curves):
        if pruned is not None:
            raise ValueError(f"pruned: expected beside one run, got {pruned} beside several")
        from interp.figures.overlay.pruning import curves_of_pruning

        return curves_of_pruning(cast(Several, curves), metric, fold)
    check_alone(fold)
    curves = expect(curves, PruningCurves)
    word(metric, METRICS, "metric")
    for one in curves.curves.values():
        check_measured(one, metric, "pruning curves")
    figure = make_subplots(
        rows=1,
        cols=2,
        shared_yaxes=True,
        horizontal_spacing=0.04,
        subplot_titles=["lowest first", "highest first"],
    )
    for column, direction in enumerate(DIRECTIONS, start=1):
        for trace in _panel(curves, direction, metric):
            figure.add_trace(trace, row=1, col=column)
        figure.update_xaxes(title_text=f"pruned neurons of {curves.neurons}", row=1, col=column)
    if pruned is not None:
        if whole(pruned, "pruned") > curves.neurons:
            raise ValueError(f"pruned: expected 0 to {curves.neurons} neurons, got {pruned}")
        _mark(figure, pruned)
    label = "accuracy" if metric == "accuracy" else f"loss ({curves.loss_name})"
    figure.update_yaxes(title_text=label, row=1, col=1)
    if metric == "accuracy":
        figure.update_yaxes(range=[-0.03, 1.03])
    figure.update_layout(legend={"orientation": "h", "y": -0.2})
    return styled(figure, "Pruning by IPR, in both directions", _caption(curves), height=520)


def _panel(curves: PruningCurves, direction: Direction, metric: Metric) -> list[go.Scatter]:
    """Bands of the control, and above them the curves of every ranking in one direction."""
    traces: list[go.Scatter] = []
    first = direction == "lowest"  # whose legend stands for both panels
    if curves.control is not None:
        for split in _WITH_CONTROL:
            traces += _band(curves.control, split, metric, first)
    for ranking in curves.rankings:
        curve = curves.curves.get((ranking, direction))
        if curve is not None:
            look, hover = _look(curves, ranking), f"{direction} {ranking} first"
            for split in SPLITS if ranking == MAIN else _WITH_CONTROL:
                if getattr(curve, metric)[split] is not None:
                    name = {"name": split if ranking == MAIN else f"{split}, by {ranking}"}
                    group = {"legendgroup": f"{split} {ranking}", "showlegend": first}
                    traces.append(_line(curve, split, metric, look, hover, **name, **group))
    return traces


def _look(curves: PruningCurves, ranking: str) -> dict[str, Any]:
    """Width and dash of a ranking's lines; the IPR's are broad, with the dash of their split."""
    if ranking == MAIN:
        return {"width": 2.2}
    beside = [name for name in curves.rankings if name != MAIN]
    return {"width": 1.2, "dash": _DASHES[beside.index(ranking) % len(_DASHES)]}


def _line(
    curve: PruningCurve,
    split: Split,
    metric: Metric,
    look: dict[str, Any],
    hover: str,
    **named: Any,
) -> go.Scatter:
    return go.Scatter(
        x=curve.sizes.astype(np.int32),
        y=getattr(curve, metric)[split].astype(np.float32),
        mode="lines",
        **{"name": split, **named},
        visible=True if split in _SHOWN else "legendonly",
        line={"color": SPLIT_COLOUR[split], "width": 2, "dash": SPLIT_DASH[split], **look},
        hovertemplate=f"%{{x}} pruned<br>{metric} %{{y:.4f}}<extra>{split}"
        f"{f', {hover}' if hover else ''}</extra>",
    )


def _mark(figure: go.Figure, pruned: int) -> None:
    """A line at a number of pruned neurons, in the left panel, whose title says it."""
    line = {"color": INK, "dash": "dash", "width": 1.2}
    figure.add_vline(x=pruned, line=line, row=1, col=1)
    figure.layout.annotations[0].text = pruned_title(pruned)


def pruned_title(pruned: int) -> str:
    """The title of the left panel where a number of pruned neurons is marked."""
    return f"lowest first · dashed: {pruned} pruned"


def _caption(curves: PruningCurves) -> str:
    control = curves.control
    words = f" · control: {control.draws} random orders, seed {control.seed}" if control else ""
    return curves.about + words + f" · {curves.method}"


def pruning_curve(curve: PruningCurve, metric: Metric = "accuracy") -> go.Figure:
    """Accuracy (or loss) of every split against the number of neurons removed in one order.

    Args:
        curve: one of :func:`interp.analysis.ablation.pruning_curves.pruning_curve`'s.
        metric: what to draw.
    """
    expect(curve, PruningCurve)
    word(metric, METRICS, "metric")
    figure = go.Figure()
    for split in SPLITS:
        if getattr(curve, metric)[split] is not None:
            figure.add_trace(_line(curve, split, metric, {}, ""))
    figure.update_xaxes(title_text=f"pruned neurons of {int(curve.sizes[-1])}")
    figure.update_yaxes(title_text=metric)
    return styled(figure, "Pruning curve", "neurons removed in one order; nothing is retrained")


def _band(control: ControlBand, split: Split, metric: Metric, legend: bool) -> list[go.Scatter]:
    """The range of the random prunings and their mean; nothing of a split without examples."""
    low, mean, high = (
        getattr(part, metric)[split] for part in (control.low, control.mean, control.high)
    )
    if mean is None:
        return []
    size = control.mean.sizes.astype(np.int32)
    colour, group = SPLIT_COLOUR[split], f"control {split}"
    around = between(
        size,
        low,
        high,
        colour,
        name=f"{split}, random ({band_words(control.draws)})",
        legendgroup=group,
        showlegend=legend,
    )
    middle = go.Scatter(
        x=size,
        y=mean.astype(np.float32),
        mode="lines",
        legendgroup=group,
        showlegend=False,
        line={"color": colour, "width": 1, "dash": "longdash"},
        name=f"{split}, random mean",
        hovertemplate=f"%{{x}} pruned<br>{metric} %{{y:.4f}}<extra>{split}, random mean</extra>",
    )
    return [around, middle]
