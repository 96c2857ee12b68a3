"""Measured values against an option, with the spread of the seeds."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from interp.figures.template import CLASS_COLOUR, INK, SPLIT_COLOUR, styled
from interp.reproduction.evidence import Evidence, Place, Trained, differing, words

_COLOURS = (*SPLIT_COLOUR.values(), CLASS_COLOUR["memorizing"], INK)
_DECADES = 4  # ratio of the ends of an axis from which it is logarithmic
_WORDS = 11  # size of ticks that are words
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
    if x is None and len(evidence.places) == 1:
        return _at_one_place(evidence, title, measures, y_title)
    groups = sorted({_key(one.options[by]) for one in evidence.runs}) if by else [None]
    number = 0
    never = False
    for group in groups:
        runs = [one for one in evidence.runs if by is None or _key(one.options[by]) == group]
        for measure, name in measures.items():
            points = _points(runs, x, evidence, measure)
            never = never or any(math.isinf(v) for _, values in points for v in values)
            label = name if group is None else f"{name}, {words({str(by): group})}"
            if points and all(math.isinf(v) for _, values in points for v in values):
                label += ": never"
            figure.add_trace(_trace(points, label, number, x is not None))
            number += 1
    if log:
        figure.update_yaxes(type="log")
    elif y_title.startswith("accuracy"):
        figure.update_yaxes(range=[-0.03, 1.03])
    places = [one.options[x] for one in evidence.runs] if x else []
    if log and places and min(places) > 0 and max(places) / min(places) >= _DECADES:
        figure.update_xaxes(type="log")
    axis = "" if x is None else words({x: ""}).strip()
    size = None if x else _WORDS
    figure.update_xaxes(title_text=_AXIS.get(str(x), axis), tickangle=0, tickfont_size=size)
    figure.update_yaxes(title_text=y_title)
    lines = 2 if x else _most_lines([str(at) for one in figure.data for at in one.x])
    _make_room(figure, lines, -(-number // 3))
    seeds = ", ".join(map(str, evidence.seeds))
    gaps = " · no mark: never, within the steps of the run" if never else ""
    return styled(figure, title, f"mean and range of seeds {seeds}{gaps}", figure.layout.height)


def _at_one_place(
    evidence: Evidence, title: str, measures: Mapping[str, str], y_title: str
) -> go.Figure:
    """The measures side by side, a point a seed, where there is one setting only."""
    line = _characters(len(measures))
    names = ["<br>".join(textwrap.wrap(name, line)) for name in measures.values()]
    figure = go.Figure()
    for number, seed in enumerate(evidence.seeds):
        runs = [one for one in evidence.runs if one.seed == seed]
        figure.add_trace(
            go.Scatter(
                x=names,
                y=[one.values.get(measure) for one in runs for measure in measures],
                mode="markers",
                name=f"seed {seed}",
                marker={"size": 8, "symbol": f"{_SYMBOLS[number % len(_SYMBOLS)]}-open"},
                hovertemplate="%{y:.4f}<extra>seed " + str(seed) + "</extra>",
            )
        )
    figure.update_xaxes(tickangle=0, tickfont_size=_WORDS)
    figure.update_yaxes(title_text=y_title, range=[-0.03, 1.03])
    _make_room(figure, _most_lines(names), 1)
    return styled(figure, title, differing(evidence.places[0]), figure.layout.height)


def _characters(ticks: int) -> int:
    """Room for a tick's words, side by side in a figure of 700 pixels, in the widest of fonts."""
    return max(8, round(600 / max(ticks, 1) / 7))


def _most_lines(names: Sequence[str]) -> int:
    return 1 + max((name.count("<br>") for name in names), default=0)


def _make_room(figure: go.Figure, lines: int, rows: int) -> None:
    """Room below for tick labels of some lines, and for a legend of some rows under them."""
    below = 30 + 18 * lines
    bottom = below + 24 * rows
    legend = {"orientation": "h", "y": -below / 300, "yanchor": "top"}
    figure.update_layout(
        legend=legend, showlegend=True, margin={"b": bottom}, height=84 + 300 + bottom
    )


_AXIS = {
    "data.fraction": "α, share of all pairs that is trained on",
    "model.width": "N, neurons",
    "model.dropout": "dropout",
    "optimizer.weight_decay": "weight decay",
}


def _key(value: Any) -> Any:
    return value if isinstance(value, int | float) else str(value)


def _points(
    runs: Sequence[Trained], x: str | None, evidence: Evidence, measure: str
) -> list[tuple[Any, list[float]]]:
    found: dict[Any, list[float]] = {}
    line = _characters(len(evidence.places))
    for one in runs:
        place: Place = {path: one.options[path] for path in evidence.axes}
        at = one.options[x] if x else differing(place, line)
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
