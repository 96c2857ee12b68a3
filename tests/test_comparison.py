"""Runs beside one another: groups by seed, what tells them apart, their quantities."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from interp.analysis.comparison.compare import compare
from interp.analysis.comparison.groups import groups_of
from interp.analysis.comparison.paired import Tested as Found
from interp.analysis.comparison.spread import band, is_number, spread
from interp.analysis.measure import measure
from interp.analysis.neurons.read import neuron_table
from interp.analysis.neurons.table import NeuronTable
from interp.analysis.sweeps.bootstrap import Bootstrap
from interp.figures.comparison import comparison as draw
from interp.training.models.analytic import analytic_network
from interp.training.runs.made import config_of, made_run
from interp.training.runs.origin import Origin
from interp.training.trainer.loop import train
from interp.words.compared import (
    comparison_rows,
    labels,
    number,
    setting,
    setting_rows,
    shared_words,
    value_words,
)
from interp.words.compared import test_cells as cells_of
from tests.compared_runs import six_runs
from tests.conftest import tiny_config
from tests.curves import curves_of

WD = "optimizer.weight_decay"
FEW = Bootstrap(draws=200)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return six_runs(tmp_path_factory.mktemp("compared"))


@pytest.fixture(scope="module")
def compared(runs):
    return compare(runs, bootstrap=FEW)


# --- groups


def test_what_differs_by_seed_alone_is_one_group(runs):
    found = groups_of([runs[4], runs[0], runs[5], runs[1]])
    assert [group.settings for group in found.groups] == [{WD: 5.0}, {WD: 0.0}]
    assert [group.seeds for group in found.groups] == [(1, 2), (0, 1)]
    assert labels(found) == ["wd 5 (2 seeds)", "wd 0 (2 seeds)"]
    assert found.folded and found.differing == (WD,)
    assert setting_rows(found) == [["wd", "5", "0"], ["seeds", "1, 2", "0, 1"]]
    words = shared_words(found)
    assert words == ["(x + y) mod 11", "α = 0.6", "ξ = 0.3", "adamw", "MLP, N = 16, square",
                     "step 30"]  # fmt: skip


def test_runs_that_are_not_folded_are_named_by_their_seed(runs):
    found = groups_of(runs[:2], fold=False)
    assert labels(found) == ["seed 0", "seed 1"]
    assert "wd 0" in shared_words(found)
    assert labels(groups_of(runs[:3])) == ["3 seeds"]
    assert labels(groups_of([runs[0], runs[4]])) == ["wd 0 · seed 0", "wd 5 · seed 1"]
    assert labels(groups_of([runs[0], runs[3]])) == ["wd 0", "wd 5"]


def test_checkpoints_of_a_run_are_named_by_their_step(runs):
    first, last = runs[0].steps[1], runs[0].last_step
    found = groups_of([runs[0].checkpoint(first), runs[0].checkpoint(last)])
    assert labels(found) == [f"step {first}", f"step {last}"]
    assert "seed 0" in shared_words(found) and "each at its own step" in shared_words(found)
    both = groups_of([run.checkpoint(step) for step in (first, last) for run in runs[:3]])
    assert labels(both) == [f"step {first} (3 seeds)", f"step {last} (3 seeds)"]
    assert groups_of(runs[:2], step=first).members[0].step == first


def test_a_default_and_the_value_that_it_stands_for_are_the_same(tmp_path):
    """φ of two layers is the square unless it is given; when a run is scored is no setting."""
    plain = train(tiny_config(), tmp_path / "plain")
    named = tiny_config(model={"width": 16, "activation": "square"}, seed=1)
    often = tiny_config(schedule={"evaluations": 3, "checkpoints": 1}, seed=2)
    found = groups_of([plain, train(named), train(often)])
    assert labels(found) == ["3 seeds"]
    relu = train(tiny_config(model={"width": 16, "activation": "relu"}))
    assert labels(groups_of([plain, relu])) == ["φ square", "φ relu"]


def test_names_of_ones_own(runs):
    found = groups_of({"none": runs[:3], "much": runs[3]})
    assert labels(found) == ["none (3 seeds)", "much (1 seed)"]
    assert [group.label for group in found.groups] == ["none", "much"]
    with pytest.raises(
        ValueError, match=r"^mixed: expected runs that differ by seed alone, got opt.*decay 0.0 and"
    ):
        groups_of({"mixed": [runs[0], runs[4]]})
    for names in ({3: runs[0], "b": runs[1]}, {"a": [], "b": runs[1]}):
        with pytest.raises(
            ValueError, match=r"expected names with a run or a list of runs each, got"
        ):
            groups_of(names)


def test_what_is_refused(runs, unchecked):
    with pytest.raises(ValueError, match=r"^expected at least two to compare, got 1$"):
        groups_of(runs[:1])
    with pytest.raises(ValueError, match=r"^expected at least two to compare, got none$"):
        groups_of([])
    twice = r"^expected each once, got 'decay-0-seed-0' and 'decay-0-seed-0' with the same settings"
    for pair in ([runs[0], runs[0].path], {"a": runs[0], "b": str(runs[0].path)}):
        with pytest.raises(ValueError, match=twice):
            groups_of(pair)
    with pytest.raises(ValueError, match="with the same settings and seed"):
        groups_of([runs[0], runs[0].checkpoint()])
    with pytest.raises(TypeError, match=r"^expected several runs as a list or by name, got"):
        groups_of(runs[0])
    with pytest.raises(TypeError, match=r"^expected a run, its folder, a checkpoint or a network"):
        groups_of([runs[0], 3])


def test_the_same_training_elsewhere_is_the_same_run(runs, tmp_path):
    """A copy tells nothing new; under names, as of two machines, it may be compared."""
    again = train(runs[0].config, tmp_path / "copy")
    with pytest.raises(ValueError, match="got 'decay-0-seed-0' and 'copy' with the same settings"):
        groups_of([runs[0], again])
    assert labels(groups_of({"here": runs[0], "there": again})) == ["here", "there"]


def made(tiny_run, network, name):
    """A run that was not trained here."""
    config = config_of(tiny_run.dataset, {"kind": "mlp", "width": network.width}, "mse",
                       "float32", 1)  # fmt: skip
    origin = Origin({"layout": "raw", "recognized": ["a"], "assumed": [], "dropped": [],
                     "questioned": [], "dataset_known": True})  # fmt: skip
    return replace(made_run(config, tiny_run.dataset, {1: network}, origin=origin), path=name)


def test_what_was_not_trained_here_goes_by_its_name(tiny_run, tmp_path):
    """Nothing says that they differ by seed alone."""
    network = analytic_network(tiny_run.dataset.task, 16)
    one, other = (made(tiny_run, network, tmp_path / name) for name in ("first", "second"))
    found = groups_of([one, other])
    assert labels(found) == ["first", "second"]
    assert found.members[0].config is None
    hashed = [made(tiny_run, network, tmp_path / f"{i}0f3ab12cd") for i in range(2)]
    with pytest.raises(
        ValueError, match=r"^expected a mapping from names to what is compared, as nothing tells '0"
    ):
        groups_of(hashed)


def test_tables_go_by_name_seed_and_step(runs):
    tables = [neuron_table(run) for run in runs[:2]]
    assert labels(groups_of(tables, NeuronTable)) == ["seed 0", "seed 1"]
    apart = [neuron_table(run) for run in (runs[0], runs[3])]
    assert labels(groups_of(apart, NeuronTable)) == ["decay-0-seed-0", "decay-5-seed-0"]
    with pytest.raises(ValueError, match="expected each once"):
        groups_of([tables[0], tables[0]], NeuronTable)


# --- words


@pytest.mark.parametrize(
    ("value", "words"),
    [(5.0, "5"), (1e-5, "1e-05"), (True, "yes"), (False, "no"), (None, "none"), ("", "none"),
     ([0.9, 0.98], "0.9, 0.98"), ((), "none"), ("relu", "relu"), (7, "7")],
)  # fmt: skip
def test_values_in_words(value, words):
    assert value_words(value) == words


def test_settings_in_words():
    assert setting("model.activation", "relu") == "φ relu"
    assert setting("loss", "mse") == "mse"
    assert setting("seed", 3) == "seed 3"
    assert setting("stop.for", 3) == "stop.for 3"


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.12345, "0.123"), (0.012345, "0.0123"), (2.0, "2"), (2 + 1e-12, "2"), (-0.5, "−0.500"),
     (1234.5, "1.23e+03"),
     (0.00012, "0.00012"), (0, "0")],
)  # fmt: skip
def test_numbers_in_words(value, words):
    assert number(value, "test_loss") == words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("test_accuracy", 0.0277777, "0.028"),
        ("all_accuracy", 1.0, "1.000"),
        ("all_accuracy", -0.0004, "0.000"),
        ("all_accuracy", -0.25, "−0.250"),
        ("high_ipr", 77.4, "77.4"),
        ("low_ipr", -10 / 3, "−3.3"),
        ("dead", 2.0, "2"),
        ("test_loss", -0.02471, "−0.0247"),
        ("test_loss", -2e-5, "−2e-05"),
    ],
)
def test_numbers_of_a_quantity_in_words(name, value, words):
    assert number(value, name) == words


def test_a_difference_in_words():
    """Of five pairs the least p is 2 of 32 flips."""
    found = Found(-0.0154, -0.03, 0.0001, 2 / 32)
    assert cells_of(found, "mean_ipr") == ["−0.0154", "−0.03 to 0.0001", "0.0625"]
    assert cells_of(Found(0.125), "test_accuracy") == ["+0.125", "–", "–"]
    assert cells_of(Found(0.0001), "test_accuracy") == ["0.000", "–", "–"]
    assert cells_of(None, "test_accuracy") == ["–"] * 3


def test_thresholds_have_no_difference(runs, compared):
    """Whose distance means nothing; each group's own value stays."""
    found = compared.differences["threshold"]
    assert found.tested is None and found.reason.endswith(
        "the distance of two thresholds means nothing"
    )
    assert f"threshold: no difference, as {found.reason}" in compared.caption
    assert "threshold: no difference" in compare([runs[0], runs[3]]).caption
    rows = {row[0]: row[1:] for row in comparison_rows(compared)[1]}
    assert rows["threshold (IPR)"][2:] == ["–"] * 3 and rows["threshold (IPR)"][0] != "–"
    assert "difference: threshold" not in compared.values()


