"""Which runs are open, their panels, and what happens when files change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dash import ALL, Dash, Input, Output, State, ctx, html, no_update
from dash.exceptions import PreventUpdate

from interp.explorer.catalog import Catalog, Contents
from interp.explorer.diagrams import clicked_cell, runs_of_cell
from interp.explorer.overlay import OWN, one_shown, settings_of
from interp.explorer.page import NOT_YET, rows_of, summary
from interp.explorer.state import MOST_RUNS, RunView
from interp.training.lines import one_line

if TYPE_CHECKING:
    from interp.explorer.readings import Readings

_FIRST_TICKS = 2  # that leave the browser to draw the diagram before the whole table comes
_POSITIONS = (("threshold", "value"), ("step", "value"), ("neuron", "value"), ("steps", "data"))


def add_opening(app: Dash, catalog: Catalog) -> None:
    """A click on a cell, on a run of it, or on rows of the table opens runs."""

    @app.callback(
        Output("opened", "data", allow_duplicate=True),
        Output("cell", "data", allow_duplicate=True),
        Output("message", "children", allow_duplicate=True),
        Output("ticked", "data"),
        Input("diagram", "clickData"),
        Input({"kind": "open", "run": ALL}, "n_clicks"),
        Input("table", "selectedRows"),
        State("opened", "data"),
        State("sweep", "value"),
        *(State(axis, "value") for axis in ("x", "y", "panel")),
        State("diagram-key", "data"),
        State("version", "data"),
        State("ticked", "data"),
        *(State({"kind": kind, "run": ALL}, prop) for kind, prop in _POSITIONS),
        prevent_initial_call=True,
    )
    def open_runs(
        click: Any, opens: Any, rows: Any, opened: list[dict[str, Any]], sweep: str, *rest: Any
    ) -> Any:
        by = ctx.triggered_id
        if not ctx.triggered or ctx.triggered[0]["value"] is None:
            raise PreventUpdate
        standing = _standing(opened, ctx.states_list[8:])
        if by == "table":
            if rest[4] == NOT_YET:  # rows are missing, and the ticks with them
                raise PreventUpdate
            return _ticked(catalog, rows, standing, rest[5] or [])
        if by == "diagram":
            cell = clicked_cell(click["points"][0], rest[3])
            listed = catalog.contents().sweeps.get(sweep)
            if cell is None or listed is None:
                raise PreventUpdate
            names = [row.name for row in runs_of_cell(listed, cell, rest[:3])]
            return [{"name": names[0]}] if names else [], cell, "", no_update
        return [{"name": by["run"]}], no_update, "", no_update


def _ticked(
    catalog: Catalog, rows: Any, standing: list[dict[str, Any]], ticked: Sequence[str]
) -> Any:
    """The ticked rows; a run that was open keeps its place and its sliders.

    Only what has been ticked before can be unticked: a table that is still being drawn tells of
    fewer ticks than it was given, and would close the runs of a link.
    """
    names = [row["name"] for row in rows if isinstance(row, dict)]
    known = {row["name"] for row in rows_of(catalog.contents())}
    before = [one["name"] for one in standing]
    late = {name for name in before if name in known and name not in ticked}
    kept = [one for one in standing if one["name"] in names or one["name"] in late]
    added = [{"name": name} for name in names if name not in before]
    if not added and {one["name"] for one in kept} == {name for name in before if name in known}:
        return no_update, no_update, no_update, names
    words = ""
    if len(names) > MOST_RUNS:
        words = f"At most {MOST_RUNS} runs are shown side by side, {len(names)} are ticked."
    return [*kept, *added][:MOST_RUNS], no_update, words, names


def _standing(
    opened: Sequence[dict[str, Any]], states: Sequence[Sequence[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """The open runs with the present positions of their sliders."""
    found: dict[str, dict[str, Any]] = {}
    for (kind, _), entries in zip(_POSITIONS, states, strict=True):
        for entry in entries:
            found.setdefault(entry["id"]["run"], {})[kind] = entry.get("value")
    rows = []
    for one in opened:
        now = found.get(one["name"], {})
        place, steps = now.get("step"), now.get("steps") or []
        step = steps[place] if place is not None and place < len(steps) else one.get("step")
        rows.append(
            {
                "name": one["name"],
                "step": step,
                "threshold": now.get("threshold", one.get("threshold")),
                "neuron": now.get("neuron", one.get("neuron")),
            }
        )
    return rows


def add_panels(app: Dash, catalog: Catalog, readings: Callable[[], Readings]) -> None:
    """A panel for each open run; one that cannot be opened says why."""

    @app.callback(
        Output("panels", "children"),
        Output("differences", "children"),
        Output("table", "selectedRows"),
        *OWN,
        Input("opened", "data"),
        State("own", "value"),
    )
    def panels(opened: list[dict[str, Any]], own: str | None) -> Any:
        if not opened:
            return [], [], [], [], None, True
        from interp.explorer.run.panel import broken_panel, run_panel

        listed = catalog.contents().runs
        shown, runs = [], {}
        for one in opened[:MOST_RUNS]:
            view = RunView(**one)
            try:
                reading = readings().open(view.name)
                shown.append(run_panel(_checked(view, reading), reading, listed.get(view.name)))
                runs[view.name] = reading
            except Exception as error:  # whatever is wrong with a run, the page must stand
                reason = _reason(catalog, view.name, one_line(error))
                shown.append(broken_panel(view.name, reason))
        ticks = {"ids": [one["name"] for one in opened]}
        return shown, differences(settings_of(runs)), ticks, *one_shown(shown, runs, own)


def _reason(catalog: Catalog, name: str, words: str) -> str:
    """Why a run is not shown; a sweep that kept no run folders says so."""
    for sweep in catalog.contents().sweeps.values():
        for row in sweep.rows:
            if row.name == name and not (catalog.root / name).exists():
                if row.error is not None:
                    return row.error
                return "This sweep kept the scores only, so there is no network to look at."
    return words


def _checked(view: RunView, reading: Any) -> RunView:
    """The view with what does not exist left out.

    Raises:
        ValueError: if it names a checkpoint, threshold or neuron that the run does not have.
    """
    steps = reading.run.steps
    if view.step is not None and view.step not in steps:
        raise ValueError(f"no checkpoint at step {view.step}; there are {len(steps)}, up to "
                         f"{steps[-1] if steps else 'none'}")  # fmt: skip
    if view.threshold is not None and not 0 < view.threshold < 1:
        raise ValueError(f"threshold: expected an IPR between 0 and 1, got {view.threshold}")
    if view.neuron is not None and steps:
        table = reading.table(steps[-1])
        if table is not None and view.neuron >= len(table):
            raise ValueError(f"neuron: expected 0 to {len(table) - 1}, got {view.neuron}")
    return view


def differences(configs: dict[str, dict[str, Any]]) -> Any:
    """A table of the options in which the runs differ; nothing for fewer than two."""
    from interp.training.config.plain_data import flattened

    if len(configs) < 2:
        return []
    flat = {name: flattened(config) for name, config in configs.items()}
    paths = dict.fromkeys(path for one in flat.values() for path in one)
    differ = [path for path in paths if len({str(one.get(path)) for one in flat.values()}) > 1]
    if not differ:
        return html.P("These runs have the same configuration.", className="caption")
    head = html.Tr([html.Th("option"), *(html.Th(name) for name in flat)])
    body = [
        html.Tr(
            [html.Th(path, scope="row"), *(html.Td(str(one.get(path))) for one in flat.values())]
        )
        for path in differ
    ]
    return html.Div(
        [html.H2("Differences"), html.Table([html.Thead(head), html.Tbody(body)])],
        className="scroll",
    )


def add_live(app: Dash, catalog: Catalog, readings: Callable[[], Readings]) -> None:
    """Looks at the folder every second, and tells the parts of the page what has changed."""

    @app.callback(
        Output("version", "data"),
        Output("table", "rowData"),
        Output("summary", "children"),
        Output("sweep", "options"),
        Output("diagram-section", "hidden"),
        Output("table", "selectedRows", allow_duplicate=True),
        Output({"kind": "live", "run": ALL}, "data"),
        Input("tick", "n_intervals"),
        State("version", "data"),
        State("opened", "data"),
        State({"kind": "live", "run": ALL}, "data"),
        State({"kind": "live", "run": ALL}, "id"),
        prevent_initial_call=True,
    )
    def tick(
        n: int,
        version: int,
        opened: list[dict[str, Any]],
        live: list[str],
        ids: list[dict[str, str]],
    ) -> Any:
        if len(ids) > MOST_RUNS:
            raise PreventUpdate
        if version == NOT_YET and n < _FIRST_TICKS and not opened:
            raise PreventUpdate
        contents = catalog.contents()
        now = [_life(readings, one["run"]) for one in ids]
        changed = [new if new != old else no_update for new, old in zip(now, live, strict=True)]
        if contents.version == version:
            if all(one is no_update for one in changed):
                raise PreventUpdate
            return *([no_update] * 6), changed
        ticks = {"ids": [one["name"] for one in opened]} if version == NOT_YET else no_update
        return *_listing(contents), ticks, changed


def _listing(contents: Contents) -> tuple[Any, ...]:
    """Version, rows, summary, names of sweeps, and whether there is none."""
    sweeps = list(contents.sweeps)
    return contents.version, rows_of(contents), summary(contents), sweeps, not sweeps


def _life(readings: Callable[[], Readings], name: str) -> str:
    """Changes when a run's files do, and when another of its pruning curves is ready."""
    try:
        reading = readings().open(name)
    except (ValueError, OSError) as error:
        return str(error)
    return f"{hash(reading.stamp)} {reading.computed}"
