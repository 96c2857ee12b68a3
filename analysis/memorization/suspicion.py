"""How well a score of suspicion finds wrong labels: AUROC, precision at k, average precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import rankdata


@dataclass(frozen=True)
class Found:
    """How well the wrong labels are found.

    Attributes:
        auroc: chance that a wrong label is more suspected than a right one; ties count half.
        precision: share of wrong labels among the k most suspected, k the number of wrong ones;
            of ties at the border the expectation over their order.
        average_precision: mean precision over the thresholds, weighted by the recall each adds.
    """

    auroc: float
    precision: float
    average_precision: float


def found(suspicion: Float[np.ndarray, " example"], wrong: Bool[np.ndarray, " example"]) -> Found:
    """How well a score finds the wrong labels.

    Args:
        suspicion: of every training example; high is suspected.
        wrong: whether its given label is not the true one; some are, and some are not.
    """
    return Found(
        auroc(suspicion, wrong), precision_at(suspicion, wrong), average_precision(suspicion, wrong)
    )


def auroc(suspicion: Float[np.ndarray, " example"], wrong: Bool[np.ndarray, " example"]) -> float:
    """Area under the receiver's curve, by the ranks of the wrong ones."""
    ranks = rankdata(suspicion)
    wrongs, rights = int(wrong.sum()), int((~wrong).sum())
    return float((ranks[wrong].sum() - wrongs * (wrongs + 1) / 2) / (wrongs * rights))


def precision_at(
    suspicion: Float[np.ndarray, " example"], wrong: Bool[np.ndarray, " example"]
) -> float:
    """Expected share of wrong labels among the k most suspected, k the number of wrong ones."""
    k = int(wrong.sum())
    border = np.sort(suspicion)[-k]
    above, tied = suspicion > border, suspicion == border
    free = k - int(above.sum())
    return float((wrong[above].sum() + free * wrong[tied].mean()) / k)


def average_precision(
    suspicion: Float[np.ndarray, " example"], wrong: Bool[np.ndarray, " example"]
) -> float:
    """Σ (recall gained at a threshold) · (precision there), a threshold a different score."""
    order = np.argsort(-suspicion, kind="stable")
    hits = np.cumsum(wrong[order])
    last = np.append(np.diff(suspicion[order]) != 0, True)  # of examples with one score
    precision = hits[last] / (np.flatnonzero(last) + 1)
    recall = hits[last] / hits[-1]
    return float((np.diff(recall, prepend=0.0) * precision).sum())
