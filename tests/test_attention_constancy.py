"""Attention constancy: patterns whose value is known, and patterns computed from the weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interp.analysis.measures import MEASURES
from interp.analysis.mechanism.attention_constancy import constancy
from interp.training.trainer.loop import train
from tests.conftest import tiny_config

pytestmark = pytest.mark.usefixtures("unchecked")
measure = MEASURES["attention_constancy"]
SMALL = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12}


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ([[0.3, 0.7]] * 4, 1),
        ([[1, 0], [0, 1]], 0.5),  # the mean is ½, ½: half of each pattern is elsewhere
        ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], 1 / 3),
        ([[0.6, 0.4], [0.4, 0.6]], 0.9),
        ([[1, 0], [1, 0], [1, 0], [0, 1]], 1 - (3 * 0.25 + 0.75) / 4),
    ],
)
def test_patterns_whose_value_is_known(patterns, expected):
    assert constancy(torch.tensor(patterns, dtype=torch.float64)) == pytest.approx(expected)


@pytest.mark.parametrize("equals", [False, True])
def test_by_the_weights(equals):
    """softmax(q·k / √d_head) of the last position over all, from embeddings and W_Q, W_K."""
    config = tiny_config(model={**SMALL, "equals_token": equals}, optimizer={"lr": 0.1})
    run = train(config)
    weights = {key: np.asarray(value, float) for key, value in run.weights[30].items()}
    x, y = np.indices((11, 11)).reshape(2, -1)
    tokens = np.stack([x, y, *([np.full(121, 11)] if equals else [])], axis=1)
    stream = weights["embed.W_E"][tokens] + weights["pos_embed.W_pos"]
    expected = {}
    for head in range(2):
        query = stream[:, -1] @ weights["blocks.0.attn.W_Q"][head]
        key = stream @ weights["blocks.0.attn.W_K"][head]
        scores = np.einsum("nd,nsd->ns", query, key) / np.sqrt(4)
        pattern = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        away = np.abs(pattern - pattern.mean(axis=0)).sum(axis=1) / 2
        expected[f"head 0.{head}"] = 1 - away.mean()
    assert max(expected.values()) < 0.99, "attention has learned to look"
    found = measure(run).values()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-9)
    assert found["attention_constancy"] == pytest.approx(np.mean(list(expected.values())))
    assert found["attention_constancy_control"] > 0.98


def test_every_block_has_its_heads():
    run = train(tiny_config(model={**SMALL, "n_layers": 2}, steps=1))
    names = [f"head {block}.{head}" for block in range(2) for head in range(2)]
    controls = [f"{name}_control" for name in ("attention_constancy", *names)]
    assert list(measure(run).values()) == ["attention_constancy", *names, *controls]
