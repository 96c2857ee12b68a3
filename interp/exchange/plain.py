"""Networks out as plain state dicts, in layouts that other code reads."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import singledispatch
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from interp.training.models.layers.attention import Attention
from interp.training.models.layers.norm import BatchNorm, LayerNorm
from interp.training.models.mlp import MLP
from interp.training.models.network import Network
from interp.training.models.transformer import Transformer
from interp.training.runs.files import check_place, write_bytes

SUFFIXES = (".safetensors", ".pth", ".pt", ".npz")


def plain_state(network: Network) -> dict[str, Tensor]:
    """The network's tensors under names that other code knows; copies, on the CPU.

    - a two-layer MLP without biases: the paper authors' ``fc1.weight`` (N × 2p), ``fc2.weight``
      (p × N) and ``norm1.*``;
    - another MLP: torch's ``layers.l.weight`` (outputs × inputs), ``layers.l.bias``,
      ``norms.l.*``, as ``nn.Linear``, ``nn.BatchNorm1d`` and ``nn.LayerNorm`` have them;
    - a Transformer: HookedTransformer's names and shapes, which are this project's. Its attention
      scores are divided by √d_head: another scale is in the queries; and a tied network's
      unembedding is written out.

    A fixed multiplier of the logits is in the last matrix.

    :func:`interp.import_checkpoint` reads all of them.
    """
    named = dict(_named(network))
    return {name: one.detach().cpu().clone().contiguous() for name, one in named.items()}


@singledispatch
def _named(network: Network) -> Iterator[tuple[str, Tensor]]:
    """Tensors by the names that other code knows; this project's own where there are none."""
    yield from network.state_dict().items()


@_named.register(Transformer)
def _named_transformer(network: Transformer) -> Iterator[tuple[str, Tensor]]:
    output = network.model.logit_scale
    for name, one in network.state_dict().items():
        if name.endswith((".attn.W_Q", ".attn.b_Q")):
            attention = network.get_submodule(name.rpartition(".")[0])
            assert isinstance(attention, Attention)
            one = one * (network.model.head_width**0.5 / attention.scale)
        yield name, one * output if name == "unembed.b_U" else one
    yield "unembed.W_U", network.read_out  # in the place of the one above


@_named.register(MLP)
def _named_mlp(network: MLP) -> Iterator[tuple[str, Tensor]]:
    yield from _authors(network) if _is_authors(network) else _layers(network)


def _is_authors(network: MLP) -> bool:
    model = network.model
    post = model.norm == "none" or model.norm_at == "post"
    return model.depth == 2 and not model.bias and post and model.phi == "square"


def _authors(network: MLP) -> Iterator[tuple[str, Tensor]]:
    (layer,) = network.layers
    yield "fc1.weight", layer.W_in.T
    yield "fc2.weight", network.read_out.T
    yield from _norm("norm1", layer.norm)


def _layers(network: MLP) -> Iterator[tuple[str, Tensor]]:
    for index, layer in enumerate(network.layers):
        yield f"layers.{index}.weight", layer.W_in.T
        if layer.b_in is not None:
            yield f"layers.{index}.bias", layer.b_in
        yield from _norm(f"norms.{index}", layer.norm)
    last = len(network.layers)
    yield f"layers.{last}.weight", network.read_out.T
    if network.unembed.b_U is not None:
        yield f"layers.{last}.bias", network.unembed.b_U * network.model.logit_scale


def _norm(prefix: str, norm: BatchNorm | LayerNorm | None) -> Iterator[tuple[str, Tensor]]:
    if norm is None:
        return
    yield f"{prefix}.weight", norm.w
    yield f"{prefix}.bias", norm.b
    if isinstance(norm, BatchNorm):
        yield f"{prefix}.running_mean", norm.mean
        yield f"{prefix}.running_var", norm.var


def write_state(network: Network, path: Path | str) -> dict[str, Tensor]:
    """Writes :func:`plain_state` to a file, in one step.

    Args:
        network: not changed.
        path: ends in .safetensors, .pth, .pt or .npz.

    Returns:
        What was written.

    Raises:
        ValueError: if the name has another ending, or the folder does not exist.
    """
    path = Path(path)
    check_place("export", path, *SUFFIXES)
    state = plain_state(network)
    write_bytes(path, _content(state, path.suffix.lower()))
    return state


def _content(state: dict[str, Tensor], suffix: str) -> bytes:
    if suffix == ".safetensors":
        content: bytes = safetensors.torch.save(state)
        return content
    buffer = io.BytesIO()
    if suffix == ".npz":
        np.savez(buffer, allow_pickle=False, **{name: one.numpy() for name, one in state.items()})
    else:
        torch.save(state, buffer)
    return buffer.getvalue()
