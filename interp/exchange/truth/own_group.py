"""The group that a network's own answers are the table of, or nearly."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from interp.exchange.truth.evidence import Answers, percent
from interp.training.tasks.cayley import Cayley
from interp.training.tasks.isomorphism.identify import LARGEST, Identified, identify
from interp.training.tasks.isomorphism.isotope import group_isotope
from interp.training.tasks.isomorphism.nearest_form import nearest_form

UNKNOWN = "unknown"  # an operation that is the table of the network's own answers

_WORDS = {"x · y": "x * y", "x · y⁻¹": "x * y^-1", "x⁻¹ · y": "x^-1 * y"}


@dataclass(frozen=True, eq=False)
class OwnGroup:
    """A group read off a network, its elements in the network's own order.

    Attributes:
        group: which one, in the order of the answers.
        form: what of it is learned: ``x · y``, ``x · y⁻¹``, ``x⁻¹ · y``; None where the network's
            operands stand for other elements than its answers do.
        table: of the operation, on the operands in the network's own order.
        share: of the network's answers to all pairs that are those of the table; 1 where they are
            the table.
        is_proven: whether no group of another kind agrees with as many, in this form.
        margin: the least, over all pairs, between the greatest logit and the next one.
    """

    group: Identified
    form: str | None
    table: Cayley = field(repr=False)
    share: float
    is_proven: bool
    margin: float

    @property
    def operation(self) -> str:
        """The name of the operation, for titles."""
        return UNKNOWN if self.form is None else f"{self.form} in {self.group.name}"

    @property
    def word(self) -> str | None:
        """The operation in the group, as tasks have it."""
        return None if self.form is None else _WORDS[self.form]

    @property
    def words(self) -> str:
        """What was found, in a line."""
        if self.share == 1:
            renamed = "" if self.form else ", with operands renamed"
            where = f", identity at index {self.group.identity}" if self.form else ""
            return (
                f"the network's own answers to all pairs are those of a group{renamed}: "
                f"{self.group.words}{where}; least margin of the answers {self.margin:.3g}"
            )
        near = "" if self.is_proven else ", though others may be as near"
        return (
            f"{percent(self.share)} of the network's own answers are {self.form} of a group, "
            f"{self.group.words}, the nearest one by the votes of the answers{near}"
        )

    @property
    def named(self) -> dict[str, tuple[str, ...]]:
        """Names of the elements, where operands and answers have the same and these are known."""
        return {"elements": self.group.elements} if self.form and self.group.is_proven else {}

    def to_dict(self) -> dict[str, Any]:
        """Plain data; elements by name in the network's own order."""
        about = self.group
        return {
            "name": about.name,
            "form": self.form,
            "same": about.same,
            "is_isomorphic": about.is_proven,
            "order": about.invariants.order,
            "element_orders": {str(order): many for order, many in about.invariants.orders},
            "centre": about.invariants.centre,
            "classes": about.invariants.classes,
            "derived": about.invariants.derived,
            "identity": about.identity,
            "elements": list(about.elements),
            "share": self.share,
            "is_nearest": self.is_proven,
            "least_margin": self.margin,
        }


def own_group(answers: Answers, logits: Float[Tensor, "pair answer"]) -> OwnGroup | None:
    """The group whose table the answers are, or nearly; None if there is none.

    Args:
        answers: of the network, to all p² pairs in the order m·p + n; ``NONE`` for a tie.
        logits: of the same pairs.
    """
    p = round(len(answers) ** 0.5)
    if p > LARGEST or logits.shape[1] != p:
        return None
    table = np.ascontiguousarray(answers.reshape(p, p), dtype=np.int64)
    best = logits.topk(2, dim=1).values.double()
    margin = float((best[:, 0] - best[:, 1]).min())
    behind = group_isotope(table)
    if behind is not None:
        return OwnGroup(identify(behind.table), behind.form, table, 1.0, True, margin)
    near = nearest_form(table)
    if near is None:
        return None
    group = identify(near.group)
    return OwnGroup(group, near.form, near.table, near.share, near.is_proven, margin)
