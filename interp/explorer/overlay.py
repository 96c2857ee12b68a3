"""Several open runs in one column: their figures one over the other, their quantities beside."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dash import ALL, Dash, Input, Output, State, dcc, html
from dash.exceptions import PreventUpdate

from interp.explorer.listing import in_force
from interp.explorer.saving import saving
from interp.training.lines import one_line

if TYPE_CHECKING:  # they load torch, for which the first page does not wait
    import plotly.graph_objects as go

    from interp.explorer.readings import OpenRun, Readings
    from interp.training.runs.run import Run

HEADINGS = {
    "training": "Training",
    "ipr": "IPR of the neurons",
    "pruning": "Pruning by IPR",
    "spectrum": "Spectrum of the embeddings",
}
# The choices, the chosen one, and whether there is nothing to choose.
OWN = (Output("own", "options"), Output("own", "value"), Output("own-choice", "hidden"))
_HIDDEN = {"display": "none"}


def overlay_section(config: dict[str, Any]) -> html.Div:
    """The place of the overlays, hidden until two runs are open; callbacks fill it.

    Args:
        config: of plotly, for every graph of the page.
    """
    parts: list[Any] = [html.H2("Compared"), html.Div(id="overlay-table")]
    for kind, heading in HEADINGS.items():
        parts.append(html.H3(heading))
        parts.append(html.P("computing…", id=f"overlay-{kind}-words", className="caption"))
        place = f"overlay-{kind}"
        graph = dcc.Graph(id=place, config=config, responsive=True, style=_HIDDEN)
        parts += [graph, saving()]
    return html.Div([*parts, dcc.Store(id="overlay-key", data="")], id="overlay", hidden=True)


def own_choice() -> html.Div:
    """Of which of the open runs the rest of the page is; hidden until there are two."""
    choice = dcc.RadioItems(id="own", options=[], value=None, inline=True, className="own")
    return html.Div([html.H2("One of them"), choice], id="own-choice", hidden=True)


def one_shown(
    panels: Sequence[html.Article], runs: Mapping[str, OpenRun], own: str | None
) -> tuple[list[dict[str, str]], str | None, bool]:
    """The choices among several open runs, the chosen one, and whether there is nothing to choose.

    Args:
        panels: of the runs, of which the others are hidden; one of a broken run stays.
        runs: that could be opened, by name.
        own: that was chosen before.
    """
    if len(runs) < 2:
        return [], None, True
    chosen = own if own in runs else next(iter(runs))
    for panel in panels:
        if getattr(panel, "id", None) is not None:
            panel.hidden = panel.id["run"] != chosen
    return choices(runs), chosen, False


def choices(runs: Mapping[str, OpenRun]) -> list[dict[str, str]]:
    """The open runs by what tells them apart; where nothing does, by their own names."""
    from interp.analysis.comparison.groups import groups_of
    from interp.words.compared import labels

    try:
        words = labels(groups_of([one.run for one in runs.values()], fold=False))
    except ValueError:
        words = [one.label for one in runs.values()]
    pairs = list(zip(words, runs, strict=True))
    return [
        {"label": label if words.count(label) == 1 else f"{label} ({name})", "value": name}
        for label, name in pairs
    ]


def settings_of(runs: Mapping[str, OpenRun]) -> dict[str, dict[str, Any]]:
    """The settings in force of each open run, by what tells it apart."""
    names = [one["label"] for one in choices(runs)]
    every = zip(names, runs.values(), strict=True)
    return {name: in_force(one.run.config) for name, one in every}


def add_overlay(app: Dash, readings: Callable[[], Readings]) -> None:
    """The overlays follow the open runs and their files; one panel is shown, by choice."""
    _add_key(app, readings)
    _add_choice(app)
    for kind in HEADINGS:
        _add_figure(app, readings, kind)
    _add_table(app, readings)


def _add_key(app: Dash, readings: Callable[[], Readings]) -> None:
    """Names and states of the runs that are compared; the overlays are drawn when it changes."""

    @app.callback(
        Output("overlay-key", "data"),
        Output("overlay", "hidden"),
        Input("own", "options"),
        Input({"kind": "live", "run": ALL}, "data"),
        State("overlay-key", "data"),
        prevent_initial_call=True,
    )
    def key(options: list[dict[str, str]], live: Any, known: str) -> Any:
        if len(options) < 2:
            return "", True
        found = []
        for name in (one["value"] for one in options):
            try:
                opened = readings().open(name)
            except (ValueError, OSError):
                continue
            if opened.run.steps:
                found.append([name, str(hash(opened.stamp))])
        new = json.dumps(found) if len(found) > 1 else ""
        if new == known:
            raise PreventUpdate
        return new, not new


def _add_choice(app: Dash) -> None:
    """Shows the panel of the run that was chosen; the others keep their sliders, unseen."""
    app.clientside_callback(
        "(chosen, ids) => ids.map((id) => chosen !== null && id.run !== chosen)",
        Output({"kind": "panel", "run": ALL}, "hidden"),
        Input("own", "value"),
        Input({"kind": "panel", "run": ALL}, "id"),
    )


def _opened(readings: Callable[[], Readings], key: str) -> list[Run]:
    if not key:
        raise PreventUpdate
    return [readings().open(name).run for name, _ in json.loads(key)]


def _add_figure(app: Dash, readings: Callable[[], Readings], kind: str) -> None:
    @app.callback(
        Output(f"overlay-{kind}", "figure"),
        Output(f"overlay-{kind}", "style"),
        Output(f"overlay-{kind}-words", "children"),
        Input("overlay-key", "data"),
        prevent_initial_call=True,
    )
    def drawn(key: str) -> Any:
        from interp.figures.untitled import without_title

        runs = _opened(readings, key)
        try:
            figure, words = without_title(draw(kind, runs), "")
        except (ValueError, TypeError, OSError) as error:
            return {}, _HIDDEN, f"Not drawn: {one_line(error)}."
        return figure, {"height": figure.layout.height}, words


def draw(kind: str, runs: Sequence[Run]) -> go.Figure:
    """One of the overlays.

    Args:
        kind: of ``HEADINGS``.
        runs: at least two.

    Raises:
        ValueError: if the runs do not fit in one figure.
    """
    from interp import figures

    drawing: dict[str, Callable[..., go.Figure]] = {
        "training": figures.training_curves,
        "ipr": figures.ipr_histogram,
        "pruning": figures.pruning_curves,
        "spectrum": figures.embedding_spectrum,
    }
    return drawing[kind](runs)


def _add_table(app: Dash, readings: Callable[[], Readings]) -> None:
    @app.callback(
        Output("overlay-table", "children"),
        Input("overlay-key", "data"),
        prevent_initial_call=True,
    )
    def table(key: str) -> Any:
        from interp.analysis.comparison.compare import compare
        from interp.words.compared import comparison_rows, shared_words

        try:
            result = compare(_opened(readings, key))
        except (ValueError, OSError) as error:
            return html.P(f"Not compared: {one_line(error)}.", className="caption")
        heads, rows = comparison_rows(result)
        head = html.Thead(html.Tr([html.Th(one) for one in heads]))
        body = [html.Tr([html.Th(row[0], scope="row"), *map(html.Td, row[1:])]) for row in rows]
        told = " · ".join([*shared_words(result.groups), *result.read, *result.how])
        return [
            html.Div(html.Table([head, html.Tbody(body)]), className="scroll"),
            html.P(told, className="caption"),
            *([html.P(f"{result.note}.", className="caption")] if result.note else []),
        ]
