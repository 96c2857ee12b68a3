"""Pairs and neurons of an open run: a click on a cell shows its neurons, one on a bar its cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import Dash, Input, Output, Patch, State, ctx, dcc, html, no_update
from dash.exceptions import PreventUpdate

from interp.explorer.page import GRAPH
from interp.explorer.run.sliders import THRESHOLD, given, identity, of_run
from interp.explorer.saving import saving
from interp.explorer.thresholds import ruled

if TYPE_CHECKING:  # they load torch, for which the first page does not wait
    from interp.explorer.pairs_at import PairsAt
    from interp.explorer.readings import OpenRun
    from interp.explorer.run.sliders import Opener

# Colours, in the order of the list; the last is missing where a run has but one checkpoint.
NAMES = ("split", "outcome", "margin", "answer", "step learned")
_HIDDEN = {"display": "none"}
# As high as its place is wide, and what stands around the cells; see assets/explorer.css.
_SQUARE = {"height": "calc(min(100cqw - 72px, 560px) + 134px)", "maxWidth": 632}
_COLOUR = Input(of_run("pair-colour"), "value")
_STEP = Input(of_run("measured-step"), "data")  # where the slider rests
_PAIR = Input(of_run("pair"), "data")
_OWN = State(of_run("pair-colour"), "id")


def pair_parts(opened: OpenRun, name: str) -> list[Any]:
    """The list of colours, empty at first, and the places of what is shown then."""
    run = opened.run
    if not run.steps:
        return []
    names = NAMES if len(run.steps) > 1 else NAMES[:-1]
    choices = dcc.Dropdown(
        id=identity("pair-colour", name),
        options=list(names),
        value=None,
        placeholder="choose a colour for the cells",
    )
    facts = html.Div(id=identity("pair-facts", name), className="scroll", **{"aria-live": "polite"})
    columns = [_drawn("pairs", name), html.Div([facts])]
    if opened.checkpoint(run.last_step).network.layers:
        columns = [
            columns[0],
            html.Div([facts, _drawn("pair-bars", name)]),
            _drawn("cells", name),
        ]
    return [
        html.Label([html.B("pairs and neurons"), choices], className="measure"),
        dcc.Store(id=identity("pair", name), data=None),
        html.Div(columns, className="cells"),
    ]


def _drawn(kind: str, name: str) -> html.Div:
    """Words and the figure below them; both empty at first."""
    words = html.P(id=identity(f"{kind}-words", name), className="caption")
    figure = dcc.Graph(id=identity(kind, name), config=GRAPH, responsive=True, style=_HIDDEN)
    return html.Div([words, figure, saving()])


def add_pairs(app: Dash, readings: Opener) -> None:
    """The figures, each with a callback of its own, and the clicks between them."""
    _add_picture(app, readings)
    _add_facts(app, readings)
    _add_bars(app, readings)
    _add_cells(app, readings)
    _add_clicks(app)


def _read(readings: Opener, own: dict[str, str], step: int | None) -> tuple[OpenRun, PairsAt, int]:
    """The run, its pairs and the step; not to be called before a colour is chosen."""
    opened = readings().open(own["run"])
    at = opened.run.last_step if step is None else step
    try:
        return opened, opened.pairs(at), at
    except (ValueError, OSError):  # a damaged checkpoint: its numbers say so
        raise PreventUpdate from None


def _add_picture(app: Dash, readings: Opener) -> None:
    @app.callback(
        Output(of_run("pairs"), "figure"),
        Output(of_run("pairs"), "style"),
        Output(of_run("pairs-words"), "children"),
        _COLOUR,
        _STEP,
        State(of_run("pair"), "data"),
        _OWN,
        prevent_initial_call=True,
    )
    def picture(colour: str | None, step: int | None, pair: Any, own: dict[str, str]) -> Any:
        from interp.figures.pair_cells import pair_cells
        from interp.figures.pair_looks import layers_of

        if colour is None:
            return no_update, _HIDDEN, ""
        _, found, _ = _read(readings, own, step)
        table = found.table
        told = [table.caption, *table.gaps, found.reason.removesuffix(".")]
        words = f"{layers_of(table)[colour].words} {' · '.join(filter(None, told))}."
        drawn = pair_cells(table, colour, found.at(pair))
        return drawn, _SQUARE, words


def _add_facts(app: Dash, readings: Opener) -> None:
    @app.callback(
        Output(of_run("pair-facts"), "children"),
        Output(of_run("pairs"), "figure", allow_duplicate=True),
        _PAIR,
        _COLOUR,
        _STEP,
        _OWN,
        prevent_initial_call=True,
    )
    def facts(pair: Any, colour: str | None, step: int | None, own: dict[str, str]) -> Any:
        from interp.figures.pair_cells import CHOSEN
        from interp.words.pairs import pair_facts

        if colour is None:
            return [], no_update
        _, found, _ = _read(readings, own, step)
        place = found.at(pair)
        x, y = found.table.dataset.pairs[place].tolist()
        rows = [("pair", f"({x}, {y})"), *pair_facts(found.table, place)]
        body = [html.Tr([html.Th(name, scope="row"), html.Td(value)]) for name, value in rows]
        frame: Any = no_update
        if ctx.triggered_id["kind"] == "pair":  # else the figure is drawn anew, with its frame
            frame = Patch()
            frame["data"][CHOSEN]["x"], frame["data"][CHOSEN]["y"] = [x], [y]
        return html.Table(html.Tbody(body)), frame


def _add_bars(app: Dash, readings: Opener) -> None:
    @app.callback(
        Output(of_run("pair-bars"), "figure"),
        Output(of_run("pair-bars"), "style"),
        Output(of_run("pair-bars-words"), "children"),
        _PAIR,
        THRESHOLD,
        _COLOUR,
        _STEP,
        _OWN,
        prevent_initial_call=True,
    )
    def bars(
        pair: Any, threshold: float | None, colour: str | None, step: int | None, own: Any
    ) -> Any:
        from interp.figures.pair_cells import SHOWN, pair_bars
        from interp.words.pairs import margin_words

        if colour is None:
            return no_update, _HIDDEN, ""
        opened, found, at = _read(readings, own, step)
        table = opened.table(at)
        if found.votes is None or table is None:
            return no_update, _HIDDEN, found.reason
        place = found.at(pair)
        drawn = pair_bars(found.votes, place, table, ruled(table, given(threshold)).classes)
        some = f"The {SHOWN} greatest and the {SHOWN} least votes of neurons"
        some = some if len(table) > 2 * SHOWN else "The votes of the neurons"
        words = f"{some} in the {margin_words(found.table, found.votes, place)}."
        return drawn, {"height": drawn.layout.height}, f"{words} Click a bar to see its cells."


def _add_cells(app: Dash, readings: Opener) -> None:
    @app.callback(
        Output(of_run("cells"), "figure"),
        Output(of_run("cells"), "style"),
        Output(of_run("cells-words"), "children"),
        Input(of_run("neuron"), "value"),
        _PAIR,
        _COLOUR,
        _STEP,
        _OWN,
        prevent_initial_call=True,
    )
    def cells(neuron: int | None, pair: Any, colour: str | None, step: int | None, own: Any) -> Any:
        from interp.figures.pair_cells import neuron_cells
        from interp.words.pairs import vote_means

        if colour is None:
            return no_update, _HIDDEN, ""
        _, found, _ = _read(readings, own, step)
        if found.votes is None:
            return no_update, _HIDDEN, ""
        if neuron is None or not 0 <= neuron < found.votes.each.shape[1]:
            raise PreventUpdate
        drawn = neuron_cells(found.table, found.votes, neuron, found.at(pair))
        words = f"The cells of neuron {neuron}: what it adds to the margin of every pair, in logits"
        words += (
            f" ({vote_means(found.table, found.votes, neuron)}); blue for the label, red against "
        )
        words += "it. Click one to see its neurons."
        return drawn, _SQUARE, words


def _add_clicks(app: Dash) -> None:
    """A cell of either picture chooses the pair, a bar the neuron."""
    for kind, more in (("pairs", False), ("cells", True)):

        @app.callback(
            Output(of_run("pair"), "data", allow_duplicate=more),
            Input(of_run(kind), "clickData"),
            prevent_initial_call=True,
        )
        def pair_clicked(click: Any) -> Any:
            if not click:
                raise PreventUpdate
            return [click["points"][0]["x"], click["points"][0]["y"]]

    @app.callback(
        Output(of_run("neuron"), "value", allow_duplicate=True),
        Input(of_run("pair-bars"), "clickData"),
        prevent_initial_call=True,
    )
    def bar_clicked(click: Any) -> Any:
        if not click:
            raise PreventUpdate
        return click["points"][0]["customdata"][0]
