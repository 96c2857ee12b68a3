"""Mean squared error against one-hot labels."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.training.losses.loss import Loss


def _into_gradient(
    logits: Float[Tensor, "*run example answer"], label_at: Int[Tensor, " label"]
) -> Float[Tensor, "*run"]:
    """Logits minus one-hot labels; the sum is over the answers too."""
    flat = logits.view(-1)
    flat.index_add_(0, label_at, flat.new_full((1,), -1).expand(len(label_at)))
    if logits.ndim == 2:
        return torch.dot(flat, flat)
    return torch.linalg.vecdot(rows := logits.flatten(-2), rows)


def _each(
    logits: Float[Tensor, "*run pair answer"],
    labels: Int[Tensor, "*run label pair"],
    labelled: Float[Tensor, "*run label pair"],
) -> Float[Tensor, "*run label pair"]:
    square = torch.sum(logits.square(), dim=-1, dtype=torch.float64).unsqueeze(-2)
    return (square - 2 * labelled.double() + 1) / logits.shape[-1]


MSE = Loss("mse", "MSE", _into_gradient, _each, factor=2, over_answers=True, kernel="squares")
