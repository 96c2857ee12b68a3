"""The figures of a recipe: a kind and its options, as the recipe names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from inspect import signature
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa

from interp import figures
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.measures import MEASURES
from interp.analysis.neurons.answers import answer_planes
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.read import neuron_table
from interp.analysis.sweeps.diagram import phase_diagram
from interp.analysis.trajectory.ipr_history import dynamics
from interp.reproduction.chart import Chart, measures_against
from interp.reproduction.evidence import Evidence, Trained, differing
from interp.reproduction.methods import Methods, method_panels
from interp.reproduction.panels import histogram_panels, seeds_of, training_panels
from interp.reproduction.recipe import Recipe
from interp.training.config.options import check_paths
from interp.training.registry import Registry
from interp.training.runs.run import Run
from interp.training.sweep.table.results import Results

Places = Sequence[Mapping[str, Any]]
_AXES = ("x", "y", "by", "panels")  # options of figures that are dotted paths
_LINE = 20  # pixels of a line of a title


def draw(recipe: Recipe, evidence: Evidence) -> list[go.Figure]:
    """All figures of a recipe, but for those of which no run is there to be drawn."""
    drawn: list[go.Figure] = []
    for asked in recipe.figures:
        options = {name: value for name, value in asked.items() if name != "kind"}
        if not _settings(evidence, options.get("places")):
            continue
        drawn += FIGURES[asked["kind"]](recipe, evidence, **options)
    return drawn


def check_figures(recipe: Recipe) -> None:
    """Refuses figures that are none, before anything is trained.

    Raises:
        ValueError: saying what was expected.
    """
    for asked in recipe.figures:
        options = {name: value for name, value in asked.items() if name != "kind"}
        try:
            drawn = FIGURES[str(asked.get("kind"))]
            signature(drawn).bind(recipe, None, **options)
            kept = recipe.keep == "runs" or recipe.trained == "analytic"
            if not kept and drawn not in _OF_SCORES:
                raise ValueError(f"{asked['kind']}: expected keep: runs, since it reads networks")
            check_paths(_paths(options))
            if drawn in _DESCRIBED:
                _DESCRIBED[drawn](**options)
            if drawn is _measure:
                MEASURES[options["measure"]].checked(options.get("options", {}))
        except (TypeError, ValueError) as error:
            raise ValueError(f"recipe {recipe.name}: figures: {error}") from None


def _paths(options: Mapping[str, Any]) -> Iterator[str]:
    """Dotted paths that a figure's options name."""
    yield from (path for place in options.get("places") or () for path in place)
    yield from (str(options[name]) for name in _AXES if options.get(name) is not None)


def _settings(evidence: Evidence, places: Places | None) -> dict[str, list[Trained]]:
    """Runs by the words of their setting."""
    wanted = places or evidence.places
    found = zip(differing(wanted), map(evidence.at, wanted), strict=True)
    return {name: runs for name, runs in found if runs}


def _runs(trained: Sequence[Trained]) -> list[Run]:
    return [one.run for one in trained if one.run is not None]


def _training(
    recipe: Recipe, evidence: Evidence, places: Places | None = None, norm: bool = False
) -> list[go.Figure]:
    settings = {name: _runs(runs) for name, runs in _settings(evidence, places).items()}
    return [training_panels(settings, recipe.title, norm)]


def _histograms(
    recipe: Recipe,
    evidence: Evidence,
    places: Places | None = None,
    layer: int = 0,
    steps: Literal["last", "first and last"] = "last",
) -> list[go.Figure]:
    settings = {name: _runs(runs) for name, runs in _settings(evidence, places).items()}
    tables = {}
    for name, runs in settings.items():
        if steps == "first and last":
            which = f"{name}, " if len(settings) > 1 else ""
            first = [neuron_table(run, run.steps[0], layer=layer) for run in runs]
            tables[f"{which}before training"] = first
            name = f"{which}after training"
        tables[name] = [neuron_table(run, layer=layer) for run in runs]
    ends = sorted({run.last_step for runs in settings.values() for run in runs})
    words = f"{seeds_of(settings.values())} · step {', '.join(map(str, ends))}"
    return [histogram_panels(tables, f"IPR of the neurons: {recipe.title}", words)]


def _diagram(
    recipe: Recipe, evidence: Evidence, x: str = "data.fraction", y: str = "data.corruption"
) -> list[go.Figure]:
    """A panel for each combination of the options that are neither axis."""
    table = evidence.results.table
    others = [path for path in evidence.axes if path not in (x, y)]
    panel = None
    if others:
        rows = zip(*(table[path].to_pylist() for path in others), strict=True)
        labels = differing([dict(zip(others, row, strict=True)) for row in rows])
        panel = others[0] if len(others) == 1 else "setting"
        if panel == "setting":
            table = table.append_column("setting", pa.array(labels))
    axes = (x, y) if panel is None else (x, y, panel)
    drawn = figures.phase_diagram(phase_diagram(Results(table, axes), x, y, panel))
    drawn.for_each_annotation(lambda one: one.update(text=one.text.removeprefix("setting = ")))
    return [drawn.update_layout(title_text=recipe.title)]


