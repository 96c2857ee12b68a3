"""The phase diagram of a listed sweep, the runs of one of its cells, and what moves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from dash import Dash, Input, Output, State, html
from dash.exceptions import PreventUpdate

from interp.analysis.sweeps.diagram import phase_diagram
from interp.explorer.catalog import Catalog
from interp.explorer.listing import Listed
from interp.explorer.sweeps import ListedSweep
from interp.figures.diagram.cells import phase_diagram as draw
from interp.figures.diagram.dense import dense_phase_diagram, is_regular
from interp.training.sweep.table.results import distinct

AXES = ("x", "y", "panel")  # ids of their choices
_USUAL = ("data.fraction", "data.corruption")
Axes = tuple[str | None, str | None, str | None]


def axes_of(sweep: ListedSweep) -> list[str]:
    """Options of a sweep that take more than one value."""
    if sweep.results is None:
        return []
    table = sweep.results.table
    return [axis for axis in sweep.results.axes if len(distinct(table[axis].to_pylist())) > 1]


def chosen_axes(sweep: ListedSweep, axes: Sequence[str | None]) -> Axes:
    """The asked axes; where none is asked, the usual ones or the first that are free."""
    free = axes_of(sweep)
    asked = [axis if axis in free else None for axis in axes]
    for place in range(3):
        left = [axis for axis in free if axis not in asked]
        if asked[place] is None and left:
            usual = _USUAL[place] if place < 2 else None
            asked[place] = usual if usual in left else left[0]
    return asked[0], asked[1], asked[2]


def _held(sweep: ListedSweep, axes: Axes) -> dict[str, Any]:
    """The first value of every axis that the diagram does not show."""
    assert sweep.results is not None
    table = sweep.results.table
    others = [axis for axis in axes_of(sweep) if axis not in axes]
    return {axis: distinct(table[axis].to_pylist())[0] for axis in others}


@dataclass(frozen=True)
class Drawn:
    """A phase diagram on the page.

    Attributes:
        figure: empty where there is none.
        words: how many cells it has, or why it is empty.
        axes: x, y and panel.
        key: what a click needs to tell the cell: values of the axes in the order of their places,
            and the number of traces before the first panel's.
    """

    figure: go.Figure
    words: str
    axes: Axes = (None, None, None)
    key: Mapping[str, Any] | None = None


def drawn(sweep: ListedSweep, x: str | None, y: str | None, panel: str | None) -> Drawn:
    """The diagram of a sweep over the asked axes."""
    nothing = go.Figure(layout={"height": 60})
    if sweep.results is None:
        return Drawn(nothing, sweep.error or "No cell of this sweep has an outcome yet.")
    axes = chosen_axes(sweep, (x, y, panel))
    if axes[0] is None or axes[1] is None:
        words = "A phase diagram needs a sweep over two axes; its cells are in the table."
        return Drawn(nothing, words, axes)
    try:
        diagram = phase_diagram(sweep.results, axes[0], axes[1], axes[2], _held(sweep, axes))
    except ValueError as error:
        return Drawn(nothing, str(error), axes)
    words = f"{len(diagram.points):,} cells. Click one to see its runs."
    if not is_regular(diagram):
        return Drawn(draw(diagram), words, axes)
    key = {
        "panels": diagram.panels,
        "x": distinct(point.x for point in diagram.points),
        "y": distinct(point.y for point in diagram.points),
        "before": len(diagram.states),
    }
    return Drawn(dense_phase_diagram(diagram), words, axes, key)


def clicked_cell(point: Mapping[str, Any], key: Mapping[str, Any] | None) -> list[Any] | None:
    """Values of panel, x and y of a clicked point; None beside the cells.

    A point of a heat map says where it is, a marker brings its cell with it.
    """
    if key is None:
        return point.get("customdata")
    panel = point["curveNumber"] - key["before"]
    if not 0 <= panel < len(key["panels"]):
        return None
    return [key["panels"][panel], _nearest(key["x"], point["x"]), _nearest(key["y"], point["y"])]


def _nearest(values: Sequence[Any], place: float) -> Any:
    """The value at a place; values that are no numbers stand at 0, 1, 2 and so on."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return min(values, key=lambda v: abs(v - place)) if numbers else values[round(place)]


def runs_of_cell(
    sweep: ListedSweep, cell: Sequence[Any], axes: Sequence[str | None]
) -> list[Listed]:
    """The rows of a cell, one a seed; the cell is the values of panel, x and y."""
    if sweep.results is None:
        return []
    x, y, panel = chosen_axes(sweep, axes)
    wanted = {**_held(sweep, (x, y, panel))}
    wanted |= {axis: value for axis, value in zip((panel, x, y), cell, strict=True) if axis}
    table = sweep.results.table
    columns = [(table[axis].to_pylist(), value) for axis, value in wanted.items()]
    return [
        row
        for place, row in enumerate(sweep.rows)
        if all(column[place] == value for column, value in columns)
    ]


def add_diagram(app: Dash, catalog: Catalog) -> None:
    """The diagram follows the sweep and its axes; the cell's runs follow the cell."""
    _add_drawing(app, catalog)
    _add_runs(app, catalog)


def _add_drawing(app: Dash, catalog: Catalog) -> None:
    @app.callback(
        Output("diagram", "figure"),
        Output("diagram", "style"),
        Output("diagram-words", "children"),
        Output("diagram-key", "data"),
        *(Output(name, "options") for name in AXES),
        *(Output(name, "placeholder") for name in AXES),
        Input("sweep", "value"),
        *(Input(name, "value") for name in AXES),
        Input("version", "data"),
        prevent_initial_call=True,
    )
    def redraw(
        name: str | None, x: str | None, y: str | None, panel: str | None, version: int
    ) -> Any:
        sweep = catalog.contents().sweeps.get(name or "")
        if sweep is None:
            raise PreventUpdate
        found = drawn(sweep, x, y, panel)
        placeholders = [axis or "none" for axis in found.axes]
        height = {"height": found.figure.layout.height}
        return found.figure, height, found.words, found.key, *([axes_of(sweep)] * 3), *placeholders


def _add_runs(app: Dash, catalog: Catalog) -> None:
    @app.callback(
        Output("cell-runs", "children"),
        Input("cell", "data"),
        Input("version", "data"),
        State("sweep", "value"),
        *(State(axis, "value") for axis in AXES),
    )
    def runs(cell: Any, version: int, name: str | None, *axes: str | None) -> Any:
        sweep = catalog.contents().sweeps.get(name or "")
        if sweep is None or not cell:
            return "Click a cell to see its runs."
        found = runs_of_cell(sweep, cell, axes)
        return ["Runs of the cell: ", *map(_button, found)] if found else "No run in this cell."


def _button(row: Listed) -> html.Button:
    words, place = f"seed {row.seed}: {row.state}", {"kind": "open", "run": row.name}
    return html.Button(words, id=place, title=row.name)