# --- spread and bands


def test_a_spread_counts_what_is_a_number():
    found = spread([0.25, None, 0.75, math.nan])
    assert (found.mean, found.least, found.greatest, found.count) == (0.5, 0.25, 0.75, 2)
    never = spread([3.0, math.inf])
    assert (never.mean, never.least, never.count, never.never) == (None, None, 2, 1)
    assert spread([None]).mean is None
    assert spread(["a", "b"]).count == 0
    assert not is_number(True)
    thirds = spread([0.1] * 3)
    assert thirds.mean == thirds.least == thirds.greatest == 0.1


def test_a_band_stands_where_every_curve_has_a_point():
    """Of points 1, 3 and 4 both have 1 and 4."""
    one = np.array([1, 3, 4]), np.array([0.0, 9.0, 4.0])
    other = np.array([1, 2, 4]), np.array([1.0, 9.0, 2.0])
    found = band([one, other])
    assert found.x.tolist() == [1, 4] and found.count == 2
    assert found.mean.tolist() == [0.5, 3] and found.least.tolist() == [0, 2]
    assert found.greatest.tolist() == [1, 4]
    with pytest.raises(ValueError, match="expected curves with a point in common, found none"):
        band([one, (np.array([7]), np.array([1.0]))])


# --- quantities


