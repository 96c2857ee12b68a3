"""A hidden layer: its weights, norm, dropout and hook points."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interp.training.config.sections import ModelConfig, NormName
from interp.training.models.hooks import HookPoint
from interp.training.models.layers.activation import checked
from interp.training.models.layers.noise import Noise
from interp.training.models.layers.norm import BatchNorm, LayerNorm

Neurons = Float[Tensor, "*run example neuron"]


def with_bias(values: Tensor, bias: Tensor | None) -> Tensor:
    """Rows plus a bias, where there is one; both may have a leading run axis."""
    return values if bias is None else values + bias.unsqueeze(-2)


class HiddenLayer(nn.Module):
    """Neurons between two matrices: pre → [norm] → [dropout] → φ → [norm] → [dropout] → post.

    Norm and dropout stand where their ``_at`` says. Parameters: ``W_in`` [inputs, N], ``b_in``
    [N] if asked, and ``norm.w``, ``norm.b`` [N]. Hook points: ``hook_pre`` (what the matrix
    gives), ``hook_mid`` (φ, if a norm follows) and ``hook_post`` (what the next matrix gets).

    Args:
        inputs: of each neuron.
        neurons: N.
        index: of the layer, counted from 0.
        norm: of the neurons, which in a Transformer is not every norm of the model.
        model: its φ, biases, and the places of norm and dropout.

    Raises:
        ValueError: if φ does not keep the shape of what it is given.
    """

    def __init__(
        self, inputs: int, neurons: int, index: int, norm: NormName, model: ModelConfig
    ) -> None:
        super().__init__()
        self.activation, self.index = model.phi, index
        self._phi = checked(model.phi, torch.zeros(2, neurons))
        self.norm_at, self.dropout_at = model.norm_at, model.dropout_at
        self.W_in = nn.Parameter(torch.zeros(inputs, neurons))
        self.b_in = nn.Parameter(torch.zeros(neurons)) if model.bias else None
        self.norm: BatchNorm | LayerNorm | None = None
        if norm != "none":
            self.norm = (BatchNorm if norm == "batch" else LayerNorm)(neurons)
        self.hook_pre = HookPoint()
        self.hook_mid = HookPoint()
        self.hook_post = HookPoint()

    @property
    def width(self) -> int:
        """Number of neurons."""
        return self.W_in.shape[-1]

    def forward(self, pre: Neurons, noise: Noise | None = None) -> Neurons:
        """From what the matrix gives, without bias, to what the next matrix gets."""
        values = self.hook_pre(with_bias(pre, self.b_in))
        if self.norm is not None and self.norm_at == "pre":
            values = self.norm(values, noise)
        if noise is not None and self.dropout_at == "pre":
            values = noise.drop(values, self.index)
        values = self._phi(values)
        if self.norm is not None and self.norm_at == "post":
            values = self.norm(self.hook_mid(values), noise)
        if noise is not None and self.dropout_at == "post":
            values = noise.drop(values, self.index)
        post: Tensor = self.hook_post(values)
        return post
