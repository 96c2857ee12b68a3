"""The reference code's Transformer (Doshi et al. 2024), and dropout off the neurons, written out.

The forward pass is plain numpy over whole sequences, from the description: embeddings and positions
of size one, matrices std 1 / √fan-in, scores divided by d_head^((1+s)/2), logits multiplied by the
constant d^(−(1+s)/2). What dropout kept is recorded while the network trains and applied here.
"""

from __future__ import annotations

import signal
from typing import Any

import numpy as np
import pytest
import torch

from interp.training.config.run_config import RunConfig
from interp.training.models.kinds import initial_network
from interp.training.models.layers.noise import Noise
from interp.training.models.transformer import Transformer
from interp.training.runs.card import card
from interp.training.runs.run import load
from interp.training.sweep.plan.cost import step_work
from interp.training.trainer.loop import Interrupted, train
from tests.conftest import tiny_config

P = 11
SMALL = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 10, "init": "doshi"}
DROPOUT = {"dropout_embed": 0.2, "dropout_attention": 0.3, "dropout_residual": 0.4}
STEP = 7

Arrays = dict[str, np.ndarray]
# What was kept, (example, …), by site, place and position; of neurons by block and position.
Masks = dict[tuple[str, int, int], np.ndarray]


def config_of(**model: Any) -> RunConfig:
    return tiny_config(model={**SMALL, **model}, dtype="float64")


def random_network(**model: Any) -> Transformer:
    config = config_of(**model)
    network = initial_network(config, config.make_task())
    assert isinstance(network, Transformer)
    random = np.random.default_rng(2)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.as_tensor(random.normal(size=tuple(weight.shape))) / 2)
    return network


def reference(network: Transformer, power: float, masks: Masks | None = None) -> np.ndarray:
    """Logits (pair, answer), in evaluation or with what dropout kept."""
    w = {name: one.detach().numpy() for name, one in network.state_dict().items()}
    model, blocks = network.model, network.model.n_layers
    pairs = network.task.pairs
    tokens = np.concatenate([pairs, np.full((len(pairs), int(model.equals_token)), P)], axis=1)
    positions = tokens.shape[1]

    def kept(site: str, place: int, position: int, values: np.ndarray) -> np.ndarray:
        mask = None if masks is None else masks.get((site, place, position))
        return values if mask is None else values * mask.reshape(values.shape)

    x = w["embed.W_E"][tokens] + w["pos_embed.W_pos"]
    x = np.stack([kept("embed", 0, i, x[:, i]) for i in range(positions)], axis=1)
    for block in range(blocks):
        at = f"blocks.{block}."
        # Nothing but the last position of the last block reaches the logits.
        needed = [positions - 1] if block == blocks - 1 else range(positions)
        after = x.copy()
        for i in needed:
            seen = i + 1 if model.attention == "causal" else positions
            scores = np.zeros((len(pairs), seen, model.n_heads))
            heads = range(model.n_heads)
            for head in heads:
                q, k = (x @ w[f"{at}attn.W_{name}"][head] for name in "QK")
                scores[:, :, head] = np.einsum("ed,esd->es", q[:, i], k[:, :seen])
            scores /= (w[f"{at}attn.W_Q"].shape[-1]) ** ((1 + power) / 2)
            powers = np.exp(scores - scores.max(axis=1, keepdims=True))
            pattern = kept("attention", block, i, powers / powers.sum(axis=1, keepdims=True))
            written = np.zeros((len(pairs), model.d_model))
            for head in heads:
                v = x[:, :seen] @ w[f"{at}attn.W_V"][head]
                z = np.einsum("es,esd->ed", pattern[:, :, head], v)
                written += z @ w[f"{at}attn.W_O"][head]
            written = written + w.get(f"{at}attn.b_O", 0)
            after[:, i] += kept("residual", 2 * block, i, written)
            if model.d_mlp:
                # The last block's neurons stand at one position, which counts as the first.
                place = 0 if block == blocks - 1 else i
                pre = after[:, i] @ w[f"{at}mlp.W_in"] + w.get(f"{at}mlp.b_in", 0)
                post = np.maximum(kept("neurons", block, place, pre), 0)
                written = post @ w[f"{at}mlp.W_out"] + w.get(f"{at}mlp.b_out", 0)
                after[:, i] += kept("residual", 2 * block + 1, place, written)
        x = after
    out = w["embed.W_E"][:P].T if model.tied else w["unembed.W_U"]
    return model.d_model ** (-(1 + power) / 2) * (x[:, -1] @ out + w.get("unembed.b_U", 0))


