"""Attention scores of foreign Transformers, brought to this project's scale."""

from __future__ import annotations

from torch import Tensor

from interp.exchange.layouts.layout import Hints, Taken

_SCORES = {"√d_head": 0.0, "1": 0.5, "d_head": -0.5}  # to the power of d_head, into the queries


def scores_of(taken: Taken, hints: Hints) -> None:
    """Brings attention scores to this project's scale where no configuration tells theirs."""
    d_head = taken.weights["blocks.0.attn.W_Q"].shape[2]
    told = taken.choose(hints, "scores", tuple(_SCORES), "scores divided by {}")
    rescale(taken.weights, d_head ** _SCORES[told])


def rescale(weights: dict[str, Tensor], factor: float) -> None:
    """Queries times a factor, which stands for another scale of the attention scores."""
    for name in weights:
        if factor != 1 and name.endswith((".attn.W_Q", ".attn.b_Q")):
            weights[name] = weights[name] * factor
