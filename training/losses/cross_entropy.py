"""Cross-entropy in nats, whose gradient keeps its value in float32."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.training.losses.loss import Loss


def _into_gradient(
    logits: Float[Tensor, "*run example answer"], label_at: Int[Tensor, " label"]
) -> Float[Tensor, "*run"]:
    """Probabilities minus one-hot labels.

    The log-sum-exp is in float64. The gradient at the label, p − 1, rounds to zero in float32 once
    the network is sure, and training would stop there ("softmax collapse", which looks like a
    network that never groks); minus the sum of the other answers' probabilities is the same number
    and does not.
    """
    flat = logits.view(-1)
    labelled = flat[label_at].view(logits.shape[:-1])
    sums = (torch.logsumexp(logits.double(), dim=-1) - labelled.double()).sum(dim=-1)
    torch.softmax(logits, dim=-1, out=logits)
    flat[label_at] = 0
    flat[label_at] = -logits.sum(dim=-1).view(-1)
    return sums


def _each(
    logits: Float[Tensor, "*run pair answer"],
    labels: Int[Tensor, "*run label pair"],
    labelled: Float[Tensor, "*run label pair"],
) -> Float[Tensor, "*run label pair"]:
    return torch.logsumexp(logits.double(), dim=-1).unsqueeze(-2) - labelled.double()


CROSS_ENTROPY = Loss(
    "cross_entropy", "cross-entropy", _into_gradient, _each, unit="nats", kernel="exponentials"
)
