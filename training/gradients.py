"""The gradient of a full-batch step, written by hand into preallocated buffers."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from training.config import LossName
from training.models.activation import ACTIVATIONS
from training.models.mlp import MLP


class MLPGradients:
    """Loss and gradients of the two-layer network on a fixed set of examples.

    Three things make this faster than one-hot inputs under autograd, and all are exact: operands
    are looked up instead of multiplied; every large tensor is allocated once; and the gradient
    of the operand tables is one product with a sparse 0/1 matrix. Three dense matrix products
    remain. Nothing is drawn at random, and sums have a fixed order.

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
        new = self._w_in.new_empty
        self._pre, self._post = new(count, network.width), new(count, network.width)
        self._grad_pre, self._logits = new(count, network.width), new(count, p)
        self._first = torch.as_tensor(pairs[:, 0])
        self._second = torch.as_tensor(pairs[:, 1] + p)
        self._label_at = torch.as_tensor(np.arange(count) * p + labels)
        self._minus_one = new(count).fill_(-1)
        self._incidence = _incidence(self._first, self._second, 2 * p, self._w_in.dtype)

    @torch.no_grad()
    def __call__(self) -> Float[Tensor, ""]:
        """Fills the parameters' ``.grad`` and returns the mean loss at the current weights."""
        w_in, w_out = self._w_in, self._w_out
        assert w_in.grad is not None and w_out.grad is not None
        pre, post, grad_pre, logits = self._pre, self._post, self._grad_pre, self._logits
        torch.index_select(w_in, 0, self._first, out=pre)
        torch.index_select(w_in, 0, self._second, out=post)
        pre.add_(post)
        self._activation.into(pre, post)
        torch.mm(post, w_out, out=logits)
        loss = self._logits_to_gradient()
        torch.mm(post.T, logits, out=w_out.grad)
        torch.mm(logits, w_out.T, out=grad_pre)
        self._activation.backward(grad_pre, pre)
        torch.mm(self._incidence, grad_pre, out=w_in.grad)
        return loss

    def _logits_to_gradient(self) -> Float[Tensor, ""]:
        """Turns the logits buffer into the loss gradient with respect to the logits."""
        logits, flat = self._logits, self._logits.view(-1)
        count = len(logits)
        if self._loss == "mse":
            flat.index_add_(0, self._label_at, self._minus_one)
            loss = torch.dot(flat, flat) / flat.numel()
            logits.mul_(2 / flat.numel())
            return loss
        labelled = flat[self._label_at]
        loss = (torch.logsumexp(logits.double(), dim=1) - labelled.double()).mean()
        torch.softmax(logits, dim=1, out=logits)
        # p(label) − 1 rounds to zero once the network is sure, and training stops in float32
        # ("softmax collapse"); minus the sum of the others is the same number and does not.
        flat[self._label_at] = 0
        flat[self._label_at] = -logits.sum(dim=1)
        logits.mul_(1 / count)
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
