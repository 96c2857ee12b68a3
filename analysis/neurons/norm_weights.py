"""A norm's weights beside the IPR of the neurons they scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interp.analysis.neurons.table import NeuronTable

_FEWEST = 3


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rank correlation of IPR and |norm weight| over the living neurons.

    Attributes:
        rho: in [−1, 1]; positive if neurons of low IPR have small weights.
        p_value: two-sided, of no correlation.
        neurons: how many were ranked.
    """

    rho: float
    p_value: float
    neurons: int


def has_correlation(table: NeuronTable) -> bool:
    """Whether the layer has a norm, and enough living neurons whose weights can be ranked."""
    alive = ~table.dead
    weights = () if table.norm_weight is None else table.norm_weight[alive]
    return len(weights) >= _FEWEST and len(np.unique(weights)) > 1


def norm_correlation(table: NeuronTable) -> RankCorrelation:
    """How the norm's weight of a neuron goes with its IPR (Doshi et al. 2024, figure 5).

    Raises:
        ValueError: if the layer has no norm, or fewer than three living neurons.
    """
    if table.norm_weight is None:
        raise ValueError("norm weights: expected a layer with a norm on its neurons, got none")
    from scipy.stats import spearmanr  # takes as long to load as torch, and few ask

    alive = ~table.dead
    if alive.sum() < _FEWEST:
        raise ValueError(
            f"norm weights: expected at least 3 living neurons, got {int(alive.sum())}"
        )
    found = spearmanr(table.ipr[alive], np.asarray(table.norm_weight)[alive])
    return RankCorrelation(float(found.statistic), float(found.pvalue), int(alive.sum()))
