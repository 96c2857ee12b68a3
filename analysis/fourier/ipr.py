"""Inverse participation ratio and Gini coefficient of curves; every value has a convention."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from interp.analysis.fourier.conventions import CONVENTIONS, Convention, counted
from interp.analysis.fourier.spectrum import block_power, checked_curves, near_one
from interp.training.arguments import is_number, shown, some
from interp.training.tasks.groups import Basis

# One value for each curve; a numpy scalar for a single curve.
Values = Float[np.ndarray, "*batch"] | np.floating


def power(
    curves: Float[np.ndarray, "*batch element"],
    convention: Convention = "one-sided",
    basis: Basis | None = None,
) -> Float[np.ndarray, "*batch coefficient"]:
    """The squared magnitudes that a convention counts, up to a factor that all have in common.

    Args:
        curves: real curves along the last axis, over group elements in their order.
        convention: which coefficients count, and how.
        basis: of the functions on the elements; by default the order is cyclic, and the
            coefficients are those of a discrete Fourier transform.

    Raises:
        TypeError: for curves that are no real numbers.
        ValueError: for an unknown convention, or curves that are not finite.
    """
    curves = near_one(checked_curves(curves))
    some(basis, Basis, "the basis of a group, such as that of GROUPS['cyclic'].basis(97)")
    if basis is None:
        return CONVENTIONS[convention].of_waves(curves)
    return counted(block_power(curves, basis), basis.sizes, convention)


def ipr(
    curves: Float[np.ndarray, "*batch element"],
    r: float = 2,
    convention: Convention = "one-sided",
    basis: Basis | None = None,
) -> Values:
    """Inverse participation ratio of each curve: Σ_j |X_j|^(2r) / (Σ_j |X_j|²)^r.

    In the one-sided convention, which the reference code uses, a pure cosine has IPR 1, white
    noise about 0.04 at 97 elements and a one-hot curve 1/49. In the two-sided one (the range that
    the paper states) a cosine has 1/2 and noise 2/p. A change of scale changes nothing.

    Args:
        curves: real curves along the last axis, over group elements in their order.
        r: the exponent, > 1; the paper's is 2.
        convention: which coefficients count, a name of CONVENTIONS.
        basis: of the functions on the elements; by default the order is cyclic.

    Returns:
        Values in (0, 1]; NaN for a curve without power, which has no IPR.

    Raises:
        TypeError: for curves that are no real numbers.
        ValueError: if r ≤ 1, the convention is unknown, or a curve has NaN or infinite values.

    Source: Doshi et al. 2024 (arXiv 2310.13061), Eq. 3.
    """
    return participation(power(curves, convention, basis), exponent(r))


def exponent(r: object) -> float:
    """The exponent of an IPR.

    Raises:
        ValueError: if it is no finite number above 1.
    """
    if not is_number(r) or not 1 < r < np.inf:  # type: ignore[operator]
        raise ValueError(f"IPR exponent r: expected a number above 1, got {shown(r)}")
    return float(r)  # type: ignore[arg-type]


def participation(power: Float[np.ndarray, "*batch coefficient"], r: float) -> Values:
    """Σ_j s_j^r of the shares s of power; NaN where there is none."""
    return (_shares(power) ** r).sum(axis=-1)


def gini(
    curves: Float[np.ndarray, "*batch element"],
    convention: Convention = "one-sided",
    basis: Basis | None = None,
) -> Values:
    """Gini coefficient of the magnitudes |X_j|: 0 for a flat spectrum, 1 − 1/K for one line of K.

    Returns:
        Values in [0, 1); NaN for a curve without power.
    """
    return gini_of(np.sqrt(power(curves, convention, basis)))


def gini_of(magnitude: Float[np.ndarray, "*batch n"]) -> Float[np.ndarray, "*batch"]:
    """Gini coefficient of numbers ≥ 0, Σ_i (2i − n − 1) x_i ∕ (n Σ x), x ascending; NaN for zeros.

    0 where all are equal, 1 − 1/n where one alone is not zero.
    """
    ascending = np.sort(_shares(magnitude), axis=-1)
    count = magnitude.shape[-1]
    rank = np.arange(1, count + 1)
    return np.asarray(((2 * rank - count - 1) * ascending).sum(axis=-1) / count)


def _shares(values: Float[np.ndarray, "*batch n"]) -> Float[np.ndarray, "*batch n"]:
    total = values.sum(axis=-1, keepdims=True)
    return np.divide(values, total, out=np.full_like(values, np.nan), where=total > 0)
