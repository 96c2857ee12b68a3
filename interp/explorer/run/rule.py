"""The buttons beside a slider of thresholds, each a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import Dash, Input, Output, State, ctx
from dash.exceptions import PreventUpdate

from interp.explorer.run.sliders import PLACES, at, of_run, whole_table
from interp.explorer.thresholds import RULES, threshold_by

if TYPE_CHECKING:  # they load torch, for which the first page does not wait
    from interp.explorer.run.sliders import Opener


def add_rules(app: Dash, readings: Opener) -> None:
    """The buttons beside the slider, each a rule."""

    @app.callback(
        Output(of_run("threshold"), "value"),
        *(Input(of_run(rule), "n_clicks") for rule in RULES),
        State(of_run("step"), "value"),
        *PLACES,
        prevent_initial_call=True,
    )
    def by_rule(
        auto: int, null: int, place: int | None, steps: list[int], own: dict[str, str]
    ) -> Any:
        if not ctx.triggered or not ctx.triggered[0]["value"]:
            raise PreventUpdate
        table = whole_table(*at(readings, own, steps, place))
        return threshold_by(table, ctx.triggered_id["kind"])
