"""Measured values against an option, with the spread of the seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from interp.figures.template import CLASS_COLOUR, INK, SPLIT_COLOUR, styled
from interp.reproduction.evidence import Evidence, Place, Trained, differing, words

_COLOURS = (*SPLIT_COLOUR.values(), CLASS_COLOUR["memorizing"], INK)
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star")


def measures_against(
    evidence: Evidence,
    title: str,
    x: str | None,
    measures: Mapping[str, str],
    by: str | None = None,
    y_title: str = "accuracy",
    log: bool = False,
) -> go.Figure:
    """Mean of each measure at each value of an option, with bars from the least to the greatest.

    Args:
        evidence: the runs.
        title: of the figure.
        x: dotted path of the option; None draws a place for every setting.
        measures: words by name of the measure.
        by: a second option, whose values get a line each.
        y_title: of the vertical axis.
        log: logarithmic axes, for numbers such as widths and steps.
    """
    figure = go.Figure()
    groups = sorted({_key(one.options[by]) for one in evidence.runs}) if by else [None]
    number = 0
    never = False
    for group in groups:
        runs = [one for one in evidence.runs if by is None or _key(one.options[by]) == group]
        for measure, name in measures.items():
            points = _points(runs, x, evidence.axes, measure)
            never = never or any(math.isinf(v) for _, values in points for v in values)
            label = name if group is None else f"{name}, {words({str(by): group})}"
            figure.add_trace(_trace(points, label, number, x is not None))
            number += 1
    if log:
        figure.update_yaxes(type="log")
        figure.update_xaxes(type="log" if x else "-")
    elif y_title.startswith("accuracy"):
        figure.update_yaxes(range=[-0.03, 1.03])
    axis = "" if x is None else words({x: ""}).strip()
    figure.update_xaxes(title_text=_AXIS.get(str(x), axis), tickangle=0 if x else None)
    figure.update_yaxes(title_text=y_title)
    figure.update_layout(legend={"orientation": "h", "y": -0.28})
    seeds = ", ".join(map(str, evidence.seeds))
    gaps = " · no mark: never, or not measured" if never else ""
    return styled(figure, title, f"mean and range of seeds {seeds}{gaps}", 480)


_AXIS = {
    "data.fraction": "α, share of all pairs that is trained on",
    "model.width": "N, neurons trained",
    "model.dropout": "dropout",
    "optimizer.weight_decay": "weight decay",
}


def _key(value: Any) -> Any:
    return value if isinstance(value, int | float) else str(value)


def _points(
    runs: Sequence[Trained], x: str | None, axes: Sequence[str], measure: str
) -> list[tuple[Any, list[float]]]:
    found: dict[Any, list[float]] = {}
    for one in runs:
        place: Place = {path: one.options[path] for path in axes}
        at = one.options[x] if x else differing(place)
        value = one.values.get(measure)
        if value is not None:
            found.setdefault(at, []).append(float(value))
    return sorted(found.items()) if x else list(found.items())


def _trace(points: list[tuple[Any, list[float]]], name: str, number: int, line: bool) -> go.Scatter:
    known = [(at, [v for v in values if math.isfinite(v)]) for at, values in points]
    known = [(at, values) for at, values in known if values]
    mean = np.array([np.mean(values) for _, values in known], dtype=np.float64)
    return go.Scatter(
        x=[at for at, _ in known],
        y=mean.astype(np.float32),
        error_y={
            "array": np.array([max(v) for _, v in known], dtype=np.float64) - mean,
            "arrayminus": mean - np.array([min(v) for _, v in known], dtype=np.float64),
            "thickness": 1.2,
        },
        mode="lines+markers" if line else "markers",
        name=name,
        marker={"size": 8, "symbol": _SYMBOLS[number % len(_SYMBOLS)]},
        line={"color": _COLOURS[number % len(_COLOURS)], "width": 1.8},
        hovertemplate="%{x}<br>%{y:.4g}<extra>" + name + "</extra>",
    )
