"""The figures of an open run that follow its sliders and its files."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from dash import Dash, Output, Patch, State, no_update

from interp import figures
from interp.explorer.run.sliders import (
    LIVE,
    PLACES,
    STEP,
    THRESHOLD,
    at,
    given,
    of_run,
    whole_table,
)
from interp.explorer.thresholds import ruled

if TYPE_CHECKING:
    from interp.analysis.ablation.curves import PruningCurves
    from interp.explorer.run.sliders import Opener


def add_figures(app: Dash, readings: Opener) -> None:
    """All of them, a callback each, so that none waits for another."""
    _add_histogram(app, readings)
    _add_position(app, readings)
    _add_spectra(app, readings)
    _add_training(app, readings)


def _add_histogram(app: Dash, readings: Opener) -> None:
    @app.callback(Output(of_run("histogram"), "figure"), THRESHOLD, STEP, *PLACES)
    def histogram(
        threshold: float | None, place: int | None, steps: list[int], own: dict[str, str]
    ) -> Any:
        opened, step = at(readings, own, steps, place)
        table = whole_table(opened, step)
        return opened.named(figures.ipr_histogram(table, ruled(table, given(threshold)).classes))


def _add_position(app: Dash, readings: Opener) -> None:
    @app.callback(
        Output(of_run("position"), "figure"),
        Output(of_run("drawn"), "data"),
        THRESHOLD,
        STEP,
        LIVE,
        State(of_run("drawn"), "data"),
        *PLACES,
    )
    def position(
        threshold: float | None,
        place: int | None,
        live: str,
        drawn: str,
        steps: list[int],
        own: dict[str, str],
    ) -> Any:
        opened, step = at(readings, own, steps, place)
        table = whole_table(opened, step)
        kept = int((table.ipr[~table.dead] >= given(threshold)).sum())
        return position_of(opened.curves(step), len(table) - kept, drawn)


def _add_spectra(app: Dash, readings: Opener) -> None:
    @app.callback(Output(of_run("spectra"), "figure"), STEP, *PLACES)
    def spectra(place: int | None, steps: list[int], own: dict[str, str]) -> Any:
        opened, step = at(readings, own, steps, place)
        return opened.named(figures.spectra_heatmap(whole_table(opened, step)))


def _add_training(app: Dash, readings: Opener) -> None:
    @app.callback(Output(of_run("training"), "figure"), LIVE, State(of_run("live"), "id"))
    def training(live: str, own: dict[str, str]) -> Any:
        opened = readings().open(own["run"])
        return opened.named(figures.training_curves(opened.run))


def position_of(curves: PruningCurves | None, pruned: int, drawn: str) -> tuple[Any, Any]:
    """The pruning curves with the position marked, and which curves they are.

    Only the mark is sent where the page has drawn these very curves. It must say so itself: the
    answer that brought them may have been dropped when the next question was asked.

    Args:
        curves: at the step that is looked at; None while they are being computed.
        pruned: number of neurons that the threshold prunes.
        drawn: which curves the page has drawn; empty for none.
    """
    from interp.figures.pruning import pruned_title

    if curves is None:
        return no_update, no_update
    wanted = identity_of(curves)
    if drawn != wanted:
        return figures.pruning_curves(curves, pruned=pruned), wanted
    patch = Patch()
    mark = patch["layout"]["shapes"][0]
    mark["x0"], mark["x1"] = pruned, pruned
    patch["layout"]["annotations"][0]["text"] = pruned_title(pruned)
    return patch, no_update


def identity_of(curves: PruningCurves) -> str:
    """Differs where anything that is drawn of the curves does: caption, method, values, control."""
    found = zlib.crc32(f"{curves.about} {curves.method} {curves.rankings}".encode())
    control = curves.control
    drawn = [*curves.curves.values()]
    drawn += [] if control is None else [control.low, control.mean, control.high]
    for curve in drawn:
        for accuracy in curve.accuracy.values():
            if accuracy is not None:
                found = zlib.crc32(accuracy.tobytes(), found)
    return f"{found:08x}"
