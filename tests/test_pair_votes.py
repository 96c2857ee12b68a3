"""What neurons add to the margin of every pair, and the few numbers that it follows from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from interp.analysis.memorization.additive import additive
from interp.analysis.memorization.pair_votes import pair_votes, sides_of
from interp.training.models.layers.activation import ACTIVATIONS
from interp.training.runs.subject import as_checkpoint
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.pair_truth import margins_by_neuron

ROUNDING = 2e-7  # of float32, in which votes are kept, at logits of about 1


@pytest.fixture(scope="module", params=[{}, {"activation": "relu", "bias": True}])
def checkpoint(request):
    return train(tiny_config(model={"width": 16, **request.param}, steps=80)).checkpoint()


def test_votes_are_those_of_the_weights(checkpoint):
    data, found = checkpoint.scored_on, pair_votes(checkpoint)
    expected = margins_by_neuron(checkpoint.exact, data)
    assert found.exact
    assert data.is_wrong.any()
    assert not data.is_train.all()
    for i, pair in enumerate(map(tuple, data.pairs.tolist())):
        each, ahead, behind = expected[pair]
        assert (found.sides.ahead[i], found.sides.behind[i]) == (ahead, behind)
        np.testing.assert_allclose(found.each[i], each, atol=ROUNDING)


def test_votes_and_a_constant_are_the_margin(checkpoint):
    found = pair_votes(checkpoint)
    bias = dict(checkpoint.exact.named_parameters()).get("unembed.b_U")
    bias = np.zeros(11) if bias is None else bias.detach().numpy()
    constant = bias[found.sides.ahead] - bias[found.sides.behind]
    together = found.each.sum(axis=1, dtype=np.float64) + constant
    np.testing.assert_allclose(together, found.sides.margin, atol=16 * ROUNDING)


def test_more_pairs_than_are_computed_at_once(checkpoint, monkeypatch):
    whole = pair_votes(checkpoint)
    monkeypatch.setattr("interp.analysis.memorization.pair_votes._AT_ONCE", 50)
    np.testing.assert_allclose(pair_votes(checkpoint).each, whole.each, atol=ROUNDING)


ADDITIVE = {
    **{name: {"activation": name} for name in ACTIVATIONS},
    "biases": {"activation": "relu", "bias": True},
    "a batch norm": {"norm": "batch", "norm_at": "pre", "norm_last": True},
}
NOT_ADDITIVE = {
    "a layer norm": {"norm": "layer", "norm_at": "pre", "norm_last": True},
    "a norm behind": {"norm": "batch", "norm_at": "post", "norm_last": True},
    "three layers": {"depth": 3},
    "a Transformer": {"kind": "transformer", "d_model": 16, "n_heads": 2, "d_mlp": 24},
}


@pytest.mark.parametrize("model", ADDITIVE.values(), ids=ADDITIVE)
def test_activations_follow_from_a_number_for_each_operand(model):
    at = train(tiny_config(model={"width": 16, **model})).checkpoint()
    found = additive(at)
    x, y = at.scored_on.pairs.T
    hidden = ACTIVATIONS[found.activation].on(found.first[:, x] + found.second[:, y])
    with torch.no_grad():
        logits = at.exact.logits(torch.as_tensor(at.scored_on.pairs)).numpy()
    rest = logits - hidden.T @ found.readout
    np.testing.assert_allclose(rest, rest[:1].repeat(len(rest), 0), atol=1e-9)


@pytest.mark.parametrize("model", NOT_ADDITIVE.values(), ids=NOT_ADDITIVE)
def test_activations_that_do_not_are_not_taken_for_such(model):
    base = {} if "kind" in model else {"width": 16}
    run = train(tiny_config(model={**base, **model}))
    last = len(run.network().layers) - 1
    assert all(additive(run.checkpoint(), layer) is None for layer in range(last + 1))


def test_votes_of_first_order_say_so():
    at = train(tiny_config(model={"width": 16, "depth": 3})).checkpoint()
    assert [pair_votes(at, layer).exact for layer in (0, 1)] == [False, True]


def test_layers_and_datasets_that_are_not_there_are_refused(tiny_run):
    with pytest.raises(ValueError, match="layer: expected a hidden layer from 0 to 0, got 1"):
        pair_votes(tiny_run.checkpoint(), 1)
    alone = replace(as_checkpoint(tiny_run), dataset=None)
    with pytest.raises(ValueError, match="dataset: expected one beside a network"):
        sides_of(alone)
