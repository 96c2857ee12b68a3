"""Recipes from the command to the verdict; the values of their measures, from independent ones."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import interp
from interp.analysis.ablation.needed import needed
from interp.analysis.ablation.shares import pruning
from interp.analysis.neurons.answers import answer_planes, neighbour_share, ring_fit
from interp.analysis.neurons.bands import bands
from interp.analysis.neurons.read import neuron_table
from interp.analysis.phases.grok import grok
from interp.analysis.phases.stages import stages
from interp.analysis.trajectory.ipr_history import ipr_history
from interp.analysis.trajectory.weights import weights
from interp.cli.app import main
from interp.reproduction import recipe as module
from interp.reproduction.criteria import WITH_NULL, shown
from interp.reproduction.panels import training_panels
from interp.reproduction.recipe import parse_recipe
from interp.reproduction.scoreboard import write_scoreboard
from interp.training.config.sections import ModelConfig
from interp.training.data.dataset import make_dataset
from interp.training.data.scores import Score, Scores
from interp.training.data.splits import SPLITS
from interp.training.evaluation import scores
from interp.training.models.mlp import MLP
from interp.training.runs.metadata import Measurement
from interp.training.runs.run import Run
from interp.training.tasks.groups import residue_order
from interp.training.tasks.task import make_task
from tests.browser import CHROMIUM, NO_CHROMIUM, foreign_requests, opened_page
from tests.conftest import tiny_config
from tests.test_neurons import mixed_network

TOY = """
name: {name}
kind: claim
number: {number}
title: Toy networks {name}
source: nowhere
claim: Toys have accuracies.
grid:
  base: {{task: {{p: 7}}, model: {{width: 12}}, data: {{fraction: 0.6, corruption: 0.3}}, steps: {steps}}}
  axes:
    optimizer.weight_decay: [0, 1]
  seeds: 2
measures:
  bands: {{}}
figures:
  - {{kind: training}}
  - {{kind: measures, measures: {{train_accuracy: train}}}}
criteria:
  - {{says: accuracies are numbers, measure: train_accuracy, at_least: 0, at_most: 1}}
  - {{says: shares are shares, measure: share_low, at: {{optimizer.weight_decay: 0}}, at_most: 1}}
