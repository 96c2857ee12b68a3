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
from interp.training.models.layers.hidden import HiddenLayer
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
    """Loss and gradients of φ between plain matrices on a fixed set of examples.

    Four things make this faster than one-hot inputs under autograd, and all are exact: operands
    are looked up instead of multiplied; every large tensor is allocated once; the gradient
    of the operand tables is a product with a sparse 0/1 matrix; and examples pass through in
    blocks that fit in the cache. Dense matrix products remain, three of every matrix but the
    first. Nothing is drawn at random, and sums have a fixed order.

    Args:
        network: an MLP without norm and biases; its ``.grad`` fields are set up here.
        examples: of one run, all at once.
        loss: name of the loss.
        noise: dropout of the step.
    """

    def __init__(
        self, network: Network, examples: Examples, loss: str, noise: Noise | None = None
    ) -> None:
        q, count = network.task.n_answers, examples.count
        self._layers, self._noise = [_hidden(layer) for layer in network.layers], noise
        self._w_out = network.read_by(len(self._layers) - 1)
        for weight in (*(layer.W_in for layer in self._layers), self._w_out):
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        phi, row = ACTIVATIONS[self._layers[0].activation], LOSSES[loss]
        assert phi.into is not None and phi.backward is not None
        self._phi_into, self._phi_backward = phi.into, phi.backward
        self._loss_into_gradient = row.into_gradient
        blocks = min(count, -(-count * network.width // _BLOCK_VALUES))
        self._blocks = [
            self._block(examples, rows, network.task.p)
            for rows in np.array_split(np.arange(count), blocks)
        ]
        rows, new = len(self._blocks[0]), self._w_out.new_empty
        self._pre = [new(rows, network.width) for _ in self._layers]
        self._post = [new(rows, network.width) for _ in self._layers]
        self._logits = new(rows, q)
        self._output = network.model.logit_scale
        self._scale, self._terms = row.scale(count, q) * self._output, row.terms(count, q)

    @staticmethod
    def fits(config: RunConfig) -> bool:
        """Whether the network and the way of training are those that this is written for."""
        model = config.model
        plain = model.row.chain(model) and ACTIVATIONS[model.phi].by_hand
        return plain and config.optimizer.batch_size is None

    def _block(self, examples: Examples, rows: np.ndarray, p: int) -> _Block:
        span = slice(int(rows[0]), int(rows[-1]) + 1)
        pairs = examples.pairs[span]
        first, second = pairs[:, 0].contiguous(), pairs[:, 1] + p
        places = examples.label_at[span] - span.start * examples.answers
        incidence = _incidence(first, second, 2 * p, self._w_out.dtype)
        return _Block(span.start, first, second, places, incidence)

    @torch.no_grad()
    def __call__(self) -> Float[Tensor, ""]:
        """Fills the parameters' ``.grad`` and returns the mean loss at the current weights."""
        for weight in (*(layer.W_in for layer in self._layers), self._w_out):
            assert weight.grad is not None
            weight.grad.zero_()
        return torch.stack([self._add(block) for block in self._blocks]).sum() / self._terms

    def _add(self, block: _Block) -> Float[Tensor, ""]:
        """Adds a block to the gradients; returns the sum of its losses."""
        rows = len(block)
        logits = torch.mm(self._forward(block), self._w_out, out=self._logits[:rows])
        if self._output != 1:
            logits.mul_(self._output)
        loss: Tensor = self._loss_into_gradient(logits, block.label_at)
        post = self._post[-1][:rows]
        _add_product(self._w_out, post.T, logits, self._scale)
        self._backward(block, torch.mm(logits, self._w_out.T, out=post))
        return loss

    def _forward(self, block: _Block) -> Float[Tensor, "pair neuron"]:
        """Fills the buffers of every layer; returns what the last matrix reads."""
        rows, post = len(block), self._post[0][: len(block)]
        for index, layer in enumerate(self._layers):
            pre, before = self._pre[index][:rows], post
            post = self._post[index][:rows]
            if index:
                torch.mm(before, layer.W_in, out=pre)
            else:
                torch.index_select(layer.W_in, 0, block.first, out=pre)
                torch.index_select(layer.W_in, 0, block.second, out=post)
                pre.add_(post)
            early, late = self._dropped(block, index)
            _times(pre, early)
            self._phi_into(pre, post)
            _times(post, late)
        return post

    def _backward(self, block: _Block, gradient: Float[Tensor, "pair neuron"]) -> None:
        """Adds to the gradients of all matrices that make neurons.

        Args:
            block: whose buffers are full.
            gradient: with respect to what the last matrix reads, in its buffer.
        """
        rows = len(block)
        for index in range(len(self._layers) - 1, -1, -1):
            w_in, pre = self._layers[index].W_in, self._pre[index][:rows]
            early, late = self._dropped(block, index)
            _times(gradient, late)
            self._phi_backward(gradient, pre)
            _times(gradient, early)
            if not index:
                _add_product(w_in, block.incidence, gradient, self._scale)
                return
            before = self._post[index - 1][:rows]
            _add_product(w_in, before.T, gradient, self._scale)
            gradient = torch.mm(gradient, w_in.T, out=before)

    def _dropped(self, block: _Block, index: int) -> tuple[Tensor | None, Tensor | None]:
        """The factors of a layer before and after φ."""
        if self._noise is None or not self._noise.active:
            return None, None
        layer, dtype = self._layers[index], self._w_out.dtype
        width = layer.W_in.shape[1]
        factor = self._noise.factor(len(block), width, index, dtype, first=block.start)
        return (factor, None) if layer.dropout_at == "pre" else (None, factor)


def _hidden(layer: object) -> HiddenLayer:
    assert isinstance(layer, HiddenLayer)
    return layer


def _add_product(weight: Tensor, left: Tensor, right: Tensor, scale: float) -> None:
    """Adds a product to the gradient of a matrix."""
    assert weight.grad is not None
    torch.addmm(weight.grad, left, right, alpha=scale, out=weight.grad)


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
