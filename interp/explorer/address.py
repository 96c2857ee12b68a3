"""The address of the page: it follows the view, and a link opens the same view."""

from __future__ import annotations

from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, html

from interp.explorer.catalog import Catalog
from interp.explorer.diagrams import AXES
from interp.explorer.state import from_query


def add_address(app: Dash, catalog: Catalog) -> None:
    """The view follows the address when a link is opened, and the address follows the view."""
    _add_restoring(app, catalog)
    app.clientside_callback(
        ClientsideFunction("interp", "address"),  # in assets/address.js
        Output("address", "data"),
        *(Input(name, "value") for name in ("sweep", *AXES)),
        Input("cell", "data"),
        Input("table", "filterModel"),
        Input("opened", "data"),
        *(Input({"kind": kind, "run": ALL}, "value") for kind in ("threshold", "step", "neuron")),
        Input({"kind": "steps", "run": ALL}, "data"),
        prevent_initial_call=True,
    )


def _add_restoring(app: Dash, catalog: Catalog) -> None:
    @app.callback(
        *(Output(name, "value") for name in ("sweep", *AXES)),
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
