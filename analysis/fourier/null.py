"""The IPR of white noise: what a neuron without structure shows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import exp, lgamma

import numpy as np
from jaxtyping import Float

from interp.analysis.fourier.ipr import Convention, ipr
from interp.training.randomness import stream

_PART = 2**22  # numbers drawn at once


@dataclass(frozen=True)
class NullIPR:
    """Distribution of a neuron's IPR when its curves are independent Gaussian noise.

    Attributes:
        elements: length of a curve.
        curves: how many curves a neuron's IPR is the mean of.
        convention, r: as in :func:`interp.analysis.fourier.ipr.ipr`.
        mean: its expectation.
        mean_is_exact: whether the mean is the closed form; else it is the samples' mean.
        samples: sorted draws.
        seed: seed of the draws.
    """

    elements: int
    curves: int
    convention: Convention
    r: float
    mean: float
    mean_is_exact: bool
    samples: Float[np.ndarray, " draw"]
    seed: int

    def quantile(self, q: float) -> float:
        """The value below which a share q of unstructured neurons lies.

        Raises:
            ValueError: if q lies outside (0, 1) or so close to 1 that the draws cannot tell.
        """
        if not 0 < q < 1 or (1 - q) * len(self.samples) < 1:
            raise ValueError(
                f"null quantile: expected a number between 0 and {1 - 1 / len(self.samples):g}, "
                f"got {q}"
            )
        return float(np.quantile(self.samples, q))


@cache
def null_ipr(
    elements: int,
    curves: int = 3,
    convention: Convention = "one-sided",
    r: float = 2,
    draws: int = 20_000,
    seed: int = 0,
) -> NullIPR:
    """The null distribution of the IPR for curves of a given length.

    The mean is exact where the shares of power are Dirichlet(1, …, 1) (an odd number of elements,
    one-sided, without the constant: K = (n−1)/2 shares): K Γ(r+1) Γ(K) / Γ(K+r), which is
    2/(K+1) for r = 2. Elsewhere, and for quantiles, it is a seeded simulation.

    Raises:
        ValueError: if there are fewer than 2 elements, or no curve or no draw.
    """
    if elements < 2 or curves < 1 or draws < 1:
        raise ValueError(
            f"null IPR: expected at least 2 elements, 1 curve and 1 draw, "
            f"got {elements}, {curves} and {draws}"
        )
    random = stream(seed, "null")
    # In parts, because all of the noise of long curves takes gigabytes; the draws are the same.
    part = max(1, _PART // (curves * elements))
    sizes = [min(part, draws - done) for done in range(0, draws, part)]
    parts = [
        ipr(random.normal(size=(size, curves, elements)), r, convention).mean(axis=1)
        for size in sizes
    ]
    samples = np.sort(np.concatenate(parts))
    exact = convention == "one-sided-no-constant" and elements % 2 == 1
    mean = _dirichlet_mean((elements - 1) // 2, r) if exact else float(samples.mean())
    return NullIPR(elements, curves, convention, r, mean, exact, samples, seed)


def _dirichlet_mean(shares: int, r: float) -> float:
    return shares * exp(lgamma(r + 1) + lgamma(shares) - lgamma(shares + r))
