"""One contract for every network: formula, tables, names, hooks, folder, initial weights, pruning.

Expected logits come from the architecture written out in numpy, one hidden layer or head at a time
over whole sequences of one-hot operands; nothing of it is shared with the code under test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import scipy.special
import torch

from interp.analysis.ablation.prune import prune
from interp.training.config.run_config import RunConfig
from interp.training.config.sections import ModelConfig
from interp.training.models.kinds import empty_network, initial_network
from interp.training.models.layers import norm as norm_module
from interp.training.models.layers.noise import Noise
from interp.training.models.network import Network
from interp.training.runs.run import load
from interp.training.tasks.task import make_task
from interp.training.trainer.autograd import AutogradGradients
from interp.training.trainer.batches import Examples
from interp.training.trainer.by_hand import MLPGradients
from interp.training.trainer.loop import dataset_of, train

from .conftest import tiny_config

P = 11
TASK = make_task("x + y", P)
PAIRS = torch.as_tensor(TASK.pairs)

MLP = {"width": 9}
TRANSFORMER = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 10}
MLPS = {
    "plain": {},
    "three layers, relu": {"depth": 3, "activation": "relu"},
    "dropout before φ": {"dropout": 0.4},
    "dropout after φ": {"dropout": 0.4, "dropout_at": "post"},
    "batch norm after φ": {"norm": "batch"},
    "batch norm before φ": {"norm": "batch", "norm_at": "pre", "activation": "relu"},
    "layer norm after φ": {"norm": "layer"},
    "layer norm before φ": {"norm": "layer", "norm_at": "pre", "activation": "gelu"},
    "biases": {"bias": True, "activation": "relu"},
    "gelu": {"activation": "gelu"},
    "he": {"init": "he"},
    "lazy": {"init": "lazy"},
    "four layers of everything": {"depth": 4, "bias": True, "norm": "batch", "dropout": 0.2},
    "three layers, layer norm": {"depth": 3, "norm": "layer", "activation": "square"},
    "three layers, batch norm but on the last": {"depth": 3, "norm": "batch", "norm_last": False},
    "output scale": {"output_scale": 0.4},
    "output scale, biases, dropout": {"output_scale": 0.4, "bias": True, "dropout": 0.3},
    "cube": {"activation": "cube"},
    "quartic": {"activation": "quartic"},
    "tanh": {"activation": "tanh"},
    "silu": {"activation": "silu"},
    "gelu_tanh": {"activation": "gelu_tanh"},
    "identity": {"activation": "identity"},
}
TRANSFORMERS = {
    "two tokens": {},
    "causal": {"attention": "causal"},
    "= token": {"equals_token": True},
    "two blocks": {"n_layers": 2},
    "two causal blocks of everything, = token": {
        "n_layers": 2,
        "attention": "causal",
        "equals_token": True,
        "norm": "layer",
        "bias": True,
    },
    "two causal blocks, biases, dropout": {
        "n_layers": 2,
        "attention": "causal",
        "bias": True,
        "dropout": 0.4,
    },
    "biases": {"bias": True},
    "tied": {"tied": True},
    "tied, = token": {"tied": True, "equals_token": True},
    "attention only": {"d_mlp": 0},
    "attention only, two blocks, layer norm": {"d_mlp": 0, "n_layers": 2, "norm": "layer"},
    "batch norm": {"norm": "batch"},
    "batch norm before φ, dropout": {"norm": "batch", "norm_at": "pre", "dropout": 0.2},
    "two causal blocks, batch norm": {"norm": "batch", "n_layers": 2, "attention": "causal"},
    "two blocks, batch norm": {"norm": "batch", "n_layers": 2, "dropout": 0.3},
    "mup": {"init": "mup"},
    "gelu": {"activation": "gelu"},
    "square, dropout after φ": {"activation": "square", "dropout": 0.4, "dropout_at": "post"},
    "one head": {"n_heads": 1, "norm": "layer"},
    "narrow heads": {"n_heads": 3, "d_head": 2},
    "wide heads, biases, mup, = token": {
        "n_heads": 3,
        "d_head": 5,
        "bias": True,
        "init": "mup",
        "equals_token": True,
    },
    "output scale": {"output_scale": 0.4, "bias": True, "n_layers": 2},
    "output scale, layer norm, tied": {"output_scale": 3.0, "norm": "layer", "tied": True},
    "two vocabularies": {"vocabulary": "operand"},
    "two vocabularies, = token, causal, two blocks": {
        "vocabulary": "operand",
        "equals_token": True,
        "attention": "causal",
        "n_layers": 2,
        "norm": "layer",
    },
    "doshi, exponent 1, wide heads": {"init": "doshi", "exponent": 1.0, "d_head": 5},
    "doshi, tied, biases": {"init": "doshi", "tied": True, "bias": True},
    "every dropout": {
        "dropout": 0.2,
        "dropout_embed": 0.1,
        "dropout_attention": 0.3,
        "dropout_residual": 0.4,
        "bias": True,
    },
    "two causal blocks, dropout of attention and what is written": {
        "n_layers": 2,
        "attention": "causal",
        "equals_token": True,
        "norm": "layer",
        "dropout_attention": 0.3,
        "dropout_residual": 0.4,
    },
    "two blocks, batch norm, dropout of attention": {
        "n_layers": 2,
        "norm": "batch",
        "dropout_attention": 0.3,
    },
    "attention only, two vocabularies, output scale": {
        "d_mlp": 0,
        "vocabulary": "operand",
        "output_scale": 0.4,
    },
}
SECTIONS = {
    **{f"MLP, {name}": {**MLP, **own} for name, own in MLPS.items()},
    **{f"Transformer, {name}": {**TRANSFORMER, **own} for name, own in TRANSFORMERS.items()},
}
WITH_NEURONS = [name for name in SECTIONS if "attention only" not in name]

every_network = pytest.mark.parametrize("name", SECTIONS)
every_network_with_neurons = pytest.mark.parametrize("name", WITH_NEURONS)


def config_of(name: str, **changes: object) -> RunConfig:
    return tiny_config(model=SECTIONS[name], dtype="float64", **changes)


def random_network(name: str) -> Network:
    """Every parameter and buffer away from its initial value, in float64."""
    network = empty_network(config_of(name), TASK)
    random = np.random.default_rng(3)
    with torch.no_grad():
        for key, tensor in network.state_dict().items():
            drawn = torch.as_tensor(random.normal(size=tuple(tensor.shape)))
            # Variances are positive; the gains of norms stay away from zero.
            tensor.copy_(0.5 + drawn.abs() if key.endswith((".var", ".w")) else drawn / 2)
    return network


def arrays(network: Network) -> dict[str, np.ndarray]:
    return {key: tensor.detach().numpy().copy() for key, tensor in network.state_dict().items()}


# The architectures, written out

PHI = {
    "square": lambda z: z * z,
    "relu": lambda z: np.where(z > 0, z, 0),
    # The exact form, by the normal distribution function.
    "gelu": lambda z: z * scipy.special.ndtr(z),
    "gelu_tanh": lambda z: z / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))),
    "silu": lambda z: z * scipy.special.expit(z),
    "tanh": np.tanh,
    "cube": lambda z: z * z * z,
    "quartic": lambda z: z * z * z * z,
    "identity": lambda z: z,
}


def standardized(x: np.ndarray, mean: np.ndarray, var: np.ndarray) -> np.ndarray:
    return (x - mean) / np.sqrt(var + 1e-5)


def layer_norm(x: np.ndarray, w: dict[str, np.ndarray], at: str) -> np.ndarray:
    if f"{at}.w" not in w:
        return x
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return standardized(x, mean, var) * w[f"{at}.w"] + w[f"{at}.b"]


def neurons(
    pre: np.ndarray, w: dict[str, np.ndarray], at: str, model: ModelConfig, phi: str
) -> np.ndarray:
    """From a hidden layer's matrix product to what the next matrix gets, in evaluation."""
    pre = pre + w.get(f"{at}.b_in", 0)

    def norm(x: np.ndarray) -> np.ndarray:
        if f"{at}.norm.mean" in w:
            x = standardized(x, w[f"{at}.norm.mean"], w[f"{at}.norm.var"])
            return x * w[f"{at}.norm.w"] + w[f"{at}.norm.b"]
        return layer_norm(x, w, f"{at}.norm")

    return PHI[phi](norm(pre)) if model.norm_at == "pre" else norm(PHI[phi](pre))


