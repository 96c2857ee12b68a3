"""What the two classes of neurons may be called; the one place that decides it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BIMODAL_P_VALUE = 0.05
HAS_TWO = ("memorizing", "generalizing")
PLAIN = ("low IPR", "high IPR")
OFFER = 'The threshold "null", the 99.9 % quantile of the IPR of noise, needs no two classes.'


@dataclass(frozen=True)
class ClassWords:
    """The words, and why they are no stronger.

    Attributes:
        low, high: for the neurons below a threshold on the IPR, and for the others.
        distinct: whether a dip test tells the IPRs from a single mode.
        reason: why the words are not "memorizing" and "generalizing"; None where they are.
    """

    low: str
    high: str
    distinct: bool
    reason: str | None

    @property
    def sentence(self) -> str:
        """For whoever looks at the numbers; empty where the words need no excuse."""
        if self.reason is None:
            return ""
        start = self.reason[0].upper() + self.reason[1:]
        words = f'{start}: neurons are called "{self.low}" and "{self.high}" here.'
        return words if self.distinct else f"{words} {OFFER}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "distinct": self.distinct,
            "words": [self.low, self.high],
            "reason": self.reason,
        }


def class_words(dip_p_value: float | None, living: int, redrawn: int | None) -> ClassWords:
    """The words that the checks behind them allow.

    "Memorizing" and "generalizing" are said where the IPRs are told from a single mode and there
    are wrong labels to memorize.

    Args:
        dip_p_value: of Hartigan's test of one mode against more; None where it was not made.
        living: number of neurons that have an IPR.
        redrawn: number of training examples with a redrawn label; None where it is not known.
    """
    distinct = dip_p_value is not None and dip_p_value <= BIMODAL_P_VALUE
    reason = None
    if not distinct:
        reason = _not_two(dip_p_value, living)
    elif not redrawn:
        reason = (
            "which labels were redrawn is not known"
            if redrawn is None
            else "no training label was redrawn, so none of the neurons memorizes a wrong one"
        )
    low, high = PLAIN if reason else HAS_TWO
    return ClassWords(low, high, distinct, reason)


def _not_two(dip_p_value: float | None, living: int) -> str:
    if dip_p_value is not None:
        return f"the IPRs do not look like two classes (dip test p = {dip_p_value:.2g})"
    if living < 4:
        return f"no dip test for two classes is made of {living} living neurons"
    return "no dip test for two classes was made, as the package diptest is not installed"
