"""The address of the page, and the phase diagram of a sweep."""

from __future__ import annotations

from typing import Any

from dash import ALL, Dash, Input, Output, State, html
from dash.exceptions import PreventUpdate

from interp.explorer.catalog import Catalog
from interp.explorer.diagrams import axes_of, drawn, runs_of_cell
from interp.explorer.state import from_query

_AXES = ("x", "y", "panel")


def add_address(app: Dash, catalog: Catalog) -> None:
    """The view follows the address when a link is opened, and the address follows the view."""

    @app.callback(
        *(Output(name, "value") for name in ("sweep", *_AXES)),
        Output("cell", "data"),
        Output("opened", "data"),
        Output("message", "children"),
        Output("table", "filterModel"),
        Input("url", "search"),
    )
    def restore(search: str | None) -> Any:
        view, problems = from_query(search)
        sweeps = catalog.contents().sweeps
        sweep = view.sweep
        if sweep is not None and sweep not in sweeps:
            problems.append(f"sweep: there is no {sweep!r} in this folder")
            sweep = None
        sweep = sweep or next(iter(sweeps), None)
        runs = [vars(run) for run in view.runs]
        words = [html.P(problem) for problem in problems]
        return sweep, view.x, view.y, view.panel, view.cell, runs, words, view.filter

    # The address follows what is shown. Sliders replace it; opening something adds to the history.
    app.clientside_callback(
        """
        (sweep, x, y, panel, cell, filter, opened, thresholds, steps, neurons, lists) => {
            const query = new URLSearchParams();
            const put = (name, value) => {
                if (value !== null && value !== undefined) query.append(name, value);
            };
            put("sweep", sweep); put("x", x); put("y", y); put("panel", panel);
            if (cell) put("cell", JSON.stringify(cell));
            const inputs = dash_clientside.callback_context.inputs_list;
            const of = (place, run) => {
                const found = (inputs[place] || []).find((one) => one.id.run === run);
                return found ? found.value : undefined;
            };
            for (const run of opened || []) {
                put("run", run.name);
                const place = of(8, run.name), list = of(10, run.name);
                put("step", list && place !== undefined ? list[place] : run.step);
                put("threshold", of(7, run.name) ?? run.threshold);
                put("neuron", of(9, run.name) ?? run.neuron);
            }
            if (filter && Object.keys(filter).length) put("filter", JSON.stringify(filter));
            const text = query.toString() ? "?" + query : location.pathname;
            const names = (opened || []).map((run) => run.name);
            const runs = JSON.stringify([names, cell ?? null]);
            const before = window.interpOpened;
            window.interpOpened = runs;
            if (query.toString() === location.search.slice(1)) return text;
            const adds = before !== undefined && before !== runs;
            history[adds ? "pushState" : "replaceState"](null, "", text);
            return text;
        }
        """,
        Output("address", "data"),
        *(Input(name, "value") for name in ("sweep", *_AXES)),
        Input("cell", "data"),
        Input("table", "filterModel"),
        Input("opened", "data"),
        *(Input({"kind": kind, "run": ALL}, "value") for kind in ("threshold", "step", "neuron")),
        Input({"kind": "steps", "run": ALL}, "data"),
        prevent_initial_call=True,
    )


def add_diagram(app: Dash, catalog: Catalog) -> None:
    """The diagram follows the sweep and its axes; the cell's runs follow the cell."""

    @app.callback(
        Output("diagram", "figure"),
        Output("diagram", "style"),
        Output("diagram-words", "children"),
        Output("diagram-key", "data"),
        *(Output(name, "options") for name in _AXES),
        *(Output(name, "placeholder") for name in _AXES),
        Input("sweep", "value"),
        *(Input(name, "value") for name in _AXES),
        Input("version", "data"),
        prevent_initial_call=True,
    )
    def draw(
        name: str | None, x: str | None, y: str | None, panel: str | None, version: int
    ) -> Any:
        sweep = catalog.contents().sweeps.get(name or "")
        if sweep is None:
            raise PreventUpdate
        found = drawn(sweep, x, y, panel)
        placeholders = [axis or "none" for axis in found.axes]
        height = {"height": found.figure.layout.height}
        return found.figure, height, found.words, found.key, *([axes_of(sweep)] * 3), *placeholders

    @app.callback(
        Output("cell-runs", "children"),
        Input("cell", "data"),
        Input("version", "data"),
        State("sweep", "value"),
        *(State(axis, "value") for axis in _AXES),
    )
    def runs(cell: Any, version: int, name: str | None, *axes: str | None) -> Any:
        sweep = catalog.contents().sweeps.get(name or "")
        if sweep is None or not cell:
            return "Click a cell to see its runs."
        found = runs_of_cell(sweep, cell, axes)
        if not found:
            return "No run in this cell."
        buttons = [
            html.Button(
                f"seed {row.seed}: {row.state}",
                id={"kind": "open", "run": row.name},
                title=row.name,
            )
            for row in found
        ]
        return ["Runs of the cell: ", *buttons]
