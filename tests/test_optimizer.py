"""Updates of the weights against the rules written out, in float64 and with given gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from interp.training.config.optimizer import OptimizerConfig
from interp.training.config.run_config import RunConfig
from interp.training.models.kinds import initial_network
from interp.training.models.network import Network
from interp.training.trainer.optimizer import Updater, rate_factor

from .conftest import tiny_config

STEPS = 6
MLP = {"width": 5, "norm": "batch", "bias": True}
TRANSFORMER = {
    "kind": "transformer",
    "d_model": 6,
    "n_heads": 2,
    "d_mlp": 7,
    "n_layers": 2,
    "norm": "layer",
    "bias": True,
}
# The matrices among their parameters, by hand; the others are biases and norms.
MATRICES = {
    "mlp": ["blocks.0.mlp.W_in", "unembed.W_U"],
    "transformer": [
        "embed.W_E",
        "pos_embed.W_pos",
        *(
            f"blocks.{block}.{name}"
            for block in (0, 1)
            for name in ("attn.W_Q", "attn.W_K", "attn.W_V", "attn.W_O", "mlp.W_in", "mlp.W_out")
        ),
        "unembed.W_U",
    ],
}
NETWORKS = pytest.mark.parametrize("model", [MLP, TRANSFORMER], ids=["mlp", "transformer"])

Arrays = dict[str, np.ndarray]


def network_of(model: dict, seed: int = 0) -> tuple[Network, RunConfig]:
    config = tiny_config(task={"p": 7}, model=model, dtype="float64", seed=seed)
    network = initial_network(config, config.make_task())
    random = np.random.default_rng(seed)
    with torch.no_grad():
        for weight in network.parameters():
            # Biases and norms away from 0 and 1, so that a decay of them would show.
            weight += torch.as_tensor(random.normal(size=tuple(weight.shape)))
            weight.grad = torch.zeros_like(weight)
    return network, config


def weights_of(network: Network) -> Arrays:
    return {name: weight.detach().numpy().copy() for name, weight in network.named_parameters()}


def gradients_of(network: Network, step: int, seed: int = 0) -> Arrays:
    """Of several orders of magnitude, and different at every step."""
    random = np.random.default_rng([seed, step])
    return {
        name: random.normal(size=tuple(weight.shape)) * 10 ** random.uniform(-4, 1)
        for name, weight in network.named_parameters()
    }


def updated(
    networks: Sequence[Network], configs: Sequence[OptimizerConfig], steps: int = STEPS
) -> list[Arrays]:
    """Weights after the updater's steps."""
    updater = Updater(networks, configs, STEPS)
    for step in range(steps):
        for seed, network in enumerate(networks):
            for name, gradient in gradients_of(network, step, seed).items():
                network.get_parameter(name).grad.copy_(torch.as_tensor(gradient))
        updater.set_rate(step)
        updater.step()
    return [weights_of(network) for network in networks]


# The rules


def adam(w: np.ndarray, gradients: list[np.ndarray], c: OptimizerConfig, decays: bool, l2: bool):
    """Kingma and Ba 2015, algorithm 1; the penalty in the gradient (L2) or beside it (AdamW)."""
    b1, b2 = c.betas
    m = v = np.zeros_like(w)
    decay = c.weight_decay if decays else 0.0
    for t, g in enumerate(gradients, start=1):
        if l2:
            g = g + decay * w
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        step = (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + c.eps)
        w = w - c.lr * step - (0 if l2 else c.lr * decay * w)
    return w


def sgd(w: np.ndarray, gradients: list[np.ndarray], c: OptimizerConfig, decays: bool):
    """Velocity v ← μ v + g + λ w, from zero; w ← w − lr v."""
    v = np.zeros_like(w)
    for g in gradients:
        v = c.momentum * v + g + (c.weight_decay if decays else 0.0) * w
        w = w - c.lr * v
    return w


