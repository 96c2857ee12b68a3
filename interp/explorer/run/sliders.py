"""Where the sliders of an open run stand, and the checkpoint that they mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dash import MATCH, Dash, Input, Output, State, no_update
from dash.exceptions import PreventUpdate

if TYPE_CHECKING:  # they load torch, for which the first page does not wait
    from interp.analysis.neurons.table import NeuronTable
    from interp.explorer.readings import OpenRun, Readings

    Opener = Callable[[], Readings]


def identity(kind: str, run: str) -> dict[str, str]:
    """Id of a component of a run's panel."""
    return {"kind": kind, "run": run}


def of_run(kind: str) -> dict[str, Any]:
    """Id of a component of whichever run a callback is about."""
    return {"kind": kind, "run": MATCH}


THRESHOLD = Input(of_run("threshold"), "value")
STEP = Input(of_run("step"), "value")
LIVE = Input(of_run("live"), "data")
# The steps of the slider's places, and whose slider it is.
PLACES = (State(of_run("steps"), "data"), State(of_run("step"), "id"))


def at(
    readings: Opener, own: dict[str, str], steps: list[int], place: int | None
) -> tuple[OpenRun, int]:
    """The run that a callback is about, and the step at the slider's place."""
    if place is None or not 0 <= place < len(steps):
        raise PreventUpdate
    return readings().open(own["run"]), steps[place]


def given(threshold: float | None) -> float:
    """The threshold; nothing happens while a number is being typed."""
    if threshold is None:
        raise PreventUpdate
    return threshold


def table_at(opened: OpenRun, step: int) -> NeuronTable:
    """The neurons of a checkpoint; nothing happens where a network has none."""
    table = opened.table(step)
    if table is None:
        raise PreventUpdate
    return table


def whole_table(opened: OpenRun, step: int) -> NeuronTable:
    """As :func:`table_at`; a figure of a damaged checkpoint stays as it was."""
    try:
        return table_at(opened, step)
    except (ValueError, OSError):
        raise PreventUpdate from None


def add_steps(app: Dash, readings: Opener) -> None:
    """New checkpoints lengthen the slider; who looks at the newest goes on to the new newest."""

    @app.callback(
        Output(of_run("step"), "max"),
        Output(of_run("step"), "value"),
        Output(of_run("steps"), "data"),
        LIVE,
        State(of_run("step"), "value"),
        State(of_run("steps"), "data"),
        State(of_run("live"), "id"),
        prevent_initial_call=True,
    )
    def grow(live: str, place: int, known: list[int], own: dict[str, str]) -> Any:
        steps = readings().open(own["run"]).run.steps
        if steps == known:
            return no_update, no_update, no_update
        newest = len(steps) - 1
        follows = place == len(known) - 1
        return max(newest, 1), newest if follows else no_update, steps
