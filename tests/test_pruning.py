"""Pruning by weights, by hook and by the cumulative pass are one and the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interp.analysis.ablation.by_class import prune_by_class
from interp.analysis.ablation.prune import prune
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.ablation.ranking import removal_order
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.read import neuron_table
from interp.analysis.phases.events import first_crossing
from interp.analysis.phases.phase import PhaseThresholds, phase, phase_name
from interp.analysis.trajectory.ipr_history import dynamics
from interp.training.data.dataset import make_dataset
from interp.training.data.scores import Score, Scores
from interp.training.data.splits import SPLITS
from interp.training.evaluation import Evaluation, scores
from interp.training.models.mlp import MLP
from interp.training.runs.metadata import Measurement
from interp.training.runs.run import Run
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.curves import curves_of
from tests.test_neurons import mixed_network


def test_pruning_brings_exactly_the_built_neurons_back():
    network, kind = mixed_network()
    data = make_dataset(network.task, 0.5)
    noise_only = scores(prune(network, kind == 1), data)["all"].accuracy
    assert noise_only is not None
    assert noise_only < 0.1
    classes = classify(neuron_table(network))
    assert np.array_equal(classes.generalizing, kind == 0)
    assert scores(prune(network, classes.generalizing), data)["all"].accuracy == 1.0


def test_prune_leaves_its_argument_alone():
    network, _ = mixed_network(8, 8)
    before = curves_of(network)
    pruned = prune(network, np.array([0, 3]))
    np.testing.assert_array_equal(curves_of(network), before)
    kept = np.zeros(16, dtype=bool)
    kept[[0, 3]] = True
    np.testing.assert_array_equal(curves_of(pruned)[:, kept], before[:, kept])
    assert not curves_of(pruned)[:, ~kept].any()


def ablated(network: MLP, keep: np.ndarray, pairs: torch.Tensor) -> torch.Tensor:
    """Logits with the other neurons' activations set to zero by a hook."""

    def zero(post: torch.Tensor, hook: object) -> torch.Tensor:
        return post * torch.as_tensor(keep)

    hooks = [("blocks.0.mlp.hook_post", zero)]
    logits: torch.Tensor = network.run_with_hooks(pairs, fwd_hooks=hooks)
    return logits


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
@pytest.mark.parametrize("activation", ["square", "relu"])
def test_three_ways_of_pruning_agree_at_every_size(activation, loss):
    run = train(
        tiny_config(
            model={"width": 37, "activation": activation}, steps=60, loss=loss, dtype="float64"
        )
    )
    network, data, table = run.network(), run.dataset, neuron_table(run)
    curves = pruning_curve(run, draws=0)
    evaluation = Evaluation(data, loss)
    for ranking, value in (("IPR", table.ipr), ("weight norm", table.norm)):
        for direction in ("lowest", "highest"):
            order = np.argsort(value if direction == "lowest" else -value, kind="stable")
            for size in range(38):
                keep = np.ones(37, dtype=bool)
                keep[order[:size]] = False
                by_weight = scores(prune(network, keep), data, loss)
                with torch.no_grad():
                    by_hook = evaluation(ablated(network, keep, evaluation.pairs))
                for split in SPLITS:
                    assert by_weight[split].accuracy == by_hook[split].accuracy
                    curve = curves[ranking, direction]
                    assert curve.accuracy[split][size] == by_weight[split].accuracy
                    assert curve.loss[split][size] == pytest.approx(by_weight[split].loss, rel=1e-9)


@pytest.mark.slow
def test_cumulative_curve_at_the_papers_size():
    """More answers than vector lanes hold, and a number of them that four does not divide."""
    network, _ = mixed_network(30, 20)
    data = make_dataset(network.task, 0.5, 0.3)
    table = neuron_table(network)
    curves = pruning_curve(network, data, draws=0)
    order = np.argsort(table.ipr, kind="stable")
    for size in (0, 1, 7, 19, 20, 21, 49, 50):
        keep = np.ones(50, dtype=bool)
        keep[order[:size]] = False
        expected = scores(prune(network, keep), data)
        for split in SPLITS:
            found = curves["IPR", "lowest"]
            assert found.accuracy[split][size] == expected[split].accuracy
            assert found.loss[split][size] == pytest.approx(expected[split].loss, rel=1e-9)


def test_control_band_is_the_spread_of_random_prunings(tiny_run):
    """The mean over many draws is the mean over removal orders drawn here independently."""
    curves = pruning_curve(tiny_run, draws=300)
    control = curves.control
    assert control is not None
    network, random = tiny_run.network(), np.random.default_rng(99)
    size = 6
    drawn = np.array(
        [
            scores(prune(network, random.permutation(16)[size:]), tiny_run.dataset)[
                "train"
            ].accuracy
            for _ in range(300)
        ]
    )
    error = np.sqrt(2) * drawn.std() / np.sqrt(300)
    assert control.mean.accuracy["train"][size] == pytest.approx(drawn.mean(), abs=5 * error)
    assert (control.low.accuracy["train"] <= control.mean.accuracy["train"]).all()
    inside = (drawn >= control.low.accuracy["train"][size]) & (
        drawn <= control.high.accuracy["train"][size]
    )
    assert inside.mean() == pytest.approx(0.9, abs=0.08)