def mlp_logits(w: dict[str, np.ndarray], model: ModelConfig) -> np.ndarray:
    one_hot = np.eye(P)
    values = np.concatenate([one_hot[TASK.pairs[:, 0]], one_hot[TASK.pairs[:, 1]]], axis=1)
    phi = model.activation or ("square" if model.depth == 2 else "relu")
    for layer in range(model.depth - 1):
        at = f"blocks.{layer}.mlp"
        values = neurons(values @ w[f"{at}.W_in"], w, at, model, phi)
    return model.output_scale * (values @ w["unembed.W_U"] + w.get("unembed.b_U", 0))


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def attention(x: np.ndarray, w: dict[str, np.ndarray], at: str, model: ModelConfig) -> np.ndarray:
    """One sequence (position, d_model), one head and one query after the other."""
    out = np.zeros_like(x)
    d_head = model.d_head or model.d_model // model.n_heads
    scale = d_head if model.init == "mup" else d_head ** ((1 + (model.exponent or 0)) / 2)
    for head in range(model.n_heads):
        q, k, v = (
            x @ w[f"{at}.W_{name}"][head] + w.get(f"{at}.b_{name}", np.zeros((9, 1)))[head]
            for name in "QKV"
        )
        for query in range(len(x)):
            seen = query + 1 if model.attention == "causal" else len(x)
            pattern = softmax(k[:seen] @ q[query] / scale)
            out[query] += pattern @ v[:seen] @ w[f"{at}.W_O"][head]
    return out + w.get(f"{at}.b_O", 0)