def ipr_of(run):
    """Mean over neurons and curves of Σ share², by numpy's transform."""
    power = np.abs(np.fft.rfft(curves_of(run.network()), axis=-1)) ** 2
    shares = power / power.sum(axis=-1, keepdims=True)
    return (shares**2).sum(axis=-1).mean(axis=0)


def test_quantities_are_those_of_each_run(runs, compared):
    first, second = compared.spreads
    assert first["test_accuracy"].values == tuple(
        run.measurement().scores["test"].accuracy for run in runs[:3]
    )
    assert second["mean_ipr"].values == pytest.approx([ipr_of(run).mean() for run in runs[3:]])
    for place, run in enumerate(runs[:3]):
        above = first["high_ipr"].values[place]
        assert above == (ipr_of(run) >= first["threshold"].values[place]).sum()
        assert above + first["low_ipr"].values[place] == 16 and first["dead"].values[place] == 0
    splits = ("train", "test", "corrupted", "corrected", "clean", "all")
    assert list(first)[:6] == [f"{split}_accuracy" for split in splits]


def test_the_difference_is_that_of_pairs_of_a_seed(runs, compared):
    """The order in which the seeds are given does not matter."""
    losses = [run.measurement().scores["test"].loss for run in runs]
    by_hand = np.array(losses[3:]) - losses[:3]
    found = compared.differences["test_loss"].tested
    assert found.mean == pytest.approx(by_hand.mean())
    assert by_hand.min() <= found.low <= found.mean <= found.high <= by_hand.max()
    assert found.p_value == (0.25 if (np.sign(by_hand) == np.sign(by_hand[0])).all() else 1)
    assert compared.pairs == (0, 1, 2)
    mixed = compare([runs[2], runs[0], runs[1], runs[4], runs[3], runs[5]], bootstrap=FEW)
    again = mixed.differences["test_loss"].tested
    assert (again.mean, again.p_value) == (pytest.approx(found.mean), found.p_value)