VARIANTS: dict[str, dict[str, Any]] = {
    "one block": {},
    "=": {"equals_token": True},
    "causal, two blocks, =": {"attention": "causal", "n_layers": 2, "equals_token": True},
    "tied": {"tied": True},
    "attention only": {"d_mlp": 0},
    "biases on what is written": {"bias": True},
}


def without_input_biases(network: Transformer) -> Transformer:
    """Biases of queries, keys and values are not in the reference."""
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name.endswith((".b_Q", ".b_K", ".b_V")):
                weight.zero_()
    return network


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("power", [None, 0, 1, 0.5])
def test_logits_are_the_description(variant, power):
    network = without_input_biases(random_network(**VARIANTS[variant], exponent=power))
    pairs = torch.as_tensor(network.task.pairs)
    expected = reference(network, power or 0)
    assert np.ptp(expected) > 0.1
    # Sums of some hundred terms in float64.
    for found in (network(pairs), network.logits(pairs)):
        np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-10, atol=1e-12)


def test_scales_follow_the_sizes():
    """d_head^((1+s)/2) and d^(−(1+s)/2), by hand."""
    model = config_of(d_model=16, d_head=9, exponent=1, output_scale=2).model
    assert model.score_scale == pytest.approx(9)
    assert model.logit_scale == pytest.approx(2 / 16)
    model = config_of(d_model=16, d_head=9).model
    assert model.score_scale == pytest.approx(3)
    assert model.logit_scale == pytest.approx(1 / 4)
    plain = config_of(d_model=16, d_head=9, init="auto").model
    assert (plain.score_scale, plain.logit_scale) == (pytest.approx(3), 1)
    # The exponent by itself, at other initial weights.
    other = config_of(d_model=16, d_head=9, init="auto", exponent=0).model
    assert other.logit_scale == pytest.approx(1 / 4)


@pytest.mark.parametrize("tied", [False, True])
def test_initial_weights_are_the_description(tied):
    """Every tensor; five standard deviations of a standard deviation of n draws, 1 / √2n."""
    sizes = {"d_model": 48, "n_heads": 3, "d_head": 20, "d_mlp": 80, "n_layers": 2}
    config = tiny_config(
        task={"p": 31}, model={**SMALL, **sizes, "tied": tied, "bias": True}, dtype="float64"
    )
    fan_in = {"W_Q": 48, "W_K": 48, "W_V": 48, "W_O": 60, "W_in": 48, "W_out": 80, "W_U": 48}
    network = initial_network(config, config.make_task())
    for name, tensor in network.state_dict().items():
        kind = name.rpartition(".")[2]
        if kind.startswith("b_"):
            assert not tensor.any(), name
            continue
        expected = 1 if kind in ("W_E", "W_pos") else fan_in[kind] ** -0.5
        known = 5 / (2 * tensor.numel()) ** 0.5
        assert tensor.std().item() == pytest.approx(expected, rel=known), name
    assert ("unembed.W_U" in network.state_dict()) != tied


# Dropout


@pytest.fixture()
def kept(monkeypatch) -> Masks:
    """What dropout keeps while a network trains."""
    found: Masks = {}
    on_neurons, elsewhere = Noise.drop, Noise.drop_on

    def place(noise: Noise) -> int:
        return int(noise.step) - 4 * STEP

    def drop_on(self: Noise, site: str, values: torch.Tensor, number: int) -> torch.Tensor:
        if site in self.elsewhere:
            with monkeypatch.context() as plain:
                plain.setattr(Noise, "drop", on_neurons)
                mask = elsewhere(self, site, torch.ones_like(values), number)
                assert (site, number, place(self)) not in found, "each place once"
                found[site, number, place(self)] = mask.detach().numpy()
                return elsewhere(self, site, values, number)
        return elsewhere(self, site, values, number)

    def drop(self: Noise, values: torch.Tensor, layer: int) -> torch.Tensor:
        mask = on_neurons(self, torch.ones_like(values), layer)
        found["neurons", layer, place(self)] = mask.detach().numpy()
        return on_neurons(self, values, layer)

    monkeypatch.setattr(Noise, "drop_on", drop_on)
    monkeypatch.setattr(Noise, "drop", drop)
    return found


def noise_of(rates: dict[str, float], neurons: float = 0.0) -> Noise:
    return Noise(
        torch.tensor(99, dtype=torch.int32),
        torch.tensor(neurons, dtype=torch.float64),
        torch.tensor(STEP, dtype=torch.int32),
        neurons > 0,
        {site: torch.tensor(rate, dtype=torch.float64) for site, rate in rates.items()},
    )


