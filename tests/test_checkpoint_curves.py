"""Pruning curves of many checkpoints, against pruning each network."""

from __future__ import annotations

import numpy as np
import pytest

from interp.analysis.ablation.prune import prune
from interp.analysis.ablation.ranking import removal_order
from interp.analysis.neurons.read import neuron_table
from interp.analysis.trajectory.pruning_history import checkpoint_curves
from interp.training.data.splits import SPLITS
from interp.training.evaluation import scores
from interp.training.randomness import stream
from interp.training.trainer.loop import train
from tests.conftest import tiny_config


@pytest.fixture(scope="module")
def run():
    return train(tiny_config(model={"width": 60, "bias": True}, steps=60))


@pytest.fixture(scope="module")
def curves(run):
    every = [run.checkpoint(step) for step in run.steps]
    return checkpoint_curves([(one, neuron_table(one)) for one in every], draws=2, seed=5)


def test_accuracies_are_those_of_the_pruned_checkpoints(run, curves):
    assert curves.steps == tuple(run.steps)
    for place, step in enumerate(run.steps[::2]):
        table = neuron_table(run, step)
        order = removal_order(table.ipr, table.dead, "lowest")
        for size in (0, 1, 17, 58, 60):
            kept = order[size:]
            one = scores(prune(run.network(step), kept), run.dataset)
            for which, split in enumerate(SPLITS):
                found = curves.accuracy[2 * place, which, size]
                examples = run.dataset.members(split).sum()
                assert found == pytest.approx(one[split].accuracy, abs=1.01 / examples)


def test_the_control_is_random_prunings_of_the_seed(run, curves):
    """Sizes on a grid: their neurons are added several at a time, and must all be there."""
    random = stream(5, "control")
    orders = [random.permutation(60) for _ in range(2)]
    place = len(run.steps) - 1
    for at, size in enumerate(curves.sizes[place]):
        drawn = [scores(prune(run.network(), order[size:]), run.dataset) for order in orders]
        for which, split in enumerate(SPLITS):
            values = [one[split].accuracy for one in drawn]
            examples = run.dataset.members(split).sum()
            found = curves.mean[place, which, at]
            assert found == pytest.approx(np.mean(values), abs=1.01 / examples)
            assert curves.low[place, which, at] <= found + 1e-12
            assert found <= curves.high[place, which, at] + 1e-12
    assert (curves.sizes[:, 0] == 0).all()
    assert (curves.sizes[:, -1] == 60).all()


def test_the_control_is_as_large_as_what_a_threshold_prunes(run):
    """Beside the grid, at each checkpoint; all have as many sizes, and no size twice."""
    every = [(run.checkpoint(step), neuron_table(run, step)) for step in run.steps]
    found = checkpoint_curves(every, draws=2, threshold=0.21)
    pruned = [int((table.ipr < 0.21).sum()) for _, table in every]
    grid = np.linspace(0, 60, 26).round()
    assert not set(pruned) <= set(grid), "one of them is not on the grid anyway"
    for sizes, size in zip(found.sizes, pruned, strict=True):
        assert size in sizes
        assert set(grid) < set(sizes)
        assert len(set(sizes)) == 27


def test_bad_input():
    run = train(tiny_config(model={"width": 12, "depth": 3}, steps=2))
    pairs = [(run.checkpoint(), neuron_table(run))]
    with pytest.raises(
        ValueError,
        match="expected logits that are a sum over its neurons, but a norm or a layer follows",
    ):
        checkpoint_curves(pairs)
    with pytest.raises(ValueError, match="draws: expected a whole number of at least 1, got 0"):
        checkpoint_curves(pairs, draws=0)
