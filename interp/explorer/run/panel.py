"""The panel of one run: words, sliders, figures."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import dcc, html

from interp.analysis.phases.phase import phase_or_none
from interp.explorer.listing import Listed
from interp.explorer.page import GRAPH
from interp.explorer.readings import OpenRun
from interp.explorer.run.measures import measure_parts
from interp.explorer.run.pairs import pair_parts
from interp.explorer.run.sliders import identity
from interp.explorer.saving import saving
from interp.explorer.state import RunView
from interp.words.sentences import outcome
from interp.words.story import story

_RULES = {
    "auto": "The cut in two classes with the least variance inside them, at this checkpoint",
    "null": "The 99.9 % quantile of the IPR of Gaussian noise",
}
# Pixels, the figures' own: a graph that follows the window's width must be told its height.
_HEIGHT = {"training": 560, "histogram": 420, "position": 535, "one-neuron": 620, "spectra": 560}


def broken_panel(name: str, reason: str) -> html.Article:
    """What is shown of a run that cannot be opened."""
    return html.Article(
        [html.H3(name), html.P(reason, className="problem", role="alert")], className="panel"
    )


def run_panel(view: RunView, opened: OpenRun, listed: Listed | None) -> html.Article:
    """Everything of a run; figures are filled in by callbacks."""
    run, name = opened.run, view.name
    parts = [html.H3(opened.label), html.P(_words(opened, listed), className="story")]
    if opened.label != name:
        parts.insert(1, html.P(name, className="caption"))
    if not run.steps:
        parts += _graph("training", name)
        parts.append(html.P("No checkpoint yet; its neurons appear with the first one."))
    elif not opened.checkpoint(run.last_step).network.layers:
        parts += _graph("training", name)
        parts.append(html.P("An attention-only network has no neurons to show."))
    else:
        parts += _neuron_parts(view, opened)
    parts += pair_parts(opened, name)
    parts += measure_parts(opened, name, view.step)
    parts.append(dcc.Store(id=identity("live", name), data=""))
    parts.append(dcc.Store(id=identity("steps", name), data=run.steps))
    label = {"aria-label": f"run {name}"}
    return html.Article(parts, className="panel", id=identity("panel", name), **label)


def _words(opened: OpenRun, listed: Listed | None) -> str:
    run = opened.run
    words = [story(run)]
    ended = phase_or_none(run)
    if ended is not None:
        words.append(outcome(ended))
    if listed is not None and listed.error:
        words.append(f"Broken: {listed.error}.")
    if run.origin.trained_here:
        words.append("It is finished." if run.finished else "It is not finished.")
    return " ".join(words)


def _neuron_parts(view: RunView, opened: OpenRun) -> list[Any]:
    name, steps = view.name, opened.run.steps
    step = view.step if view.step is not None else steps[-1]
    threshold = view.threshold if view.threshold is not None else opened.threshold(step)
    table = opened.table(step)
    assert table is not None
    best = int(np.where(table.dead, -1.0, table.ipr).argmax())
    return [
        html.Div(
            [
                html.Label("IPR threshold"),
                html.Div(
                    [_threshold_slider(name, threshold), *(_rule(one, name) for one in _RULES)],
                    className="with-rules",
                ),
                html.Label(["checkpoint ", html.B(id=identity("step-words", name))]),
                _step_slider(name, steps.index(step), len(steps) - 1),
            ],
            className="sliders",
        ),
        html.P(id=identity("counts", name), className="counts", **{"aria-live": "polite"}),
        html.Div(id=identity("scores", name), className="scroll"),
        *_graph("histogram", name),
        html.P(id=identity("bar", name), className="bar"),
        dcc.Store(id=identity("drawn", name), data=""),
        *_graph("position", name),
        *_graph("training", name),
        _picker(name, view.neuron if view.neuron is not None else best, len(table) - 1),
        *_graph("one-neuron", name),
        *_graph("spectra", name),
    ]


def _threshold_slider(name: str, threshold: float) -> dcc.Slider:
    return dcc.Slider(
        id=identity("threshold", name),
        min=0.001,
        max=0.999,
        step=0.001,
        value=threshold,
        marks=None,
        updatemode="drag",
        allow_direct_input=True,
    )


def _step_slider(name: str, place: int, last: int) -> dcc.Slider:
    """Its values are places among the checkpoints."""
    return dcc.Slider(
        id=identity("step", name),
        min=0,
        max=max(last, 1),
        step=1,
        value=place,
        marks=None,
        updatemode="drag",
        allow_direct_input=False,
    )


def _picker(name: str, neuron: int, last: int) -> html.Label:
    number = dcc.Input(
        id=identity("neuron", name), type="number", min=0, max=last, step=1, value=neuron
    )
    return html.Label(["neuron ", number], className="picker")


def _rule(rule: str, name: str) -> html.Button:
    return html.Button(rule, id=identity(rule, name), title=_RULES[rule])


def _graph(kind: str, name: str) -> list[Any]:
    """The place of a figure, and what it can be saved as."""
    style = {"height": _HEIGHT[kind]}
    place = dcc.Graph(id=identity(kind, name), config=GRAPH, responsive=True, style=style)
    return [place, saving()]
