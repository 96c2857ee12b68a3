"""The runs of an experiment: a line a stage and condition, with what was read off."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from interp.analysis.measures import MEASURES
from interp.experiments.outcome import Outcome, as_asked, label
from interp.experiments.plan import Point, Stage
from interp.experiments.readings import at
from interp.figures.expected import expect
from interp.figures.onsets import onsets
from interp.figures.template import INK, styled, word_axis
from interp.words.options import alone_name

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C", "#222222")


def experiment(outcome: Outcome) -> go.Figure:
    """Means over the seeds, with bars from least to greatest; controls are hollow and dotted.

    Stages that vary an option are lines along it, of the first value that the experiment shows, and
    diamonds are where a level is crossed; stages of one run a condition stand as a row of marks.

    Args:
        outcome: of an experiment.
    """
    expect(outcome, Outcome)
    if outcome.experiment.picture == "onsets":
        return _aligned(outcome)
    asked, figure = outcome.experiment, go.Figure()
    along = next((one.options[0] for one in asked.stages if one.options), None)
    for colour, condition in enumerate(asked.conditions):
        look = _COLOURS[colour % len(_COLOURS)]
        for stage in asked.stages:
            rows = _of(outcome.stages[stage.name], condition)
            if along is None:
                figure.add_trace(_marks(stage, rows, asked.values[0], label(condition), look))
            elif stage.options[:1] == (along,):
                figure.add_trace(_line(stage, rows, along, asked.values[0], condition, look))
        figure.add_traces(list(_crossings(outcome, condition, along, look)))
    value = asked.values[0].replace("_", " ")
    figure.update_yaxes(title_text=value, rangemode="tozero")
    if along is not None:
        figure.update_xaxes(title_text=alone_name(along))
        for level in sorted({one.level for one in asked.crossings if one.against is None}):
            figure.add_hline(y=level, line={"color": INK, "dash": "dot", "width": 1})
        figure.update_xaxes(**word_axis(place for one in figure.data for place in one.x))
    figure.update_layout(legend={"orientation": "h", "y": -0.2}, showlegend=True)
    return styled(figure, asked.title, outcome.caption, height=520)


def _aligned(outcome: Outcome) -> go.Figure:
    """The signals of the runs of the first condition in which one grokked."""
    rows = pd.concat(outcome.stages.values())
    for condition in outcome.experiment.conditions:
        runs = _of(rows[rows["status"] == "done"], condition)["run"]
        found = [MEASURES["onsets"](run) for run in runs]
        if any(one.grok is not None for one in found):
            break
    return onsets(found, "What comes first", label(condition))


def _of(rows: pd.DataFrame, condition: Point) -> pd.DataFrame:
    return rows[at(rows, condition)]


def _spread(rows: pd.DataFrame, by: str, value: str) -> pd.DataFrame:
    found = rows.groupby(by, dropna=False)[value].agg(["mean", "min", "max"]).dropna().reset_index()
    if not found[by].isna().any():
        return found
    # What is unset has no place among numbers.
    return found.assign(**{by: [str(one) for one in as_asked(found[by], rows[by])]})


def _line(
    stage: Stage, rows: pd.DataFrame, along: str, value: str, condition: Point, colour: str
) -> go.Scatter:
    found = _spread(rows, along, value)
    name = " · ".join(filter(None, (stage.name, label(condition))))
    return go.Scatter(
        x=found[along],
        y=found["mean"],
        mode="lines+markers",
        name=name,
        line={"color": colour, "dash": "dot" if stage.control else "solid", "width": 1.6},
        marker={"symbol": "circle-open" if stage.control else "circle", "size": 7},
        error_y=_bars(found, colour),
        hovertemplate=f"{name}<br>%{{x}}: %{{y:.3f}}<extra></extra>",
    )


def _marks(stage: Stage, rows: pd.DataFrame, value: str, condition: str, colour: str) -> go.Scatter:
    found = _spread(rows.assign(stage=stage.name), "stage", value)
    return go.Scatter(
        x=found["stage"],
        y=found["mean"],
        mode="markers",
        name=f"{stage.name}: {stage.says}" + (f" · {condition}" if condition else ""),
        marker={
            "color": colour,
            "symbol": "circle-open" if stage.control else "circle",
            "size": 12,
        },
        error_y=_bars(found, colour),
        hovertemplate="%{x}: %{y:.3f}<extra></extra>",
    )


def _bars(found: pd.DataFrame, colour: str) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": found["max"] - found["mean"],
        "arrayminus": found["mean"] - found["min"],
        "color": colour,
        "thickness": 1.2,
        "width": 3,
    }


def _crossings(
    outcome: Outcome, condition: Point, along: str | None, colour: str
) -> Iterator[go.Scatter]:
    """Where each seed crosses a level, as diamonds on it."""
    for one in outcome.summaries:
        if one.condition == condition and one.crossing.along == along and one.each:
            heights = [one.crossing.level] * len(one.each)
            if one.crossing.against is not None:  # they lie where two curves meet
                rows = _of(outcome.stages[one.crossing.stage], condition)
                curve = _spread(rows[rows[along].notna()], along, one.crossing.value)
                heights = np.interp(one.each, curve[along], curve["mean"]).tolist()
            yield go.Scatter(
                x=list(one.each),
                y=heights,
                mode="markers",
                showlegend=False,
                marker={"symbol": "diamond", "size": 9, "color": colour, "line": {"width": 1}},
                hovertemplate=f"{one.crossing.name} %{{x:.3f}}<extra></extra>",
            )
