"""Networks built from irreps: right on all pairs, every neuron of one irrep; found by pruning."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interp.analysis.ablation.prune import prune
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.read import neuron_table
from interp.training.config.sections import ModelConfig
from interp.training.models.analytic import analytic_network
from interp.training.models.analytic_group import neurons_of
from interp.training.models.mlp import MLP
from interp.training.tasks.finite.irreps import irreps
from interp.training.tasks.finite.names import named_group
from interp.training.tasks.finite.representations import representation
from interp.training.tasks.task import make_task

# 2 Σ D³ over the irreps but the trivial one: by hand.
NEURONS = {
    "S3": 2 * (1 + 8),
    "S4": 2 * (1 + 8 + 27 + 27),
    "D12": 2 * (3 + 5 * 8),
    "A4": 2 * (8 + 27),
    "Q8": 2 * (3 + 64),
    "S5": 2 * (1 + 64 + 64 + 125 + 125 + 216),
}


@pytest.mark.parametrize("name", ["S3", "S4", "D12", "A4", "Q8", "Z2×Z6"])
def test_representations_multiply(name):
    group = named_group(name)
    found = irreps(group)
    for block in range(len(found.names)):
        rho = representation(group, block)
        both = np.einsum("gij,hjk->ghik", rho, rho)
        np.testing.assert_allclose(both, rho[group.table], atol=1e-10)
        np.testing.assert_allclose(
            rho @ rho.swapaxes(1, 2), [np.eye(rho.shape[1])] * len(group), atol=1e-10
        )
        times = 2 if found.kind[block] == "quaternionic" else 1
        np.testing.assert_allclose(
            np.trace(rho, axis1=1, axis2=2), times * found.character[block], atol=1e-10
        )


def accuracy(network: MLP) -> float:
    logits = network(torch.from_numpy(network.task.pairs)).detach().numpy()
    return float((logits.argmax(axis=1) == network.task.answers).mean())


@pytest.mark.parametrize("operation", ["x * y", "x * y^-1", "x^-1 * y"])
@pytest.mark.parametrize("name", ["S3", "S4", "D12", "A4", "Q8"])
def test_every_pair_is_answered_and_every_neuron_of_one_irrep(name, operation):
    task = make_task(operation, group=name)
    assert neurons_of(named_group(name)) == NEURONS[name]
    for width in (NEURONS[name], 500):
        network = analytic_network(task, width)
        assert accuracy(network) == 1
        table = neuron_table(network)
        assert table.convention == "irrep"
        np.testing.assert_allclose(table.curve_ipr, 1, atol=1e-6)
    exact = analytic_network(task, NEURONS[name])
    logits = exact(torch.from_numpy(task.pairs)).detach().numpy()
    right = np.eye(task.p)[task.answers]
    # n δ − 1, up to a factor: nothing else is left of the squares.
    np.testing.assert_allclose(logits, (task.p * right - 1) / (task.p - 1), atol=1e-6)


@pytest.mark.parametrize("name", ["Z11", "Z12", "Z97"])
def test_residues_are_solved_by_waves_as_before(name):
    task = make_task("x * y", group=name)
    network = analytic_network(task)
    assert accuracy(network) == 1
    known = analytic_network(make_task("x + y", task.p))
    assert torch.equal(network.layers[0].W_in, known.layers[0].W_in)
    np.testing.assert_allclose(neuron_table(network, convention="irrep").ipr, 1, atol=1e-6)


@pytest.mark.parametrize("name", ["S4", "D12"])
def test_pruning_brings_back_the_built_neurons(name):
    """Beside Gaussian ones that destroy the answers."""
    task, width = make_task("x * y", group=name), NEURONS[name]
    built = np.stack(
        [np.asarray(one) for one in neuron_table(analytic_network(task, width)).curves]
    )
    noise = np.random.default_rng(0).normal(size=(3, width, task.p)) * 3 * built.std()
    network = MLP(task, ModelConfig(width=2 * width)).to(torch.float64)
    network.set_curves(np.concatenate([built, noise], axis=1))
    assert accuracy(network) < 0.9
    classes = classify(neuron_table(network))
    np.testing.assert_array_equal(classes.generalizing, np.arange(2 * width) < width)
    assert accuracy(prune(network, classes.generalizing)) == 1


def test_no_solution_is_known_of_other_words():
    with pytest.raises(
        ValueError,
        match=r"analytic network: expected x \+ y, x - y, x \* y or x / y, got 'x \* y \* x'",
    ):
        analytic_network(make_task("x * y * x", group="S4"))