def _first(evidence: Evidence, places: Places | None) -> list[tuple[str, Run]]:
    """The run of the first seed of each setting."""
    found = _settings(evidence, places)
    return [(name, _runs(runs)[0]) for name, runs in found.items()]


def _named(figure: go.Figure, words: str) -> go.Figure:
    """With the setting in its title, in place of the name of a run folder, which is a hash."""
    title, lines = figure.layout.title.text, words.count("<br>")
    if lines:  # of more than one line, which push down what stands below them
        top = figure.layout.margin.t or figure.layout.template.layout.margin.t
        height = figure.layout.height + _LINE * lines
        figure.update_layout(height=height, margin={"t": top + _LINE * lines})
    return figure.update_layout(title_text=f"{title} · {words}" if words else title)


def _pruning(
    recipe: Recipe,
    evidence: Evidence,
    places: Places | None = None,
    metric: Literal["accuracy", "loss"] = "accuracy",
    draws: int = 20,
) -> list[go.Figure]:
    drawn = []
    for name, run in _first(evidence, places):
        curves = pruning_curve(run, draws=draws, losses=metric == "loss")
        drawn.append(_named(figures.pruning_curves(curves, metric), name))
    return drawn


def _norms(recipe: Recipe, evidence: Evidence, places: Places | None = None) -> list[go.Figure]:
    drawn = []
    for name, run in _first(evidence, places):
        table = replace(neuron_table(run), name=name)
        classes = classify(table, "auto")
        drawn += [figures.ipr_histogram(table, classes), figures.norm_weights(table, classes)]
    return drawn


def _ipr_history(
    recipe: Recipe, evidence: Evidence, places: Places | None = None
) -> list[go.Figure]:
    drawn = []
    for name, run in _first(evidence, places):
        table = neuron_table(run)
        found = dynamics(run)
        drawn.append(_named(figures.ipr_dynamics(found, classify(table, "null")), name))
    return drawn


def _neuron(
    recipe: Recipe,
    evidence: Evidence,
    places: Places | None = None,
    steps: Literal["last", "first and last"] = "last",
) -> list[go.Figure]:
    """The neuron of the highest IPR at the end: its curves and spectra, also before training."""
    drawn = []
    for name, run in _first(evidence, places):
        table = replace(neuron_table(run), name=name)
        best = int(np.nan_to_num(table.ipr, nan=-1.0).argmax())
        if steps == "first and last":
            start = replace(neuron_table(run, run.steps[0]), name=f"{name}, before training")
            drawn.append(figures.neuron_curves(start, best))
        drawn.append(figures.neuron_curves(table, best))
    return drawn


def _planes(recipe: Recipe, evidence: Evidence, places: Places | None = None) -> list[go.Figure]:
    return [
        figures.answer_planes(replace(answer_planes(run), name=name))
        for name, run in _first(evidence, places)
    ]


def _measures(recipe: Recipe, evidence: Evidence, **options: Any) -> list[go.Figure]:
    return [measures_against(evidence, recipe.title, Chart(**options))]


def _methods(recipe: Recipe, evidence: Evidence, **options: Any) -> list[go.Figure]:
    return [method_panels(evidence, recipe.title, Methods(**options))]


def _measure(
    recipe: Recipe,
    evidence: Evidence,
    measure: str,
    places: Places | None = None,
    options: Mapping[str, Any] | None = None,
) -> list[go.Figure]:
    """The figure that belongs to a measure."""
    return [
        _named(MEASURES[measure](run, **(options or {})).plot(), name)
        for name, run in _first(evidence, places)
    ]


_ROWS: Mapping[str, Callable[..., list[go.Figure]]] = {
    "training": _training,
    "histograms": _histograms,
    "diagram": _diagram,
    "pruning": _pruning,
    "norms": _norms,
    "ipr_history": _ipr_history,
    "neuron": _neuron,
    "planes": _planes,
    "measure": _measure,
    "measures": _measures,
    "methods": _methods,
}
FIGURES: Registry[Callable[..., list[go.Figure]]] = Registry("kind", _ROWS)
_DESCRIBED: Mapping[Callable[..., list[go.Figure]], Callable[..., object]] = {
    _measures: Chart,
    _methods: Methods,
}
_OF_SCORES = frozenset({_diagram, _measures, _methods})  # what the others read are networks