RULES: dict[str, tuple[dict, Callable]] = {
    "adamw": (
        {"name": "adamw", "lr": 0.03, "weight_decay": 2.0, "betas": [0.8, 0.9], "eps": 1e-3},
        lambda w, g, c, d: adam(w, g, c, d, l2=False),
    ),
    "adam": (
        {"name": "adam", "lr": 0.03, "weight_decay": 2.0, "betas": [0.8, 0.9], "eps": 1e-3},
        lambda w, g, c, d: adam(w, g, c, d, l2=True),
    ),
    "sgd": ({"name": "sgd", "lr": 0.03, "weight_decay": 0.7, "momentum": 0.6}, sgd),
    "sgd without momentum": ({"name": "sgd", "lr": 0.03, "weight_decay": 0.7}, sgd),
}


def expected_weights(
    model: dict, config: OptimizerConfig, rule: Callable, decaying: Sequence[str], seed: int = 0
) -> Arrays:
    network, _ = network_of(model, seed)
    gradients = [gradients_of(network, step, seed) for step in range(STEPS)]
    return {
        name: rule(w, [g[name] for g in gradients], config, name in decaying)
        for name, w in weights_of(network).items()
    }


def assert_close(found: Arrays, expected: Arrays) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        # Float64 rounding over six steps of numbers of order one.
        np.testing.assert_allclose(found[name], array, rtol=1e-12, atol=1e-13, err_msg=name)


@NETWORKS
@pytest.mark.parametrize("name", RULES)
def test_updates_are_the_rules_and_matrices_alone_decay(name, model):
    """The default of ``optimizer.decayed``: all matrices, no bias, no norm."""
    values, rule = RULES[name]
    config = OptimizerConfig(**values)
    network, run = network_of(model)
    (found,) = updated([network], [config])
    decaying = MATRICES[run.model.kind]
    assert_close(found, expected_weights(model, config, rule, decaying))
    others = found.keys() - set(decaying)
    assert others and all(name.rpartition(".")[2][:2] in ("b_", "w", "b") for name in others)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(
    ("patterns", "decaying"),
    [
        (["unembed.*"], ["unembed.W_U", "unembed.b_U"]),
        (["*.norm.w", "*.W_in"], ["blocks.0.mlp.norm.w", "blocks.0.mlp.W_in"]),
        (["*"], None),
        ([], []),
    ],
)
def test_decay_follows_the_patterns(name, patterns, decaying):
    values, rule = RULES[name]
    config = OptimizerConfig(**values, decayed=patterns)
    network, _ = network_of(MLP)
    names = list(weights_of(network)) if decaying is None else decaying
    (found,) = updated([network], [config])
    assert_close(found, expected_weights(MLP, config, rule, names))


@pytest.mark.parametrize("name", RULES)
def test_rates_follow_the_patterns(name):
    """Each parameter by the rule at its own rate: 0 stays, two patterns that fit multiply."""
    values, rule = RULES[name]
    rates = {"embed.*": 3.0, "*.W_out": 0.25, "blocks.1.*": 2.0, "unembed.*": 0, "*.ln1.b": 0.5}
    config = OptimizerConfig(**values, rates=rates)
    network, _ = network_of(TRANSFORMER)
    factors = dict.fromkeys(weights_of(network), 1.0)
    for weight in factors:
        factors[weight] *= 3.0 if weight == "embed.W_E" else 1.0
        factors[weight] *= 0.25 if weight.endswith(".W_out") else 1.0
        factors[weight] *= 2.0 if weight.startswith("blocks.1.") else 1.0
        factors[weight] *= 0.0 if weight.startswith("unembed.") else 1.0
        factors[weight] *= 0.5 if weight.endswith(".ln1.b") else 1.0
    assert set(factors.values()) == {0.0, 0.25, 0.5, 1.0, 2.0, 3.0}
    expected = {}
    for factor in set(factors.values()):
        own = OptimizerConfig(**{**values, "lr": values["lr"] * factor or 1e-300})
        every = expected_weights(TRANSFORMER, own, rule, MATRICES["transformer"])
        expected |= {weight: w for weight, w in every.items() if factors[weight] == factor}
    (found,) = updated([network], [config])
    assert_close(found, expected)


