"""A norm's weights beside the IPR of the neurons they scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp.analysis.measure import measure
from interp.analysis.neurons.classify import Classes, classify
from interp.analysis.neurons.read import neuron_table, no_neurons
from interp.analysis.neurons.table import NeuronTable
from interp.training.display import Result
from interp.training.runs.checkpoint import Checkpoint

if TYPE_CHECKING:
    import pandas as pd

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


def _no_norm(checkpoint: Checkpoint) -> str | None:
    if no_neurons(checkpoint) or all(one.norm is None for one in checkpoint.network.layers):
        return "expected a network with a norm on its neurons, got none"
    return None


@dataclass(frozen=True, repr=False)
class NormWeights(Result):
    """The norm's weights beside the IPR of the neurons they scale.

    Attributes:
        table: the neurons.
        classes: by the two-class cut.
        found: the rank correlation.
    """

    table: NeuronTable
    classes: Classes
    found: RankCorrelation

    @property
    def caption(self) -> str:
        """Of the neurons: convention, basis, seed, step."""
        return self.table.caption

    @property
    def ratio(self) -> float:
        """Mean weight of the memorizing neurons over that of the generalizing ones."""
        weight = np.asarray(self.table.norm_weight)
        means = weight[self.classes.memorizing].mean(), weight[self.classes.generalizing].mean()
        return float(means[0] / means[1])

    def values(self) -> dict[str, float | None]:
        """``norm_rho``, its p-value, and ``norm_ratio``."""
        return {
            "norm_rho": self.found.rho,
            "norm_p": self.found.p_value,
            "norm_ratio": self.ratio,
        }

    def to_pandas(self) -> pd.DataFrame:
        """A row a neuron: IPR, |norm weight|, class."""
        rows = self.table.to_pandas()[["ipr", "norm_weight"]]
        return rows.assign(neuron_class=self.classes.names)


@measure("norms", source="Doshi et al. 2024 (arXiv 2310.13061), figure 5", refuses=_no_norm)
def norms(checkpoint: Checkpoint, *, layer: int = 0) -> NormWeights:
    """The norm's weight of a neuron against its IPR: rank correlation, ratio of the classes."""
    table = neuron_table(checkpoint, layer=layer)
    found = norm_correlation(table)
    return NormWeights(table, classify(table, "auto"), found)
