"""Pruning curves in both directions, with the random control."""

from __future__ import annotations

from typing import Literal

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.ablation.pruning_curves import ControlBand, PruningCurve, PruningCurves
from interp.analysis.ablation.ranking import MAIN
from interp.figures.template import INK, SPLIT_COLOUR, SPLIT_DASH, faint, styled
from interp.training.data.splits import SPLITS, Split

_SHOWN: tuple[Split, ...] = ("train", "test", "corrupted", "corrected", "clean")
_WITH_CONTROL: tuple[Split, ...] = ("test", "corrupted")
# Of the rankings beside the IPR, one after the other.
_DASHES = ("dot", "dashdot", "longdashdot", "dash")


def pruning_curves(
    curves: PruningCurves,
    metric: Literal["accuracy", "loss"] = "accuracy",
    pruned: int | None = None,
) -> go.Figure:
    """Accuracy (or loss) of every split against the number of pruned neurons.

    Left, pruning from the lowest value of a ranking; right, from the highest. Solid: by IPR.
    Thin: by the competing rankings, a dash each. Band: random prunings of the same sizes.

    Args:
        curves: from :func:`interp.analysis.ablation.pruning_curves.pruning_curve`.
        metric: what to draw.
        pruned: marks this number of pruned neurons in the left panel.
    """
    figure = make_subplots(
        rows=1,
        cols=2,
        shared_yaxes=True,
        horizontal_spacing=0.04,
        subplot_titles=["lowest first", "highest first"],
    )
    size = curves.sizes.astype(np.int32)
    beside = [name for name in curves.rankings if name != MAIN]
    for column, direction in enumerate(("lowest", "highest"), start=1):
        if curves.control is not None:
            for split in _WITH_CONTROL:
                _add_band(figure, curves.control, split, metric, size, column)
        for (ranking, way), curve in curves.curves.items():
            if way != direction:
                continue
            for split in SPLITS:
                values = getattr(curve, metric)[split]
                main = ranking == MAIN
                if values is None or not (main or split in _WITH_CONTROL):
                    continue
                figure.add_trace(
                    go.Scatter(
                        x=size,
                        y=values.astype(np.float32),
                        mode="lines",
                        name=split if main else f"{split}, by {ranking}",
                        legendgroup=f"{split} {ranking}",
                        showlegend=column == 1,
                        visible=True if split in _SHOWN else "legendonly",
                        line={
                            "color": SPLIT_COLOUR[split],
                            "width": 2.2 if main else 1.2,
                            "dash": SPLIT_DASH[split]
                            if main
                            else _DASHES[beside.index(ranking) % len(_DASHES)],
                        },
                        hovertemplate=f"%{{x}} pruned<br>{metric} %{{y:.4f}}"
                        f"<extra>{split}, {direction} {ranking} first</extra>",
                    ),
                    row=1,
                    col=column,
                )
        figure.update_xaxes(title_text=f"pruned neurons of {curves.neurons}", row=1, col=column)
    if pruned is not None:
        figure.add_vline(
            x=pruned,
            line={"color": INK, "dash": "dash", "width": 1.2},
            row=1,
            col=1,
            annotation={
                "text": f"{pruned} pruned",
                "font_size": 11,
                "y": 0.5,
                "yanchor": "middle",
                "xanchor": "right",
                "xshift": -4,
                "bgcolor": "rgba(255,255,255,0.8)",
            },
        )
    label = "accuracy" if metric == "accuracy" else f"loss ({curves.loss_name})"
    figure.update_yaxes(title_text=label, row=1, col=1)
    if metric == "accuracy":
        figure.update_yaxes(range=[-0.03, 1.03])
    figure.update_layout(legend={"orientation": "h", "y": -0.2})
    control = curves.control
    words = f" · control: {control.draws} random orders, seed {control.seed}" if control else ""
    return styled(
        figure,
        "Pruning by IPR, in both directions",
        curves.caption + words + f" · {curves.method}",
        height=520,
    )


def pruning_curve(
    curve: PruningCurve, metric: Literal["accuracy", "loss"] = "accuracy"
) -> go.Figure:
    """Accuracy (or loss) of every split against the number of neurons removed in one order.

    Args:
        curve: one of :func:`interp.analysis.ablation.pruning_curves.pruning_curve`'s.
        metric: what to draw.
    """
    figure = go.Figure()
    for split in SPLITS:
        values = getattr(curve, metric)[split]
        if values is not None:
            figure.add_trace(
                go.Scatter(
                    x=curve.sizes.astype(np.int32),
                    y=values.astype(np.float32),
                    mode="lines",
                    name=split,
                    visible=True if split in _SHOWN else "legendonly",
                    line={"color": SPLIT_COLOUR[split], "dash": SPLIT_DASH[split], "width": 2},
                    hovertemplate=f"%{{x}} pruned<br>{metric} %{{y:.4f}}<extra>{split}</extra>",
                )
            )
    figure.update_xaxes(title_text=f"pruned neurons of {int(curve.sizes[-1])}")
    figure.update_yaxes(title_text=metric)
    return styled(figure, "Pruning curve", "neurons removed in one order; nothing is retrained")


def _add_band(
    figure: go.Figure,
    control: ControlBand,
    split: Split,
    metric: str,
    size: np.ndarray,
    column: int,
) -> None:
    low, mean, high = (
        getattr(part, metric)[split] for part in (control.low, control.mean, control.high)
    )
    if mean is None:
        return
    colour = SPLIT_COLOUR[split]
    group = f"control {split}"
    figure.add_trace(
        go.Scatter(
            x=np.concatenate([size, size[::-1]]),
            y=np.concatenate([low, high[::-1]]).astype(np.float32),
            fill="toself",
            fillcolor=faint(colour, 0.15),
            line={"width": 0},
            hoverinfo="skip",
            name=f"{split}, random (5–95 %)",
            legendgroup=group,
            showlegend=column == 1,
        ),
        row=1,
        col=column,
    )
    figure.add_trace(
        go.Scatter(
            x=size,
            y=mean.astype(np.float32),
            mode="lines",
            legendgroup=group,
            showlegend=False,
            line={"color": colour, "width": 1, "dash": "longdash"},
            name=f"{split}, random mean",
            hovertemplate=f"%{{x}} pruned<br>{metric} %{{y:.4f}}"
            f"<extra>{split}, random mean</extra>",
        ),
        row=1,
        col=column,
    )
