"""Any measure of an open run: chosen from a list, drawn and tabulated below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import Dash, Input, Output, State, dcc, html
from dash.exceptions import PreventUpdate

from interp.analysis.measures import MEASURES
from interp.explorer.page import GRAPH
from interp.explorer.run.sliders import PLACES, STEP, identity, of_run
from interp.explorer.saving import saving
from interp.figures.untitled import untitled
from interp.words.measured import origin_words, title_of, why_not

if TYPE_CHECKING:  # they load torch, for which the first page does not wait
    from interp.analysis.measure import Measure
    from interp.explorer.readings import OpenRun
    from interp.explorer.run.sliders import Opener
    from interp.training.display import Result

_HEIGHT, _LIST = 420, 380  # pixels: of a figure that names none, of the open list

# A measure may take a second: it is asked for where the slider comes to rest, not on its way.
_RESTED = """(place, steps) => new Promise((done) => setTimeout(
    () => done(steps[place] ?? window.dash_clientside.no_update), 250))"""


def measure_parts(opened: OpenRun, name: str, step: int | None) -> list[Any]:
    """The list of measures, empty at first, and the place where the chosen one is shown.

    Args:
        opened: the run.
        name: of the run on this page.
        step: whose checkpoint is shown at first; the newest by default.
    """
    choices = dcc.Dropdown(
        id=identity("measure", name),
        options=[{"label": label, "value": one} for one, label in measures_on(opened).items()],
        value=None,
        placeholder="choose one",
        maxHeight=_LIST,
    )
    return [
        html.Label([html.B("measure"), choices], className="measure"),
        dcc.Store(id=identity("measured-step", name), data=step),
        dcc.Store(id=identity("measured-key", name), data=""),
        html.Div(id=identity("measured", name), className="measured", **{"aria-live": "polite"}),
    ]


def measures_on(opened: OpenRun) -> dict[str, str]:
    """What each measure that is defined on a run says of itself, by its name."""
    run = opened.run
    subjects: dict[str, Any] = {"run": run}
    if run.steps:
        subjects["checkpoint"] = opened.checkpoint(run.last_step)
    found = {}
    for name in MEASURES:
        try:
            measure: Measure = MEASURES[name]
        except ValueError:  # a plug-in that cannot be imported; the others can
            continue
        subject = subjects.get(measure.reads)
        if subject is not None and not (measure.refuses and measure.refuses(subject)):
            found[name] = f"{name}: {title_of(measure)}"
    return found


def add_measures(app: Dash, readings: Opener) -> None:
    """The chosen measure, at the checkpoint where the slider rests."""
    app.clientside_callback(
        _RESTED,
        Output(of_run("measured-step"), "data"),
        STEP,
        PLACES[0],
        prevent_initial_call=True,
    )

    @app.callback(
        Output(of_run("measured"), "children"),
        Output(of_run("measured-key"), "data"),
        Input(of_run("measure"), "value"),
        Input(of_run("measured-step"), "data"),
        State(of_run("measured-key"), "data"),
        State(of_run("measure"), "id"),
        prevent_initial_call=True,
    )
    def chosen(name: str | None, step: int | None, shown: str, own: dict[str, str]) -> Any:
        if name is None:
            return [], ""
        # The whole run is the same at every step.
        wanted = name if MEASURES[name].reads == "run" else f"{name} {step}"
        if shown == wanted:
            raise PreventUpdate
        return measured(readings().open(own["run"]), name, step), wanted


def measured(opened: OpenRun, name: str, step: int | None) -> list[Any]:
    """A measure of a run: source, figure and values, or in a sentence why there are none.

    Args:
        opened: the run.
        name: of the measure.
        step: of the checkpoint, for a measure that reads one; the newest by default.
    """
    measure: Measure = MEASURES[name]
    try:
        if measure.reads == "run":
            return _shown(measure, measure.of(opened.run, {}), opened.name)
        at = opened.run.last_step if step is None else step
        return _shown(measure, measure.of(opened.checkpoint(at), {}), opened.name)
    except Exception as error:  # whatever is wrong with somebody's measure, the page must stand
        return [html.P(why_not(measure, error), className="problem", role="alert")]


def _shown(measure: Measure, result: Result, run: str) -> list[Any]:
    from interp.notebook import table_of

    figure, caption = untitled(result)
    parts: list[Any] = [html.P(origin_words(measure, caption), className="caption")]
    if figure is not None:
        style = {"height": figure.layout.height or _HEIGHT}
        place = identity(f"measure {measure.name}", run)
        graph = dcc.Graph(id=place, figure=figure, config=GRAPH, responsive=True, style=style)
        parts += [graph, saving()]
    heads, rows, rest = table_of(result)
    body = [html.Tr([html.Th(name, scope="row"), *map(html.Td, cells)]) for name, *cells in rows]
    head = html.Thead(html.Tr([html.Th(name) for name in heads]))
    parts.append(html.Div(html.Table([head, html.Tbody(body)]), className="scroll"))
    return [*parts, *([html.P(rest, className="caption")] if rest else [])]
