"""Lines of several methods, panel by panel; and nulls in charts of measures."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from interp.reproduction.chart import Chart, measures_against
from interp.reproduction.drawing import check_figures
from interp.reproduction.evidence import Evidence, Trained
from interp.reproduction.methods import Methods, method_panels
from interp.reproduction.recipe import parse_recipe
from interp.training.config.run_config import RunConfig, parse_config
from interp.training.sweep.table.results import Results

XI = (0.25, 0.5, 0.75)
DECAYS = (0.0, 5.0)


def value(xi: float, decay: float, seed: int) -> float:
    return xi / 2 + decay / 100 + seed / 8


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    """Two seeds at each corruption and weight decay, in no order; one method has no corrupted."""
    runs = []
    for seed in (1, 0):
        for xi in reversed(XI):
            for decay in reversed(DECAYS):
                config = parse_config(
                    {
                        "data": {"corruption": xi},
                        "optimizer": {"weight_decay": decay},
                        "seed": seed,
                    }
                )
                y = value(xi, decay, seed)
                values = {"g.test_accuracy": y, "g.corrupted_accuracy": 1 - y}
                values |= {"lazy.test_accuracy": 0.125, "lazy.corrupted_accuracy": None}
                runs.append(Trained(config, values))
    axes = ("data.corruption", "optimizer.weight_decay")
    return Evidence(runs, axes, Results(pa.table({}), axes))


METHODS = Methods(
    {"g": "G-net", "lazy": "lazy network"},
    "data.corruption",
    "optimizer.weight_decay",
    controls=["lazy"],
)


def test_a_line_is_the_mean_of_the_seeds_and_its_bars_their_range(evidence):
    figure = method_panels(evidence, "title", METHODS)
    assert len(figure.data) == 2 * 2 * 2  # methods, panels, splits
    assert [one.text for one in figure.layout.annotations] == ["wd 0", "wd 5"]
    first, _, below = figure.data[:3]
    assert tuple(first.x) == XI
    mean = [(value(xi, 0, 0) + value(xi, 0, 1)) / 2 for xi in XI]
    np.testing.assert_allclose(first.y, mean)
    np.testing.assert_allclose(below.y, [1 - y for y in mean])
    np.testing.assert_allclose(first.error_y.array, [1 / 16] * 3)
    np.testing.assert_allclose(first.error_y.arrayminus, [1 / 16] * 3)
    other = figure.data[4]
    np.testing.assert_allclose(other.y, [y + 0.05 for y in mean])
    assert (other.xaxis, other.yaxis) == ("x2", "y2")
    assert (below.xaxis, below.yaxis) == ("x3", "y3")


def test_methods_are_named_once_and_what_learned_nothing_is_dotted(evidence):
    figure = method_panels(evidence, "title", METHODS)
    assert [one.name for one in figure.data if one.showlegend] == ["G-net", "lazy network"]
    assert {one.name: one.line.dash for one in figure.data} == {
        "G-net": "solid",
        "lazy network": "dot",
    }
    colours = {one.name: one.line.color for one in figure.data}
    assert len(set(colours.values())) == 2
    assert [one.name for one in figure.data if not one.x] == ["lazy network"] * 2
    assert figure.layout.title.text == "title"
    assert "seeds 0, 1" in figure.layout.title.subtitle.text
    titles = [figure.layout[f"yaxis{n}"].title.text for n in ("", "3")]
    assert titles == ["test accuracy", "corrupted accuracy"]


def test_marks_above_one_are_not_cut_off_where_there_is_one_setting(evidence):
    ranges = []
    for high in (1.0, 3.25):
        run = Trained(RunConfig(), {"a": 0.5, "b": high})
        one = Evidence([run], (), evidence.results)
        chart = Chart({"a": "A", "b": "B"}, y_title="mean square")
        ranges.append(measures_against(one, "t", chart).layout.yaxis.range)
    assert ranges == [(-0.03, 1.03), None]


def chart_of(evidence, **options):
    measures = {"g.test_accuracy": "G-net", "lazy.test_accuracy": "lazy"}
    chart = Chart(measures, x="data.corruption", by="optimizer.weight_decay", **options)
    return measures_against(evidence, "title", chart)


def test_a_chart_may_be_logarithmic_along_the_option_only(evidence):
    measures = {"g.test_accuracy": "G-net"}
    near = [one for one in evidence.runs if one.options["data.corruption"] != 0.5]
    for one in near:
        one.options["steps"] = {0.25: 10, 0.75: 1000}[one.options["data.corruption"]]
    some = Evidence(near, ("steps",), evidence.results)
    scales = {}
    for log in (True, False, "x"):
        layout = measures_against(some, "t", Chart(measures, x="steps", log=log)).layout
        scales[log] = (layout.xaxis.type, layout.yaxis.type)
    assert scales == {True: ("log", "log"), False: (None, None), "x": ("log", None)}


def test_controls_of_a_chart_are_dotted(evidence):
    dashes = {one.name: one.line.dash for one in chart_of(evidence).data}
    assert set(dashes.values()) == {"solid"}
    dashes = {
        one.name: one.line.dash for one in chart_of(evidence, controls=["lazy.test_accuracy"]).data
    }
    assert dashes == {
        "G-net, wd 0": "solid",
        "lazy, wd 0": "dot",
        "G-net, wd 5": "solid",
        "lazy, wd 5": "dot",
    }


RECIPE = """
name: mine
title: a
source: b
claim: c
grid: {base: {}}
figures: [{FIGURE}]
criteria: [{says: d, measure: e, at_least: 1}]
"""
MEASURES = "kind: measures, measures: {g: G-net}"
PANELS = "kind: methods, methods: {g: G-net}, x: data.corruption, panels: optimizer.weight_decay"


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        (f"{MEASURES}, log: y", "recipe mine: figures: log: expected true, false or x, got 'y'"),
        (f"{MEASURES}, controls: [h]", "recipe mine: figures: controls: expected g, got 'h'"),
        (
            f"{MEASURES}, colour: red",
            "recipe mine: figures: .*unexpected keyword argument 'colour'",
        ),
        (f"{PANELS}, controls: [h]", "recipe mine: figures: controls: expected g, got 'h'"),
        (f"{PANELS}, splits: [tests]", "figures: splits: expected .*'tests'; nearest is test"),
        ("kind: methods, methods: {g: G}, x: data.corruption", "figures: .*missing .*'panels'"),
    ],
)
def test_options_of_a_figure_are_checked_before_anything_is_trained(figure, message):
    with pytest.raises(ValueError, match=message):
        check_figures(parse_recipe(RECIPE.replace("FIGURE", figure), "mine.yaml"))
    check_figures(parse_recipe(RECIPE.replace("FIGURE", PANELS), "mine.yaml"))