def test_curves_belong_to_the_step_of_their_table(tiny_run):
    first = tiny_run.steps[0]
    by_table = pruning_curve(tiny_run, draws=0, table=neuron_table(tiny_run, first))
    expected = scores(tiny_run.network(first), tiny_run.dataset)["train"].accuracy
    assert by_table["IPR", "lowest"].accuracy["train"][0] == expected
    assert expected != scores(tiny_run.network(), tiny_run.dataset)["train"].accuracy


def test_control_depends_on_its_seed_only(tiny_run):
    one, again, other = (pruning_curve(tiny_run, draws=5, seed=s).control for s in (1, 1, 2))
    assert one is not None
    np.testing.assert_array_equal(one.mean.accuracy["all"], again.mean.accuracy["all"])
    assert not np.array_equal(one.mean.accuracy["all"], other.mean.accuracy["all"])


def test_prune_by_class_scores_what_it_says(tiny_run):
    table = neuron_table(tiny_run)
    classes = classify(table, float(np.median(table.ipr)))
    result = prune_by_class(tiny_run, table, classes, draws=20)
    assert result.kept + result.pruned == 16
    assert result.before == scores(tiny_run.network(), tiny_run.dataset)
    expected = scores(prune(tiny_run.network(), classes.generalizing), tiny_run.dataset)
    for split in SPLITS:
        assert result.after[split].accuracy == expected[split].accuracy
    heaviest = np.argsort(table.norm)[-result.kept :]
    by_norm = scores(prune(tiny_run.network(), heaviest), tiny_run.dataset)
    for split in SPLITS:
        assert result.rankings["weight norm"][split].accuracy == by_norm[split].accuracy
    told = result.to_dict()
    assert (told["threshold"], told["kept"]) == (classes.threshold, result.kept)
    assert (told["before"], told["after"]) == (result.before.to_dict(), result.after.to_dict())
    assert told["control"]["rankings"]["weight norm"] == result.rankings["weight norm"].to_dict()
    control = pruning_curve(tiny_run, draws=20).control
    for split in SPLITS:
        random = told["control"]["random"][split]["accuracy"]
        assert random["mean"] == pytest.approx(control.mean.accuracy[split][result.pruned])


def test_dead_neurons_go_first():
    order = removal_order(
        np.array([0.5, np.nan, 0.1, 0.9]), np.array([False, True, False, False]), "highest"
    )
    assert order.tolist() == [1, 3, 0, 2]


# Accuracies on either side of every bound of the paper's table, ξ = 0.35: 1.05 − ξ = 0.70.
@pytest.mark.parametrize(
    ("train_accuracy", "test", "best_before", "name"),
    [
        (0.90, 0.90, 0, "coexistence"),
        (0.899, 0.90, 0, "partial inversion"),
        (0.701, 1.00, 0, "partial inversion"),
        (0.699, 1.00, 0, "full inversion"),
        (0.90, 0.899, 0.99, "memorization"),
        (0.50, 0.50, 0.90, "forgetting"),
        (0.50, 0.50, 0.89, "confusion"),
    ],
)
def test_phase_table(train_accuracy, test, best_before, name):
    assert phase_name(train_accuracy, test, 0.35, best_before) == name


def run_with(rows: list[tuple[int, float, float, float]]) -> Run:
    """A run that was scored (step, train, test, corrupted) and nothing else."""
    empty = Score(None, None)

    def measurement(step: int, train_: float, test: float, corrupted: float) -> Measurement:
        by_split = dict.fromkeys(SPLITS, empty)
        by_split |= {"train": Score(train_, 0.0), "test": Score(test, 0.0)}
        by_split |= {"corrupted": Score(corrupted, 0.0)}
        return Measurement(step, Scores(by_split), 1.0)

    config = tiny_config(data={"fraction": 0.5, "corruption": 0.35})
    data = make_dataset(make_task("x + y", 11), 0.5, 0.35)
    return Run(config, data, tuple(measurement(*row) for row in rows), {})


def test_forgetting_and_confusion_differ_by_history():
    forgot = run_with([(0, 0.0, 0.0, 0.0), (10, 0.75, 0.95, 0.1), (20, 0.01, 0.01, 0.0)])
    confused = run_with([(0, 0.0, 0.0, 0.0), (10, 0.7, 0.85, 0.1), (20, 0.01, 0.01, 0.0)])
    assert phase(forgot).name == "forgetting"
    assert phase(confused).name == "confusion"
    assert phase(forgot, 10).name == "partial inversion"
    assert phase(confused, thresholds=PhaseThresholds(test=0.8)).name == "forgetting"


def test_events_are_intervals_between_evaluations():
    run = run_with([(0, 0, 0.0, 0.0), (10, 1, 0.5, 1.0), (30, 1, 0.95, 0.8), (70, 0.7, 1.0, 0.1)])
    grokked, unlearned = (
        first_crossing(run, "test", 0.9, rising=True),
        first_crossing(run, "corrupted", 0.5, rising=False),
    )
    assert grokked is not None
    assert (grokked.after, grokked.by) == (10, 30)
    assert unlearned is not None
    assert (unlearned.after, unlearned.by) == (30, 70)
    assert first_crossing(run, "clean", 0.5, rising=True) is None
    assert str(grokked) == "between steps 10 and 30"


def test_dynamics_follow_the_checkpoints(tiny_run):
    history = dynamics(tiny_run)
    assert history.steps.tolist() == tiny_run.steps
    for row, step in enumerate(tiny_run.steps):
        np.testing.assert_array_equal(history.ipr[row], neuron_table(tiny_run, step).ipr)
    np.testing.assert_allclose(history.mean_ipr, history.ipr.mean(axis=1))
