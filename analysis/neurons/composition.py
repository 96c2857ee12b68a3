"""Curves of any network's neurons: linear maps from operands to neuron, from neuron to answers.

An MLP's are read from its weights (see ``weights``). A Transformer's are composed as these are, its
attention the mean pattern over all pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch

import numpy as np
import torch
from einops import einsum
from jaxtyping import Float
from torch import Tensor

from interp.analysis.neurons.additive import adapted_curves
from interp.analysis.neurons.curves import Curves, together
from interp.analysis.neurons.origin import ReadCurves
from interp.analysis.neurons.weights import check_layer, mlp_curves
from interp.training.evaluation import in_float64
from interp.training.models.adapted import Adapted
from interp.training.models.arrays import MLPArrays
from interp.training.models.blocks import TransformerBlock
from interp.training.models.layers.norm import LayerNorm
from interp.training.models.mlp import MLP
from interp.training.models.network import Network, undefined
from interp.training.models.transformer import Transformer

Map = Float[Tensor, "residue feature"]
Answers = Float[Tensor, "neuron answer"]


@torch.no_grad()
def neuron_curves(network: Network, layer: int = 0) -> Curves:
    """Each neuron of a hidden layer over the first operand, the second and the answers.

    One array (3, neuron, residue), or three of which the last is longer or shorter, where there
    are not as many answers as operands.

    Args:
        network: not changed.
        layer: which hidden layer.

    Raises:
        ValueError: if the network has no such layer.
    """
    return read_curves(network, layer).values


@torch.no_grad()
def read_curves(network: Network, layer: int = 0) -> ReadCurves:
    """As :func:`neuron_curves`, with how they came about."""
    check_layer(network, layer)
    return _curves(in_float64(network), layer)


@singledispatch
def _curves(network: Network, layer: int) -> ReadCurves:
    """Of a network in float64: its weights, or composed of them."""
    first, second, answer = _composed(network, layer)
    return ReadCurves(together([one.cpu().numpy() for one in (first.T, second.T, answer)]))


_curves.register(Adapted)(adapted_curves)


@torch.no_grad()
def neuron_paths(network: Network, layer: int = 0) -> Mapping[str, Float[np.ndarray, "n residue"]]:
    """A Transformer's curves one path at a time, each at full attention.

    ``direct`` is the embedding of the last position's own token; ``head h`` is what head h of the
    same block writes when it attends to the token alone; with a vocabulary an operand these are
    ``head h, first`` and ``head h, second``. Empty for an MLP, which has one path.
    """
    check_layer(network, layer)
    return _paths(in_float64(network), layer)


@singledispatch
def _composed(network: Network, layer: int) -> tuple[Map, Map, Answers]:
    """Maps from both operands, (residue, neuron), and to the answers, (neuron, residue)."""
    raise undefined("curves", network)


@_curves.register(MLP)
def _of_mlp(network: MLP, layer: int) -> ReadCurves:
    return mlp_curves(MLPArrays.of(network), layer)


@_composed.register(Transformer)
def _transformer_composed(network: Transformer, layer: int) -> tuple[Map, Map, Answers]:
    patterns = mean_patterns(network)
    inputs = _transformer_inputs(network, layer, patterns)
    return *inputs, _transformer_answers(network, layer, patterns)


@singledispatch
def _paths(network: Network, layer: int) -> Mapping[str, Float[np.ndarray, "n residue"]]:
    """None but the whole, unless the kind of network has several."""
    return {}


@_paths.register(Transformer)
def _transformer_paths(
    exact: Transformer, layer: int
) -> Mapping[str, Float[np.ndarray, "n residue"]]:
    block = exact.blocks[layer]
    own = exact.operand_rows(1)
    paths = {} if exact.model.equals_token else {"direct": _normed(own, block.ln2)}
    for head in range(block.attn.W_V.shape[0]):
        for words, rows in _tables(exact).items():
            paths[f"head {head}{words}"] = _normed(
                _normed(rows, block.ln1) @ block.attn.W_V[head] @ block.attn.W_O[head], block.ln2
            )
    w_in = exact.layers[layer].W_in
    return {name: (rows @ w_in).T.cpu().numpy() for name, rows in paths.items()}


def _tables(network: Transformer) -> dict[str, Map]:
    """The embedding's rows of the residues, by which operand's they are where that matters."""
    if network.model.vocabulary == "shared":
        return {"": network.operand_rows(0)}
    return {", first": network.operand_rows(0), ", second": network.operand_rows(1)}


@torch.no_grad()
def mean_patterns(network: Transformer) -> list[Float[Tensor, "head query source"]]:
    """Attention of each block, averaged over all pairs of operands."""
    pairs = torch.as_tensor(network.task.pairs)
    _, cache = network.run_with_cache(pairs, names_filter=lambda name: "hook_pattern" in name)
    return [cache[f"blocks.{i}.attn.hook_pattern"].mean(0) for i in range(len(network.blocks))]


def _normed(rows: Map, norm: LayerNorm | None) -> Map:
    return rows if norm is None else (rows - rows.mean(dim=-1, keepdim=True)) * norm.w


def _attention(block: TransformerBlock, rows: Map, weights: Float[Tensor, " head"]) -> Map:
    """What the heads write about rows of the residual stream, weighted by their attention."""
    normed = _normed(rows, block.ln1)
    return einsum(
        normed,
        block.attn.W_V,
        block.attn.W_O,
        weights,
        "row d_model, head d_model d_head, head d_head written, head -> row written",
    )


def _attended(
    block: TransformerBlock,
    streams: list[Map],
    pattern: Float[Tensor, "head source"],
    own: Map,
) -> Map:
    """A position's stream after attention to all positions by a fixed pattern."""
    for source, rows in enumerate(streams):
        own = own + _attention(block, rows, pattern[:, source])
    return own


def _transformer_inputs(
    network: Transformer, layer: int, patterns: list[Tensor]
) -> tuple[Map, Map]:
    positions = network.pos_embed.W_pos.shape[0]
    of_operand = []
    for operand in range(2):
        embedding = network.operand_rows(operand)
        streams = [torch.zeros_like(embedding) for _ in range(positions)]
        streams[operand] = embedding
        for block, pattern in zip(network.blocks[: layer + 1], patterns, strict=False):
            streams = [
                own + sum(_attention(block, s, pattern[:, query, i]) for i, s in enumerate(streams))
                for query, own in enumerate(streams)
            ]
        of_operand.append(_normed(streams[-1], network.blocks[layer].ln2))
    w_in = network.layers[layer].W_in
    return of_operand[0] @ w_in, of_operand[1] @ w_in


def _transformer_answers(network: Transformer, layer: int, patterns: list[Tensor]) -> Answers:
    rows: Tensor = network.read_by(layer)
    for block, pattern in zip(network.blocks[layer + 1 :], patterns[layer + 1 :], strict=True):
        rows = rows + _attention(block, rows, pattern[:, -1, -1])
    return _normed(rows, network.ln_final) @ network.read_out
