"""What the cumulative pass over the neurons adds up of a loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from interp.analysis.ablation.logit_sum import LabelledPairs
from interp.training.losses.loss import LOSSES, Kernel


@dataclass(frozen=True)
class Added:
    """What the pass adds up of a loss.

    Attributes:
        squares: of the logits, else their exponentials.
        silent: the loss of an example where all logits are zero, from the number of answers.
        each: the loss of examples from their logits, (answer, pair), and those at the labels.
    """

    squares: bool
    silent: Callable[[int], float]
    each: Callable[[np.ndarray, np.ndarray], np.ndarray]


def _entropy(base: np.ndarray, value: np.ndarray) -> np.ndarray:
    best = base.max(axis=0)
    found: np.ndarray = np.log(np.exp(base - best).sum(axis=0)) + best - value
    return found


SQUARES = Added(
    True,
    lambda answers: 1 / answers,
    lambda base, value: ((base**2).sum(axis=0) - 2 * value + 1) / len(base),
)
_ADDED: Mapping[Kernel, Added] = {
    "squares": SQUARES,
    "exponentials": Added(False, lambda answers: float(np.log(answers)), _entropy),
}


def added_up(loss: str) -> Added:
    """What the pass adds up of a loss.

    Raises:
        ValueError: if there is no such loss, or nothing of it that a pass could add up.
    """
    kernel = LOSSES[loss].kernel
    if kernel is None:
        raise ValueError(f"loss {loss!r}: no compiled pass adds it up")
    return _ADDED[kernel]


def scores_of_base(
    base: Float[np.ndarray, "answer pair"], pairs: LabelledPairs, added: Added
) -> tuple[Float[np.ndarray, "2 part"], Float[np.ndarray, "2 part"]]:
    """Right answers and sums of losses where no neuron is left."""
    best = base.max(axis=0)
    alone = (base == best).sum(axis=0) == 1
    right, losses = np.zeros((2, pairs.parts)), np.zeros((2, pairs.parts))
    for which, labels in enumerate(pairs.labels):
        value = np.take_along_axis(base, labels[None], axis=0)[0]
        each = added.each(base, value)
        for index in range(pairs.parts):
            inside = pairs.part == index
            right[which, index] = ((value == best) & alone & inside).sum()
            losses[which, index] = each[inside].sum()
    return right, losses
