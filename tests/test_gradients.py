"""Gradient symmetricity: by finite differences, where it is known, and what is drawn."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from interp.analysis.measures import MEASURES
from interp.analysis.mechanism.gradients import gradient_cosines
from interp.training.config.sections import ModelConfig
from interp.training.models.transformer import Transformer
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from tests.conftest import tiny_config

pytestmark = pytest.mark.usefixtures("unchecked")
symmetricity = MEASURES["gradient_symmetricity"]
SMALL = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12}
ALL = {"pairs": 10**6, "classes": 10**6}


def trained(**model):
    return train(tiny_config(model={**SMALL, **model}))


def by_differences(network, pairs: torch.Tensor, answers: np.ndarray) -> np.ndarray:
    """Cosines of the gradients, a step of 1e-5 to each side of each embedded feature."""
    found = np.zeros(answers.shape)
    for i, pair in enumerate(pairs):
        gradients = np.zeros((2, answers.shape[1], network.model.d_model))
        for position in range(2):
            for feature in range(network.model.d_model):
                ends = []
                for step in (1e-5, -1e-5):

                    def moved(values, hook, place=(position, feature), step=step):
                        values = values.clone()
                        values[:, *place] += step
                        return values

                    logits = network.run_with_hooks(pair[None], fwd_hooks=[("hook_embed", moved)])
                    ends.append(logits[0, answers[i]].detach().numpy())
                gradients[position, :, feature] = (ends[0] - ends[1]) / 2e-5
        first, second = gradients
        found[i] = (first * second).sum(-1) / np.sqrt((first**2).sum(-1) * (second**2).sum(-1))
    return found


@pytest.mark.parametrize(
    "model",
    [
        {"activation": "gelu"},
        {"d_mlp": 0},
        {"activation": "gelu", "norm": "layer", "equals_token": True, "n_layers": 2},
        {"activation": "gelu", "vocabulary": "operand"},
    ],
)
def test_by_finite_differences(model):
    """Also for equal operands, whose two positions share a row of the embedding."""
    network = trained(**model).checkpoint().exact
    pairs = torch.tensor([[0, 1], [3, 3], [10, 4]])
    answers = np.array([[0, 5], [10, 2], [7, 7]])
    found = gradient_cosines(network, pairs, answers)
    np.testing.assert_allclose(found, by_differences(network, pairs, answers), atol=1e-5)
    assert (np.abs(found[1]) < 0.999).all() or model.get("equals_token"), "by row it were 1"


def test_where_positions_are_alike_it_is_1():
    """Read at "=" by attention that looks at all positions alike, only the sum is seen."""
    network = trained(equals_token=True).checkpoint().exact
    with torch.no_grad():
        for name in ("W_Q", "W_K"):
            network.get_parameter(f"blocks.0.attn.{name}").zero_()
    found = symmetricity(network, **ALL).values()["gradient_symmetricity"]
    assert found == pytest.approx(1, abs=1e-9)


def test_without_gradients_there_is_none():
    network = Transformer(make_task("x + y", 5), ModelConfig(**SMALL))
    assert symmetricity(network).values()["gradient_symmetricity"] is None


def test_a_sample_is_near_the_whole_and_the_whole_is_the_mean():
    run = trained()
    task, network = run.dataset.task, run.checkpoint().exact
    every = np.tile(np.arange(11), (121, 1))
    cosines = gradient_cosines(network, torch.as_tensor(task.pairs), every)
    whole = symmetricity(run, **ALL)
    value = whole.values()["gradient_symmetricity"]
    assert value == pytest.approx(cosines.mean(), abs=1e-9)
    assert "121 pairs × 11 answers" in whole.caption
    part = symmetricity(run, pairs=60, classes=4, seed=1)
    assert "60 pairs × 4 answers" in part.caption
    few = [symmetricity(run, pairs=121, classes=2, seed=seed).values() for seed in (0, 1)]
    assert few[0]["gradient_symmetricity"] != pytest.approx(few[1]["gradient_symmetricity"])
    error = cosines.std() / np.sqrt(60 * 4)
    assert 0 < abs(part.values()["gradient_symmetricity"] - value) < 4 * error


def test_measuring_leaves_weights_and_gradients_alone():
    network = trained().checkpoint().exact
    before = {key: value.clone() for key, value in network.state_dict().items()}
    symmetricity(network, pairs=5, classes=2)
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)
    assert all(one.grad is None for one in network.parameters())
    assert not any(point.fwd_hooks for point in network.hook_dict.values())


@pytest.mark.parametrize("option", ["pairs", "classes"])
def test_options_that_are_none(option):
    with pytest.raises(
        ValueError, match=re.escape(f"{option}: expected a whole number of at least 1, got 0")
    ):
        symmetricity(trained(), **{option: 0})
