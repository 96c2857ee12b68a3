"""The one neuron that is looked at: typed, or chosen by a click on a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import ALL, MATCH, Dash, Input, Output, State, ctx, html, no_update
from dash.exceptions import PreventUpdate

from interp import figures
from interp.explorer.run.sliders import PLACES, STEP, at, of_run, whole_table

if TYPE_CHECKING:
    from interp.analysis.neurons.table import NeuronTable
    from interp.explorer.run.sliders import Opener

_BINS = 50  # of the histogram
_MOST = 60  # neurons of a bar that get a button


def add_neuron(app: Dash, readings: Opener) -> None:
    """The figure of the neuron, and the clicks that choose it."""
    _add_curves(app, readings)
    _add_choice(app, readings)


def _add_curves(app: Dash, readings: Opener) -> None:
    @app.callback(
        Output(of_run("one-neuron"), "figure"), Input(of_run("neuron"), "value"), STEP, *PLACES
    )
    def curves(neuron: int | None, place: int | None, steps: list[int], own: dict[str, str]) -> Any:
        opened, step = at(readings, own, steps, place)
        table = whole_table(opened, step)
        if neuron is None or not 0 <= neuron < len(table):
            return no_update
        return opened.named(figures.neuron_curves(table, neuron))


def _add_choice(app: Dash, readings: Opener) -> None:
    """A bar of the histogram, a row of the spectra, or a button of a bar's neurons."""

    @app.callback(
        Output(of_run("neuron"), "value"),
        Output(of_run("bar"), "children"),
        Input(of_run("histogram"), "clickData"),
        Input(of_run("spectra"), "clickData"),
        Input({"kind": "pick", "run": MATCH, "neuron": ALL}, "n_clicks"),
        State(of_run("step"), "value"),
        *PLACES,
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
        table = whole_table(*at(readings, own, steps, place))
        if by["kind"] == "spectra":
            return neuron_of_row(table, row["points"][0]["y"]), no_update
        inside = neurons_of_bar(table, bar["points"][0]["x"])
        return (inside[0], _picks(own["run"], inside)) if inside else (no_update, no_update)


def neurons_of_bar(table: NeuronTable, centre: float) -> list[int]:
    """The neurons of the histogram's bar around an IPR."""
    bar = int(centre * _BINS)
    alive = (i for i in range(len(table)) if not table.dead[i])
    return [i for i in alive if min(int(table.ipr[i] * _BINS), _BINS - 1) == bar]


def neuron_of_row(table: NeuronTable, row: float) -> int:
    """The neuron of a row of the heat map of spectra."""
    from interp.figures.spectra import spectra_order

    return int(spectra_order(table)[round(row)])


def _picks(run: str, neurons: list[int]) -> list[Any]:
    buttons = [
        html.Button(str(i), id={"kind": "pick", "run": run, "neuron": i}) for i in neurons[:_MOST]
    ]
    return [f"{len(neurons)} neurons in this bar: ", *buttons]
