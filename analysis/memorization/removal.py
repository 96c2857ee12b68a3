"""How many neurons can be removed until margins are lost, the best first and in random order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from interp.analysis.memorization.votes import Votes


@dataclass(frozen=True, eq=False)
class Removal:
    """What is left of margins without some neurons; of held examples, whose margin is above 0.

    A margin is lost where it is 0 or below. Infinite: it is not lost without any neuron.

    Attributes:
        held: which examples have a margin above 0.
        best: fewest neurons without which a held margin is lost: the greatest votes first.
        random: the same in random orders, mean over the orders.
        left_best, left_random: share of the held examples that have lost their margin at no
            number of removed neurons up to 0 … N; of random orders the mean. NaN if none is held.
        lost: number of held examples whose margin is lost without each neuron alone.
    """

    held: Bool[np.ndarray, " example"]
    best: Float[np.ndarray, " held"]
    random: Float[np.ndarray, " held"]
    left_best: Float[np.ndarray, " removed"]
    left_random: Float[np.ndarray, " removed"]
    lost: Int[np.ndarray, " neuron"]

    def values(self) -> dict[str, float | None]:
        """Number of held examples, medians over them, and the mean over neurons of ``lost``."""
        some = self.held.any()
        return {
            "held": float(self.held.sum()),
            "to_forget_best": float(np.median(self.best)) if some else None,
            "to_forget_random": float(np.median(self.random)) if some else None,
            "lost_per_neuron": float(self.lost.mean()) if some else None,
        }


def removal(votes: Votes, orders: Int[np.ndarray, "draw neuron"]) -> Removal:
    """Removes neurons from every margin, by cumulative sums of the votes.

    Args:
        votes: of the margins; where they are not exact, what is left is of first order.
        orders: random ones; every example is tried with each of them.
    """
    held = votes.margin > 0
    kept = votes.among(held)
    by_neuron = np.ascontiguousarray(kept.each.T)
    best = _until_lost(-np.sort(-by_neuron, axis=0), kept)
    drawn = [_until_lost(by_neuron[order], kept) for order in orders]
    return Removal(
        held,
        best,
        np.mean(drawn, axis=0),
        _left(best, len(by_neuron)),
        np.mean([_left(one, len(by_neuron)) for one in drawn], axis=0),
        (kept.margin[:, None] - kept.each <= 0).sum(axis=0),
    )


def _until_lost(
    removed: Float[np.ndarray, "neuron held"], kept: Votes
) -> Float[np.ndarray, " held"]:
    """Number of removed votes, from the top, after which each margin is lost."""
    left = kept.margin - removed.cumsum(axis=0)
    left[-1] = kept.base  # without the rounding of the sum
    lost = left <= 0
    return np.where(lost.any(axis=0), lost.argmax(axis=0) + 1.0, np.inf)


def _left(until: Float[np.ndarray, " held"], neurons: int) -> Float[np.ndarray, " removed"]:
    if not len(until):
        return np.full(neurons + 1, np.nan)
    ascending = np.sort(until)
    return 1 - np.searchsorted(ascending, np.arange(neurons + 1), side="right") / len(until)
