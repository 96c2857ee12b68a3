"""Networks in other people's tools: the same logits, the same activations."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from interp.exchange import to_bridge
from interp.training.config.sections import ModelConfig
from interp.training.models.mlp import MLP
from interp.training.models.transformer import Transformer
from interp.training.tasks.task import make_task

TASK = make_task("x + y", 11)
# Sizes that differ from one another, so that no transposition goes unseen.
SIZES: dict[str, Any] = {"kind": "transformer", "d_model": 12, "n_heads": 3, "d_mlp": 20}
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "causal": {"attention": "causal"},
    "equals": {"equals_token": True},
    "causal, equals": {"attention": "causal", "equals_token": True},
    "two blocks": {"n_layers": 2},
    "two blocks, causal, equals": {"n_layers": 2, "attention": "causal", "equals_token": True},
    "bias": {"bias": True},
    "layer norm": {"norm": "layer"},
    "two blocks, bias, layer norm": {"n_layers": 2, "bias": True, "norm": "layer"},
    "tied": {"tied": True},
    "tied, equals, bias": {"tied": True, "equals_token": True, "bias": True},
    "attention only": {"d_mlp": 0},
    "attention only, two blocks, bias, layer norm": {
        "d_mlp": 0,
        "n_layers": 2,
        "bias": True,
        "norm": "layer",
    },
    "gelu": {"activation": "gelu"},
    "square": {"activation": "square"},
    "two blocks, square, layer norm": {"n_layers": 2, "activation": "square", "norm": "layer"},
    "mup": {"init": "mup"},
    "one dimension a head": {"n_heads": 12, "init": "mup"},
    "dropout": {"dropout": 0.5},
}
# What an import does not read back as it was: multipliers are folded, and so on.
ONE_WAY: dict[str, dict[str, Any]] = {
    **VARIANTS,
    "wide heads, bias, mup": {"d_head": 7, "bias": True, "init": "mup"},
    "two vocabularies, equals": {"vocabulary": "operand", "equals_token": True},
    "output scale, bias": {"output_scale": 0.25, "bias": True},
    "output scale, tied": {"output_scale": 0.25, "tied": True},
    "gelu by its approximation": {"activation": "gelu_tanh"},
    "silu": {"activation": "silu"},
    "cube": {"activation": "cube"},
    "doshi, exponent 1, tied": {"init": "doshi", "exponent": 1.0, "tied": True},
}
# A bridge sums in another order. Relative to the greatest value; measured for the logits of all
# variants: 5e-7 in float32, 5e-15 in float64.
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-13}
SHARED = (
    "attn.hook_q",
    "attn.hook_k",
    "attn.hook_v",
    "attn.hook_pattern",
    "attn.hook_z",
    "hook_attn_out",
    "mlp.hook_pre",
    "mlp.hook_post",
    "hook_mlp_out",
    "hook_resid_post",
)


def random_transformer(dtype: torch.dtype = torch.float64, **changes: Any) -> Transformer:
    """Every parameter drawn, biases and norms included."""
    network = Transformer(TASK, ModelConfig(**{**SIZES, **changes})).to(dtype)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(0.5 * torch.randn(weight.shape, generator=random, dtype=torch.float64))
    return network


def pairs() -> torch.Tensor:
    return torch.as_tensor(TASK.pairs)


def assert_same(found: torch.Tensor, expected: torch.Tensor) -> None:
    """Equal to rounding, in the expected precision."""
    allowed = TOLERANCE[expected.dtype] * expected.detach().abs().max().item()
    torch.testing.assert_close(found, expected, rtol=0, atol=allowed)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("variant", ONE_WAY)
def test_a_bridge_has_the_same_logits(variant, dtype):
    network = random_transformer(dtype, **ONE_WAY[variant])
    logits = to_bridge(network)(network.tokens(pairs()))[:, -1]
    assert logits.shape == (121, 11)
    assert_same(logits, network(pairs()))


@pytest.mark.parametrize("variant", ONE_WAY)
def test_a_bridge_has_the_same_activations(variant):
    network = random_transformer(**ONE_WAY[variant])
    _, ours = network.run_with_cache(pairs())
    _, theirs = to_bridge(network).run_with_cache(network.tokens(pairs()))
    has_neurons = bool(network.model.d_mlp)
    for index in range(network.model.n_layers):
        for name in SHARED:
            if has_neurons or "mlp" not in name:
                hook = f"blocks.{index}.{name}"
                assert_same(theirs[hook], ours[hook])


@pytest.mark.parametrize("variant", ["two blocks, square, layer norm", "equals"])
def test_a_hook_on_the_bridge_does_what_it_does_on_the_network(variant):
    network = random_transformer(**ONE_WAY[variant])

    def ablate(post, hook):
        post[:, :, 3] = 0
        return post

    hooks = [("blocks.0.mlp.hook_post", ablate)]
    ours = network.run_with_hooks(pairs(), fwd_hooks=hooks)
    theirs = to_bridge(network).run_with_hooks(network.tokens(pairs()), fwd_hooks=hooks)
    assert_same(theirs[:, -1], ours)
    assert (ours - network(pairs())).abs().max() > 0.01


def test_the_two_hook_points_that_differ_are_those_of_the_docstring():
    network = random_transformer(norm="layer", attention="causal")
    _, ours = network.run_with_cache(pairs())
    _, theirs = to_bridge(network).run_with_cache(network.tokens(pairs()))
    norm = network.blocks[0].ln1
    shown = theirs["blocks.0.ln1.hook_normalized"] * norm.w + norm.b
    assert_same(shown, ours["blocks.0.ln1.hook_normalized"])
    assert_same(theirs["blocks.0.attn.hook_attn_scores"], ours["blocks.0.attn.hook_pattern"])


def test_training_a_bridge_leaves_the_network_alone():
    network = random_transformer(bias=True)
    before = network(pairs()).detach()
    bridge = to_bridge(network)
    bridge(network.tokens(pairs())).square().sum().backward()
    names = {name for name, weight in bridge.named_parameters() if weight.grad is not None}
    assert any(name.startswith("head") and name.endswith("bias") for name in names)
    with torch.no_grad():
        for weight in bridge.parameters():
            weight.zero_()
    torch.testing.assert_close(network(pairs()), before, rtol=0, atol=0)
    assert all(weight.grad is None for weight in network.parameters())


def test_making_a_bridge_draws_from_no_random_stream_of_the_caller():
    network = random_transformer()
    before = torch.get_rng_state()
    to_bridge(network)
    torch.testing.assert_close(torch.get_rng_state(), before, rtol=0, atol=0)


def test_a_bridge_names_its_activation():
    assert to_bridge(random_transformer(activation="square")).cfg.act_fn == "square"
    assert to_bridge(random_transformer(activation="gelu")).cfg.act_fn == "gelu"


def test_what_a_bridge_cannot_express_is_refused():
    with pytest.raises(
        ValueError,
        match=r"^to_bridge: expected model.norm none or layer.*batch norm, got 'batch'$",
    ):
        to_bridge(random_transformer(norm="batch"))


def test_only_a_transformer_has_a_bridge():
    network: Any = MLP(TASK, ModelConfig(width=4))
    with pytest.raises(
        ValueError, match=r"^to_bridge: expected a Transformer, got a network of class MLP$"
    ):
        to_bridge(network)
