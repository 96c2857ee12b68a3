"""Thresholds by their rule: the automatic cut, the quantile of noise, or a number of one's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # they load torch, for which the first page does not wait
    from interp.analysis.neurons.classify import Classes
    from interp.analysis.neurons.table import NeuronTable

RuleName = Literal["auto", "null"]
RULES: tuple[RuleName, ...] = ("auto", "null")


@dataclass(frozen=True)
class Ruled:
    """Classes at a threshold, and what gives it: the rule auto or null, or a value.

    Attributes:
        classes: at the threshold.
        name: of the rule.
    """

    classes: Classes
    name: str

    @property
    def words(self) -> str:
        """The threshold, not rounded, with its rule."""
        said = f": {self.classes.rule}" if self.name in RULES else ""
        return f"IPR {self.classes.threshold!r} ({self.name}{said})"


def ruled(table: NeuronTable, threshold: float) -> Ruled:
    """The classes at a threshold, by the rule that gives this very number at this checkpoint.

    Args:
        table: the neurons.
        threshold: an IPR.
    """
    from interp.analysis.neurons.classify import AUTO, classify, has_cut, two_class_cut

    alive = table.ipr[~table.dead]
    if has_cut(table) and two_class_cut(alive) == threshold:
        # By its number, as the rule would warn, and warnings cannot be caught in a thread alone.
        # The page says beside the slider what the warning says.
        return Ruled(replace(classify(table, threshold), rule=AUTO), "auto")
    # There is no noise over one element.
    if table.elements > 1 and threshold_by(table, "null") == threshold:
        return Ruled(classify(table, "null"), "null")
    return Ruled(classify(table, threshold), "value")


def threshold_by(table: NeuronTable, rule: RuleName) -> float:
    """The threshold of a rule; that of noise where the automatic cut does not exist.

    Args:
        table: the neurons.
        rule: ``auto`` or ``null``.
    """
    from interp.analysis.neurons.classify import (
        NULL_QUANTILE,
        ONE_ELEMENT,
        has_cut,
        two_class_cut,
    )

    if table.elements < 2:
        return ONE_ELEMENT
    if rule == "auto" and has_cut(table):
        return two_class_cut(table.ipr[~table.dead])
    return table.null.quantile(NULL_QUANTILE)
