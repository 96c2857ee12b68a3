"""The untrained control is the network that a run starts from, and each measure shows it."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from interp.analysis.measures import MEASURES
from interp.analysis.mechanism.untrained import untrained, untrained_beside
from interp.training.models.adapt import adapt
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.own_modules import small

pytestmark = pytest.mark.usefixtures("unchecked")

SMALL = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12}
MODELS = {
    "MLP": {"width": 16},
    "wide start": {"width": 16, "init": "lazy"},
    "norm and biases": {"width": 16, "norm": "batch", "bias": True},
    "three layers": {"width": 16, "depth": 3},
    "Transformer": SMALL,
    "attention-only": {**SMALL, "d_mlp": 0, "init": "doshi", "norm": "layer"},
    "own embeddings": {**SMALL, "vocabulary": "operand", "equals_token": True},
}


def refused(message: str):
    return pytest.raises(ValueError, match=re.escape(message))


@pytest.mark.parametrize("name", MODELS)
def test_is_the_runs_own_network_at_step_0(name):
    run = train(tiny_config(model=MODELS[name], seed=3))
    trained = run.checkpoint().network
    before = {key: value.clone() for key, value in trained.state_dict().items()}
    found = untrained(trained, seed=3).state_dict()
    assert found.keys() == before.keys()
    for key, value in found.items():
        torch.testing.assert_close(value, torch.as_tensor(run.weights[0][key]), rtol=0, atol=0)
    for key, value in trained.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)
    other = untrained(trained, seed=4).state_dict()
    assert not all(torch.equal(other[key], value) for key, value in found.items())


def test_another_initialization_is_another_scale(tiny_run):
    network = tiny_run.checkpoint().exact
    paper, he = (untrained(network, init).get_parameter("unembed.W_U") for init in ("paper", "he"))
    # The same draws, times (16N)^(−1/3) and √(2/N) at N = 16.
    ratio = (2 / 16) ** 0.5 / (16 * 16) ** (-1 / 3)
    torch.testing.assert_close(he, paper * ratio)
    assert paper.dtype == torch.float64


def test_what_has_no_known_start():
    network = adapt(small(), make_task("x + y", 11), "fc1", "tokens")
    with refused(
        "untrained: expected a network that is trained here, got an adapted module, whose "
        "initialization is not known"
    ):
        untrained(network)
    assert untrained_beside(network, 0) == (None, "untrained: not known for an adapted module")


def test_what_is_none(tiny_run):
    network = tiny_run.checkpoint().network
    with refused("init: expected paper, he or lazy, got 'papers'; nearest is paper"):
        untrained(network, "papers")
    with refused("seed: expected a whole number of at least 0, got -1"):
        untrained_beside(network, -1)


CONTROLLED = {
    "sparsity": "_untrained",
    "geometry": "_untrained",
    "gradient_symmetricity": "_control",
    "distance_irrelevance": "_untrained",
    "attention_constancy": "_control",
    "lipschitz": "_control",
    "sharpness": "_control",
}


@pytest.fixture(scope="module")
def run():
    return train(tiny_config(model=SMALL, seed=3))


@pytest.mark.parametrize("name", CONTROLLED)
def test_measures_have_their_control_at_step_0_of_its_seed(name, run):
    """A network that is trained no step is its own control; one that is trained is not."""
    suffix = CONTROLLED[name]
    start, end = (MEASURES[name](run, step, seed=3).values() for step in (0, 30))
    pairs = {key: f"{key}{suffix}" for key in start if f"{key}{suffix}" in start}
    assert pairs
    for key, control in pairs.items():
        assert start[key] == pytest.approx(start[control], rel=1e-4), key
    assert any(abs(end[key] - end[control]) > 1e-3 for key, control in pairs.items())
    caption = MEASURES[name](run, seed=3).caption
    assert "untrained: transformer_lens init, seed 3" in caption
    assert caption.endswith("seed 3 · step 30")


@pytest.mark.parametrize("name", CONTROLLED)
def test_a_seed_moves_controls_alone(name, run):
    # Where pairs are drawn, all of them are asked.
    options = {"pairs": 121, "classes": 11} if name == "gradient_symmetricity" else {}
    one, two = (MEASURES[name](run, seed=seed, **options).values() for seed in (0, 1))
    moved = {key for key in one if one[key] != pytest.approx(two[key], abs=1e-9)}
    assert any(key.endswith(CONTROLLED[name]) for key in moved)
    own = [key for key in moved if not key.endswith(("_untrained", "_control", "_gaussian"))]
    # Noise, and what the start of an iteration leaves behind.
    assert set(own) <= {"distance_irrelevance_noise", "residual", "iterations"}


def test_what_an_adapted_module_has_no_control_of():
    network = adapt(small(), make_task("x + y", 11), "fc1", "tokens")
    found = MEASURES["distance_irrelevance"](network)
    assert found.values()["distance_irrelevance_untrained"] is None
    assert np.isfinite(found.values()["distance_irrelevance"])
    assert "untrained: not known for an adapted module" in found.caption
