"""O-information of several variables by the Gaussian copula, over all multiplets at once."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri
from scipy.stats import rankdata

LEAST = 3  # variables of a multiplet: of two the O-information is 0

Samples = Float[np.ndarray, "sample variable"]


def normal_scores(samples: Samples) -> Samples:
    """Each variable by its ranks, as quantiles of a normal distribution; ties share a rank."""
    ranks = rankdata(samples, axis=0)
    scores: np.ndarray = ndtri(ranks / (len(samples) + 1))
    return scores


def o_information(
    correlation: Float[np.ndarray, "variable variable"],
) -> Mapping[int, tuple[np.ndarray, np.ndarray]]:
    """Ω = (n − 2) H(X) + Σ_j (H(X_j) − H(X without j)) of every multiplet of n ≥ 3 variables.

    In nats, of variables that are normal together: above 0 redundancy prevails, below 0 synergy.
    Source: Rosas et al. 2019 (arXiv 1902.11239), Eq. 1 there; entropies are ½ log det.

    Args:
        correlation: of the variables; positive definite.

    Returns:
        By n: the variables of each multiplet, (multiplet, n), and its Ω, (multiplet,).
    """
    count = len(correlation)
    found = {}
    for n in range(LEAST, count + 1):
        chosen = np.array(list(combinations(range(count), n)))
        parts = correlation[chosen[:, :, None], chosen[:, None, :]]
        _, logdet = np.linalg.slogdet(parts)
        # det of what is left without j is det · (inverse)_jj; of one variable it is its variance.
        inverse = np.diagonal(np.linalg.inv(parts), axis1=1, axis2=2)
        single = np.log(np.diagonal(parts, axis1=1, axis2=2))
        without = logdet[:, None] + np.log(inverse)
        found[n] = chosen, ((n - 2) * logdet + (single - without).sum(axis=1)) / 2
    return found


def extremes(samples: Samples) -> tuple[float, float]:
    """The least and the greatest Ω over all multiplets: synergy and redundancy.

    Raises:
        ValueError: if the variables depend on each other exactly, as one that never varies does.
    """
    correlation = np.corrcoef(normal_scores(samples), rowvar=False)
    if not np.isfinite(correlation).all() or np.linalg.matrix_rank(correlation) < len(correlation):
        raise ValueError("information: expected variables of which none follows from the others")
    values = np.concatenate([one for _, one in o_information(correlation).values()])
    return float(values.min()), float(values.max())
