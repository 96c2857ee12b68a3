"""What moves when a slider, a bar or a row of an open run is touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dash import ALL, MATCH, Dash, Input, Output, Patch, State, ctx, html, no_update
from dash.exceptions import PreventUpdate

from interp import figures
from interp.training.data.splits import SPLIT_MEANING, SPLITS
from interp.words.sentences import number

if TYPE_CHECKING:  # they load torch, for which the first page does not wait
    from interp.analysis.ablation.at_threshold import ThresholdScores
    from interp.analysis.ablation.pruning_curves import PruningCurves
    from interp.analysis.neurons.classify import Classes
    from interp.analysis.neurons.table import NeuronTable
    from interp.explorer.readings import OpenRun, Readings

BINS = 50


def of_run(kind: str) -> dict[str, Any]:
    """Id of a component of whichever run a callback is about."""
    return {"kind": kind, "run": MATCH}


def add_run_callbacks(app: Dash, readings: Callable[[], Readings]) -> None:
    """Callbacks of a run's panel; each answers for one run."""
    sliders = (
        Input(of_run("threshold"), "value"),
        Input(of_run("step"), "value"),
        Input(of_run("live"), "data"),
        State(of_run("steps"), "data"),
        State(of_run("step"), "id"),
    )

    # Numbers come first, by a callback of their own; figures follow.
    @app.callback(
        Output(of_run("counts"), "children"),
        Output(of_run("scores"), "children"),
        Output(of_run("step-words"), "children"),
        *sliders,
    )
    def numbers(
        threshold: float | None, place: int | None, live: str, steps: list[int], own: dict[str, str]
    ) -> Any:
        from interp.analysis.ablation.at_threshold import scores_at
        from interp.analysis.neurons.classify import classify

        opened, step = _at(readings, own["run"], steps, place)
        words = f"step {step} of {opened.run.config.steps}"
        try:
            classes = classify(_table(opened, step), _given(threshold))
        except (ValueError, OSError) as error:  # a damaged checkpoint among whole ones
            return f"Step {step}: {error}", no_update, words
        curves = opened.curves(step)
        table = _table(opened, step)
        found = None if curves is None else scores_at(curves, table, classes.threshold)
        return (
            counts_words(classes, step, len(table)),
            scores_table(found, curves, opened.problem(step)),
            words,
        )

    @app.callback(Output(of_run("histogram"), "figure"), *sliders[:2], *sliders[3:])
    def histogram(
        threshold: float | None, place: int | None, steps: list[int], own: dict[str, str]
    ) -> Any:
        from interp.analysis.neurons.classify import classify

        opened, step = _at(readings, own["run"], steps, place)
        table = _whole_table(opened, step)
        return figures.ipr_histogram(table, classify(table, _given(threshold)))

    @app.callback(Output(of_run("position"), "figure"), *sliders)
    def position(
        threshold: float | None, place: int | None, live: str, steps: list[int], own: dict[str, str]
    ) -> Any:
        opened, step = _at(readings, own["run"], steps, place)
        table = _whole_table(opened, step)
        kept = int((table.ipr[~table.dead] >= _given(threshold)).sum())
        return _position(opened.curves(step), len(table) - kept, _moved("threshold"))

    @app.callback(
        Output(of_run("spectra"), "figure"),
        Input(of_run("step"), "value"),
        State(of_run("steps"), "data"),
        State(of_run("step"), "id"),
    )
    def at_step(place: int | None, steps: list[int], own: dict[str, str]) -> Any:
        opened, step = _at(readings, own["run"], steps, place)
        return figures.spectra_heatmap(_whole_table(opened, step))

    @app.callback(
        Output(of_run("one-neuron"), "figure"),
        Input(of_run("neuron"), "value"),
        Input(of_run("step"), "value"),
        State(of_run("steps"), "data"),
        State(of_run("step"), "id"),
    )
    def at_neuron(
        neuron: int | None, place: int | None, steps: list[int], own: dict[str, str]
    ) -> Any:
        opened, step = _at(readings, own["run"], steps, place)
        table = _whole_table(opened, step)
        if neuron is None or not 0 <= neuron < len(table):
            return no_update
        return figures.neuron_curves(table, neuron)

    @app.callback(
        Output(of_run("neuron"), "value"),
        Output(of_run("bar"), "children"),
        Input(of_run("histogram"), "clickData"),
        Input(of_run("spectra"), "clickData"),
        Input({"kind": "pick", "run": MATCH, "neuron": ALL}, "n_clicks"),
        State(of_run("step"), "value"),
        State(of_run("steps"), "data"),
        State(of_run("step"), "id"),
        prevent_initial_call=True,
    )
    def choose(
        bar: Any, row: Any, picks: list[int], place: int, steps: list[int], own: dict[str, str]
    ) -> Any:
        by = ctx.triggered_id
        if not ctx.triggered or ctx.triggered[0]["value"] is None:
            raise PreventUpdate
        if by["kind"] == "pick":
            return by["neuron"], no_update
        opened, step = _at(readings, own["run"], steps, place)
        if by["kind"] == "spectra":
            return neuron_of_row(_whole_table(opened, step), row["points"][0]["y"]), no_update
        inside = neurons_of_bar(_whole_table(opened, step), bar["points"][0]["x"])
        if not inside:
            return no_update, no_update
        return inside[0], _picks(own["run"], inside)

    @app.callback(
        Output(of_run("training"), "figure"),
        Input(of_run("live"), "data"),
        State(of_run("live"), "id"),
    )
    def training(live: str, own: dict[str, str]) -> Any:
        return figures.training_curves(readings().open(own["run"]).run)

    @app.callback(
        Output(of_run("step"), "max"),
        Output(of_run("step"), "value"),
        Output(of_run("steps"), "data"),
        Input(of_run("live"), "data"),
        State(of_run("step"), "value"),
        State(of_run("steps"), "data"),
        State(of_run("live"), "id"),
        prevent_initial_call=True,
    )
    def grow(live: str, place: int, known: list[int], own: dict[str, str]) -> Any:
        """New checkpoints; a reader who looks at the newest goes on to the new newest."""
        steps = readings().open(own["run"]).run.steps
        if steps == known:
            return no_update, no_update, no_update
        newest = len(steps) - 1
        follows = place == len(known) - 1
        return max(newest, 1), newest if follows else no_update, steps


