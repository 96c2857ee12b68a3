"""Pruning curves without losses: the same accuracies as one pruned network at a time."""

from __future__ import annotations

import numpy as np
import pytest

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
