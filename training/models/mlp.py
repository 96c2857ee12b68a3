"""The multilayer perceptron, f(m, n) = W φ(U e_m + V e_n) and its deeper kin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interp.training.config.sections import ModelConfig
from interp.training.models.arrays import norm_of
from interp.training.models.blocks import Block, Unembed, check_operands, scaled
from interp.training.models.hooks import HookedRootModule
from interp.training.models.layers.hidden import HiddenLayer
from interp.training.models.layers.lookup import sum_of_rows
from interp.training.models.layers.noise import Noise
from interp.training.models.parts import cached_parts
from interp.training.tasks.task import Task


class MLP(HookedRootModule):
    """A network of ``depth`` matrices on two one-hot operands (Doshi et al. 2024, Eq. 1 for 2).

    Operands are looked up, never multiplied as one-hot vectors. Parameters:

        blocks.0.mlp.W_in   [2p, N]  rows 0 … p−1 are Uᵀ, rows p … 2p−1 are Vᵀ
        blocks.l.mlp.W_in   [N, N]   for l = 1 … depth − 2
        unembed.W_U         [N, q]   Wᵀ

    with q answers (p, but for a table) and, where asked, ``b_in`` [N], ``norm.w``, ``norm.b`` [N]
    of each layer and ``unembed.b_U`` [q]. Hook points of each layer: ``blocks.l.mlp.hook_pre`` and
    ``.hook_post``, (pair, N).

    A network evaluates; what training adds (dropout, statistics of the batch) is the argument
    ``noise``. Parameters may carry a leading ``run`` axis, of which the pairs then have one too.

    Args:
        task: the operation and modulus; a network knows what its residues mean.
        model: its section of a configuration.
    """

    def __init__(self, task: Task, model: ModelConfig) -> None:
        super().__init__()
        self.task, self.model = task, model
        inputs = [2 * task.p, *[model.width] * (model.depth - 2)]
        blocks = (
            Block(HiddenLayer(count, model.width, index, norm_of(model, index), model))
            for index, count in enumerate(inputs)
        )
        self.blocks = cast("Sequence[Block]", nn.ModuleList(blocks))
        self.unembed = Unembed(model.width, task.n_answers, model.bias, model.logit_scale)
        self.setup()

    @property
    def layers(self) -> list[HiddenLayer]:
        """The hidden layers, first to last."""
        return [block.mlp for block in self.blocks]

    @property
    def width(self) -> int:
        """N, neurons in each hidden layer."""
        return self.model.width

    @property
    def heads(self) -> list[tuple[int, int]]:
        """None: there is no attention."""
        return []

    @property
    def read_out(self) -> Float[Tensor, "*run neuron answer"]:
        """The matrix from the last hidden layer to the logits, with ``model.logit_scale``."""
        return self.unembed.matrix

    def set_curves(self, curves: Iterable[Float[np.ndarray, "neuron residue"]]) -> None:
        """Writes U, V and Wᵀ of the two-layer network.

        Each neuron's weights over both operands, and over the answers what it adds to them.
        """
        if self.model.depth != 2:
            raise ValueError(f"curves: expected a network of depth 2, got {self.model.depth}")
        u, v, w = (torch.from_numpy(np.ascontiguousarray(curve)) for curve in curves)
        with torch.no_grad():
            self.layers[0].W_in.copy_(torch.cat([u, v], dim=1).T)
            self.unembed.W_U.copy_(w / self.model.logit_scale)

    def forward(
        self, pairs: Int[Tensor, "*run pair 2"], noise: Noise | None = None
    ) -> Float[Tensor, "*run pair answer"]:
        """Logits of every answer for each pair of operands.

        Raises:
            IndexError: for an operand that is no residue.
        """
        check_operands(pairs, self.task.p)
        return self.logits(pairs, noise)

    def logits(
        self, pairs: Int[Tensor, "*run pair 2"], noise: Noise | None = None
    ) -> Float[Tensor, "*run pair answer"]:
        """As :meth:`forward`, for pairs that are known to be right."""
        parts = [pairs] if noise is not None else cached_parts(self, pairs, self.width)
        found = [self.unembed(self.post(part, len(self.blocks) - 1, noise)) for part in parts]
        return found[0] if len(found) == 1 else torch.cat(found)

    def post(
        self, pairs: Int[Tensor, "*run pair 2"], layer: int, noise: Noise | None = None
    ) -> Float[Tensor, "*run pair neuron"]:
        """Activations of a hidden layer's neurons, as the next matrix gets them."""
        first, *deeper = self.layers[: layer + 1]
        # Made where it is used: a copy from the host could not go into a CUDA graph.
        rows = pairs + self.task.p * torch.arange(2, device=pairs.device)
        values: Tensor = first(sum_of_rows(first.W_in, rows), noise)
        for one in deeper:
            values = one(values @ one.W_in, noise)
        return values

    def tail(
        self, pairs: Int[Tensor, "pair 2"], layer: int
    ) -> tuple[Float[Tensor, "pair neuron"], Callable[[Tensor], Tensor]]:
        """Activations of a hidden layer, and the function to the logits from what they write.

        What the neurons write is their activations times :meth:`read_by`.
        """

        def finish(written: Tensor) -> Tensor:
            for index in range(layer + 1, len(self.layers)):
                written = self.layers[index](written) @ self.read_by(index)
            return self.unembed.biased(scaled(written, self.model.logit_scale))

        return self._posts(pairs, layer), finish

    def _posts(self, pairs: Int[Tensor, "pair 2"], layer: int) -> Float[Tensor, "pair neuron"]:
        """As :meth:`post`, of many pairs with one contiguous row a neuron."""
        parts = cached_parts(self, pairs, self.width)
        if len(parts) == 1:
            return self.post(pairs, layer)
        rows = self.layers[layer].W_in.new_empty(self.layers[layer].width, len(pairs))
        for part, into in zip(parts, torch.split(rows, len(parts[0]), dim=1), strict=True):
            into.copy_(self.post(part, layer).T)
        return rows.T

    def read_by(self, layer: int) -> nn.Parameter:
        """The matrix that reads a hidden layer's neurons, one row a neuron."""
        return [*(one.W_in for one in self.layers), self.unembed.W_U][layer + 1]

    def readout(self, layer: int) -> Float[Tensor, "neuron answer"] | None:
        """What each neuron adds to the logits, times its activation; None if they are no sum."""
        return self.read_out if layer == len(self.layers) - 1 else None
