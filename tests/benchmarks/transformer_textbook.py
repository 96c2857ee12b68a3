"""The textbook Transformer and deeper MLPs that the project's are measured against.

Plain modules under autograd: the Transformer takes whole sequences, every position through
attention and MLP; the MLPs take one-hot operands.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from interp.exchange import to_bridge
from interp.training.models.mlp import MLP
from interp.training.models.transformer import Transformer


def tokens(pairs: np.ndarray, p: int) -> Tensor:
    """Operands as tokens, (pair, 2)."""
    del p
    return torch.as_tensor(pairs)


class TextbookTransformer(nn.Module):
    """One block of attention, with queries, keys and values from one matrix, and of a ReLU MLP.

    Args:
        network: its weights are copied; one block, no norm, no biases, two tokens.
    """

    def __init__(self, network: Transformer) -> None:
        super().__init__()
        model, p = network.model, network.task.p
        self.heads = model.n_heads
        self.embed = nn.Embedding(p, model.d_model)
        self.positions = nn.Embedding(2, model.d_model)
        self.qkv = nn.Linear(model.d_model, 3 * model.d_model, bias=False)
        self.out = nn.Linear(model.d_model, model.d_model, bias=False)
        self.up = nn.Linear(model.d_model, model.d_mlp, bias=False)
        self.down = nn.Linear(model.d_mlp, model.d_model, bias=False)
        self.unembed = nn.Linear(model.d_model, p, bias=False)
        self.to(network.embed.W_E)
        self._copy(network)

    @torch.no_grad()
    def _copy(self, network: Transformer) -> None:
        attn, mlp = network.blocks[0].attn, network.blocks[0].mlp
        assert mlp is not None
        self.embed.weight.copy_(network.embed.W_E)
        self.positions.weight.copy_(network.pos_embed.W_pos)
        qkv = [w.transpose(1, 2).flatten(0, 1) for w in (attn.W_Q, attn.W_K, attn.W_V)]
        self.qkv.weight.copy_(torch.cat(qkv))
        self.out.weight.copy_(attn.W_O.flatten(0, 1).T)
        self.up.weight.copy_(mlp.W_in.T)
        self.down.weight.copy_(mlp.W_out.T)
        self.unembed.weight.copy_(network.read_out.T)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits at the last position."""
        values = self.embed(inputs) + self.positions.weight
        values = values + self.attended(values)
        values = values + self.down(torch.relu(self.up(values)))
        return self.unembed(values[:, -1])

    def attended(self, values: Tensor) -> Tensor:
        pairs, positions, d_model = values.shape
        qkv = self.qkv(values).view(pairs, positions, 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        z = scores.softmax(dim=-1) @ v
        return self.out(z.transpose(1, 2).reshape(pairs, positions, d_model))


class BridgedTransformer(nn.Module):
    """A TransformerBridge of the network, read at the last position.

    Its biases, which the network has none of, are frozen at zero.
    """

    def __init__(self, network: Transformer) -> None:
        super().__init__()
        self.bridge = to_bridge(network)
        for name, weight in self.bridge.named_parameters():
            weight.requires_grad_(not name.endswith("bias"))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.bridge(inputs)[:, -1]


class Square(nn.Module):
    def forward(self, values: Tensor) -> Tensor:
        return values.square()


class TextbookMLP(nn.Sequential):
    """Linear layers with an activation, and batch norm after it, between them.

    Args:
        network: its weights are copied; no biases.
    """

    def __init__(self, network: MLP) -> None:
        model = network.model
        activation = Square if model.phi == "square" else nn.ReLU
        modules: list[nn.Module] = []
        for layer in network.layers:
            inputs, neurons = layer.W_in.shape
            modules += [nn.Linear(inputs, neurons, bias=False), activation()]
            if model.norm == "batch":
                modules.append(nn.BatchNorm1d(neurons))
        modules.append(nn.Linear(model.width, network.task.p, bias=False))
        super().__init__(*modules)
        self.to(network.unembed.W_U)
        self._copy(network)

    @torch.no_grad()
    def _copy(self, network: MLP) -> None:
        matrices = [*(layer.W_in for layer in network.layers), network.unembed.W_U]
        linear = [module for module in self if isinstance(module, nn.Linear)]
        for module, matrix in zip(linear, matrices, strict=True):
            module.weight.copy_(matrix.T)
        norms = [module for module in self if isinstance(module, nn.BatchNorm1d)]
        for module, layer in zip(norms, network.layers, strict=False):
            ours = layer.norm
            module.weight.copy_(ours.w)
            module.bias.copy_(ours.b)
            module.running_mean.copy_(ours.mean)
            module.running_var.copy_(ours.var)