note: Only a toy [not the paper's].
"""  # noqa: E501


@pytest.fixture
def toys(monkeypatch):
    """Two recipes that share their runs."""
    found = {
        name: parse_recipe(TOY.format(name=name, number=number, steps=8), name)
        for number, name in ((1, "one"), (2, "two"))
    }
    monkeypatch.setattr(module, "recipes", lambda: found)
    return found


def run_folders(out: Path) -> dict[str, int]:
    """Run folders with the time of their last change."""
    every = (out / "networks/runs").iterdir()
    return {one.name: (one / "DONE").stat().st_mtime_ns for one in every}


def test_a_recipe_is_run_once_and_its_runs_are_shared(toys, tmp_path):
    first = interp.reproduce("one", tmp_path, machine="serial")
    assert first.word == "holds"
    assert first.cells == 4
    assert first.seeds == (0, 1)
    before = run_folders(tmp_path)
    assert len(before) == 4
    second = interp.reproduce("two", tmp_path, machine="serial")
    assert run_folders(tmp_path) == before
    assert [one.values for one in second.judged] == [one.values for one in first.judged]
    third = interp.reproduce("one", tmp_path, machine="serial", seeds=3)
    assert third.seeds == (0, 1, 2)
    after = run_folders(tmp_path)
    assert len(after) == 6
    assert {name: after[name] for name in before} == before
    table = interp.load(tmp_path / "networks/runs" / next(iter(before)))
    assert table.config.task.p == 7


def test_values_are_those_of_the_runs(toys, tmp_path):
    found = interp.reproduce("one", tmp_path, machine="serial")
    by_seed: dict[int, list[float]] = {}
    for name in run_folders(tmp_path):
        run = interp.load(tmp_path / "networks/runs" / name)
        accuracy = scores(run.network(), run.dataset)["train"].accuracy
        by_seed.setdefault(run.config.seed, []).append(accuracy)
    for seed, values in by_seed.items():
        assert found.judged[0].values[seed] == pytest.approx(np.mean(values))


def test_the_command_and_the_scoreboard(toys, tmp_path, capsys):
    out = tmp_path / "out"
    main(["reproduce"])
    told = capsys.readouterr().out
    assert "one" in told
    assert "claim (ii)" in told
    main(["reproduce", "one", "--out", str(out), "--executor", "serial"])
    told = capsys.readouterr().out
    assert "holds: all 2 criteria hold for every seed" in told
    assert "[wd" in told  # not taken for the markup of a style
    assert "Only a toy [not the paper's]." in told
    main(["reproduce", "--all", "--out", str(out), "--executor", "serial"])
    told = capsys.readouterr().out
    assert "2 of 2 hold, 0 do not, 0 undecided · budget quick" in told
    content = json.loads((out / "scoreboard.json").read_text())
    assert content["counts"] == {"holds": 2, WITH_NULL: 0, "does not hold": 0, "undecided": 0}
    assert content["verdicts"][0]["torch"]
    assert (out / "scoreboard.html").exists()
    assert "| claim (i) `one` | Toy networks one | holds |" in (out / "scoreboard.md").read_text()
    main(["reproduce", "two", "--out", str(out), "--executor", "serial", "--json"])
    assert json.loads(capsys.readouterr().out)["verdict"] == "holds"


def test_the_cost_is_told_first(toys, tmp_path, capsys):
    main(["reproduce", "--all", "--dry-run", "--out", str(tmp_path / "out"), "--workers", "1"])
    told = capsys.readouterr().out
    assert "one: 4 runs, 0 done, about" in told
    assert "two: 4 runs, 0 done, 4 of recipes above, nothing left to train" in told
    assert "together about" in told
    assert not (tmp_path / "out").exists()
    main(["reproduce", "one", "--out", str(tmp_path / "out"), "--executor", "serial"])
    capsys.readouterr()
    main(["reproduce", "one", "--dry-run", "--out", str(tmp_path / "out")])
    assert "one: 4 runs, 4 done, nothing left to train" in capsys.readouterr().out
    main(["reproduce", "one", "--dry-run", "--json", "--out", str(tmp_path / "out")])
    assert json.loads(capsys.readouterr().out)["one"]["done"] == 4


OWN = """
name: mine
title: Toys of my own
source: my notebook
claim: Half of the neurons suffice.
grid:
  base: {task: {p: 7}, model: {width: 12}, data: {fraction: 0.6, corruption: 0.3}, steps: 8}
  seeds: 2
measures:
  needed: {}
figures:
  - {kind: measure, measure: needed}
criteria:
  - {says: it is a share, measure: MEASURED, at_least: 0, at_most: 1}
"""


def test_a_recipe_of_ones_own(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(OWN.replace("MEASURED", "train_accuracy"))
    found = interp.reproduce(path, tmp_path, machine="serial")
    assert found.word == "holds"
    assert found.recipe.label == "mine"
    assert (tmp_path / "mine" / "verdict.json").exists()
    assert [one.layout.title.text for one in found.figures] == ["needed"]


def test_a_slip_in_a_criterion_is_not_taken_for_a_gap(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(OWN.replace("MEASURED", "train_acuracy"))
    found = interp.reproduce(path, tmp_path, machine="serial")
    assert found.word == "undecided"
    expected = "no run has a value 'train_acuracy'; nearest is train_accuracy"
    assert found.judged[0].why == expected


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: measure,", "kind: mesure,", "recipe mine: figures: kind: expected .*nearest is m"),
        ("measure: needed}", "norms: 3}", "recipe mine: figures: missing a required argument"),
        ("measure: needed}", "measure: neded}", "figures: measure: .*nearest is needed"),
        ("name: mine", "name: my/own", "recipe mine.yaml: name: String should match pattern"),
        ("name: mine", "name: pruning", "name: pruning is a recipe of interp's own"),
        ("needed: {}", "neded: {}", "measure: expected .*nearest is needed"),
    ],
)
def test_a_recipe_that_is_none(tmp_path, old, new, message):
    path = tmp_path / "mine.yaml"
    path.write_text(OWN.replace("MEASURED", "train_accuracy").replace(old, new))
    with pytest.raises(ValueError, match=message):
        interp.reproduce(path, tmp_path / "out", machine="serial")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["three"], "reproduce: expected one of one, two or a .yaml file; got 'three'"),
        (["three.yaml"], "recipe three.yaml: expected a file, found none"),
        (["one", "--budget", "small"], "budget: expected quick or paper, got 'small'"),
        (["one", "--seeds", "0"], "seeds: expected a whole number of at least 1, got 0"),
        (["one", "--executor", "magic"], "executor: expected"),
        (["one", "--all"], "reproduce: expected a name or --all, got 'one' and --all"),
    ],
)
def test_bad_input_is_one_line(toys, tmp_path, capsys, arguments, message):
    with pytest.raises(SystemExit) as stopped:
        main(["reproduce", *arguments, "--out", str(tmp_path / "out")])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_means_and_ranges_as_people_read_them():
    assert shown({0: 0.5, 1: 0.5}) == "0.500"
    assert shown({0: 0.25, 1: 0.75}) == "0.500 [0.250 – 0.750]"
    assert shown({0: 1200.0, 1: 1400.0}) == "1,300 [1,200 – 1,400]"
    assert shown({0: float("inf"), 1: 10.0}) == "10 – never"
    assert shown({0: float("inf")}) == "never"
    assert shown({0: 1.0, 1: 0.0}) == "0.500 [0 – 1.000]"
    assert shown({}) == "–"


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
@pytest.mark.parametrize("width", [420, 1200])
def test_the_scoreboards_page_draws_everything_by_itself(toys, tmp_path, browser, width):
    found = [interp.reproduce(name, tmp_path, machine="serial", seeds=2) for name in toys]
    place = write_scoreboard(found, tmp_path / "board")["html"]
    with opened_page(browser, viewport={"width": width, "height": 900}) as page:
        page.goto(place.as_uri())
        page.wait_for_function("document.querySelectorAll('.main-svg .infolayer').length >= 4")
        assert page.locator("section h2").all_inner_texts() == [
            "claim (i): Toy networks one",
            "claim (ii): Toy networks two",
        ]
        page.locator("table a").nth(1).click()
        assert page.evaluate("location.hash") == "#two"
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
        assert page.problems == []
        assert foreign_requests(page, place.as_uri()) == []


# --- measures ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built():
    """A run of 60 cosines that are the rule, and 40 neurons of noise."""
    network, kind = mixed_network(60, 40)
    config = tiny_config(
        task={"p": network.task.p}, model={"width": 100}, data={"fraction": 0.5, "corruption": 0.3}
    )
    dataset = make_dataset(network.task, 0.5, 0.3)
    found = scores(network, dataset)
    arrays = {name: one.numpy() for name, one in network.state_dict().items()}
    rows = (Measurement(4, found, 1.0),)
    config = config.replace("dtype", "float64")
    return Run(config, dataset, rows, {4: arrays}), kind == 0


def test_bands_count_the_built_neurons(built):
    run, good = built
    ipr = neuron_table(run).ipr
    found = bands(run).values()
    assert found["share_high"] == pytest.approx(np.mean(ipr > 0.4))
    assert found["share_high"] >= np.mean(good)
    assert sum(found.values()) == pytest.approx(1)


def test_pruning_values_are_those_of_pruning(built):
    run, _ = built
    ipr = neuron_table(run).ipr
    found = pruning(run, lowest=0.3, highest=0.6, losses=True, draws=3).values()
    order = np.argsort(ipr)
    for direction, pruned in (("lowest", order[:30]), ("highest", order[40:])):
        keep = ~np.isin(np.arange(100), pruned)
        expected = scores(interp.prune(run.network(), keep), run.dataset)
        for split in ("train", "test", "corrupted", "corrected"):
            for metric in ("accuracy", "loss"):
                value = found[f"{direction}.ipr.{split}_{metric}"]
                assert value == pytest.approx(getattr(expected[split], metric), abs=1e-6)
    before = scores(run.network(), run.dataset)
    assert found["before.test_accuracy"] == pytest.approx(before["test"].accuracy)


def test_random_pruning_goes_by_no_ranking(built):
    """Of 100 neurons, 60 are the rule. The 60 of highest IPR away, nothing is left of it; at
    random 24 of them are among the 40 that stay."""
    run, good = built
    assert good.sum() == 60
    found = pruning(run, lowest=0.4, highest=0.6, draws=5).values()
    assert found["highest.ipr.test_accuracy"] < 0.2
    assert found["highest.random.test_accuracy"] > found["highest.ipr.test_accuracy"] + 0.2
    assert found["lowest.random.test_accuracy"] < found["lowest.ipr.test_accuracy"]


def test_random_pruning_of_equal_neurons_is_pruning(built):
    """Whichever neurons of a hundred equal ones are pruned, the network is the same."""
    run, _ = built
    weights = run.weights[4]
    same = {
        "blocks.0.mlp.W_in": np.repeat(weights["blocks.0.mlp.W_in"][:, :1], 100, axis=1),
        "unembed.W_U": np.repeat(weights["unembed.W_U"][:1], 100, axis=0),
    }
    equal = replace(run, weights={4: {**weights, **same}})
    found = pruning(equal, lowest=0.3, highest=0.6, losses=True, draws=3).values()
    for way in ("lowest", "highest"):
        for split in ("train", "test", "corrupted", "corrected"):
            for metric in ("accuracy", "loss"):
                by_ipr = found[f"{way}.ipr.{split}_{metric}"]
                assert found[f"{way}.random.{split}_{metric}"] == pytest.approx(by_ipr, rel=1e-9)
    assert found["lowest.random.train_loss"] != pytest.approx(found["before.train_loss"], rel=1e-3)


def test_neurons_needed_for_more_than_there_is(tiny_run):
    """30 steps generalize nothing: no number of neurons is enough, of either order."""
    assert tiny_run.measurement().scores["test"].accuracy < 0.9
    found = needed(tiny_run, accuracy=0.9).values()
    assert found == dict.fromkeys(found, float("inf"))
    assert found.keys() == {"neurons_needed", "share_needed", "neurons_needed_random"}


def test_neurons_needed(built):
    """By forward passes: the fewest neurons of highest IPR with the test accuracy wanted."""
    run, _ = built
    order = np.argsort(neuron_table(run).ipr)
    enough = []
    for pruned in range(101):
        keep = ~np.isin(np.arange(100), order[:pruned])
        accuracy = scores(interp.prune(run.network(), keep), run.dataset)["test"].accuracy
        if accuracy >= 0.5:
            enough.append(100 - pruned)
    found = needed(run, accuracy=0.5).values()
    assert found["neurons_needed"] == min(enough) < 100
    assert found["share_needed"] == min(enough) / 100
    assert min(enough) < found["neurons_needed_random"] <= 100


def history(rows: list[tuple[int, float, float, float]], run: Run) -> Run:
    """A run with these steps, train, test and corrupted accuracies."""
    measurements = tuple(
        Measurement(
            step,
            Scores(
                {
                    s: Score({"train": train, "test": test, "corrupted": bad}.get(s, 0.5), 0.1)
                    for s in SPLITS
                }
            ),
            norm,
        )
        for (step, train, test, bad), norm in zip(rows, (1.0, 4.0, 3.0, 2.0, 1.0), strict=True)
    )
    return replace(run, measurements=measurements)


def test_stages_by_hand(built):
    run, _ = built
    rows = [
        (0, 0.1, 0.0, 0.1),
        (10, 0.95, 0.2, 0.95),
        (20, 1.0, 0.92, 0.9),
        (30, 0.8, 1.0, 0.3),
        (40, 0.72, 1.0, 0.02),
    ]
    found = stages(history(rows, run)).values()
    assert found["train_peak"] == 1.0
    assert found["corrupted_peak"] == 0.95
    assert found["train_gap"] == pytest.approx(0.02)
    assert found["train_drop"] == pytest.approx(0.28)
    assert found["both_peak"] == 0.92
    assert (found["learned_after"], found["learned_by"]) == (0, 10)
    assert (found["grokked_after"], found["grokked_by"]) == (10, 20)
    assert (found["inverted_after"], found["inverted_by"]) == (20, 30)
    assert found["steps_between"] == 0
    never = stages(history([(s, 0.1, 0.1, 0.1) for s, *_ in rows], run)).values()
    assert never["steps_between"] == float("inf")
    assert weights(history(rows, run)).values() == {"norm_left": 0.25, "weight_norm_peak": 4.0}


def test_panels_tell_when_the_seeds_grokked_and_inverted(built):
    """The interval that holds the event in every seed; a seed that never had it is counted."""
    run, _ = built
    early = history([(0, 0, 0, 0), (10, 1, 0.95, 0.9), (20, 1, 1, 0.1), *_END], run)
    late = history([(0, 0, 0, 0), (10, 1, 0.2, 0.9), (20, 1, 1, 0.9), *_END], run)
    never = history([(s, 0.1, 0.1, 0.1) for s in (0, 10, 20, 30, 40)], run)
    figure = training_panels({"a": [early, late], "b": [early, never], "c": [never]}, "t", False)
    titles = [re.sub("</?span.*?>", "", one.text) for one in figure.layout.annotations]
    assert titles[:3] == [
        "a<br>grokked, steps 0–20<br>inverted, steps 10–30",
        "b<br>grokked, steps 0–10 (1 of 2)<br>inverted, steps 10–20 (1 of 2)",
        "c",
    ]
    marks = [one for one in figure.data if one.name in ("grokked", "inverted")]
    assert [(min(one.x), max(one.x)) for one in marks] == [(1, 20), (10, 30), (1, 10), (10, 20)]
    assert [one.showlegend for one in marks] == [True, True, False, False]


_END = [(30, 1, 1, 0.1), (40, 1, 1, 0.1)]


def test_the_rise_of_the_ipr_goes_with_the_accuracy(tiny_run):
    found = {**ipr_history(tiny_run).values(), **grok(tiny_run).values()}
    mean = [neuron_table(tiny_run, step).mean_ipr for step in tiny_run.steps]
    assert found["mean_ipr_start"] == pytest.approx(mean[0])
    assert found["mean_ipr_end"] == pytest.approx(mean[-1])
    assert max(m.scores["test"].accuracy for m in tiny_run.measurements) < 0.99
    assert found["steps_to_generalize"] == float("inf")


def test_the_step_at_which_it_generalizes(built):
    """The first evaluation with a test accuracy of 0.99, whatever comes after it."""
    run, _ = built
    tests = (0.1, 0.98, 0.99, 0.5, 1.0)
    rows = [(10 * i, 1.0, test, 0.5) for i, test in enumerate(tests)]
    assert grok(history(rows, run)).values()["steps_to_generalize"] == 20


# --- the answers in a plane -------------------------------------------------------------------


@pytest.mark.parametrize("n", [10, 11, 97])
@pytest.mark.parametrize("frequency", [1, 3])
def test_a_ring_is_a_ring_whatever_its_frequency_place_and_shape(n, frequency):
    angle = 2 * np.pi * frequency * np.arange(n) / n
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    bent = circle @ np.array([[2.0, 0.3], [-0.5, 1.0]]) + [5.0, -3.0]
    assert ring_fit(bent) == (pytest.approx(1.0), frequency)


def test_noise_is_no_ring():
    """In expectation a frequency has a share 1/K of the power of noise, the greatest of K about
    H(K)/K for two dimensions less; far from a ring."""
    random = np.random.default_rng(0)
    fits = [ring_fit(random.normal(size=(97, 2)))[0] for _ in range(50)]
    assert np.mean(fits) < 0.15
    assert ring_fit(np.zeros((9, 2))) == (0.0, 1)


def test_neighbours_on_a_ring_are_one_fixed_step_away():
    """At angle 2πfi/n the nearest are i ± s with f·s = ±1 mod n."""
    n, frequency = 97, 5
    angle = 2 * np.pi * frequency * np.arange(n) / n
    share, step = neighbour_share(np.stack([np.cos(angle), np.sin(angle)], axis=1))
    assert share == 1.0
    assert frequency * step % n in (1, n - 1)
    random = np.random.default_rng(0).normal(size=(n, 2))
    assert neighbour_share(random)[0] < 0.2


@pytest.mark.parametrize(("operation", "group"), [("x + y", "cyclic"), ("x * y", "multiplicative")])
def test_one_frequency_is_a_ring_in_the_order_of_the_group(operation, group):
    p, frequency = 13, 2
    task = make_task(operation, p)
    order = residue_order(p, group)
    n = len(order)
    phases = np.random.default_rng(1).uniform(-np.pi, np.pi, size=(3, 20))
    curves = np.zeros((3, 20, p))
    angle = 2 * np.pi * frequency / n * np.arange(n)
    curves[:, :, order] = np.cos(angle + phases[:, :, None])
    network = MLP(task, ModelConfig(width=20)).double()
    network.set_curves(curves)
    found = answer_planes(network)
    assert found.pca.ring == pytest.approx(1.0)
    assert found.pca.frequency == frequency
    assert found.pca.control < 0.6
    assert len(found.tsne.points) == n
    residues = found.residues.tolist()
    assert sorted(residues) == list(range(p - n, p)), "every element of the group once"
    if group == "cyclic":  # from one to the next it is always the same step in the group
        steps = {(b - a) % p for a, b in pairwise(residues)}
    else:
        steps = {b * pow(a, -1, p) % p for a, b in pairwise(residues)}
    assert len(steps) == 1


def test_without_scikit_learn_it_says_what_to_install(monkeypatch, tiny_run):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.manifold", None)
    with pytest.raises(ImportError, match="t-SNE needs scikit-learn, not installed"):
        answer_planes(tiny_run)