def transformer_logits(w: dict[str, np.ndarray], model: ModelConfig) -> np.ndarray:
    phi = model.activation or "relu"
    rows = []
    for pair in TASK.pairs:
        tokens = [pair[0], pair[1] + (P if model.vocabulary == "operand" else 0)]
        tokens += [len(w["embed.W_E"]) - 1] if model.equals_token else []
        x = w["embed.W_E"][tokens] + w["pos_embed.W_pos"]
        for block in range(model.n_layers):
            at = f"blocks.{block}"
            x = x + attention(layer_norm(x, w, f"{at}.ln1"), w, f"{at}.attn", model)
            if model.d_mlp:
                pre = layer_norm(x, w, f"{at}.ln2") @ w[f"{at}.mlp.W_in"]
                post = neurons(pre, w, f"{at}.mlp", model, phi)
                x = x + post @ w[f"{at}.mlp.W_out"] + w.get(f"{at}.mlp.b_out", 0)
        rows.append(layer_norm(x, w, "ln_final")[-1])
    out = w["embed.W_E"][:P].T if model.tied else w["unembed.W_U"]
    scale = model.output_scale
    if model.init == "doshi":
        scale *= model.d_model ** (-(1 + (model.exponent or 0)) / 2)
    return scale * (np.array(rows) @ out + w.get("unembed.b_U", 0))


def same(found: torch.Tensor, expected: torch.Tensor | np.ndarray) -> None:
    """Equal to float64 rounding: 1e-16 a term, amplified by norms and cancelling sums."""
    torch.testing.assert_close(found, torch.as_tensor(expected), rtol=1e-10, atol=1e-11)


@every_network
def test_forward_is_the_architecture(name):
    network = random_network(name)
    reference = transformer_logits if network.model.kind == "transformer" else mlp_logits
    expected = reference(arrays(network), network.model)
    assert np.ptp(expected) > 1, "logits that differ"
    same(network(PAIRS).detach(), expected)


@every_network
def test_logits_and_their_gradients_are_those_of_forward(name):
    """Tables over (position, token) against whole sequences."""
    network = random_network(name)
    weight = torch.as_tensor(np.random.default_rng(5).normal(size=(len(PAIRS), P)))
    forward, logits = network(PAIRS), network.logits(PAIRS)
    same(logits, forward)
    expected = torch.autograd.grad((forward * weight).sum(), list(network.parameters()))
    found = torch.autograd.grad((logits * weight).sum(), list(network.parameters()))
    for (key, _), a, b in zip(network.named_parameters(), found, expected, strict=True):
        # The gradient of b_K is zero but for rounding: a shift of all scores of a query.
        scale = 1 if key.endswith("b_K") else b.abs().max()
        assert scale > 0, key
        torch.testing.assert_close(a / scale, b / scale, rtol=1e-10, atol=1e-11, msg=key)


@every_network
def test_operands_in_any_order_and_number(name):
    network = random_network(name)
    chosen = torch.tensor([120, 3, 3, 77])
    same(network.logits(PAIRS[chosen]), network(PAIRS)[chosen])


@every_network
@pytest.mark.parametrize("pair", [[0, 11], [11, 0], [-1, 0]])
def test_operands_beyond_the_modulus_are_refused(name, pair):
    """Another operand's row, or the "=" token's, must not be read for it."""
    with pytest.raises(IndexError, match=r"expected operands from 0 to 10, got .*out of bounds"):
        random_network(name)(torch.tensor([[0, 0], pair]))


# Names

