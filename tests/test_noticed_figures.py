"""Small promises of figures and of the explorer's lists that nothing else holds to."""

from __future__ import annotations

import math
import os
from types import SimpleNamespace

import numpy as np
import pytest

from interp import figures
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.read import neuron_table
from interp.analysis.sweeps.diagram import phase_diagram
from interp.analysis.sweeps.vote import POINT_STATES
from interp.analysis.trajectory.history import History
from interp.cli.app import main
from interp.explorer import readings
from interp.explorer.listing import stamp_of
from interp.explorer.run.neuron import _picks
from interp.figures.diagram.cells import STATE_COLOUR
from interp.figures.history import history
from interp.figures.numbers import numbers
from interp.figures.planes import _dots
from interp.reproduction.chart import Chart, measures_against
from interp.reproduction.criteria import _by_seed
from interp.reproduction.recipe import Criterion
from interp.reproduction.scoreboard import heading
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.sweep_results import made

AXES = {"data.fraction": (0.3, 0.6), "data.corruption": (0.1, 0.2)}


def test_of_two_tied_states_the_first_has_the_dot_on_the_left():
    results = made(AXES, 2, lambda a, c, seed: ("coexistence", "memorization")[seed])
    diagram = phase_diagram(results)
    first, second = (STATE_COLOUR[state] for state in list(diagram.points[0].votes)[:2])
    drawn = figures.phase_diagram(diagram).data
    dots = next(one for one in drawn if one.type == "scatter" and one.mode == "markers")
    place = {colour: [] for colour in (first, second)}
    for x, colour in zip(dots.x, dots.marker.color, strict=True):
        place[colour].append(float(x))
    assert len(place[first]) == len(place[second]) == 4
    assert all(a < b for a, b in zip(place[first], place[second], strict=True))


def test_a_dense_diagram_has_the_colours_of_the_states():
    results = made(AXES, 1, lambda a, c, seed: "coexistence" if c < 0.15 else "memorization")
    cells = figures.dense_phase_diagram(phase_diagram(results)).data[-1]
    shown = {colour for _, colour in cells.colorscale}
    assert shown == {STATE_COLOUR[state] for state in POINT_STATES}


def test_bars_of_an_ipr_histogram_stand_on_each_other_without_gaps(tiny_run):
    table = neuron_table(tiny_run)
    layout = figures.ipr_histogram(table, classify(table, 0.2)).layout
    assert (layout.barmode, layout.bargap) == ("stack", 0)


def test_a_single_line_of_a_history_has_its_name_below():
    found = History("m", (0, 1), ({"a": 1.0}, {"a": 2.0}), {}, "caption")
    layout = history(found).layout
    assert layout.showlegend and layout.legend.orientation == "h" and layout.legend.y < 0


def test_a_dot_of_an_answer_says_its_residue():
    planes = SimpleNamespace(residues=np.arange(3))
    dots = _dots(np.zeros((3, 2)), planes, bar=False)
    assert dots.hovertemplate == "residue %{customdata}<extra></extra>"
    assert dots.customdata.tolist() == [0, 1, 2]


def test_values_at_one_setting_are_points_that_no_line_joins():
    runs = [SimpleNamespace(seed=seed, values={"a": 0.5, "b": 1.0}) for seed in (0, 1)]
    evidence = SimpleNamespace(places=[{}], seeds=[0, 1], runs=runs)
    figure = measures_against(evidence, "title", Chart({"a": "first", "b": "second"}))
    assert [one.mode for one in figure.data] == ["markers"] * 2
    assert [list(one.y) for one in figure.data] == [[0.5, 1.0]] * 2


def test_a_line_that_never_came_stands_in_the_legend_all_the_same():
    given = [(0.3, 5.0, math.inf), (0.5, 4.0, math.inf)]
    runs = [SimpleNamespace(options={"x": x}, values={"a": a, "b": b}) for x, a, b in given]
    evidence = SimpleNamespace(axes=("x",), places=[{}, {}], seeds=[0], runs=runs)
    came, never = measures_against(evidence, "t", Chart({"a": "first", "b": "second"}, x="x")).data
    assert (came.name, list(came.y)) == ("first", [5.0, 4.0])
    # Plotly leaves a trace without any place out of the legend.
    assert (never.name, list(never.x)) == ("second: never", [None])
    assert np.isnan(never.y).all()


