"""Residues in the order of the group that an operation lives on."""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
from jaxtyping import Int

Group = Literal["cyclic", "multiplicative"]


def is_prime(n: int) -> bool:
    """Whether n is prime, by trial division (moduli are small)."""
    return n >= 2 and all(n % d for d in range(2, int(n**0.5) + 1))


def residue_order(p: int, group: Group) -> Int[np.ndarray, " element"]:
    """Residues in the order in which the group's characters are ordinary cosines.

    ``cyclic``: 0, 1, …, p−1. ``multiplicative``: g⁰, g¹, …, g^(p−2) for the smallest primitive
    root g, that is, by discrete logarithm; the zero residue is no element.

    Raises:
        ValueError: for the multiplicative group at a modulus that is not prime.
    """
    if group == "cyclic":
        return np.arange(p)
    if not is_prime(p):
        raise ValueError(f"the multiplicative characters need a prime modulus, got {p}")
    root = primitive_root(p)
    return np.array([pow(root, exponent, p) for exponent in range(p - 1)])


@cache
def primitive_root(p: int) -> int:
    """Smallest generator of the nonzero residues mod a prime p."""
    factors = [q for q in range(2, p) if (p - 1) % q == 0 and is_prime(q)]
    return next(g for g in range(1, p) if all(pow(g, (p - 1) // q, p) != 1 for q in factors))
