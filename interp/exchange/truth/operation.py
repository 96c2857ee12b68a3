"""The operation that a foreign network learned, as far as its answers or labels tell."""

from __future__ import annotations

from interp.exchange.truth.evidence import Answers, Evidence, Told, percent

_ASSUMED = "x + y"
_ENOUGH = 0.5  # a network of noisy labels answers at least so much of its operation


def operation_told(named: str | None, answers: Answers, evidence: Evidence) -> Told:
    """The operation that was named, or that fits, or x + y by assumption.

    Args:
        named: by the user.
        answers: of the network, to all p² pairs in the order m·p + n.
        evidence: all operations, and the labels that were given.
    """
    if named is not None:
        return Told(named)
    by_labels = evidence.label_fit
    p = round(len(answers) ** 0.5)
    by_answers = evidence.fit(answers[evidence.pairs[:, 0] * p + evidence.pairs[:, 1]])
    for fit, whose in ((by_labels, "given labels"), (by_answers, "answers")):
        if fit and fit.share >= _ENOUGH and fit.share - fit.next >= evidence.clear:
            shares = f"{percent(fit.share)} of its {whose}, no other more than {percent(fit.next)}"
            return Told(fit.operation, recognized=f"operation {fit.operation}: {shares}")
    return Told(_ASSUMED, assumed=f"operation {_ASSUMED}")
