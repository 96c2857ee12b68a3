"""What figures show, trace by trace: data, hover text, and what is joined or filled."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import plotly.graph_objects as go
import pytest

from interp import figures
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.read import neuron_table
from interp.analysis.phases.events import Interval
from interp.explorer.catalog import Contents
from interp.explorer.listing import Listed
from interp.explorer.page import FIRST_ROWS, NOT_YET, page, summary
from interp.figures.template import SPLIT_COLOUR, SPLIT_DASH
from interp.reproduction import panels
from interp.reproduction.grid import Grid
from interp.reproduction.scoreboard import _html_section
from tests.test_every_network import random_network


def a_run(seed: int, *rows: tuple[int, float | None, float | None]) -> SimpleNamespace:
    """A run of measurements: steps, test accuracies, weight norms."""
    found = [
        SimpleNamespace(step=step, scores={"test": SimpleNamespace(accuracy=one)}, weight_norm=norm)
        for step, one, norm in rows
    ]
    return SimpleNamespace(measurements=found, config=SimpleNamespace(seed=seed))


RUNS = [
    a_run(0, (0, 0.1, 9.0), (2, 0.2, 3.0), (4, 0.5, 2.0), (8, 0.9, 1.0)),
    a_run(3, (0, 0.0, 9.0), (2, 0.4, 5.0), (4, 0.3, 4.0), (6, 0.7, 1.0)),
]


def test_a_band_of_seeds_is_filled_and_its_mean_a_line():
    band, line = panels._band(RUNS, "test", True)
    assert list(line.x) == [2, 4], "step 0 has no logarithm, 6 and 8 are not of both"
    np.testing.assert_allclose(line.y, [0.3, 0.4], rtol=1e-6)
    assert (line.mode, line.showlegend, line.name) == ("lines", True, "test")
    assert (line.line.color, line.line.dash) == (SPLIT_COLOUR["test"], SPLIT_DASH["test"])
    assert line.hovertemplate == "step %{x}<br>accuracy %{y:.3f}<extra>test</extra>"
    assert list(band.x) == [2, 4, 4, 2]
    np.testing.assert_allclose(band.y, [0.4, 0.5, 0.3, 0.2], rtol=1e-6)
    assert (band.fill, band.showlegend, band.hoverinfo) == ("toself", False, "skip")
    assert band.legendgroup == line.legendgroup == "test", "hidden and shown together"
    assert not panels._band(RUNS, "test", False)[1].showlegend
    assert panels._band([a_run(0, (0, 0.1, 1.0))], "test", True) == []


def test_norms_are_the_mean_of_the_seeds():
    [line] = panels._norms(RUNS, first=True)
    assert (list(line.x), list(line.y), line.mode) == ([2, 4], [4.0, 3.0], "lines")
    assert (line.name, line.showlegend, line.legendgroup) == ("weight norm", True, "norm")


def test_a_mark_is_a_filled_band_between_two_steps():
    mark = panels._mark("grokked", Interval(0, 20), True)
    assert list(mark.x) == [1, 1, 20, 20], "step 0 has no logarithm"
    assert (mark.fill, mark.mode, mark.showlegend) == ("toself", "lines", True)
    assert (mark.name, mark.legendgroup, mark.hoverinfo) == ("grokked", "grokked", "skip")
    assert list(panels._mark("inverted", Interval(5, 20), False).x) == [5, 5, 20, 20]
    colours = {word: panels._mark(word, Interval(1, 2), True).fillcolor for word in
               ("grokked", "inverted")}  # fmt: skip
    assert colours["grokked"] != colours["inverted"]


@pytest.mark.parametrize("norm", [False, True])
def test_axes_of_panels_are_named_once_a_row(norm):
    grid = Grid(2, 2 if norm else 1)
    figure = grid.figure(["a", "b"], shared_xaxes=False, gaps=(0.2, 0.6))
    for place in range(2):
        panels._name_axes(figure, *grid.at(place), norm)
    titles = {axis.plotly_name: axis.title.text for axis in figure.select_yaxes()}
    below = {"yaxis3": "norm of all weights", "yaxis4": ""} if norm else {}
    assert {name: text for name, text in titles.items() if text is not None} == {
        "yaxis": "accuracy", **below
    }  # fmt: skip
    ranges = [axis.range for axis in figure.select_yaxes()]
    assert ranges[:2] == [(-0.03, 1.03)] * 2
    assert all(one is None for one in ranges[2:]), "a norm has no range of its own"
    named = {axis.plotly_name for axis in figure.select_xaxes() if axis.title.text == "step"}
    assert named == ({"xaxis3", "xaxis4"} if norm else {"xaxis", "xaxis2"})


def test_seeds_are_told_in_order_and_once():
    assert panels.seeds_of([RUNS, RUNS[:1]]) == "seeds 0, 3"
    assert panels.seeds_of([RUNS[1:]]) == "seed 3"


def test_norm_weights_are_points():
    table = neuron_table(random_network("MLP, 4 layers, batch norm"))
    classes = classify(table, float(np.median(table.ipr)))
    [plain] = figures.norm_weights(table).data
    low, high = figures.norm_weights(table, classes).data
    for trace, members in (
        (plain, ~table.dead), (low, classes.memorizing), (high, classes.generalizing)
    ):  # fmt: skip
        assert trace.mode == "markers"
        np.testing.assert_allclose(trace.x, table.ipr[members], rtol=1e-6)
        np.testing.assert_allclose(trace.y, np.asarray(table.norm_weight)[members], rtol=1e-6)
        assert list(trace.customdata) == list(np.flatnonzero(members))
        assert trace.hovertemplate.startswith("neuron %{customdata}<br>IPR %{x:.3f}")
        assert trace.hovertemplate.endswith(f"<extra>{trace.name}</extra>")
    assert low.marker.symbol != high.marker.symbol
    assert isinstance(plain, go.Scatter)


@pytest.mark.parametrize("count", [1, FIRST_ROWS, FIRST_ROWS + 1])
def test_a_page_says_whether_the_whole_table_came_with_it(count):
    runs = {f"r{k}": Listed(f"r{k}", error="broken") for k in range(count)}
    made = page(Path("/folder"), Contents(runs, {}, version=7))
    [version] = [one for one in made.children if getattr(one, "id", "") == "version"]
    assert version.data == (7 if count <= FIRST_ROWS else NOT_YET)
    words = summary(Contents(runs, {}, version=7))
    assert words == f"{count:,} run{'s' if count > 1 else ''} · 0 sweeps · {count} broken"


def test_figures_of_a_verdict_have_no_logo_and_names_of_their_own():
    recipe = SimpleNamespace(
        name="own", label="claim (0)", title="a < b", claim="c", note="", source="paper"
    )
    drawn = [go.Figure(go.Scatter(x=[1], y=[2])), go.Figure()]
    one = SimpleNamespace(
        recipe=recipe, judged=[], figures=drawn, budget="quick", seeds=(0, 1), cells=4
    )
    html = _html_section(one)
    assert html.count('"displaylogo": false') == 2
    assert [f'id="figure-own-{place}"' in html for place in range(3)] == [True, True, False]
    assert "<h2>claim (0): a &lt; b</h2>" in html
    assert "paper · budget quick · seeds 0, 1 · 4 runs · interp reproduce own" in html
