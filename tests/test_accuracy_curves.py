"""Pruning curves without losses: the same accuracies as one pruned network at a time."""

from __future__ import annotations

import numpy as np
import pytest

from interp.analysis.ablation.kernel_scores import cumulative_counts
from interp.analysis.ablation.logit_sum import LabelledPairs, LogitSum
from interp.analysis.ablation.prune import prune
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.ablation.ranking import removal_order
from interp.analysis.neurons.read import neuron_table
from interp.training.data.splits import SPLITS
from interp.training.evaluation import scores
from interp.training.trainer.loop import train
from tests.conftest import tiny_config

MODELS = {
    "the paper's": {"width": 24},
    "ReLU": {"width": 24, "activation": "relu"},
    "biases": {"width": 24, "bias": True},
    "more than a tile of answers": {"width": 9},
}


@pytest.mark.parametrize("name", MODELS)
def test_accuracies_are_those_of_pruned_networks(name):
    p = 13 if name == "more than a tile of answers" else 11
    run = train(tiny_config(task={"p": p}, model=MODELS[name], steps=60))
    table = neuron_table(run)
    curves = pruning_curve(run, draws=2, orders=[("IPR", "lowest")], losses=False)
    assert set(curves.curves) == {("IPR", "lowest")}
    order = removal_order(table.ipr, table.dead, "lowest")
    for size in range(len(table) + 1):
        one = scores(prune(run.network(), order[size:]), run.dataset)
        for split in SPLITS:
            found = curves["IPR", "lowest"].accuracy[split][size]
            # One pair of the split may tie to rounding.
            assert found == pytest.approx(
                one[split].accuracy, abs=1.01 / run.dataset.members(split).sum()
            )


def test_no_losses_are_given(tiny_run):
    curves = pruning_curve(tiny_run, draws=2, losses=False)
    assert "float32" in curves.method
    assert set(curves["IPR", "lowest"].loss.values()) == {None}
    assert set(curves.control.mean.loss.values()) == {None}


def test_the_control_is_the_same_with_and_without_losses(tiny_run):
    """The same draws of the same seed; float32 may move single pairs."""
    without = pruning_curve(tiny_run, draws=4, seed=3, losses=False).control
    with_losses = pruning_curve(tiny_run, draws=4, seed=3).control
    for split in SPLITS:
        np.testing.assert_allclose(
            without.mean.accuracy[split],
            with_losses.mean.accuracy[split],
            atol=1.01 / tiny_run.dataset.members(split).sum(),
        )


def test_a_silent_network_has_nothing_right():
    run = train(tiny_config(model={"width": 8, "activation": "relu"}, steps=2))
    network = run.network()
    network.blocks[0].mlp.W_in.data[:] = -1.0  # no neuron ever fires
    curves = pruning_curve(network, run.dataset, draws=0, losses=False)
    assert not curves["IPR", "lowest"].accuracy["all"].any()


def counted(logits, order, pairs, sizes):
    """Pairs whose label alone has the greatest logit, one pruned network at a time."""
    found = np.zeros((2, pairs.parts, len(sizes)), dtype=int)
    for place, size in enumerate(sizes):
        left = order[size:]
        values = logits.hidden[left].T @ logits.readout[left]
        if logits.base is not None:
            values = values + logits.base
        for which in range(2):
            for pair, label in enumerate(pairs.labels[which]):
                others = np.delete(values[pair], label)
                found[which, pairs.part[pair], place] += values[pair, label] > others.max()
    return found


@pytest.mark.parametrize("answers", [2, 6, 8])
@pytest.mark.parametrize("with_base", [False, True])
def test_some_sizes_are_counted_as_pruned_networks_are(answers, with_base):
    """Gaps of 1 to 9 neurons, and pairs that do not fill the last lanes."""
    rng = np.random.default_rng(answers)
    hidden, readout = rng.normal(size=(31, 75)), rng.normal(size=(31, answers))
    base = rng.normal(size=(75, answers)) if with_base else None
    pairs = LabelledPairs(rng.integers(answers, size=(2, 75)), rng.integers(3, size=75), 3)
    orders = np.stack([rng.permutation(31) for _ in range(2)])
    logits = LogitSum(hidden, readout, base)
    sizes = np.array([0, 1, 3, 6, 10, 15, 21, 30, 31])
    for some in (sizes, np.arange(32), np.array([5, 14])):
        for order, found in zip(
            orders, cumulative_counts(logits, orders, pairs, some), strict=True
        ):
            np.testing.assert_array_equal(found, counted(logits, order, pairs, some))


def test_a_greatest_logit_of_nothing_counts_if_it_is_alone():
    """All others below zero: alone at the top, beside another one, and among all."""
    readout = np.array([[0.0, -1, -1, -1], [0.0, 0, -1, -1]])
    hidden = np.array([[1.0, 0, 0], [0.0, 1, 0]])
    pairs = LabelledPairs(np.zeros((2, 3), dtype=int), np.array([0, 1, 2]), 3)
    found = cumulative_counts(LogitSum(hidden, readout), np.array([[0, 1]]), pairs)
    np.testing.assert_array_equal(found[0, 0], [[1, 0, 0], [0, 0, 0], [0, 0, 0]])


def test_logits_that_cancel_to_nothing_are_counted_exactly():
    """Zeros at the top again and again, alone and in twos, between sizes where none is zero."""
    rng = np.random.default_rng(0)
    ones, twos = np.tile([1.0, -1.0], 12), np.tile([2.0, -2.0, 3.0, -3.0], 6)
    readout = np.stack([ones, twos, *-rng.random((4, 24))], axis=1)
    readout[9, 1], readout[8, 1] = -4, 4  # and from here on their second differs
    hidden = np.ones((24, 70))
    labels = np.stack([np.arange(70) % 2, np.full(70, 5)])
    pairs = LabelledPairs(labels, np.arange(70) % 3, 3)
    logits = LogitSum(hidden, readout)
    for order in (np.arange(24), np.arange(24)[::-1].copy(), np.roll(np.arange(24), 1)):
        (found,) = cumulative_counts(logits, order[None], pairs)
        np.testing.assert_array_equal(found, counted(logits, order, pairs, np.arange(25)))
        assert found[0].any()