def test_rates_are_a_mapping_in_files_and_one_cell_in_any_order():
    one, other = (
        tiny_config(optimizer={"rates": rates})
        for rates in ({"a.*": 2.0, "b.*": 1.0}, {"b.*": 1.0, "a.*": 2.0})
    )
    assert one.to_dict()["optimizer"]["rates"] == {"a.*": 2.0, "b.*": 1.0}
    assert one == other == RunConfig(**one.to_dict())
    assert hash(one) == hash(other)
    assert one.identity() == other.identity() != tiny_config().identity()


@pytest.mark.parametrize("name", RULES)
def test_each_run_by_its_own_settings(name):
    values, rule = RULES[name]
    own = [{}, {"lr": 0.2}, {"weight_decay": 0.0}]
    configs = [OptimizerConfig(**{**values, **one}) for one in own]
    networks = [network_of(MLP, seed)[0] for seed in range(3)]
    for seed, (found, config) in enumerate(zip(updated(networks, configs), configs, strict=True)):
        assert_close(found, expected_weights(MLP, config, rule, MATRICES["mlp"], seed))


# Muon

MUON = {"name": "muon", "lr": 0.05, "weight_decay": 0.8, "betas": [0.8, 0.9], "eps": 1e-3}


@NETWORKS
def test_muon_takes_the_matrices_inside_blocks_one_head_at_a_time(model):
    """torch's Muon on copies of these; AdamW by hand on embeddings, biases, norms and W_U."""
    config = OptimizerConfig(**MUON)
    network, run = network_of(model)
    gradients = [gradients_of(network, step) for step in range(STEPS)]
    matrices = MATRICES[run.model.kind]
    inside = [name for name in matrices if name.startswith("blocks.")]
    outside = [name for name in weights_of(network) if name not in inside]
    expected = expected_weights(model, config, RULES["adamw"][1], matrices)
    expected = {name: expected[name] for name in outside}
    for name in inside:
        whole = network.get_parameter(name).detach()
        heads = list(whole) if whole.ndim == 3 else [whole]
        copies = [torch.nn.Parameter(head.clone()) for head in heads]
        muon = torch.optim.Muon(
            copies,
            lr=config.lr,
            weight_decay=config.weight_decay,
            momentum=0.95,
            adjust_lr_fn="match_rms_adamw",
        )
        for gradient in gradients:
            given = torch.as_tensor(gradient[name])
            for copy, own in zip(copies, given if given.ndim == 3 else [given], strict=True):
                copy.grad = own.clone()
            muon.step()
        stacked = torch.stack([copy.detach() for copy in copies])
        expected[name] = (stacked if whole.ndim == 3 else stacked[0]).numpy()
    (found,) = updated([network], [config])
    assert_close(found, expected)


def test_a_step_of_muon_is_a_rotation_of_the_size_of_adamws():
    """Orthogonalized, times 0.2 sqrt(larger side): a root mean square of 0.2 lr, as AdamW's.

    Newton and Schulz's five steps bring singular values into 0.7 … 1.2 only, not to one.
    """
    network, _ = network_of(TRANSFORMER)
    before = weights_of(network)
    config = OptimizerConfig(**{**MUON, "weight_decay": 0.0, "eps": 1e-12})
    (after,) = updated([network], [config], steps=1)
    for name in MATRICES["transformer"]:
        moved = after[name] - before[name]
        if name.startswith("blocks."):
            size = 0.2 * config.lr * math.sqrt(max(moved.shape[-2:]))
            values = np.linalg.svd(moved, compute_uv=False) / size
            assert values.min() > 0.5 and values.max() < 1.3, name
        else:
            # Adam's first step is the learning rate, whatever the gradient.
            np.testing.assert_allclose(np.abs(moved), config.lr, rtol=1e-6, err_msg=name)


