"""The operation that a foreign network learned, as far as its answers or labels tell."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from interp.exchange.truth.evidence import NONE, Answers, Evidence, Told, percent

UNKNOWN = "unknown"  # the task is the table of the network's own answers
ASSUMED = "x + y"
_ENOUGH = 0.5  # a network of noisy labels answers at least so much of its operation


def operation_told(named: str | None, answers: Answers, evidence: Evidence) -> Told:
    """The operation that was named, or that fits, or an unknown one, or x + y by assumption.

    Args:
        named: by the user.
        answers: of the network, to all p² pairs in the order m·p + n.
        evidence: all operations, and the labels that were given.
    """
    if named is not None and named != UNKNOWN:
        return Told(named)
    if named == UNKNOWN:
        _check_answered(answers)
        return Told(UNKNOWN, assumed=_OWN)
    by_labels = evidence.label_fit
    p = round(len(answers) ** 0.5)
    by_answers = evidence.fit(answers[evidence.pairs[:, 0] * p + evidence.pairs[:, 1]])
    for fit, whose in ((by_labels, "given labels"), (by_answers, "answers")):
        if fit and fit.share >= _ENOUGH and fit.share - fit.next >= evidence.clear:
            shares = f"{percent(fit.share)} of its {whose}, no other more than {percent(fit.next)}"
            return Told(fit.operation, recognized=f"operation {fit.operation}: {shares}")
    if by_labels is None and by_answers.share < _ENOUGH and _is_latin(answers.reshape(p, p)):
        return Told(
            UNKNOWN, assumed=f"{_OWN}; no known operation fits ({by_answers.words} is best)"
        )
    return Told(ASSUMED, assumed=f"operation {ASSUMED}")


_OWN = (
    "an unknown operation: the network's own answers stand as the true ones, so its accuracy is 1 "
    "by definition, and spectra are over the elements in the network's own order"
)


def _check_answered(answers: Answers) -> None:
    if (answers == NONE).any():
        raise ValueError(
            f"operation {UNKNOWN}: expected an answer to every pair, got "
            f"{int((answers == NONE).sum())} ties"
        )


def _is_latin(table: Int[np.ndarray, "first second"]) -> bool:
    """Whether every answer stands once in each row and each column, as in a group's table."""
    row = np.arange(len(table))
    return all(bool((np.sort(one, axis=1) == row).all()) for one in (table, table.T))
