"""The gradient of a full-batch step, written by hand into preallocated buffers."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.training.config.run_config import RunConfig
from interp.training.losses.loss import LOSSES
from interp.training.models.layers.activation import ACTIVATIONS
from interp.training.models.layers.noise import Noise
from interp.training.models.network import Network
from interp.training.trainer.batches import Examples

# Activations taken at a time: few enough to stay in the cache from one product to the next.
_BLOCK_VALUES = 2**20


@dataclass(frozen=True)
class _Block:
    """Some rows of the training set: where their operands and labels are, and back."""

    start: int
    first: Int[Tensor, " pair"]
    second: Int[Tensor, " pair"]
    label_at: Int[Tensor, " pair"]
    incidence: Tensor

    def __len__(self) -> int:
        return len(self.first)


class MLPGradients:
    """Loss and gradients of the plain two-layer network on a fixed set of examples.

    Four things make this faster than one-hot inputs under autograd, and all are exact: operands
    are looked up instead of multiplied; every large tensor is allocated once; the gradient
    of the operand tables is a product with a sparse 0/1 matrix; and examples pass through in
    blocks that fit in the cache. Three dense matrix products remain. Nothing is drawn at random,
    and sums have a fixed order.

    Args:
        network: two layers, no norm, no biases; its ``.grad`` fields are set up here.
        examples: of one run, all at once.
        loss: name of the loss.
        noise: dropout of the step.
    """

    def __init__(
        self, network: Network, examples: Examples, loss: str, noise: Noise | None = None
    ) -> None:
        q, count = network.task.n_answers, examples.count
        self._layer, self._noise = network.layers[0], noise
        self._w_in, self._w_out = self._layer.W_in, network.read_by(0)
        for weight in (self._w_in, self._w_out):
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        phi, row = ACTIVATIONS[self._layer.activation], LOSSES[loss]
        assert phi.into is not None and phi.backward is not None
        self._phi_into, self._phi_backward = phi.into, phi.backward
        self._loss_into_gradient = row.into_gradient
        blocks = min(count, -(-count * network.width // _BLOCK_VALUES))
        self._blocks = [
            self._block(examples, rows, network.task.p)
            for rows in np.array_split(np.arange(count), blocks)
        ]
        rows, new = len(self._blocks[0]), self._w_in.new_empty
        self._pre, self._post = new(rows, network.width), new(rows, network.width)
        self._logits = new(rows, q)
        self._output = network.model.logit_scale
        self._scale, self._terms = row.scale(count, q) * self._output, row.terms(count, q)

    @staticmethod
    def fits(config: RunConfig) -> bool:
        """Whether the network and the way of training are those that this is written for."""
        model = config.model
        plain = model.row.by_hand(model) and ACTIVATIONS[model.phi].by_hand
        return plain and config.optimizer.batch_size is None

    def _block(self, examples: Examples, rows: np.ndarray, p: int) -> _Block:
        span = slice(int(rows[0]), int(rows[-1]) + 1)
        pairs = examples.pairs[span]
        first, second = pairs[:, 0].contiguous(), pairs[:, 1] + p
        places = examples.label_at[span] - span.start * examples.answers
        incidence = _incidence(first, second, 2 * p, self._w_in.dtype)
        return _Block(span.start, first, second, places, incidence)

    @torch.no_grad()
    def __call__(self) -> Float[Tensor, ""]:
        """Fills the parameters' ``.grad`` and returns the mean loss at the current weights."""
        assert self._w_in.grad is not None and self._w_out.grad is not None
        self._w_in.grad.zero_()
        self._w_out.grad.zero_()
        return torch.stack([self._add(block) for block in self._blocks]).sum() / self._terms

    def _add(self, block: _Block) -> Float[Tensor, ""]:
        """Adds a block to the gradients; returns the sum of its losses."""
        w_in, w_out, rows = self._w_in, self._w_out, len(block)
        assert w_in.grad is not None and w_out.grad is not None
        pre, post, logits = self._pre[:rows], self._post[:rows], self._logits[:rows]
        torch.index_select(w_in, 0, block.first, out=pre)
        torch.index_select(w_in, 0, block.second, out=post)
        pre.add_(post)
        dropped = self._dropped(block)
        before, after = (dropped, None) if self._layer.dropout_at == "pre" else (None, dropped)
        _times(pre, before)
        self._phi_into(pre, post)
        _times(post, after)
        torch.mm(post, w_out, out=logits)
        if self._output != 1:
            logits.mul_(self._output)
        loss: Tensor = self._loss_into_gradient(logits, block.label_at)
        torch.addmm(w_out.grad, post.T, logits, alpha=self._scale, out=w_out.grad)
        grad_pre = torch.mm(logits, w_out.T, out=post)
        _times(grad_pre, after)
        self._phi_backward(grad_pre, pre)
        _times(grad_pre, before)
        torch.addmm(w_in.grad, block.incidence, grad_pre, alpha=self._scale, out=w_in.grad)
        return loss

    def _dropped(self, block: _Block) -> Float[Tensor, "pair neuron"] | None:
        if self._noise is None or not self._noise.active:
            return None
        width, dtype = self._w_in.shape[1], self._w_in.dtype
        return self._noise.factor(len(block), width, 0, dtype, first=block.start)


def _times(values: Float[Tensor, "pair neuron"], factor: Tensor | None) -> None:
    if factor is not None:
        values.mul_(factor)


def _incidence(
    first: Int[Tensor, " pair"], second: Int[Tensor, " pair"], rows: int, dtype: torch.dtype
) -> Tensor:
    """The 0/1 matrix (2p, pair) that sums example gradients into the rows they were read from."""
    count = len(first)
    where = torch.stack([torch.cat([first, second]), torch.arange(count).repeat(2)])
    with warnings.catch_warnings():
        # torch says once a process that sparse CSR is in beta and unchecked; the indices are ours.
        warnings.simplefilter("ignore", UserWarning)
        ones = torch.ones(2 * count, dtype=dtype)
        return torch.sparse_coo_tensor(where, ones, (rows, count)).to_sparse_csr()