def test_muon_takes_biases_of_heads_for_no_matrices():
    """b_Q [head, d_head] has two axes, and is none; Adam remembers a square of its gradient."""
    network, _ = network_of(TRANSFORMER)
    updater = Updater([network], [OptimizerConfig(**MUON)], STEPS)
    updater.set_rate(0)
    updater.step()
    remembered: dict[str, set[str]] = {}
    for key in updater.state_of(0):
        name, _, what = key.partition("/")
        remembered.setdefault(name, set()).add(what)
    adams = {"step", "exp_avg", "exp_avg_sq"}
    for block in (0, 1):
        for name in ("b_Q", "b_K", "b_V", "b_O"):
            assert remembered[f"blocks.{block}.attn.{name}"] == adams
        for name in ("W_Q", "W_K", "W_V", "W_O"):
            for head in (0, 1):
                assert remembered[f"blocks.{block}.attn.{name}[{head}]"] == {"momentum_buffer"}
        assert remembered[f"blocks.{block}.mlp.W_in"] == {"momentum_buffer"}
    assert remembered["embed.W_E"] == remembered["unembed.W_U"] == adams


# The rate


@pytest.mark.parametrize(
    ("values", "steps", "expected"),
    [
        ({}, 5, [1, 1, 1, 1, 1]),
        ({"warmup": 4}, 7, [0.25, 0.5, 0.75, 1, 1, 1, 1]),
        ({"warmup": 1}, 3, [1, 1, 1]),
        ({"warmup": 3}, 3, [1 / 3, 2 / 3, 1]),
        # (1 + cos(π t / 6)) / 2, and zero where the seventh update would be.
        (
            {"lr_schedule": "cosine"},
            6,
            [1, (2 + 3**0.5) / 4, 0.75, 0.5, 0.25, (2 - 3**0.5) / 4],
        ),
        ({"warmup": 2, "lr_schedule": "cosine"}, 6, [0.5, 1, 1, (2 + 2**0.5) / 4, 0.5, 0.1464466]),
        ({"warmup": 3, "lr_schedule": "cosine"}, 3, [1 / 3, 2 / 3, 1]),
    ],
)
def test_rate_by_hand(values, steps, expected):
    config = OptimizerConfig(**values)
    found = [rate_factor(step, steps, config) for step in range(steps)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7)


def test_the_rate_reaches_every_run_and_both_optimizers():
    """SGD whose gradient is one shows the rate of every update."""
    schedule = {"name": "sgd", "decayed": [], "warmup": 2, "lr_schedule": "cosine"}
    rates = [0.1, 10.0]
    networks = [network_of(MLP, seed)[0] for seed in (0, 1)]
    configs = [OptimizerConfig(**schedule, lr=rate) for rate in rates]
    updater = Updater(networks, configs, STEPS)
    for step, factor in enumerate((0.5, 1, 1, (2 + 2**0.5) / 4, 0.5, (2 - 2**0.5) / 4)):
        before = [weights_of(network) for network in networks]
        for network in networks:
            for weight in network.parameters():
                weight.grad.fill_(1)
        updater.set_rate(step)
        updater.step()
        for network, old, rate in zip(networks, before, rates, strict=True):
            for name, weight in weights_of(network).items():
                np.testing.assert_allclose(old[name] - weight, rate * factor, rtol=1e-9)


# What is remembered

NAMES = pytest.mark.parametrize(
    "values", [*(values for values, _ in RULES.values()), MUON], ids=[*RULES, "muon"]
)