def test_marks_of_one_setting_stand_side_by_side():
    given = [("S5", 1.0, 1.0), ("A5", 1.0, 0.5)]
    runs = [SimpleNamespace(options={"g": g}, values={"a": a, "b": b}) for g, a, b in given]
    evidence = SimpleNamespace(axes=("g",), places=[{"g": "S5"}, {"g": "A5"}], seeds=[0], runs=runs)
    figure = measures_against(evidence, "t", Chart({"a": "first", "b": "second"}))
    assert figure.layout.scattermode == "group"
    assert [list(one.x) for one in figure.data] == [["g S5", "g A5"]] * 2
    assert measures_against(evidence, "t", Chart({"a": "a"}, x="g")).layout.scattermode is None


def test_a_seed_of_which_a_value_is_missing_does_not_count():
    given = [(0, {"m": 1.0}), (0, {}), (1, {"m": 2.0}), (1, {"m": 4.0})]
    runs = [SimpleNamespace(seed=seed, values=values) for seed, values in given]
    evidence = SimpleNamespace(at=lambda place: runs, lacks=lambda place, seed: False)
    mean = Criterion(says="d", measure="m", at_least=0)
    assert _by_seed(evidence, "m", {}, mean) == {1: 3.0}


def test_hours_of_a_scoreboard_are_of_3600_seconds_and_count_a_run_once():
    names = ("date", "interp", "Python", "python", "torch", "numpy", "processor", "cores")
    about = dict.fromkeys(names, "x")
    runs = [{"shared": 3.6e6, "own": 3.6e5}, {"shared": 3.6e6}]
    same = {"word": "holds", "surroundings": about, "budget": "quick"}
    words = heading([SimpleNamespace(training=one, **same) for one in runs])
    assert "· 1100.0 core-hours of training, a run that recipes share counted once" in words


@pytest.mark.parametrize("name", ["metrics.jsonl", "sweep.json", "results.parquet", "runs"])
def test_a_folder_without_what_is_looked_at_first_is_followed_too(tmp_path, name):
    assert stamp_of(tmp_path) == ()
    (tmp_path / name).write_text("1")
    os.utime(tmp_path / name, ns=(7, 7))
    assert stamp_of(tmp_path) == ((name, 1, 7),)


def test_no_more_curves_are_kept_than_checkpoints(tiny_run, monkeypatch):
    monkeypatch.setattr(readings, "MOST_STEPS", 2)
    background = SimpleNamespace(later=lambda *_: None)
    opened = readings.OpenRun(tiny_run, (), background)
    for step in tiny_run.steps[:4]:
        opened._prepare(step)
    assert list(opened._quick) == list(tiny_run.steps[2:4])


def test_a_mark_of_a_number_says_its_name_and_value():
    result = SimpleNamespace(values=lambda: {"a": 0.25}, caption="")
    [marks] = numbers(result, "title").data
    assert marks.hovertemplate.startswith("%{y}: %{x:.4g}<extra>")


@pytest.mark.parametrize("count", [60, 61])
def test_sixty_neurons_of_a_bar_have_a_button(count):
    words, *buttons = _picks("run", list(range(count)))
    assert words == f"{count} neurons in this bar: "
    assert [one.children for one in buttons] == [str(k) for k in range(60)]


def test_heads_can_be_drawn_for_a_paper(tmp_path, capsys):
    model = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12}
    train(tiny_config(model=model), tmp_path / "run")
    for look in ("screen", "paper"):
        figure = str(tmp_path / f"{look}.html")
        main(["heads", str(tmp_path / "run"), "--figure", figure, "--template", look])
    screen, paper = ((tmp_path / f"{look}.html").read_text() for look in ("screen", "paper"))
    assert "Arial, Helvetica, Liberation Sans" in paper
    assert "Arial, Helvetica, Liberation Sans" not in screen
