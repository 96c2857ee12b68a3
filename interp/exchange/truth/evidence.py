"""What a foreign network answers, against the operations and the labels that are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from interp.training.randomness import stream
from interp.training.tasks.operations import OPERATIONS
from interp.training.tasks.task import make_task

Answers = Int[np.ndarray, " pair"]
NONE = -1  # where there is no answer: a tie, a pair outside the domain, a label that is not known
_MOST = 2048  # pairs that are looked at; shares are then known to 1 %


@dataclass(frozen=True)
class Told:
    """Something that was found, or assumed where nothing tells it.

    Attributes:
        name: what was found: an operation, a loss.
        recognized, assumed: what to say of it.
    """

    name: str = ""
    recognized: str | None = None
    assumed: str | None = None


@dataclass(frozen=True)
class Fit:
    """How well answers, or labels, fit an operation.

    Attributes:
        operation: its name.
        share: of the pairs on which it is defined, in [0, 1].
        next: the greatest share among operations of other answers; 0 if there is none.
    """

    operation: str
    share: float
    next: float = 0.0

    @property
    def words(self) -> str:
        """The operation with its share."""
        return f"{self.operation} at {percent(self.share)}"


@dataclass(frozen=True)
class Evidence:
    """Pairs of residues with all that is known of their answers.

    Attributes:
        pairs: (pair, 2), all of them or a sample of 2048.
        labels: (pair,) as given in training, ``NONE`` elsewhere; None where no label is known.
        operations: answers of each operation, ``NONE`` outside its domain.
        labels_are_given: whether the labels are arrays, rather than rebuilt from an operation,
            of which they can tell nothing.
    """

    pairs: Int[np.ndarray, "pair 2"]
    labels: Answers | None
    operations: Mapping[str, Answers]
    labels_are_given: bool = True

    @property
    def clear(self) -> float:
        """A difference between shares that is no chance: six standard errors, at least 0.05."""
        return max(0.05, 3 / len(self.pairs) ** 0.5)

    def fit(self, answers: Answers) -> Fit:
        """The operation that answers fit best; among equals the first."""
        shares = {name: _share(answers, right) for name, right in self.operations.items()}
        best = max(shares, key=shares.__getitem__)
        others = [
            share
            for name, share in shares.items()
            if not np.array_equal(self.operations[name], self.operations[best])
        ]
        return Fit(best, shares[best], max(others, default=0.0))

    @cached_property
    def label_fit(self) -> Fit | None:
        """The operation that the given labels fit best; None where none are known."""
        if self.labels is None or not self.labels_are_given:
            return None
        known = self.labels != NONE
        operations = {name: right[known] for name, right in self.operations.items()}
        return Evidence(self.pairs[known], None, operations).fit(self.labels[known])

    def share(self, answers: Answers) -> float:
        """The greater of two shares: of the given labels answered, and of the best operation."""
        memorized = 0.0 if self.labels is None else _share(answers, self.labels)
        return max(memorized, self.fit(answers).share)


def gather(
    p: int,
    labels: Answers | None,
    names: Iterable[str] | None = None,
    labels_are_given: bool = True,
) -> Evidence:
    """What is known of the answers mod p.

    Args:
        p: the modulus.
        labels: (p², ) of all pairs in the order m·p + n, ``NONE`` where not known.
        names: of operations; all that are defined at p by default.
        labels_are_given: see :class:`Evidence`.
    """
    pairs = np.stack(np.divmod(np.arange(p * p), p), axis=1)
    places = np.arange(p * p)
    if len(places) > _MOST:
        places = np.sort(stream(0, "evidence").permutation(p * p)[:_MOST])
    operations = {}
    for name in names or OPERATIONS:
        right = _answers(name, p)
        if right is not None:
            operations[name] = right[places]
    seen = None if labels is None else labels[places]
    return Evidence(pairs[places], seen, operations, labels_are_given)


def _answers(name: str, p: int) -> Answers | None:
    """Of all pairs, ``NONE`` outside the domain; None where the operation is not defined at p."""
    try:
        task = make_task(name, p)
        answers = np.full(p * p, NONE)
        answers[task.pairs[:, 0] * p + task.pairs[:, 1]] = task.answers
    except ValueError:
        return None
    return answers


@torch.no_grad()
def logits_of(network: Any, pairs: Int[np.ndarray, "pair 2"]) -> Tensor:
    """Logits of a network, (pair, answer)."""
    found: Tensor = network.logits(torch.as_tensor(pairs))
    return found


def answers_of(logits: Tensor) -> Answers:
    """The answer whose logit alone is the greatest, for each pair; ``NONE`` where none is."""
    best = logits.amax(dim=1, keepdim=True)
    alone = (logits == best).sum(dim=1) == 1
    return torch.where(alone, logits.argmax(dim=1), NONE).cpu().numpy()


def percent(share: float) -> str:
    """A share for people."""
    return f"{100 * share:.3g} %"


def _share(answers: Answers, right: Answers) -> float:
    known = right != NONE
    return float((answers[known] == right[known]).mean()) if known.any() else 0.0
