"""Losses whose gradient keeps its value in float32."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.training.config.sections import LossName


def into_gradient(
    logits: Float[Tensor, "*run example answer"],
    label_at: Int[Tensor, " label"],
    loss: LossName,
) -> Float[Tensor, "*run"]:
    """Turns logits into the gradient with respect to them, up to :func:`gradient_scale`.

    Cross-entropy takes its log-sum-exp in float64. Its gradient at the label, p − 1, rounds to
    zero in float32 once the network is sure, and training would stop there ("softmax collapse",
    which looks like a network that never groks); minus the sum of the other answers'
    probabilities is the same number and does not.

    Args:
        logits: overwritten.
        label_at: places of the labels in the flattened logits, see :func:`label_places`.
        loss: ``mse`` against one-hot labels, or ``cross_entropy``.

    Returns:
        The sum of the losses over the examples (and over the answers, for MSE).
    """
    flat = logits.view(-1)
    if loss == "mse":
        flat.index_add_(0, label_at, flat.new_full((1,), -1).expand(len(label_at)))
        if logits.ndim == 2:
            return torch.dot(flat, flat)
        return torch.linalg.vecdot(rows := logits.flatten(-2), rows)
    labelled = flat[label_at].view(logits.shape[:-1])
    sums = (torch.logsumexp(logits.double(), dim=-1) - labelled.double()).sum(dim=-1)
    torch.softmax(logits, dim=-1, out=logits)
    flat[label_at] = 0
    flat[label_at] = -logits.sum(dim=-1).view(-1)
    return sums


def label_places(labels: Int[Tensor, "*run example"], answers: int) -> Int[Tensor, " label"]:
    """Where the labels are in the flattened (*run, example, answer) logits."""
    flat = labels.reshape(-1)
    return torch.arange(len(flat), device=flat.device) * answers + flat


def terms(examples: int, answers: int, loss: LossName) -> int:
    """Number of terms in the mean that the loss is."""
    return examples * answers if loss == "mse" else examples


def gradient_scale(examples: int, answers: int, loss: LossName) -> float:
    """What :func:`into_gradient` leaves out: d(mean loss) is this times what it writes."""
    return (2 if loss == "mse" else 1) / terms(examples, answers, loss)
