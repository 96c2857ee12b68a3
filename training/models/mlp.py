"""The two-layer network f(m, n) = W φ(U e_m + V e_n), with TransformerLens' names and hooks."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformer_lens import HookedRootModule
from transformer_lens.hook_points import HookPoint

from training.config import ActivationName, InitName, RunConfig
from training.models.activation import ACTIVATIONS
from training.randomness import stream
from training.tasks import Task


class HiddenLayer(nn.Module):
    """Weights into the neurons and the hook points on both sides of φ."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.W_in = nn.Parameter(torch.zeros(inputs, width))
        self.hook_pre = HookPoint()
        self.hook_post = HookPoint()


class Block(nn.Module):
    """A block that holds nothing but its MLP; it gives the parameters TransformerLens' paths."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.mlp = HiddenLayer(inputs, width)


class Unembed(nn.Module):
    """Weights from the neurons to the logits."""

    def __init__(self, width: int, answers: int) -> None:
        super().__init__()
        self.W_U = nn.Parameter(torch.zeros(width, answers))


class MLP(HookedRootModule):
    """f(m, n) = W φ(U e_m + V e_n), no biases (Doshi et al. 2024, Eq. 1).

    Operands are looked up, never multiplied as one-hot vectors. Parameters:

        blocks.0.mlp.W_in   [2p, N]  rows 0 … p−1 are Uᵀ, rows p … 2p−1 are Vᵀ
        unembed.W_U         [N, p]   Wᵀ

    Hook points: ``blocks.0.mlp.hook_pre`` and ``blocks.0.mlp.hook_post``, both (pair, N).

    Args:
        task: the operation and modulus; a network knows what its residues mean.
        width: N, number of neurons.
        activation: name of φ.
    """

    hook_post_name = "blocks.0.mlp.hook_post"

    def __init__(self, task: Task, width: int, activation: ActivationName = "square") -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"model.width: expected at least 1 neuron, got {width}")
        self.task, self.width, self.activation = task, width, activation
        self.blocks = nn.ModuleList([Block(2 * task.p, width)])
        self.unembed = Unembed(width, task.p)
        self.setup()

    @property
    def layer(self) -> HiddenLayer:
        """The hidden layer."""
        layer = self.blocks[0].mlp
        assert isinstance(layer, HiddenLayer)
        return layer

    def hidden(self, pairs: Int[Tensor, "pair 2"]) -> Float[Tensor, "pair neuron"]:
        """Activations of the neurons, φ(U e_m + V e_n)."""
        u, v = self.layer.W_in.view(2, self.task.p, self.width)
        pre = self.layer.hook_pre(u[pairs[:, 0]] + v[pairs[:, 1]])
        post: Tensor = self.layer.hook_post(ACTIVATIONS[self.activation].value(pre))
        return post

    def forward(self, pairs: Int[Tensor, "pair 2"]) -> Float[Tensor, "pair answer"]:
        """Logits of every answer for each pair of operands."""
        return self.hidden(pairs) @ self.unembed.W_U

    def curves(self) -> Float[np.ndarray, "curve neuron residue"]:
        """U, V and Wᵀ stacked, in float64: each neuron over both operands and over the answers."""
        with torch.no_grad():
            u, v = self.layer.W_in.double().T.reshape(self.width, 2, self.task.p).unbind(1)
            stacked = torch.stack([u, v, self.unembed.W_U.double()])
        return stacked.cpu().numpy()

    def set_curves(self, curves: Float[np.ndarray, "3 neuron residue"]) -> None:
        """Writes U, V and Wᵀ, as :meth:`curves` returns them."""
        u, v, w = torch.from_numpy(np.ascontiguousarray(curves))
        with torch.no_grad():
            self.layer.W_in.copy_(torch.cat([u, v], dim=1).T)
            self.unembed.W_U.copy_(w)


def initial_scales(width: int, p: int, init: InitName) -> tuple[float, float]:
    """Standard deviations of the initial input and output weights.

    ``paper``: (16N)^(-1/3) for both (Doshi et al. 2024, app. A). ``he``: sqrt(2 / fan-in), with
    2p one-hot inputs.
    """
    if init == "paper":
        scale = (16 * width) ** (-1 / 3)
        return scale, scale
    return (2 / (2 * p)) ** 0.5, (2 / width) ** 0.5


def empty_network(config: RunConfig, task: Task) -> MLP:
    """The network that a configuration describes, with zero weights, in its precision."""
    network = MLP(task, config.model.width, config.model.activation)
    return network.to(getattr(torch, config.dtype))


def initial_network(config: RunConfig, task: Task) -> MLP:
    """The network at step 0; drawn on the CPU in float64, so a seed means the same everywhere."""
    width, p = config.model.width, task.p
    scale_in, scale_out = initial_scales(width, p, config.model.init)
    curves = stream(config.seed_of("weights"), "weights").normal(size=(3, width, p))
    network = empty_network(config, task)
    network.set_curves(curves * np.array([scale_in, scale_in, scale_out])[:, None, None])
    return network