PARAMETERS = {
    "MLP, plain": {"blocks.0.mlp.W_in": (22, 9), "unembed.W_U": (9, 11)},
    "MLP, three layers, relu": {
        "blocks.0.mlp.W_in": (22, 9),
        "blocks.1.mlp.W_in": (9, 9),
        "unembed.W_U": (9, 11),
    },
    "MLP, biases": {
        "blocks.0.mlp.W_in": (22, 9),
        "blocks.0.mlp.b_in": (9,),
        "unembed.W_U": (9, 11),
        "unembed.b_U": (11,),
    },
    "MLP, layer norm after φ": {
        "blocks.0.mlp.W_in": (22, 9),
        "blocks.0.mlp.norm.w": (9,),
        "blocks.0.mlp.norm.b": (9,),
        "unembed.W_U": (9, 11),
    },
    "Transformer, two tokens": {
        "embed.W_E": (11, 8),
        "pos_embed.W_pos": (2, 8),
        "blocks.0.attn.W_Q": (2, 8, 4),
        "blocks.0.attn.W_K": (2, 8, 4),
        "blocks.0.attn.W_V": (2, 8, 4),
        "blocks.0.attn.W_O": (2, 4, 8),
        "blocks.0.mlp.W_in": (8, 10),
        "blocks.0.mlp.W_out": (10, 8),
        "unembed.W_U": (8, 11),
    },
    "Transformer, tied, = token": {
        "embed.W_E": (12, 8),
        "pos_embed.W_pos": (3, 8),
        "blocks.0.attn.W_Q": (2, 8, 4),
        "blocks.0.attn.W_K": (2, 8, 4),
        "blocks.0.attn.W_V": (2, 8, 4),
        "blocks.0.attn.W_O": (2, 4, 8),
        "blocks.0.mlp.W_in": (8, 10),
        "blocks.0.mlp.W_out": (10, 8),
    },
    "Transformer, wide heads, biases, mup, = token": {
        "embed.W_E": (12, 8),
        "pos_embed.W_pos": (3, 8),
        "blocks.0.attn.W_Q": (3, 8, 5),
        "blocks.0.attn.W_K": (3, 8, 5),
        "blocks.0.attn.W_V": (3, 8, 5),
        "blocks.0.attn.W_O": (3, 5, 8),
        "blocks.0.attn.b_Q": (3, 5),
        "blocks.0.attn.b_K": (3, 5),
        "blocks.0.attn.b_V": (3, 5),
        "blocks.0.attn.b_O": (8,),
        "blocks.0.mlp.W_in": (8, 10),
        "blocks.0.mlp.b_in": (10,),
        "blocks.0.mlp.W_out": (10, 8),
        "blocks.0.mlp.b_out": (8,),
        "unembed.W_U": (8, 11),
        "unembed.b_U": (11,),
    },
    "Transformer, attention only, two vocabularies, output scale": {
        "embed.W_E": (22, 8),
        "pos_embed.W_pos": (2, 8),
        "blocks.0.attn.W_Q": (2, 8, 4),
        "blocks.0.attn.W_K": (2, 8, 4),
        "blocks.0.attn.W_V": (2, 8, 4),
        "blocks.0.attn.W_O": (2, 4, 8),
        "unembed.W_U": (8, 11),
    },
    "Transformer, attention only": {
        "embed.W_E": (11, 8),
        "pos_embed.W_pos": (2, 8),
        "blocks.0.attn.W_Q": (2, 8, 4),
        "blocks.0.attn.W_K": (2, 8, 4),
        "blocks.0.attn.W_V": (2, 8, 4),
        "blocks.0.attn.W_O": (2, 4, 8),
        "unembed.W_U": (8, 11),
    },
    "Transformer, two causal blocks of everything, = token": {
        "embed.W_E": (12, 8),
        "pos_embed.W_pos": (3, 8),
        **{
            f"blocks.{block}.{key}": shape
            for block in (0, 1)
            for key, shape in {
                "ln1.w": (8,),
                "ln1.b": (8,),
                "attn.W_Q": (2, 8, 4),
                "attn.W_K": (2, 8, 4),
                "attn.W_V": (2, 8, 4),
                "attn.W_O": (2, 4, 8),
                "attn.b_Q": (2, 4),
                "attn.b_K": (2, 4),
                "attn.b_V": (2, 4),
                "attn.b_O": (8,),
                "ln2.w": (8,),
                "ln2.b": (8,),
                "mlp.W_in": (8, 10),
                "mlp.b_in": (10,),
                "mlp.W_out": (10, 8),
                "mlp.b_out": (8,),
            }.items()
        },
        "ln_final.w": (8,),
        "ln_final.b": (8,),
        "unembed.W_U": (8, 11),
        "unembed.b_U": (11,),
    },
}
BUFFERS = {
    "MLP, three layers, batch norm but on the last": {
        "blocks.0.mlp.norm.mean": (9,),
        "blocks.0.mlp.norm.var": (9,),
    },
    "MLP, batch norm after φ": {"blocks.0.mlp.norm.mean": (9,), "blocks.0.mlp.norm.var": (9,)},
    "Transformer, batch norm": {"blocks.0.mlp.norm.mean": (10,), "blocks.0.mlp.norm.var": (10,)},
    "MLP, layer norm after φ": {},
    "Transformer, two tokens": {},
}
# Activations over whole sequences: N 121 pairs, 2 heads, 2 positions.
MLP_HOOKS = {"blocks.0.mlp.hook_pre": (121, 9), "blocks.0.mlp.hook_post": (121, 9)}
BLOCK_HOOKS = {
    "hook_resid_pre": (121, 2, 8),
    "attn.hook_q": (121, 2, 2, 4),
    "attn.hook_k": (121, 2, 2, 4),
    "attn.hook_v": (121, 2, 2, 4),
    "attn.hook_attn_scores": (121, 2, 2, 2),
    "attn.hook_pattern": (121, 2, 2, 2),
    "attn.hook_z": (121, 2, 2, 4),
    "hook_attn_out": (121, 2, 8),
    "hook_resid_mid": (121, 2, 8),
    "hook_resid_post": (121, 2, 8),
}
NEURON_HOOKS = {
    "mlp.hook_pre": (121, 2, 10),
    "mlp.hook_post": (121, 2, 10),
    "hook_mlp_out": (121, 2, 8),
}
EMBED_HOOKS = {"hook_embed": (121, 2, 8), "hook_pos_embed": (121, 2, 8)}
NORM_HOOKS = {"hook_scale": 1, "hook_normalized": 8}
HOOKS = {
    "MLP, plain": MLP_HOOKS,
    "MLP, three layers, relu": {
        **MLP_HOOKS,
        "blocks.1.mlp.hook_pre": (121, 9),
        "blocks.1.mlp.hook_post": (121, 9),
    },
    "MLP, batch norm after φ": {
        **MLP_HOOKS,
        "blocks.0.mlp.hook_mid": (121, 9),
        "blocks.0.mlp.norm.hook_normalized": (121, 9),
    },
    "MLP, layer norm before φ": {
        **MLP_HOOKS,
        "blocks.0.mlp.norm.hook_scale": (121, 1),
        "blocks.0.mlp.norm.hook_normalized": (121, 9),
    },
    "Transformer, two blocks": {
        **EMBED_HOOKS,
        **{
            f"blocks.{block}.{key}": shape
            for block in (0, 1)
            for key, shape in {**BLOCK_HOOKS, **NEURON_HOOKS}.items()
        },
    },
    "Transformer, attention only, two blocks, layer norm": {
        **EMBED_HOOKS,
        **{
            f"blocks.{block}.{key}": shape
            for block in (0, 1)
            for key, shape in {
                **BLOCK_HOOKS,
                **{f"ln1.{key}": (121, 2, size) for key, size in NORM_HOOKS.items()},
            }.items()
        },
        **{f"ln_final.{key}": (121, 2, size) for key, size in NORM_HOOKS.items()},
    },
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_named_as_transformer_lens_names_them(name):
    network = random_network(name)
    found = {key: tuple(weight.shape) for key, weight in network.named_parameters()}
    assert found == PARAMETERS[name]


@pytest.mark.parametrize("name", BUFFERS)
def test_running_statistics_belong_to_the_state(name):
    network = random_network(name)
    assert {key: tuple(b.shape) for key, b in network.named_buffers()} == BUFFERS[name]
    assert BUFFERS[name].keys() <= network.state_dict().keys()


@pytest.mark.parametrize("name", HOOKS)
def test_hook_points_are_named_as_transformer_lens_names_them(name):
    _, cache = random_network(name).run_with_cache(PAIRS)
    assert {key: tuple(value.shape) for key, value in cache.items()} == HOOKS[name]


@every_network_with_neurons
def test_neurons_of_every_layer_can_be_read_and_changed(name):
    network = random_network(name)
    logits, cache = network.run_with_cache(PAIRS)
    model = network.model
    positions = (2 + model.equals_token,) if model.kind == "transformer" else ()
    layers = model.n_layers if model.kind == "transformer" else model.depth - 1
    assert len(network.layers) == layers
    for layer in range(layers):
        pre, post = (cache[f"blocks.{layer}.mlp.hook_{side}"] for side in ("pre", "post"))
        assert pre.shape == post.shape == (121, *positions, network.width)
        w = arrays(network)
        expected = neurons(
            pre.detach().numpy() - w.get(f"blocks.{layer}.mlp.b_in", 0),
            w,
            f"blocks.{layer}.mlp",
            model,
            model.phi,
        )
        same(post.detach(), expected)

        def silence(values, hook):
            return values * 0

        changed = network.run_with_hooks(
            PAIRS, fwd_hooks=[(f"blocks.{layer}.mlp.hook_post", silence)]
        )
        assert (changed - logits).abs().max() > 1e-3
    same(network(PAIRS), logits)


@pytest.mark.parametrize("name", [name for name in SECTIONS if name.startswith("Transformer")])
def test_patterns_are_distributions_over_what_a_query_sees(name):
    network = random_network(name)
    logits, cache = network.run_with_cache(PAIRS)
    for block in range(network.model.n_layers):
        pattern = cache[f"blocks.{block}.attn.hook_pattern"]
        same(pattern.sum(dim=-1), torch.ones(pattern.shape[:-1], dtype=torch.float64))
        ahead = pattern[..., *np.triu_indices(pattern.shape[-1], 1)]
        assert (ahead == 0).all() == (network.model.attention == "causal")
        hook = (f"blocks.{block}.attn.hook_pattern", lambda values, hook: values.flip(1))
        swapped = network.run_with_hooks(PAIRS, fwd_hooks=[hook])
        if network.model.n_heads > 1:
            assert (swapped - logits).abs().max() > 1e-6, "heads attend to different things"


@every_network_with_neurons
def test_what_follows_a_layer_goes_on_to_the_same_logits(name):
    """``tail``, ``read_by`` and ``readout``, which pruning curves are made of."""
    network = random_network(name)
    logits, cache = network.run_with_cache(PAIRS)
    last = len(network.layers) - 1
    for layer in range(last + 1):
        post, finish = network.tail(PAIRS, layer)
        expected = cache[f"blocks.{layer}.mlp.hook_post"]
        if network.model.kind == "transformer" and layer == last:
            expected = expected[:, -1:]
        same(post, expected)
        written = post @ network.read_by(layer)
        same(finish(written), logits)
        assert network.read_by(layer).shape[0] == network.width
        readout = network.readout(layer)
        layer_normed = network.model.kind == "transformer" and network.model.norm == "layer"
        assert (readout is None) == (layer < last or layer_normed)
        if readout is not None:
            alone = finish(written) - finish(torch.zeros_like(written))
            same(alone, post.reshape(121, -1) @ readout)


# Training mode: what stands where


def noise_of(network: Network, step: int = 5, rate: float | None = None) -> Noise:
    others = network.model.other_dropout.items() if rate is None else ()
    rate = network.model.dropout if rate is None else rate
    return Noise(
        torch.tensor(12345, dtype=torch.int32),
        torch.tensor(rate, dtype=torch.float64),
        torch.tensor(step, dtype=torch.int32),
        rate > 0,
        {site: torch.tensor(share, dtype=torch.float64) for site, share in others if share},
    )


@dataclass
class Passed:
    """What passed through one hidden layer at one position in training."""

    pre: np.ndarray
    into_dropout: np.ndarray
    mask: np.ndarray
    post: np.ndarray


@pytest.fixture()
def passed(monkeypatch):
    """Runs a network in training and gives what passed through its layers, by layer."""

    def run(network: Network, noise: Noise) -> dict[str, list[Passed]]:
        seen: dict[str, list[Passed]] = {}
        ours, original = [np.empty(0)] * 4, Noise.drop

        def drop(self, values, layer):
            ones = original(self, torch.ones_like(values), layer)
            ours[1:3] = values.detach().numpy(), ones.numpy()
            return original(self, values, layer)

        def keep(values, hook):
            ours[0 if hook.name.endswith("pre") else 3] = values.detach().numpy()
            if hook.name.endswith("post"):
                seen.setdefault(hook.name.removesuffix(".hook_post"), []).append(Passed(*ours))

        monkeypatch.setattr(Noise, "drop", drop)
        hooks = [(lambda key: key.endswith(("mlp.hook_pre", "mlp.hook_post")), keep)]
        with network.hooks(fwd_hooks=hooks):
            network.logits(PAIRS, noise)
        return seen

    return run


@every_network_with_neurons
def test_norm_and_dropout_stand_where_asked_in_training(name, passed):
    """pre → [norm] → [dropout] → φ → [norm] → [dropout] → post, normalized by the batch."""
    network = random_network(name)
    model, w = network.model, arrays(network)
    seen = passed(network, noise_of(network))
    assert len(seen) == len(network.layers)

    def norm(x: np.ndarray, at: str, here: str) -> np.ndarray:
        if here != model.norm_at or (not model.norm_last and at == f"blocks.{model.depth - 2}.mlp"):
            return x
        if model.norm == "batch":
            x = standardized(x, x.mean(0), x.var(0))
            return x * w[f"{at}.norm.w"] + w[f"{at}.norm.b"]
        return layer_norm(x, w, f"{at}.norm")

    for at, calls in seen.items():
        for one in calls:
            before = after = one.mask
            if model.dropout_at == "pre":
                after = np.ones_like(after)
            else:
                before = np.ones_like(before)
            into = norm(one.pre, at, "pre")
            out = norm(PHI[model.phi](into * before), at, "post")
            same(torch.as_tensor(one.into_dropout), into if model.dropout_at == "pre" else out)
            same(torch.as_tensor(one.post), out * after)
    masks = [one.mask for calls in seen.values() for one in calls]
    for index, mask in enumerate(masks):
        assert set(np.unique(mask)) <= {0.0, 1 / (1 - model.dropout)}
        # Five standard deviations of a share of 121 · 9 draws.
        assert (mask == 0).mean() == pytest.approx(model.dropout, abs=0.08 if model.dropout else 0)
        if model.dropout:
            drawn_before = masks[:index]
            assert not any(np.array_equal(mask, other) for other in drawn_before)


@pytest.mark.parametrize("name", [n for n, own in SECTIONS.items() if own.get("norm") == "batch"])
def test_evaluation_normalizes_by_what_training_saw(name, monkeypatch):
    """Running statistics that are the last batch's give the logits of that batch."""
    monkeypatch.setattr(norm_module, "MOMENTUM", 1.0)
    network = random_network(name)
    network.logits(PAIRS, noise_of(network, rate=0.0))
    for index, layer in enumerate(network.layers):
        if layer.norm is None:
            assert (index, network.model.norm_last) == (1, False)
            continue
        # The batch's own is not corrected; every position of a block but the last counts.
        earlier = network.model.kind == "transformer" and index < len(network.layers) - 1
        count = len(PAIRS) * (2 + network.model.equals_token if earlier else 1)
        layer.norm.var.mul_((count - 1) / count)
    same(network.logits(PAIRS), network.logits(PAIRS, noise_of(network, rate=0.0)))


def test_each_step_drops_its_own(passed):
    network = random_network("Transformer, square, dropout after φ")
    (one,), (again,), (other,) = (
        passed(network, noise_of(network, step))["blocks.0.mlp"] for step in (5, 5, 6)
    )
    np.testing.assert_array_equal(one.mask, again.mask)
    assert (one.mask != other.mask).any()


@every_network
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_gradient_of_a_training_step_is_the_slope_of_the_loss(name, loss):
    """Central differences in random directions, with dropout and statistics of the batch."""
    network = random_network(name)
    data = dataset_of(config_of(name))
    examples = Examples([data], [0], None, torch.device("cpu"), run_axis=False)
    noise = noise_of(network)
    ways = [AutogradGradients(network, examples, loss, noise)]
    if MLPGradients.fits(config_of(name)):
        ways.append(MLPGradients(network, examples, loss, noise))
    random, size = np.random.default_rng(7), 1e-6
    for way in ways:
        weights = list(network.parameters())
        way()
        gradients = [weight.grad.clone() for weight in weights]
        for _ in range(3):
            directions = [torch.as_tensor(random.normal(size=tuple(w.shape))) for w in weights]

            def shifted(by: float, way=way, weights=weights, directions=directions) -> float:
                values = [weight.detach().clone() for weight in weights]
                for weight, value, direction in zip(weights, values, directions, strict=True):
                    weight.data.copy_(value + by * direction)
                found = way().item()
                for weight, value in zip(weights, values, strict=True):
                    weight.data.copy_(value)
                return found

            slope = (shifted(size) - shifted(-size)) / (2 * size)
            expected = sum((g * d).sum().item() for g, d in zip(gradients, directions, strict=True))
            # The step's rounding, 1e-16 of the loss over 2e-6, and its square, which is smaller.
            assert slope == pytest.approx(expected, rel=1e-5, abs=1e-7)


# Run folders


@every_network
def test_run_folder_gives_back_every_weight_and_buffer(name, tmp_path):
    changes = {"steps": 3, "schedule": {"evaluations": 2, "checkpoints": 2}}
    kept = train(config_of(name, **changes))
    train(config_of(name, **changes), tmp_path / "run")
    found = load(tmp_path / "run")
    assert found.steps == kept.steps == [0, 1, 3]
    initial = initial_network(config_of(name), TASK).state_dict()
    for step in found.steps:
        state = found.network(step).state_dict()
        assert state.keys() == initial.keys()
        for key, tensor in state.items():
            expected = kept.weights[step][key]
            np.testing.assert_array_equal(tensor.numpy(), expected, strict=True)
            # The gradient of b_K is zero, up to rounding.
            if not key.endswith("b_K"):
                assert torch.equal(tensor, initial[key]) == (step == 0), f"{key} at {step}"
    with torch.no_grad():
        same(found.network()(PAIRS), found.network().logits(PAIRS))


# Initial weights

D, N, BIG = 64, 128, 31
WIDTH = 4 * 20  # of all heads together: four of the 20 given below


def expected_std(key: str, init: str, blocks: int = 1) -> float:
    """As the documentation of ``model.init`` says, for d_model 64, N and d_mlp 128, p 31."""
    kind = key.rpartition(".")[2]
    if init in ("paper", "lazy"):
        return (16 * N) ** (-1 / 3) if init == "paper" else (2 / N ** (2 / 3)) ** 0.5
    if init == "he":
        return (2 / (2 * BIG if key == "blocks.0.mlp.W_in" else N)) ** 0.5
    if init == "transformer_lens":
        return 0.8 / D**0.5 / ((2 * blocks) ** 0.5 if kind in ("W_O", "W_out") else 1)
    # Embeddings of size one, matrices 1 / sqrt(fan-in); with mup logits 1 / d.
    scales = {"W_E": 1, "W_pos": 1, "W_out": N**-0.5, "W_O": WIDTH**-0.5}
    return {**scales, **({"W_U": 1 / D} if init == "mup" else {})}.get(kind, D**-0.5)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("section", "init"),
    [
        ({}, "paper"),
        ({"init": "paper"}, "paper"),
        ({"init": "he"}, "he"),
        ({"depth": 4}, "he"),
        ({"init": "lazy"}, "lazy"),
        ({"depth": 3, "init": "lazy"}, "lazy"),
        ({"kind": "transformer"}, "transformer_lens"),
        ({"kind": "transformer", "n_layers": 3}, "transformer_lens"),
        ({"kind": "transformer", "init": "mup", "n_layers": 2, "d_head": 20}, "mup"),
        ({"kind": "transformer", "init": "doshi", "n_layers": 2, "d_head": 20}, "doshi"),
        ({"kind": "transformer", "init": "doshi", "exponent": 1, "d_head": 20}, "doshi"),
    ],
)
def test_initial_weights_have_the_documented_size(section, init, bias):
    size = {"d_model": D, "d_mlp": N} if "kind" in section else {"width": N}
    norm = {"norm": "layer" if "kind" in section else "batch", "bias": bias}
    config = tiny_config(task={"p": BIG}, model={**section, **size, **norm}, dtype="float64")
    network = initial_network(config, config.make_task())
    for key, tensor in network.state_dict().items():
        if ".W_" in key:
            expected = expected_std(key, init, section.get("n_layers", 1))
            draws = tensor.numel()
            # The standard deviation of n draws is known to 1/sqrt(2n); five of these.
            assert tensor.std() == pytest.approx(expected, rel=5 / (2 * draws) ** 0.5), key
            assert abs(tensor.mean()) < 5 * expected / draws**0.5, key
        else:
            value = 1 if key.endswith((".w", ".var")) else 0
            assert (tensor == value).all(), key


