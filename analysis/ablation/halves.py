"""Accuracies after removals in some orders, the test pairs in two halves: to choose by, to tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from interp.analysis.ablation.kernel_scores import cumulative_counts
from interp.analysis.ablation.logit_sum import LabelledPairs, LogitSum
from interp.analysis.ablation.tail import Tail
from interp.training.data.splits import GIVEN, PARTS, TRUE
from interp.training.evaluation import Evaluation, part_sums
from interp.training.losses.loss import LOSSES
from interp.training.randomness import stream

# The disjoint parts of the pairs, and the label that each but the first is scored against.
CLEAN, CORRUPTED, CHOOSING, TELLING = range(4)
_LABEL = {CORRUPTED: GIVEN, CHOOSING: TRUE, TELLING: TRUE}


@dataclass(frozen=True)
class HalfAccuracies:
    """Accuracies with some numbers of neurons kept.

    Attributes:
        corrupted: on corrupted examples, against the labels they were given.
        choosing, telling: on two random halves of the test pairs.
    """

    corrupted: Float[np.ndarray, "order kept"]
    choosing: Float[np.ndarray, "order kept"]
    telling: Float[np.ndarray, "order kept"]


def halved(evaluation: Evaluation, seed: int) -> Int[np.ndarray, " pair"]:
    """The part that each pair belongs to; of an odd number of test pairs, the second half is more.

    Args:
        evaluation: whose pairs.
        seed: of the halves of the test pairs.
    """
    part = np.array([CLEAN, CORRUPTED, TELLING])[evaluation.part]
    test = np.flatnonzero(evaluation.part == PARTS.index("test"))
    part[stream(seed, "halves").permutation(test)[: len(test) // 2]] = CHOOSING
    return part


class HalfScores:
    """Scores orders of removal: one cumulative pass each, or a forward pass for each number.

    Args:
        tail: the network from the layer on.
        evaluation: the pairs and their labels.
        part: of each pair, from :func:`halved`.
        kept: numbers of kept neurons to score, rising, from 1 to all.
    """

    def __init__(
        self,
        tail: Tail,
        evaluation: Evaluation,
        part: Int[np.ndarray, " pair"],
        kept: Int[np.ndarray, " kept"],
    ) -> None:
        self._tail, self._evaluation, self._part = tail, evaluation, part
        self._counts = np.bincount(part, minlength=4)
        self._removed = kept[-1] - kept[::-1]
        self.adds_up = tail.readout is not None

    def __call__(self, orders: Int[np.ndarray, "order neuron"]) -> HalfAccuracies:
        """Accuracies, one row an order, one column a number of kept neurons."""
        count = self._by_sum if self.adds_up else self._by_passes
        right = count(orders)[..., ::-1]
        found = [right[:, _LABEL[p], p] / self._counts[p] for p in (CORRUPTED, CHOOSING, TELLING)]
        return HalfAccuracies(*found)

    def _by_sum(self, orders: Int[np.ndarray, "order neuron"]) -> np.ndarray:
        tail, evaluation = self._tail, self._evaluation
        assert tail.readout is not None and tail.base is not None
        readout = tail.readout.detach().numpy()
        logits = LogitSum(tail.hidden.numpy(), readout, tail.base.numpy())
        pairs = LabelledPairs(evaluation.labels.numpy(), self._part, 4)
        return cumulative_counts(logits, orders, pairs, self._removed)

    @torch.no_grad()
    def _by_passes(self, orders: Int[np.ndarray, "order neuron"]) -> np.ndarray:
        members = torch.as_tensor(np.eye(4)[:, self._part])
        labels, loss = self._evaluation.labels, LOSSES["mse"]
        right = [
            [part_sums(one, labels, members, loss)[0] for one in self._tail.along(o, self._removed)]
            for o in orders
        ]
        # Along an order the most are removed first.
        return np.stack([torch.stack(one[::-1], dim=-1).numpy() for one in right])