@pytest.mark.parametrize("sites", ["embed", "attention", "residual", "embed attention residual"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_dropout_stands_where_the_description_has_it(variant, sites, kept):
    """On embeddings plus positions, on attention patterns, on what is written to the stream."""
    network = without_input_biases(random_network(**VARIANTS[variant]))
    pairs = torch.as_tensor(network.task.pairs)
    rates = {site: DROPOUT[f"dropout_{site}"] for site in sites.split()}
    neurons = 0.25 if len(rates) > 1 and network.model.d_mlp else 0.0
    found = network.logits(pairs, noise_of(rates, neurons)).detach().numpy()
    expected = reference(network, 0, kept)
    assert np.abs(expected - reference(network, 0)).max() > 1e-2, "something is dropped"
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    assert {site for site, _, _ in kept} - {"neurons"} == set(rates)
    drawn = [mask for (site, _, _), mask in kept.items() if site != "neurons"]
    for (site, _, _), mask in kept.items():
        rate = neurons if site == "neurons" else rates[site]
        assert set(np.unique(mask)) <= {0.0, 1 / (1 - rate)}
        # Five standard deviations of a share of 121 examples with at least 2 values each.
        assert (mask == 0).mean() == pytest.approx(rate, abs=0.17)
    for index, mask in enumerate(drawn):
        assert not any(np.array_equal(mask, other) for other in drawn[:index])


def test_evaluation_drops_nothing():
    plain, dropping = random_network(), random_network(**DROPOUT)
    pairs = torch.as_tensor(plain.task.pairs)
    assert torch.equal(plain.logits(pairs), dropping.logits(pairs))
    assert torch.equal(plain(pairs), dropping(pairs))


@pytest.mark.parametrize("name", DROPOUT)
def test_each_dropout_changes_what_is_learned(name):
    quick = {"steps": 2, "schedule": {"evaluations": 1, "checkpoints": 0}}
    plain, dropping = (
        train(tiny_config(model={**SMALL, **own}, **quick)).weights[2]["unembed.W_U"]
        for own in ({}, {name: DROPOUT[name]})
    )
    assert np.abs(plain - dropping).max() > 1e-3


# Runs

RESCALED = {
    "rates": {"embed.*": 4.0, "pos_embed.*": 4.0, "unembed.*": 0.5},
    "decayed": ["blocks.*.W_*", "unembed.W_U"],
    "weight_decay": 0.5,
    "lr": 0.003,
}


@pytest.mark.parametrize("tied", [False, True])
def test_a_run_that_is_cut_off_goes_on_bit_for_bit(tied, tmp_path):
    own = {**DROPOUT, "dropout": 0.1, "exponent": 1, "n_layers": 2, "tied": tied}
    decayed = [one for one in RESCALED["decayed"] if not (tied and "unembed" in one)]
    rates = {k: v for k, v in RESCALED["rates"].items() if not (tied and k == "unembed.*")}
    optimizer = {**RESCALED, "decayed": decayed, "rates": rates, "batch_size": 30}
    schedule = {"evaluations": 2, "checkpoints": 2}
    config = tiny_config(model={**SMALL, **own}, optimizer=optimizer, schedule=schedule, steps=8)

    def press(step: int, _: object) -> None:
        if step == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        train(config, tmp_path / "run", press)
    train(config, tmp_path / "run")
    whole, found = train(config), load(tmp_path / "run")
    assert found.finished and found.config == config
    for name, weight in whole.weights[8].items():
        np.testing.assert_array_equal(found.weights[8][name], weight, err_msg=name)
        assert (weight != whole.weights[0][name]).any(), f"{name} moves"
    assert found.measurement().scores == whole.measurement().scores


def test_a_rate_of_zero_keeps_a_weight_as_it_is():
    rates = {"embed.*": 0.0, "blocks.0.attn.*": 0.0}
    config = tiny_config(
        model=SMALL, optimizer={**RESCALED, "rates": rates}, steps=3, dtype="float64"
    )
    run = train(config)
    for name in ("embed.W_E", "blocks.0.attn.W_Q"):
        np.testing.assert_array_equal(run.weights[3][name], run.weights[0][name])


def test_the_parameterization_is_told():
    config = config_of(exponent=1, **DROPOUT)
    told = config.model.summary
    assert "init doshi, exponent s = 1, logits × 0.125" in told
    assert "embed dropout 0.2, attention dropout 0.3, residual dropout 0.4" in told
    assert told in card("run", config, None)
    assert "exponent s = 0, logits × 0.3536" in config_of().model.summary
    assert "init mup" in config_of(init="mup").model.summary
    assert "init" not in config_of(init="transformer_lens").model.summary


def test_wider_heads_are_more_work():
    assert step_work(config_of(d_head=4)) == step_work(config_of())
    assert step_work(config_of(d_head=8)) > step_work(config_of())