def test_the_caption_says_how_it_was_tested(compared):
    words = compared.caption
    assert words.startswith("6 runs in 2 groups · step 30 · mean, least and greatest over seeds")
    assert "IPR: one-sided DFT, constant included, r = 2" in words
    assert "difference: second group less first, paired by seed (n = 3)" in words
    assert "95 % percentile bootstrap interval of the mean, 200 draws, seed 0, too narrow" in words
    assert (
        "two-sided permutation test, all 2^3 sign flips, of which the smallest possible is" in words
    )
    assert "not corrected for the number of quantities" in words
    assert "runs the IPRs do not look like two classes" in compared.note


def test_runs_of_other_seeds_are_left_out_of_pairs(runs):
    found = compare([*runs[:3], *runs[4:]], bootstrap=FEW)
    assert found.pairs == (1, 2)
    assert "paired by seed (n = 2, 1 runs of other seeds left out)" in found.caption
    losses = [run.measurement().scores["test"].loss for run in runs]
    assert found.differences["test_loss"].count == 2
    by_hand = np.mean(losses[4:]) - np.mean(losses[1:3])
    assert found.differences["test_loss"].tested.mean == pytest.approx(by_hand)
    assert found.spreads[0]["test_loss"].count == 3, "the groups keep all of theirs"


def test_groups_without_common_seeds_are_independent(runs):
    found = compare([*runs[:2], runs[5], runs[3]], bootstrap=FEW)
    assert found.pairs is None
    assert "groups taken for independent, as they share fewer than two seeds" in found.caption
    assert "all exchanges of runs, of which the smallest possible is 0.33" in found.caption
    losses = [runs[i].measurement().scores["all"].loss for i in (0, 1, 5, 3)]
    tested = found.differences["all_loss"].tested
    assert tested.mean == pytest.approx(np.mean(losses[2:]) - np.mean(losses[:2]))
    assert tested.least_p == 2 / 6


