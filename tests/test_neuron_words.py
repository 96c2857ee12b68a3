"""What one neuron does, said of networks that are known on paper, and a run in one line."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import interp
from interp.words.neuron import classes_of, neuron_words


@pytest.fixture(scope="module")
def solution():
    """The analytic solution, one neuron without weights and one of noise."""
    network = interp.analytic_network(interp.make_task("x + y", 31), width=60)
    noise = torch.as_tensor(np.random.default_rng(0).standard_normal((3, 31)))
    with torch.no_grad():
        network.layers[0].W_in[:, 0] = 0
        network.read_by(0)[0] = 0
        network.layers[0].W_in[:, 1] = noise[:2].flatten()
        network.read_by(0)[1] = noise[2]
    return network


def test_of_the_solution_it_says_what_was_built(solution):
    table = interp.neuron_table(solution)
    words = neuron_words(table, classes_of(table), 5)
    assert words.startswith("Neuron 5: high IPR (IPR ≥ ")
    assert "IPR 1.000 (U 1.000, V 1.000, W 1.000)" in words
    curve = table.curves[2][5]
    power = [abs(sum(curve * np.exp(-2j * np.pi * k * np.arange(31) / 31))) for k in range(1, 16)]
    assert f"frequency {1 + int(np.argmax(power))} ·" in words
    a, b, c = map(float, re.search("c = (.*?), (.*?), (.*?) rad", words.replace("−", "-")).groups())
    assert np.cos(a + b - c) == pytest.approx(1, abs=1e-3)
    assert re.search("off the rule by −?0.00 rad", words)


def test_of_noise_and_of_nothing(solution):
    table = interp.neuron_table(solution)
    assert neuron_words(table, classes_of(table), 1).startswith("Neuron 1: low IPR (IPR < ")
    assert neuron_words(table, classes_of(table), 0) == (
        "Neuron 0 is dead: it has no power, hence no IPR."
    )


def test_without_a_cut_there_is_no_class():
    network = interp.analytic_network(interp.make_task("x + y", 31), width=1)
    table = interp.neuron_table(network)
    assert classes_of(table) is None
    assert neuron_words(table, None, 0).startswith("Neuron 0: no cut between classes · IPR 1.000")


def test_a_run_is_one_line():
    config = interp.RunConfig(task={"p": 7}, model={"width": 4}, steps=2, seed=3)
    assert repr(interp.train(config)) == "<Run run: x + y mod 7 · mlp · seed 3 · step 2>"
