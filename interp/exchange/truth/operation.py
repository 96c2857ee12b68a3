"""The operation that a foreign network learned, as far as its answers or labels tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeGuard

from interp.exchange.truth.evidence import NONE, Answers, Evidence, Fit, Told, percent
from interp.exchange.truth.own_group import UNKNOWN, OwnGroup
from interp.training.tasks.cayley import is_latin

ASSUMED = "x + y"
_ENOUGH = 0.5  # a network of noisy labels answers at least so much of its operation


@dataclass(frozen=True)
class Learned(Told):
    """An operation that was found or assumed.

    Attributes:
        group: of which it is the product, where its table was read off the answers.
    """

    group: OwnGroup | None = None


def operation_told(
    named: str | None,
    answers: Answers,
    evidence: Evidence,
    group: Callable[[], OwnGroup | None],
) -> Learned:
    """The operation that was named, or that fits, or that of a group, or an unknown one, or x + y.

    Args:
        named: by the user.
        answers: of the network, to all p² pairs in the order m·p + n.
        evidence: all operations, and the labels that were given.
        group: finds the group that the answers are, or nearly.
    """
    if named is not None and named != UNKNOWN:
        return Learned(named)
    if named == UNKNOWN:
        _check_answered(answers)
        own = group()
        return _of(own) if own is not None and own.share == 1 else Learned(UNKNOWN, assumed=_OWN)
    by_labels = evidence.label_fit
    p = round(len(answers) ** 0.5)
    by_answers = evidence.fit(answers[evidence.pairs[:, 0] * p + evidence.pairs[:, 1]])
    if _fits(by_labels, evidence):
        return _by(by_labels, "given labels")
    # A small group may agree with an operation on residues by half, and is another one.
    own = group() if by_answers.share < 1 else None
    if _fits(by_answers, evidence) and (own is None or own.share < 1):
        return _by(by_answers, "answers")
    if own is not None:
        return _of(own, f"; no known operation fits ({by_answers.words} is best)")
    if by_labels is None and by_answers.share < _ENOUGH and is_latin(answers.reshape(p, p)):
        return Learned(
            UNKNOWN,
            assumed=f"{_OWN}; no known operation fits ({by_answers.words} is best), and no group",
        )
    return Learned(ASSUMED, assumed=f"operation {ASSUMED}")


_TRUE = "the network's own answers stand as the true ones, so its accuracy is 1 by definition"
_ORDER = "spectra are over the elements in the network's own order"
_OWN = f"an unknown operation: {_TRUE}, and {_ORDER}"


def _fits(fit: Fit | None, evidence: Evidence) -> TypeGuard[Fit]:
    """Whether enough agrees, and clearly more than with any other operation."""
    return fit is not None and fit.share >= _ENOUGH and fit.share - fit.next >= evidence.clear


def _by(fit: Fit, whose: str) -> Learned:
    shares = f"{percent(fit.share)} of its {whose}, no other more than {percent(fit.next)}"
    return Learned(fit.operation, recognized=f"operation {fit.operation}: {shares}")


def _of(own: OwnGroup, others: str = "") -> Learned:
    words = f"operation {own.operation}: {own.words}{others}"
    if not own.is_proven:
        return Learned(own.operation, assumed=words, group=own)
    true = _TRUE if own.form else f"{_TRUE}, and {_ORDER}"
    return Learned(own.operation, words, true if own.share == 1 else None, own)


def _check_answered(answers: Answers) -> None:
    if (answers == NONE).any():
        raise ValueError(
            f"operation {UNKNOWN}: expected an answer to every pair, got "
            f"{int((answers == NONE).sum())} ties"
        )