@NAMES
def test_state_restores_to_the_same_updates(values):
    config = OptimizerConfig(**values, warmup=2)
    networks = [network_of(TRANSFORMER, seed)[0] for seed in (0, 1)]
    updater = Updater(networks, [config] * 2, STEPS)

    def advance(updater: Updater, networks: Sequence[Network], steps: range) -> None:
        for step in steps:
            for seed, network in enumerate(networks):
                for name, gradient in gradients_of(network, step, seed).items():
                    network.get_parameter(name).grad.copy_(torch.as_tensor(gradient))
            updater.set_rate(step)
            updater.step()

    advance(updater, networks, range(3))
    states = [{k: t.clone() for k, t in updater.state_of(run).items()} for run in (0, 1)]
    copies = [network_of(TRANSFORMER, seed)[0] for seed in (0, 1)]
    for copy, network in zip(copies, networks, strict=True):
        copy.load_state_dict(network.state_dict())
    fresh = Updater(copies, [config] * 2, STEPS)
    for run, state in enumerate(states):
        fresh.restore(run, state, Path("state"))
    advance(updater, networks, range(3, STEPS))
    advance(fresh, copies, range(3, STEPS))
    for copy, network in zip(copies, networks, strict=True):
        for name, weight in weights_of(network).items():
            np.testing.assert_array_equal(weights_of(copy)[name], weight, err_msg=name)
    for run, state in enumerate(states):
        for key, tensor in state.items():
            assert not torch.equal(tensor, updater.state_of(run)[key]), "it went on"


def test_state_of_another_optimizer_is_refused():
    network, _ = network_of(TRANSFORMER)
    adam = Updater([network], [OptimizerConfig(name="adam")], STEPS)
    adam.step()
    muon = Updater([network_of(TRANSFORMER)[0]], [OptimizerConfig(**MUON)], STEPS)
    message = r"^state: tensor blocks.0.attn.W_K/exp_avg: expected shape none, got \(2, 6, 3\)$"
    with pytest.raises(ValueError, match=message):
        muon.restore(0, adam.state_of(0), Path("state"))


def test_a_pattern_that_fits_nothing_is_refused():
    network, _ = network_of(MLP)
    config = OptimizerConfig(rates={"*.W_K": 2.0})
    message = r"^optimizer.rates: pattern '\*.W_K' fits none of blocks.0.mlp.W_in, "
    with pytest.raises(ValueError, match=message):
        Updater([network_of(MLP)[0]], [config], STEPS)
    config = OptimizerConfig(decayed=["*.W_*", "*.W_Q"])
    message = r"^optimizer.decayed: pattern '\*.W_Q' fits none of blocks.0.mlp.W_in, "
    with pytest.raises(ValueError, match=message):
        Updater([network], [config], STEPS)


# torch.optim, which is slow to load, is what these are

CLASSES = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}


@pytest.mark.parametrize(
    ("name", "momentum"), [("adamw", 0.0), ("adam", 0.0), ("sgd", 0.0), ("sgd", 0.9)]
)
def test_updates_are_torchs_own_to_the_bit(name, momentum):
    config = OptimizerConfig(name=name, lr=0.03, weight_decay=0.7, momentum=momentum)
    network, _ = network_of(TRANSFORMER)
    weights = dict(network.named_parameters())
    copies = {key: torch.nn.Parameter(weight.detach().clone()) for key, weight in weights.items()}
    own = {"momentum": momentum} if name == "sgd" else {"betas": config.betas, "eps": config.eps}
    theirs = CLASSES[name](
        [
            {"params": [copy], "weight_decay": config.weight_decay * config.decays(key)}
            for key, copy in copies.items()
        ],
        lr=config.lr,
        fused=True,
        **own,
    )
    updater = Updater([network], [config], STEPS)
    for step in range(STEPS):
        for key, gradient in gradients_of(network, step).items():
            weights[key].grad.copy_(torch.as_tensor(gradient))
            copies[key].grad = torch.as_tensor(gradient)
        updater.set_rate(step)
        updater.step()
        theirs.step()
    known = updater.state_of(0)
    for key, copy in copies.items():
        np.testing.assert_array_equal(weights[key].detach(), copy.detach(), err_msg=key)
        for what, value in theirs.state[copy].items():
            if value is not None:
                np.testing.assert_array_equal(known.pop(f"{key}/{what}"), value, err_msg=key)
    assert not known
