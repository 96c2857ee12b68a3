"""Neurons that are dead, pairs whose logits tie, and what is left of networks that have them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interp.analysis.ablation.by_class import prune_by_class
from interp.analysis.ablation.prune import prune
from interp.analysis.ablation.ranking import dead_first, random_orders
from interp.analysis.ablation.shares import pruning
from interp.analysis.measure import NotDefined
from interp.analysis.measures import MEASURES
from interp.analysis.memorization.altered import altered
from interp.analysis.memorization.case import Case
from interp.analysis.memorization.repair import repair
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.read import neuron_table
from interp.analysis.trajectory.signals import signals
from interp.training.config.run_config import RunConfig
from interp.training.data.given import given_dataset
from interp.training.evaluation import scores
from interp.training.randomness import stream
from interp.training.runs.made import made_run
from interp.training.tasks.task import make_task
from interp.training.trainer.job import dataset_of
from interp.training.trainer.loop import train
from tests.conftest import plain_mlp, tiny_config
from tests.test_neurons import P, mixed_network


@pytest.fixture(scope="module")
def checkpoint():
    """Forty neurons of the rule, forty of noise, forty dead, on wrong labels too."""
    network, _ = mixed_network(40, 40, 40)
    config = RunConfig(
        task={"p": P}, data={"fraction": 0.5, "corruption": 0.3}, model={"width": 120}, steps=1
    )
    return made_run(config, dataset_of(config), {0: network}).checkpoint()


def accuracy(checkpoint, keep, split="test"):
    """Of the network with some neurons, counted here."""
    data = checkpoint.scored_on
    with torch.no_grad():
        logits = prune(checkpoint.network, keep).logits(torch.as_tensor(data.pairs)).numpy()
    best = logits.max(axis=1)
    alone = (logits == best[:, None]).sum(axis=1) == 1
    answers = np.where(alone, logits.argmax(axis=1), -1)
    assert split == "test"
    return (answers == data.true_label)[~data.is_train].mean()


def test_all_above_the_cut_are_pruned_where_some_are_dead(checkpoint):
    classes = classify(neuron_table(checkpoint), "auto")
    assert classes.dead.sum() == 40
    found = pruning(checkpoint, draws=2).values()
    assert found["pruned_highest"] == (classes.generalizing | classes.dead).sum()
    assert found["pruned_lowest"] == (classes.memorizing | classes.dead).sum()
    left = accuracy(checkpoint, classes.memorizing)
    assert found["highest.ipr.test_accuracy"] == pytest.approx(left)
    assert left < found["before.test_accuracy"] / 2
    kept = accuracy(checkpoint, classes.generalizing)
    assert found["lowest.ipr.test_accuracy"] == pytest.approx(kept)


def test_orders_lead_with_the_dead_and_keep_the_rest_in_place():
    dead = np.array([False, True, False, True, False])
    assert dead_first(np.array([[4, 3, 2, 1, 0], [0, 1, 2, 3, 4]]), dead).tolist() == [
        [3, 1, 4, 2, 0],
        [1, 3, 0, 2, 4],
    ]
    alive = np.zeros(5, dtype=bool)
    (order,) = random_orders(alive, 1, stream(7, "control"))
    assert order.tolist() == stream(7, "control").permutation(5).tolist()


def test_a_random_pruning_leaves_as_many_living_neurons(checkpoint):
    """The first draw by hand: of a permutation the last K that are not dead."""
    table = neuron_table(checkpoint)
    order, count = stream(0, "control").permutation(len(table)), (~table.dead).sum()
    above = classify(table, "auto").generalizing
    living = [one for one in order if not table.dead[one]][count - above.sum() :]
    keep = np.isin(np.arange(len(table)), living)
    assert keep.sum() == above.sum()
    expected = accuracy(checkpoint, keep)
    found = prune_by_class(checkpoint, table, classify(table, "auto"), draws=1)
    assert found.control["test"]["accuracy"]["mean"] == pytest.approx(expected)
    answers = altered(checkpoint, 0, 0).random
    data = checkpoint.scored_on
    assert (answers == data.true_label)[~data.is_train].mean() == pytest.approx(expected)
    curves = MEASURES["pruning_curves"](checkpoint, draws=1, losses=False)
    assert curves.control.mean.accuracy["test"][len(table) - above.sum()] == pytest.approx(expected)


def test_a_pair_whose_logits_tie_has_no_answer_anywhere():
    config = tiny_config(data={"fraction": 0.5, "corruption": 0.2})
    data = dataset_of(config)
    network = plain_mlp(data.task, config.model.width)
    run = made_run(config, data, {0: network})
    checkpoint = run.checkpoint()
    assert scores(network, data)["test"].accuracy == 0
    found = signals(checkpoint).values()
    assert found["test_accuracy"] == 0
    assert found["held_out"] == 0


def test_a_training_pair_without_an_answer_keeps_its_label(monkeypatch):
    run = train(tiny_config(data={"fraction": 0.6, "corruption": 0.3}))
    # As though nothing were left of the network: all logits are zero.
    monkeypatch.setattr(Case, "pruned", property(lambda case: torch.zeros(len(case.given), 11)))
    found = repair(run, least=0.0)
    assert found.found.changed == 0
    assert found.answers.tolist() == Case(run, 0, 1).given.tolist()


def test_a_table_of_labels_stands_at_its_pairs_in_whatever_order_they_train():
    task = make_task("x + y", 5)
    m, n = np.indices((5, 5))
    table = (m + n) % 5
    order = np.random.default_rng(0).permutation(25)
    for count in (25, 24, 7):
        given = given_dataset(task, labels=table, is_train=order[:count])
        assert (given.given_label == given.true_label).all()


def test_one_way_to_retrain_that_cannot_be_leaves_the_others():
    """34 training examples make batches of 32; what a fold leaves does not."""
    config = tiny_config(
        task={"p": 7}, data={"fraction": 0.7, "corruption": 0.3}, optimizer={"batch_size": 32}
    )
    found = MEASURES["detection"](train(config.replace("steps", 4)), retrain="folds")
    assert "final_loss.auroc" in found.values()
    assert "not there: folds (optimizer.batch_size: expected at most the 27 " in found.note


@pytest.mark.parametrize(
    ("changes", "got"),
    [
        ({"task": {"p": 2, "operation": "x * y"}, "data": {"fraction": 1.0}}, "got 16 and 1"),
        ({"model": {"width": 1}}, "got 1 and 11"),
    ],
)
def test_no_plane_of_fewer_than_two_dimensions_or_three_answers(changes, got):
    run = train(tiny_config(**changes).replace("steps", 2))
    with pytest.raises(NotDefined, match=f"2 dimensions and 3 answers at least, {got}"):
        MEASURES["answers"](run)
