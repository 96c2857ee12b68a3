"""The figures of an open run that follow its sliders and its files."""

from __future__ import annotations

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
    only_moved,
    whole_table,
)

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
        from interp.analysis.neurons.classify import classify

        table = whole_table(*at(readings, own, steps, place))
        return figures.ipr_histogram(table, classify(table, given(threshold)))


def _add_position(app: Dash, readings: Opener) -> None:
    @app.callback(Output(of_run("position"), "figure"), THRESHOLD, STEP, LIVE, *PLACES)
    def position(
        threshold: float | None, place: int | None, live: str, steps: list[int], own: dict[str, str]
    ) -> Any:
        opened, step = at(readings, own, steps, place)
        table = whole_table(opened, step)
        kept = int((table.ipr[~table.dead] >= given(threshold)).sum())
        return position_of(opened.curves(step), len(table) - kept, only_moved("threshold"))


def _add_spectra(app: Dash, readings: Opener) -> None:
    @app.callback(Output(of_run("spectra"), "figure"), STEP, *PLACES)
    def spectra(place: int | None, steps: list[int], own: dict[str, str]) -> Any:
        return figures.spectra_heatmap(whole_table(*at(readings, own, steps, place)))


def _add_training(app: Dash, readings: Opener) -> None:
    @app.callback(Output(of_run("training"), "figure"), LIVE, State(of_run("live"), "id"))
    def training(live: str, own: dict[str, str]) -> Any:
        return figures.training_curves(readings().open(own["run"]).run)


def position_of(curves: PruningCurves | None, pruned: int, moved: bool) -> Any:
    """The pruning curves with the position marked; only the mark where only it has moved."""
    if curves is None:
        return no_update
    if not moved:
        return figures.pruning_curves(curves, pruned=pruned)
    patch = Patch()
    mark, words = patch["layout"]["shapes"][0], patch["layout"]["annotations"][2]
    mark["x0"], mark["x1"] = pruned, pruned
    words["x"], words["text"] = pruned, f"{pruned} pruned"
    return patch