def test_single_runs_and_three_groups_have_no_test(runs, unchecked):
    pair = compare([runs[0], runs[3]])
    assert "of a single run there is no interval and no test" in pair.caption
    assert pair.differences["test_loss"].tested.p_value is None
    assert pair.groups.groups[0].label == f"{WD} 0.0"
    other = train(tiny_config(optimizer={"weight_decay": 1.0}))
    three = compare([runs[0], runs[1], runs[3], other])
    assert three.differences == {} and three.how == ()
    assert "differences are tested between two groups, here are 3" in three.note
    with pytest.raises(TypeError, match=r"^expected the options of a bootstrap, such as Bootstrap"):
        compare(runs, bootstrap=0.95)


def test_measures_are_compared(runs, for_a_while):
    @measure("of_seed", source="here")
    def of_seed(checkpoint, *, factor: float = 1.0):
        """The seed, or never."""
        return {"twice": 2.0 * factor * checkpoint.seed, "when": math.inf if checkpoint.seed else 3,
                "word": "even" if checkpoint.seed % 2 == 0 else "odd"}  # fmt: skip

    found = compare(runs, ["of_seed", "bands"], bootstrap=FEW)
    assert found.spreads[0]["of_seed.twice"].values == (0, 2, 4)
    assert found.differences["of_seed.twice"].tested.mean == 0
    assert found.differences["of_seed.when"].reason == "in some runs it never came"
    assert found.differences["of_seed.word"].reason == "no number in one of the groups"
    assert "bands.share_low" in found.quantities
    rows = {row[0]: row[1:] for row in comparison_rows(found)[1]}
    assert rows["of seed.when"] == ["never in 2 of 3"] * 2 + ["–"] * 3
    assert rows["of seed.word"][:2] == ["even, odd"] * 2
    assert rows["of seed.twice"] == ["2 (0–4)", "2 (0–4)", "0", "0 to 0", "1"]
    half = compare(runs[:2], {"of_seed": {"factor": 0.5}})
    assert half.spreads[0]["of_seed(factor=0.5).twice"].values == (0, 1)


def test_a_measure_that_is_not_defined_says_so(runs, for_a_while):
    @measure("of_odd", refuses=lambda checkpoint: None if checkpoint.seed == 1 else "even seed")
    def of_odd(checkpoint):
        """One."""
        return {"one": 1.0}

    found = compare(runs[:3], "of_odd")
    assert found.spreads[0]["of_odd.one"].values == (None, 1.0, None)
    assert "of_odd is not defined on 2 of 3 runs: even seed" in found.note


def test_measures_that_are_none(runs, unchecked):
    with pytest.raises(
        ValueError, match=r"^measures: expected names, measures or \{name: options\}, got 3$"
    ):
        compare(runs, 3)
    with pytest.raises(
        ValueError, match=r"^measures: expected names, measures or \{name: options\}, got 4$"
    ):
        compare(runs, [4])
    with pytest.raises(
        ValueError, match=r"^measures\.bands: expected a mapping of options, got 4$"
    ):
        compare(runs, {"bands": 4})
    with pytest.raises(ValueError, match=r"^measures: boundary reads a whole sweep, not a run$"):
        compare(runs, ["boundary"])
    with pytest.raises(
        ValueError, match=r"^measures: phase reads a whole run, got a checkpoint of one$"
    ):
        compare(runs, ["phase"], step=30)
    with pytest.raises(ValueError, match="unknown option 'a'"):
        compare(runs, {"bands": {"a": 1}})
    with pytest.raises(ValueError, match=r"^threshold: expected auto, null or an IPR"):
        compare(runs, threshold="low")


def test_a_step_is_scored_anew(runs):
    step = runs[0].steps[1]
    found = compare(runs[:3], step=step)
    for one, run in zip(found.spreads[0]["all_loss"].values, runs, strict=False):
        assert one == pytest.approx(run.measurement(step).scores["all"].loss, rel=1e-5)
    assert f"step {step}" in found.caption


