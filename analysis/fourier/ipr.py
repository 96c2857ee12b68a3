"""Inverse participation ratio and Gini coefficient of curves; every value has a convention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
from jaxtyping import Complex, Float

from interp.analysis.fourier.spectrum import one_sided_dft

Convention = Literal["one-sided", "one-sided-no-constant", "two-sided"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)

# One value for each curve; a numpy scalar for a single curve.
Values = Float[np.ndarray, "*batch"] | np.floating

CONVENTION_NAME: Mapping[Convention, str] = {
    "one-sided": "one-sided DFT, constant included",
    "one-sided-no-constant": "one-sided DFT, constant left out",
    "two-sided": "full DFT",
}


def power(
    curves: Float[np.ndarray, "*batch element"], convention: Convention = "one-sided"
) -> Float[np.ndarray, "*batch coefficient"]:
    """Squared magnitudes of the Fourier coefficients that a convention counts.

    Raises:
        ValueError: for an unknown convention.
    """
    match convention:
        case "one-sided":
            return _square(one_sided_dft(curves))
        case "one-sided-no-constant":
            return _square(one_sided_dft(curves)[..., 1:])
        case "two-sided":
            return _square(np.fft.fft(curves, axis=-1))
    raise ValueError(
        f"IPR convention: expected one of {', '.join(CONVENTIONS)}, got {convention!r}"
    )


def ipr(
    curves: Float[np.ndarray, "*batch element"],
    r: float = 2,
    convention: Convention = "one-sided",
) -> Values:
    """Inverse participation ratio of each curve: Σ_j |X_j|^(2r) / (Σ_j |X_j|²)^r.

    In the one-sided convention, which the reference code uses, a pure cosine has IPR 1, white
    noise about 0.04 at 97 elements and a one-hot curve 1/49. In the two-sided one (the range that
    the paper states) a cosine has 1/2 and noise 2/p. A change of scale changes nothing.

    Args:
        curves: real curves along the last axis, over group elements in their order.
        r: the exponent, > 1; the paper's is 2.
        convention: which coefficients count.

    Returns:
        Values in (0, 1]; NaN for a curve without power, which has no IPR.

    Raises:
        ValueError: if r ≤ 1 or the convention is unknown.

    Source: Doshi et al. 2024 (arXiv 2310.13061), Eq. 3.
    """
    if not r > 1:
        raise ValueError(f"IPR exponent r: expected a number above 1, got {r}")
    share = _shares(power(curves, convention))
    return (share**r).sum(axis=-1)


def gini(
    curves: Float[np.ndarray, "*batch element"], convention: Convention = "one-sided"
) -> Values:
    """Gini coefficient of the magnitudes |X_j|: 0 for a flat spectrum, 1 − 1/K for one line of K.

    Returns:
        Values in [0, 1); NaN for a curve without power.
    """
    magnitude = np.sqrt(power(curves, convention))
    ascending = np.sort(_shares(magnitude), axis=-1)
    count = magnitude.shape[-1]
    rank = np.arange(1, count + 1)
    return ((2 * rank - count - 1) * ascending).sum(axis=-1) / count


def _square(coefficients: Complex[np.ndarray, "*batch n"]) -> Float[np.ndarray, "*batch n"]:
    # Not abs(…)², whose square root and its care for overflow cost more than the transform.
    return coefficients.real**2 + coefficients.imag**2


def _shares(values: Float[np.ndarray, "*batch n"]) -> Float[np.ndarray, "*batch n"]:
    total = values.sum(axis=-1, keepdims=True)
    return np.divide(values, total, out=np.full_like(values, np.nan), where=total > 0)
