"""What logits say of each pair: the answer, and by how much a label is ahead."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from interp.training.models.network import Network

NO_ANSWER = -1  # two logits tie for the greatest


@torch.no_grad()
def logits_of(network: Network, pairs: Int[Tensor, "pair 2"]) -> Float[Tensor, "pair answer"]:
    """The logits of every pair, in the precision of the network."""
    found: Tensor = network(pairs)
    return found


def answers_of(logits: Float[Tensor, "pair answer"]) -> Int[np.ndarray, " pair"]:
    """The answer whose logit is strictly the greatest; ``NO_ANSWER`` where there is none."""
    best, place = logits.max(dim=-1)
    alone = (logits == best.unsqueeze(-1)).sum(dim=-1) == 1
    return np.where(alone.cpu().numpy(), place.cpu().numpy(), NO_ANSWER)


def margins(
    logits: Float[Tensor, "pair answer"], label: Int[Tensor, " pair"]
) -> Float[np.ndarray, " pair"]:
    """z_label − max over the other answers of z, in units of logits.

    It is positive exactly where the label is the answer, as accuracy counts it.
    """
    column = label.unsqueeze(-1)
    others = logits.scatter(-1, column, -torch.inf).amax(dim=-1)
    found: np.ndarray = (logits.gather(-1, column).squeeze(-1) - others).double().cpu().numpy()
    return found


def learned_at(
    right: Bool[np.ndarray, "step pair"], steps: list[int]
) -> Float[np.ndarray, " pair"]:
    """The first of the steps from which a pair is right until the last; infinite if none is."""
    until_the_end = np.logical_and.accumulate(right[::-1])[::-1]
    first = np.asarray(steps, dtype=np.float64)[until_the_end.argmax(axis=0)]
    return np.where(right[-1], first, np.inf)


def from_when(holds: Bool[np.ndarray, "step example"]) -> Float[np.ndarray, " example"]:
    """Place of the first step from which something holds until the last; one past it if none."""
    return np.minimum(learned_at(holds, list(range(len(holds)))), len(holds))


def times_forgotten(right: Bool[np.ndarray, "step pair"]) -> Int[np.ndarray, " pair"]:
    """How many times a pair goes from right to not right between neighbouring steps.

    Source: forgetting events, Toneva et al. 2019 (arXiv 1812.05159), section 3, with checkpoints
    in place of presentations.
    """
    found: np.ndarray = (right[:-1] & ~right[1:]).sum(axis=0)
    return found
