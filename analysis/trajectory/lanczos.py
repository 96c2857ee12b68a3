"""The largest eigenvalue of a symmetric operator that is known by its products alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Vector = Float[np.ndarray, " entry"]

_EXHAUSTED = 1e-12  # of the largest Ritz value: nothing is left outside the space so far


@dataclass(frozen=True)
class Largest:
    """A largest eigenvalue.

    Attributes:
        value: the largest Ritz value, never above the eigenvalue.
        residual: ‖Av − value·v‖ of its vector: an eigenvalue lies at least so near.
        iterations: products that were taken.
        converged: whether the residual came below the tolerance times the value.
    """

    value: float
    residual: float
    iterations: int
    converged: bool


def largest_eigenvalue(
    product: Callable[[Vector], Vector], start: Vector, iterations: int, tolerance: float
) -> Largest:
    """By Lanczos with full reorthogonalization.

    Args:
        product: A·v of a symmetric A.
        start: a vector that is not zero.
        iterations: products at most.
        tolerance: residual over the absolute value at which to stop.
    """
    basis = [start / np.linalg.norm(start)]
    diagonal: list[float] = []
    beside: list[float] = []
    while True:
        image = product(basis[-1])
        diagonal.append(float(image @ basis[-1]))
        for _ in range(2):  # once leaves what rounding has let in
            for one in basis:
                image = image - (image @ one) * one
        matrix = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
        values, vectors = np.linalg.eigh(matrix)
        length = float(np.linalg.norm(image))
        residual = length * abs(float(vectors[-1, -1]))
        scale = float(np.abs(values).max())
        done = length <= _EXHAUSTED * scale or residual <= tolerance * abs(float(values[-1]))
        if done or len(diagonal) >= min(iterations, len(start)):
            return Largest(float(values[-1]), residual, len(diagonal), bool(done))
        beside.append(length)
        basis.append(image / length)
