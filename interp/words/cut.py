"""A cut between low and high IPR in words, and what other rankings prune in its place."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interp.analysis.neurons.classify import Classes

_RANKED = {
    "weight norm": "√(‖u‖² + ‖v‖² + ‖w‖²)",
    "invariant norm": (
        "(‖u‖² + ‖v‖²)^(d/2) ‖w‖ with φ(cx) = c^d φ(x), which stays as it is when a neuron is "
        "rescaled"
    ),
}
_DIGITS = range(3, 7)  # behind the point; more tell nothing


def gap_words(classes: Classes) -> str:
    """How far the threshold could be moved with the same classes, as a sentence.

    The ends are rounded inwards, so that what is said holds.
    """
    if classes.gap is None:
        return "No threshold gives these classes, as equal IPRs lie on both sides."
    low, high = classes.gap
    for digits in _DIGITS:
        scale = 10**digits
        first = f"{(math.floor(low * scale) + 1) / scale:.{digits}f}"
        last = f"{math.floor(high * scale) / scale:.{digits}f}"
        if low < float(first) <= float(last) <= high:
            ends = f"from {first} to {last}"
            return f"Any threshold {ends} gives the same classes: no IPR lies between."
    return "The threshold lies between two IPRs that differ by less than 0.00001."


def pruned_words(classes: Classes) -> str:
    """What was pruned, in brackets behind a number of neurons."""
    return "lowest IPR" if classes.gap is None else f"IPR < {classes.threshold:.3f}"


def rankings_words(names: Iterable[str]) -> str:
    """What the columns of other rankings mean, as a sentence; empty if there are none.

    Args:
        names: of the rankings.
    """
    told = [f"by {name}: {_RANKED[name]}" if name in _RANKED else f"by {name}" for name in names]
    if not told:
        return ""
    return f"As many neurons pruned, those of the lowest value first, {'; '.join(told)}."
