"""Where a cut between low and high IPR lies, and how far it could be moved."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from interp.analysis.ablation.ranking import removal_order
from interp.analysis.neurons.table import NeuronTable
from interp.training.arguments import is_number, is_whole, shown


def has_cut(table: NeuronTable) -> bool:
    """Whether the living neurons have two different IPRs, between which to cut."""
    return len(np.unique(table.ipr[~table.dead])) > 1


def two_class_cut(values: Float[np.ndarray, " neuron"]) -> float:
    """The value that splits a sample in two classes with the least squared deviation inside them.

    Exact: every cut between neighbours is tried (Fisher's natural breaks for two classes, Otsu's
    criterion without bins). The returned value is the midpoint of the gap.

    Raises:
        ValueError: if there are fewer than two different values.
    """
    ascending = np.sort(values)
    if len(ascending) < 2 or ascending[0] == ascending[-1]:
        raise ValueError(
            "two-class cut: expected at least two different IPRs among the living neurons, "
            f"got {len(np.unique(values))}"
        )
    below = np.arange(1, len(ascending))
    total = np.cumsum(ascending)
    low, high = total[:-1] / below, (total[-1] - total[:-1]) / (len(ascending) - below)
    between = below * (len(ascending) - below) * (high - low) ** 2
    # Equal values belong together, so a cut inside a tie is no cut.
    between[ascending[1:] == ascending[:-1]] = -1
    best = int(between.argmax())
    return float((ascending[best] + ascending[best + 1]) / 2)


def lowest(
    table: NeuronTable, count: Any, share: Any
) -> tuple[Bool[np.ndarray, " neuron"], float, str]:
    """The cut above a number of neurons, or a share of all; the dead go first.

    Args:
        table: the neurons.
        count: how many lie below the cut; None for ``share``.
        share: of all neurons, rounded to the nearest whole number; None for ``count``.

    Returns:
        Which neurons lie above, the threshold, and the rule in words, ties included: of equal
        IPRs at the cut those of lower index lie below it.

    Raises:
        ValueError: if it leaves none below or none above, or fewer below than are dead.
    """
    asked = _asked(table, count, share)
    order = removal_order(table.ipr, table.dead, "lowest")
    above = np.ones(len(table), dtype=bool)
    above[order[:asked]] = False
    words = f"all but the {f'{asked} neurons' if asked > 1 else 'neuron'} of lowest IPR"
    last, first = order[asked - 1], order[asked]
    if table.dead[last]:
        return above, float(table.ipr[first]), words
    if table.ipr[last] < table.ipr[first]:
        return above, float((table.ipr[last] + table.ipr[first]) / 2), words
    tied = ~table.dead & (table.ipr == table.ipr[first])
    kept = int((tied & above).sum())
    told = f"of {int(tied.sum())} neurons tied at the cut the last {kept} by index stay"
    return above, float(table.ipr[first]), f"{words}; {told}"


def _asked(table: NeuronTable, count: Any, share: Any) -> int:
    """The number of neurons that are to lie below a cut, checked."""
    least, most = max(1, int(table.dead.sum())), len(table) - 1
    if least > most:
        raise ValueError(
            f"count and share: expected two neurons, one of them alive, got {len(table)} of which "
            f"{int(table.dead.sum())} are dead"
        )
    of = f"{least} to {most} of {len(table)} neurons"
    if table.dead.any():
        of += f", {int(table.dead.sum())} of which are dead and go first"
    if share is None:
        if not is_whole(count) or not least <= count <= most:
            raise ValueError(f"count: expected {of}, got {shown(count)}")
        return int(count)
    if not is_number(share) or not 0 < share < 1:
        raise ValueError(f"share: expected a number above 0 and below 1, got {shown(share)}")
    asked = round(float(share) * len(table))
    if not least <= asked <= most:
        raise ValueError(f"share: expected {of}, got {shown(share)}, which is {asked}")
    return asked


def gap_around(
    values: Float[np.ndarray, " neuron"], above: Bool[np.ndarray, " neuron"]
) -> tuple[float, float] | None:
    """The IPRs next to a cut: every threshold above the first, up to the second, cuts there too.

    Args:
        values: IPRs of the living neurons.
        above: which of them lie above the cut.

    Returns:
        The largest IPR below the cut, 0 if there is none, and the smallest above it, 1 if there is
        none; None where the two are equal, so that no threshold makes this cut.
    """
    low = float(values[~above].max(initial=0))
    high = float(values[above].min(initial=1))
    return (low, high) if low < high else None