def test_networks_without_neurons_and_other_moduli(runs):
    attention = {"kind": "transformer", "d_model": 16, "n_heads": 4, "d_mlp": 0}
    found = compare([runs[0], train(tiny_config(model=attention))])
    assert found.spreads[1]["mean_ipr"].values == (None,)
    assert found.differences["mean_ipr"].reason == "no number in one of the groups"
    other = compare([runs[0], train(tiny_config(task={"p": 13}))])
    assert "the IPR of noise is another for another p" in other.note


def test_a_mean_ipr_in_two_conventions_is_left_out(runs):
    group = train(tiny_config(task={"operation": "x * y", "group": "S3"}))
    found = compare([runs[0], group])
    assert "mean_ipr" not in found.quantities
    assert "mean IPR left out, as the runs have it in several conventions" in found.note


# --- what it can do


def test_a_table_of_groups_and_differences(compared):
    frame = compared.to_pandas()
    own = frame[(frame.quantity == "test_loss") & (frame[WD] == 5)].iloc[0]
    assert own["mean"] == compared.spreads[1]["test_loss"].mean
    assert (own.least, own.runs) == (compared.spreads[1]["test_loss"].least, 3)
    last = frame[(frame.quantity == "test_loss") & (frame.group == "difference")].iloc[0]
    tested = compared.differences["test_loss"].tested
    assert (last["mean"], last.low, last.p_value) == (tested.mean, tested.low, tested.p_value)
    assert len(frame) == 3 * len(compared.quantities) - 1, "thresholds have no difference"


def test_values_and_plain_data(compared):
    values = compared.values()
    tested = compared.differences["test_accuracy"].tested
    assert values["difference: test_accuracy.p_value"] == tested.p_value
    assert values[f"{WD} 5.0: test_accuracy"] == compared.spreads[1]["test_accuracy"].mean
    assert repr(compared).startswith(f"<Comparison: {WD} 0.0: test_accuracy ")
    told = json.loads(json.dumps(compared.to_dict(), allow_nan=False))
    assert told["paired_seeds"] == [0, 1, 2]
    assert [one["settings"] for one in told["groups"]] == [{WD: 0.0}, {WD: 5.0}]
    assert told["groups"][0]["runs"][1] == {"name": "decay-0-seed-1", "seed": 1, "step": 30}
    assert told["differences"]["test_accuracy"]["mean"] == tested.mean
    html = compared._repr_html_()
    assert "<th>wd 0 (3 seeds)</th>" in html and "<td>mean IPR</td>" in html


def test_its_figure_has_marks_bars_and_differences(compared):
    figure = compared.plot()
    one = figure.data[0]
    assert list(one.customdata)[1] == "test_accuracy"
    found = compared.spreads[0]["test_accuracy"]
    assert one.x[1] == found.mean
    assert one.x[1] + one.error_x.array[1] == pytest.approx(found.greatest)
    assert one.x[1] - one.error_x.arrayminus[1] == pytest.approx(found.least)
    difference = figure.data[2]
    tested = compared.differences["test_accuracy"].tested
    assert difference.x[1] == tested.mean
    assert difference.x[1] + difference.error_x.array[1] == pytest.approx(tested.high)
    assert "mark: mean over seeds, bar: least to greatest" in figure.layout.title.subtitle.text
    assert list(draw(compared, ["test_loss"]).layout.yaxis.ticktext) == ["test loss"]
    with pytest.raises(
        ValueError, match=r"^quantities: expected some of train_accuracy, .*; got 'x'"
    ):
        draw(compared, ["x"])
    nothing = replace(compared, spreads=({},) * 2, differences={})
    with pytest.raises(ValueError, match=r"^quantities: expected one that has a value, found none"):
        draw(nothing)
