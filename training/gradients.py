"""The gradient of a full-batch step, written by hand into preallocated buffers."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from training.config import LossName
from training.models.activation import ACTIVATIONS
from training.models.mlp import MLP

# Activations taken at a time: few enough to stay in the cache from one product to the next.
_BLOCK_VALUES = 2**20


@dataclass(frozen=True)
class _Block:
    """Some rows of the training set: where their operands and labels are, and back."""

    first: Int[Tensor, " pair"]
    second: Int[Tensor, " pair"]
    label_at: Int[Tensor, " pair"]
    minus_one: Float[Tensor, " pair"]
    incidence: Tensor

    def __len__(self) -> int:
        return len(self.first)


class MLPGradients:
    """Loss and gradients of the two-layer network on a fixed set of examples.

    Four things make this faster than one-hot inputs under autograd, and all are exact: operands
    are looked up instead of multiplied; every large tensor is allocated once; the gradient
    of the operand tables is a product with a sparse 0/1 matrix; and examples pass through in
    blocks that fit in the cache. Three dense matrix products remain. Nothing is drawn at random,
    and sums have a fixed order.

    Args:
        network: trained in place by whoever steps the optimizer; its ``.grad`` fields are set up.
        pairs: (pair, 2) operands of the training examples.
        labels: (pair,) the labels they were given.
        loss: name of the loss.
    """

    def __init__(
        self,
        network: MLP,
        pairs: Int[np.ndarray, "pair 2"],
        labels: Int[np.ndarray, " pair"],
        loss: LossName,
    ) -> None:
        p, count = network.task.p, len(pairs)
        self._w_in, self._w_out = network.layer.W_in, network.unembed.W_U
        for weight in (self._w_in, self._w_out):
            weight.grad = torch.zeros_like(weight)
        self._activation = ACTIVATIONS[network.activation]
        self._loss = loss
        blocks = min(count, -(-count * network.width // _BLOCK_VALUES))
        self._blocks = [
            self._block(pairs[rows], labels[rows], p)
            for rows in np.array_split(np.arange(count), blocks)
        ]
        rows, new = len(self._blocks[0]), self._w_in.new_empty
        self._pre, self._post = new(rows, network.width), new(rows, network.width)
        self._logits = new(rows, p)
        # d(mean loss) is this times the gradient that _logits_to_gradient leaves behind.
        self._scale = 2 / (count * p) if loss == "mse" else 1 / count
        self._terms = count * p if loss == "mse" else count

    def _block(self, pairs: np.ndarray, labels: np.ndarray, p: int) -> _Block:
        first, second = torch.as_tensor(pairs[:, 0]), torch.as_tensor(pairs[:, 1] + p)
        return _Block(
            first,
            second,
            torch.as_tensor(np.arange(len(pairs)) * p + labels),
            self._w_in.new_full((len(pairs),), -1),
            _incidence(first, second, 2 * p, self._w_in.dtype),
        )

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
        self._activation.into(pre, post)
        torch.mm(post, w_out, out=logits)
        loss = self._logits_to_gradient(logits, block)
        torch.addmm(w_out.grad, post.T, logits, alpha=self._scale, out=w_out.grad)
        grad_pre = torch.mm(logits, w_out.T, out=post)
        self._activation.backward(grad_pre, pre)
        torch.addmm(w_in.grad, block.incidence, grad_pre, alpha=self._scale, out=w_in.grad)
        return loss

    def _logits_to_gradient(
        self, logits: Float[Tensor, "pair answer"], block: _Block
    ) -> Float[Tensor, ""]:
        """Turns logits into the gradient with respect to them, up to a constant factor."""
        flat = logits.view(-1)
        if self._loss == "mse":
            flat.index_add_(0, block.label_at, block.minus_one)
            return torch.dot(flat, flat)
        labelled = flat[block.label_at]
        loss = (torch.logsumexp(logits.double(), dim=1) - labelled.double()).sum()
        torch.softmax(logits, dim=1, out=logits)
        # p(label) − 1 rounds to zero once the network is sure, and training stops in float32
        # ("softmax collapse"); minus the sum of the others is the same number and does not.
        flat[block.label_at] = 0
        flat[block.label_at] = -logits.sum(dim=1)
        return loss


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