@every_network
def test_weights_seed_moves_the_weights_only(name):
    one, two, other = (
        config_of(name, seeds=seeds)
        for seeds in (
            {"weights": 1},
            {"weights": 2},
            {"weights": 1, "split": 9, "corruption": 9, "batches": 9, "dropout": 9},
        )
    )
    first, second, third = (initial_network(c, TASK).state_dict() for c in (one, two, other))
    for key, tensor in first.items():
        drawn = ".W_" in key
        assert torch.equal(tensor, second[key]) != drawn, key
        assert torch.equal(tensor, third[key]), key
    for field in ("is_train", "given_label", "is_redrawn"):
        np.testing.assert_array_equal(
            getattr(dataset_of(one), field), getattr(dataset_of(two), field)
        )
    assert [one.seed_of(p) for p in ("split", "batches", "dropout")] == [0, 0, 0]


@every_network
def test_precisions_start_from_the_same_weights(name):
    """Weights are drawn in float64 and rounded, so that a seed means the same in both."""
    double = initial_network(config_of(name), TASK).state_dict()
    single = initial_network(replace_dtype(config_of(name)), TASK).state_dict()
    for key, tensor in double.items():
        assert single[key].dtype == torch.float32
        assert torch.equal(single[key], tensor.float())


def replace_dtype(config: RunConfig) -> RunConfig:
    return config.replace("dtype", "float32")


