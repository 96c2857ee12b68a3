"""What moves when a slider, a bar or a row of an open run is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import Dash

from interp.explorer.run.figures import add_figures
from interp.explorer.run.measures import add_measures
from interp.explorer.run.neuron import add_neuron
from interp.explorer.run.numbers import add_numbers
from interp.explorer.run.pairs import add_pairs
from interp.explorer.run.rule import add_rules
from interp.explorer.run.sliders import add_steps

if TYPE_CHECKING:
    from interp.explorer.run.sliders import Opener


def add_run_callbacks(app: Dash, readings: Opener) -> None:
    """Callbacks of a run's panel; each answers for one run."""
    add_numbers(app, readings)
    add_rules(app, readings)
    add_figures(app, readings)
    add_neuron(app, readings)
    add_pairs(app, readings)
    add_measures(app, readings)
    add_steps(app, readings)
