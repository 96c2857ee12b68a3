"""Networks out to other people's tools: a Transformer as a TransformerBridge."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn
from transformer_lens.config import TransformerBridgeConfig
from transformer_lens.model_bridge import TransformerBridge
from transformer_lens.model_bridge.sources.native import boot

from interp.training.arguments import told
from interp.training.models.arrays import NORM_EPS
from interp.training.models.blocks import TransformerBlock, TransformerMLP
from interp.training.models.layers.activation import ACTIVATIONS
from interp.training.models.layers.attention import Attention
from interp.training.models.transformer import Transformer

# The library's names of what it knows.
_ACTIVATIONS_THERE = {"relu": "relu", "gelu": "gelu", "gelu_tanh": "gelu_new", "silu": "silu"}
# From this project's matrices to torch's, (outputs × inputs) with heads side by side.
_FROM_HEADS = "head d_model d_head -> (head d_head) d_model"
_TO_STREAM = "head d_head d_model -> d_model (head d_head)"


def to_bridge(network: Transformer) -> TransformerBridge:
    """The network as TransformerLens' TransformerBridge, with a copy of its weights.

    ``bridge(network.tokens(pairs))[:, -1]``, (pair, answer), equals ``network(pairs)`` to
    rounding. Hook points of the same name see the same values, (pair, position, …), except two:
    the bridge's ``hook_normalized`` of a layer norm stands before its gain and bias, and its
    ``attn.hook_attn_scores`` shows the attention pattern. Precision and device are the network's.
    Biases that it lacks are zeros; a tied network's unembedding is a copy of its embedding; a
    multiplier of the logits is in the unembedding.

    Args:
        network: not changed.

    Raises:
        ValueError: for another kind of network, or one with batch norm on its neurons.
    """
    return _bridge(network)


@singledispatch
def _bridge(network: Any) -> TransformerBridge:
    kind = type(network).__name__
    came = f"a network of class {kind}" if isinstance(network, nn.Module) else told(network)
    raise ValueError(f"to_bridge: expected a Transformer, got {came}")


@_bridge.register(Transformer)
def _transformer_bridge(network: Transformer) -> TransformerBridge:
    _check(network)
    weight = network.embed.W_E
    bridge = boot(_config(network), device=weight.device, dtype=weight.dtype)
    if network.model.phi not in _ACTIVATIONS_THERE and network.model.d_mlp:
        _give_activation(bridge, network.model.phi)
    if network.unembed is not None and network.unembed.b_U is not None:
        # The library holds a constant there, which an optimizer would not see.
        bridge.unembed.original_component.bias = nn.Parameter(torch.zeros_like(network.unembed.b_U))
    given = dict(_weights(network))
    zeros = {name: torch.zeros_like(one) for name, one in bridge.state_dict().items()}
    lacking = {name: zero for name, zero in zeros.items() if name.endswith(".bias")}
    bridge.load_state_dict({**lacking, **given}, strict=True)
    return bridge


def _check(network: Transformer) -> None:
    if network.model.norm == "batch":
        raise ValueError(
            "to_bridge: expected model.norm none or layer, as a TransformerBridge has no batch "
            "norm, got 'batch'"
        )


def _config(network: Transformer) -> TransformerBridgeConfig:
    model = network.model
    attention = network.blocks[0].attn
    tokens, positions = len(network.embed.W_E), len(network.pos_embed.W_pos)
    return TransformerBridgeConfig(
        d_model=model.d_model,
        d_head=model.head_width,
        n_heads=model.n_heads,
        n_layers=model.n_layers,
        n_ctx=positions,
        d_vocab=tokens,
        d_vocab_out=network.task.n_answers,
        d_mlp=model.d_mlp or None,
        attn_only=not model.d_mlp,
        act_fn=_ACTIVATIONS_THERE.get(model.phi, "relu"),
        normalization_type="LN" if model.norm == "layer" else None,
        eps=NORM_EPS,
        attention_dir=model.attention,
        attn_scale=attention.scale,
        seed=0,  # with a seed the library leaves torch's own random stream alone
    )


def _give_activation(bridge: TransformerBridge, name: str) -> None:
    """Gives the neurons an activation that the library has no name for."""
    bridge.cfg.act_fn = name
    for block in bridge.blocks:
        block.mlp.original_component.act = ACTIVATIONS[name].value


def _weights(network: Transformer) -> Iterator[tuple[str, Tensor]]:
    """The bridge's names and its shapes, torch's: a matrix is (outputs, inputs)."""
    yield "embed.weight", network.embed.W_E
    yield "pos_embed.weight", network.pos_embed.W_pos
    for index, block in enumerate(network.blocks):
        for name, weight in _of_block(block):
            yield f"blocks.{index}.{name}", weight
    if network.ln_final is not None:
        yield from _of_norm("ln_final", network.ln_final)
    yield "unembed.weight", network.read_out.T
    if network.unembed is not None and network.unembed.b_U is not None:
        yield "unembed.bias", network.unembed.b_U * network.model.logit_scale


def _of_block(block: TransformerBlock) -> Iterator[tuple[str, Tensor]]:
    yield from _of_attention(block.attn)
    if block.mlp is not None:
        yield from _of_mlp(block.mlp)
    for name, norm in (("ln1", block.ln1), ("ln2", block.ln2)):
        if norm is not None:
            yield from _of_norm(name, norm)


def _of_attention(attention: Attention) -> Iterator[tuple[str, Tensor]]:
    for name in ("Q", "K", "V"):
        weight, bias = getattr(attention, f"W_{name}"), getattr(attention, f"b_{name}")
        yield f"attn.{name.lower()}.weight", rearrange(weight, _FROM_HEADS)
        if bias is not None:
            yield f"attn.{name.lower()}.bias", rearrange(bias, "head d_head -> (head d_head)")
    yield "attn.o.weight", rearrange(attention.W_O, _TO_STREAM)
    if attention.b_O is not None:
        yield "attn.o.bias", attention.b_O


def _of_mlp(mlp: TransformerMLP) -> Iterator[tuple[str, Tensor]]:
    for name in ("in", "out"):
        weight, bias = getattr(mlp, f"W_{name}"), getattr(mlp, f"b_{name}")
        yield f"mlp.{name}.weight", weight.T
        if bias is not None:
            yield f"mlp.{name}.bias", bias


def _of_norm(name: str, norm: Any) -> Iterator[tuple[str, Tensor]]:
    yield f"{name}.weight", norm.w
    yield f"{name}.bias", norm.b