# Pruning


@every_network_with_neurons
def test_pruned_weights_are_an_ablation_by_hook(name):
    network = random_network(name)
    before = arrays(network)
    keep = np.random.default_rng(11).random(network.width) < 0.6
    assert 0 < keep.sum() < network.width
    for layer in range(len(network.layers)):
        pruned = prune(network, keep, layer)

        def ablate(values, hook):
            return values * torch.as_tensor(keep)

        hook = (f"blocks.{layer}.mlp.hook_post", ablate)
        expected = network.run_with_hooks(PAIRS, fwd_hooks=[hook])
        assert (expected - network(PAIRS)).abs().max() > 1e-3, "the neurons matter"
        same(pruned(PAIRS), expected)
        same(pruned.logits(PAIRS), expected)
        _, cache = pruned.run_with_cache(PAIRS)
        assert (cache[f"blocks.{layer}.mlp.hook_post"][..., ~keep] == 0).all()
    for key, array in arrays(network).items():
        np.testing.assert_array_equal(array, before[key], err_msg="the original is not changed")


def test_attention_only_has_nothing_to_prune():
    network = random_network("Transformer, attention only")
    with pytest.raises(ValueError, match=r"^layer: an attention-only network has no neurons; see"):
        prune(network, np.ones(8, dtype=bool))
