"""Singular values of centred matrices, and the frequencies of their left singular vectors."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from interp.analysis.fourier.spectrum import block_power
from interp.analysis.mechanism.matrices import Matrix
from interp.training.tasks.groups import fourier_basis

Spectrum = Float[np.ndarray, " component"]

_FIRST, _LEAST = 4, 1e-2  # vectors whose purity is told; share of the greatest that counts as rank


def centred(matrix: Matrix) -> Float[np.ndarray, "element dimension"]:
    """The elements as rows, their mean taken away."""
    return (matrix - matrix.mean(axis=1, keepdims=True)).T


def singular_values(matrix: Matrix) -> Spectrum:
    """Of the centred matrix, descending."""
    return np.asarray(np.linalg.svd(centred(matrix), compute_uv=False))


def quantities_of(matrix: Matrix) -> dict[str, float | None]:
    """``participation``, ``rank`` and ``purity``; None where the centred matrix is zero."""
    left, values, _ = np.linalg.svd(centred(matrix), full_matrices=False)
    if not values[0] > np.finfo(float).eps * np.abs(matrix).max() * max(matrix.shape):
        return {"participation": None, "rank": 0.0, "purity": None}
    relative = values / values[0]
    counted = relative > _LEAST
    # Beyond the rank a left vector is any direction at all.
    first = left.T[: min(_FIRST, int(counted.sum()))]
    shares = block_power(first, fourier_basis(matrix.shape[1]))
    return {
        "participation": float((relative**2).sum() ** 2 / (relative**4).sum()),
        "rank": float(counted.sum()),
        "purity": float(shares.max(axis=1).mean()),
    }
