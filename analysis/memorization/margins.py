"""Mean margins in parts: by class of neurons, and how the IPR goes with what neurons add."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from interp.analysis.memorization.votes import Votes
from interp.analysis.neurons.classify import Classes
from interp.analysis.neurons.table import NeuronTable


def margins(
    own: Votes, table: NeuronTable, classes: Classes | None = None
) -> dict[str, float | None]:
    """Mean margin and its parts in units of logits, means over examples.

    Args:
        own: of the neurons of the table.
        table: whose IPRs.
        classes: of the neurons; None where there are no two.

    Returns:
        ``margin``, of which ``margin_low_ipr``, ``margin_high_ipr``, ``margin_dead`` and
        ``margin_base`` are the parts; ``row_sum_share``: the share of the margin that is the sum
        of the votes; ``ipr_correlation``: Pearson's, of the IPR with the mean vote of a living
        neuron, None where either is constant.
    """

    def part(neurons: np.ndarray) -> float:
        return float(own.each[:, neurons].sum(axis=1).mean())

    margin, base, alive = float(own.margin.mean()), float(own.base.mean()), ~table.dead
    return {
        "margin": margin,
        "margin_low_ipr": part(classes.memorizing) if classes else None,
        "margin_high_ipr": part(classes.generalizing) if classes else None,
        "margin_dead": part(table.dead),
        "margin_base": base,
        "row_sum_share": 1 - base / margin if margin else None,
        "ipr_correlation": correlation(table.ipr[alive], own.each.mean(axis=0)[alive]),
    }


def correlation(a: Float[np.ndarray, " any"], b: Float[np.ndarray, " any"]) -> float | None:
    """Pearson's correlation; None of fewer than two values, or where either is constant."""
    if len(a) < 2 or not np.ptp(a) or not np.ptp(b):
        return None
    return float(np.corrcoef(a, b)[0, 1])
