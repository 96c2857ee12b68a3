"""Measured values against an option, with the spread of the seeds."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from interp.figures.template import CLASS_COLOUR, INK, SPLIT_COLOUR, styled, word_axis
from interp.reproduction.evidence import (
    Evidence,
    Place,
    Trained,
    along,
    differing,
    key_of,
    ticks,
    words,
)
from interp.training.arguments import shown, word
from interp.words.options import alone_name

_COLOURS = (*SPLIT_COLOUR.values(), CLASS_COLOUR["memorizing"], INK)
_DECADES = 4  # ratio of the ends of an axis from which it is logarithmic
_WORDS = 11  # size of ticks that are words
_NARROW = 16  # characters of a line below a tick, so that three settings fit a phone
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star")


@dataclass(frozen=True)
class Chart:
    """What is drawn against what.

    Attributes:
        measures: words by name of the measure.
        x: dotted path of the option; None draws a place for every setting.
        by: a second option, whose values get a line each.
        y_title: of the vertical axis.
        log: logarithmic axes, for numbers such as widths and steps; ``x`` for that axis only.
        controls: those of ``measures`` that learned nothing, or are chance; their lines are dotted.
    """

    measures: Mapping[str, str]
    x: str | None = None
    by: str | None = None
    y_title: str = "accuracy"
    log: bool | Literal["x"] = False
    controls: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.log not in (True, False, "x"):
            raise ValueError(f"log: expected true, false or x, got {shown(self.log)}")
        for control in self.controls:
            word(control, self.measures, "controls")


@dataclass(frozen=True)
class _Line:
    """A measure of some runs: values of the seeds at each place, infinite where never reached."""

    name: str
    points: list[tuple[Any, list[float]]]
    is_control: bool = False

    @property
    def values(self) -> list[float]:
        return [value for _, values in self.points for value in values]

    @property
    def label(self) -> str:
        """The name, and "never" where no seed at any place has reached it."""
        never = self.points and all(math.isinf(value) for value in self.values)
        return f"{self.name}: never" if never else self.name


def measures_against(evidence: Evidence, title: str, chart: Chart) -> go.Figure:
    """Mean of each measure at each value of an option, with bars from the least to the greatest.

    Args:
        evidence: the runs.
        title: of the figure.
        chart: what to draw.
    """
    if chart.x is None and len(evidence.places) == 1:
        return _at_one_place(evidence, title, chart)
    lines = _lines(evidence, chart)
    figure = go.Figure()
    for number, line in enumerate(lines):
        figure.add_trace(_trace(line, number, chart.x is not None))
    if chart.x is None:  # side by side, so that no mark hides another
        figure.update_layout(scattermode="group", scattergap=0.3)
    _name_axes(figure, evidence, chart)
    ticks = [str(at) for one in figure.data for at in one.x]
    _make_room(figure, 2 if chart.x else _most_lines(ticks), -(-len(lines) // 3))
    seeds = ", ".join(map(str, evidence.seeds))
    never = any(math.isinf(value) for line in lines for value in line.values)
    gaps = " · no mark: never, within the steps of the run" if never else ""
    return styled(figure, title, f"mean and range of seeds {seeds}{gaps}", figure.layout.height)


def _lines(evidence: Evidence, chart: Chart) -> list[_Line]:
    """One for each measure, and for each value of the second option."""
    by = chart.by
    groups = [None] if by is None else list(ticks(evidence.runs, by))
    found = []
    for group in groups:
        runs = [one for one in evidence.runs if by is None or key_of(one.options[by]) == group]
        where = "" if by is None else f", {words({by: group})}"
        found += [
            _Line(
                f"{name}{where}",
                _points(runs, chart.x, evidence, measure),
                measure in chart.controls,
            )
            for measure, name in chart.measures.items()
        ]
    return found


def _name_axes(figure: go.Figure, evidence: Evidence, chart: Chart) -> None:
    """Titles, and logarithmic scales where they are asked and the values span enough."""
    if chart.log is True:
        figure.update_yaxes(type="log")
    elif chart.y_title.startswith("accuracy"):
        figure.update_yaxes(range=[-0.03, 1.03])
    places = list(ticks(evidence.runs, chart.x).values()) if chart.x else []
    if in_words := word_axis(places):
        figure.update_xaxes(**in_words)
    elif chart.log and places and places[0] > 0 and places[-1] / places[0] >= _DECADES:
        figure.update_xaxes(type="log")
    figure.update_xaxes(
        title_text=alone_name(chart.x) if chart.x else "",
        tickangle=0,
        tickfont_size=None if chart.x else _WORDS,
    )
    figure.update_yaxes(title_text=chart.y_title)


def _at_one_place(evidence: Evidence, title: str, chart: Chart) -> go.Figure:
    """The measures side by side, a point a seed, where there is one setting only."""
    line = _characters(len(chart.measures))
    names = ["<br>".join(textwrap.wrap(name, line)) for name in chart.measures.values()]
    figure = go.Figure()
    for number, seed in enumerate(evidence.seeds):
        runs = [one for one in evidence.runs if one.seed == seed]
        figure.add_trace(
            go.Scatter(
                x=names,
                y=[one.values.get(measure) for one in runs for measure in chart.measures],
                mode="markers",
                name=f"seed {seed}",
                marker={"size": 8, "symbol": f"{_SYMBOLS[number % len(_SYMBOLS)]}-open"},
                hovertemplate="%{y:.4f}<extra>seed " + str(seed) + "</extra>",
            )
        )
    figure.update_xaxes(tickangle=0, tickfont_size=_WORDS)
    figure.update_yaxes(title_text=chart.y_title)
    if all(value is None or value <= 1 for trace in figure.data for value in trace.y):
        figure.update_yaxes(range=[-0.03, 1.03])
    _make_room(figure, _most_lines(names), 1)
    return styled(figure, title, differing(evidence.places[:1])[0], figure.layout.height)


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


def _points(
    runs: Sequence[Trained], x: str | None, evidence: Evidence, measure: str
) -> list[tuple[Any, list[float]]]:
    if x is not None:
        return list(along(runs, x, ticks(evidence.runs, x), measure).items())
    found: dict[Any, list[float]] = {}
    line = min(_NARROW, _characters(len(evidence.places)))
    places: list[Place] = [{path: one.options[path] for path in evidence.axes} for one in runs]
    for one, at in zip(runs, differing(places, line), strict=True):
        value = one.values.get(measure)
        if value is not None:
            found.setdefault(at, []).append(float(value))
    return list(found.items())


def _trace(line: _Line, number: int, joined: bool) -> go.Scatter:
    known = [(at, [v for v in values if math.isfinite(v)]) for at, values in line.points]
    # A line without any point would not stand in the legend, which says that it never came.
    known = [(at, values) for at, values in known if values] or [(None, [math.nan])]
    mean = np.array([np.mean(values) for _, values in known], dtype=np.float64)
    return go.Scatter(
        x=[at for at, _ in known],
        y=mean.astype(np.float32),
        error_y={
            "array": np.array([max(v) for _, v in known], dtype=np.float64) - mean,
            "arrayminus": mean - np.array([min(v) for _, v in known], dtype=np.float64),
            "thickness": 1.2,
        },
        mode="lines+markers" if joined else "markers",
        name=line.label,
        marker={"size": 8, "symbol": _SYMBOLS[number % len(_SYMBOLS)]},
        line={
            "color": _COLOURS[number % len(_COLOURS)],
            "dash": "dot" if line.is_control else "solid",
            "width": 1.8,
        },
        hovertemplate="%{x}<br>%{y:.4g}<extra>" + line.label + "</extra>",
    )