def _at(
    readings: Callable[[], Readings], name: str, steps: list[int], place: int | None
) -> tuple[OpenRun, int]:
    if place is None or not 0 <= place < len(steps):
        raise PreventUpdate
    return readings().open(name), steps[place]


def _given(threshold: float | None) -> float:
    if threshold is None:  # a number that is being typed
        raise PreventUpdate
    return threshold


def _table(opened: OpenRun, step: int) -> NeuronTable:
    table = opened.table(step)
    if table is None:
        raise PreventUpdate
    return table


def _whole_table(opened: OpenRun, step: int) -> NeuronTable:
    """As :func:`_table`; a figure of a damaged checkpoint stays as it was."""
    try:
        return _table(opened, step)
    except (ValueError, OSError):
        raise PreventUpdate from None


def neurons_of_bar(table: NeuronTable, centre: float) -> list[int]:
    """The neurons of the histogram's bar around an IPR."""
    bar = int(centre * BINS)
    alive = (i for i in range(len(table)) if not table.dead[i])
    return [i for i in alive if min(int(table.ipr[i] * BINS), BINS - 1) == bar]


def neuron_of_row(table: NeuronTable, row: float) -> int:
    """The neuron of a row of the heat map of spectra."""
    from interp.figures.spectra import spectra_order

    return int(spectra_order(table)[round(row)])


def counts_words(classes: Classes, step: int, neurons: int) -> str:
    """How many neurons the threshold keeps."""
    counts = classes.counts
    kept = counts["generalizing"]
    dead = f" ({counts['dead']} of them dead)" if counts["dead"] else ""
    return f"Step {step}: {kept} kept · {neurons - kept} pruned{dead} · IPR {classes.threshold:.3f}"


def scores_table(
    found: ThresholdScores | None, curves: PruningCurves | None, problem: str | None
) -> Any:
    """Accuracies before and after pruning, beside the control."""
    if problem is not None:
        return html.P(problem, className="problem", role="alert")
    if found is None or curves is None:
        return html.P("Pruning: computing…", className="caption")
    control = curves.control
    words = "control: computing…"
    if control is not None:
        words = f"control: {control.draws} random prunings, seed {control.seed}"
    grid = "" if found.size == found.pruned else f", scored with {found.size} pruned"
    header = ["accuracy", "before", "after", "random control", "5–95 %"]
    rows = []
    for split in SPLITS:
        band = "–"
        if found.low is not None and found.high is not None:
            band = f"{number(found.low[split])} – {number(found.high[split])}"
        mean = None if found.mean is None else found.mean[split]
        cells = [number(found.before[split]), number(found.after[split]), number(mean), band]
        rows.append(
            html.Tr([html.Th(split, title=SPLIT_MEANING[split], scope="row"), *map(html.Td, cells)])
        )
    table = html.Table([html.Thead(html.Tr([html.Th(h) for h in header])), html.Tbody(rows)])
    return [table, html.P(f"{words}{grid}. Nothing is retrained.", className="caption")]


def _moved(kind: str) -> bool:
    """Whether a component of this kind, and nothing else, made the callback run."""
    return [one["prop_id"] for one in ctx.triggered] != ["."] and all(
        by["kind"] == kind for by in ctx.triggered_prop_ids.values()
    )


def _position(curves: PruningCurves | None, pruned: int, moved: bool) -> Any:
    """The pruning curves with the position marked; only the mark where only it has moved."""
    if curves is None:
        return no_update
    if not moved:
        return figures.pruning_curves(curves, pruned=pruned)
    patch = Patch()
    mark, words = patch["layout"]["shapes"][0], patch["layout"]["annotations"][2]
    mark["x0"], mark["x1"] = pruned, pruned
    words["x"], words["text"] = pruned, f"{pruned} pruned"
    return patch


def _picks(run: str, neurons: list[int]) -> list[Any]:
    buttons = [
        html.Button(str(i), id={"kind": "pick", "run": run, "neuron": i}) for i in neurons[:60]
    ]
    return [f"{len(neurons)} neurons in this bar: ", *buttons]
