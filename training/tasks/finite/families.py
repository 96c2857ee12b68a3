"""Families of groups: their elements, products and the characters that have a name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations, product
from math import prod

import numpy as np
from jaxtyping import Bool, Float, Int

from interp.training.tasks.finite.group import FiniteGroup

Orders = Int[np.ndarray, "element thing"]


def cyclic(n: int) -> FiniteGroup:
    """Z_n: residues mod n, by addition."""
    return abelian([n])


def abelian(factors: Sequence[int]) -> FiniteGroup:
    """Z_a × Z_b × …: tuples of residues, the last one fastest."""
    parts = [np.add.outer(np.arange(n), np.arange(n)) % n for n in factors]
    names = [tuple(str(i) for i in range(n)) for n in factors]
    return FiniteGroup(
        _product_name([f"Z{n}" for n in factors]),
        _product_table(parts),
        _tuples(names),
        _frequencies(factors),
    )


def _frequencies(factors: Sequence[int]) -> dict[str, Float[np.ndarray, " element"]]:
    """Cos 2π Σ k_j x_j / n_j, of each tuple of frequencies up to sign."""
    found: dict[str, np.ndarray] = {}
    lengths = np.array(factors)
    every = np.array(list(product(*map(range, factors))))
    for k in every:
        opposite = -k % lengths
        if tuple(k) > tuple(opposite):
            continue
        turns = (every * k % lengths / lengths).sum(axis=1)
        words = ", ".join(map(str, k))
        found[f"frequency {words if len(factors) == 1 else f'({words})'}"] = np.cos(
            2 * np.pi * turns
        )
    return found


def dihedral(n: int) -> FiniteGroup:
    """D_n of order 2n: rotations r^k, then reflections r^k s, with s r s = r⁻¹."""
    k, flipped = (part.ravel() for part in np.meshgrid(np.arange(n), [0, 1]))
    turn = (k[:, None] + np.where(flipped[:, None] == 1, -1, 1) * k) % n
    table = turn + n * (flipped[:, None] ^ flipped)
    rotations = ["1", "r", *(f"r^{i}" for i in range(2, n))]
    elements = (*rotations, *(f"{one} s".removeprefix("1 ") for one in rotations))
    side = 1.0 - 2 * flipped
    characters = {"reflection sign": side}
    if n % 2 == 0:
        alternating = (-1.0) ** k
        characters |= {
            "alternating": alternating,
            "alternating ⊗ reflection sign": alternating * side,
        }
    for frequency in range(1, (n - 1) // 2 + 1):
        wave = np.cos(2 * np.pi * (frequency * k % n) / n)
        characters[f"frequency {frequency}"] = np.where(flipped == 1, 0, wave)
    return FiniteGroup(f"D{n}", table, elements, characters)


def quaternion() -> FiniteGroup:
    """Q8: ±1, ±i, ±j, ±k with i² = j² = k² = ijk = −1."""
    units = ["1", "i", "j", "k"]
    # Unit and sign of the product of two units.
    unit = np.array([[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]])
    minus = np.array([[0, 0, 0, 0], [0, 1, 0, 1], [0, 1, 1, 0], [0, 0, 1, 1]])
    which, negative = np.divmod(np.arange(8), 2)
    pairs = np.ix_(which, which)
    table = 2 * unit[pairs] + (minus[pairs] ^ negative[:, None] ^ negative)
    elements = tuple(f"{sign}{one}" for one in units for sign in ("", "-"))
    of = {f"sign, 1 on {one}": np.isin(which, [0, i]) for i, one in enumerate(units) if i}
    characters = {name: np.where(here, 1.0, -1.0) for name, here in of.items()}
    characters["quaternion"] = np.where(which == 0, 1.0 - 2 * negative, 0)
    return FiniteGroup("Q8", table, elements, characters)


def symmetric(n: int) -> FiniteGroup:
    """S_n: the permutations of 1 … n in lexicographic order; x·y does y first."""
    orders = np.array(list(permutations(range(n))))
    return _permutations(f"S{n}", orders)


def alternating(n: int) -> FiniteGroup:
    """A_n: the even permutations."""
    orders = np.array(list(permutations(range(n))))
    return _permutations(f"A{n}", orders[_is_even(orders)])


def _permutations(name: str, orders: Orders) -> FiniteGroup:
    n = orders.shape[1]
    digits = n ** np.arange(n)[::-1]
    codes = orders @ digits  # ascending, as the order is lexicographic
    table = np.stack([np.searchsorted(codes, one[orders] @ digits) for one in orders])
    sign = np.where(_is_even(orders), 1.0, -1.0)
    fixed = (orders == np.arange(n)).sum(axis=1)
    standard = (fixed - 1) / max(n - 1, 1)
    characters = {"sign": sign, "standard": standard, "standard ⊗ sign": standard * sign}
    return FiniteGroup(name, table, tuple(cycles(one) for one in orders), characters)


def _is_even(orders: Orders) -> Bool[np.ndarray, " element"]:
    first, second = np.triu_indices(orders.shape[1], 1)
    return (orders[:, first] > orders[:, second]).sum(axis=1) % 2 == 0


def cycles(order: Int[np.ndarray, " thing"]) -> str:
    """A permutation of 0 … n−1 as cycles of 1 … n: ``(1 2)(3 4 5)``; the identity is ``()``."""
    left, found = set(range(len(order))), ""
    while left:
        thing, cycle = min(left), []
        while thing in left:
            left.remove(thing)
            cycle.append(str(thing + 1))
            thing = int(order[thing])
        found += f"({' '.join(cycle)})" if len(cycle) > 1 else ""
    return found or "()"


def direct_product(factors: Sequence[FiniteGroup]) -> FiniteGroup:
    """A × B × …: tuples of elements, the last one fastest."""
    return FiniteGroup(
        _product_name([one.name for one in factors]),
        _product_table([one.table for one in factors]),
        _tuples([one.elements for one in factors]),
    )


def _product_table(tables: Sequence[np.ndarray]) -> Int[np.ndarray, "first second"]:
    lengths = [len(one) for one in tables]
    places = np.unravel_index(np.arange(prod(lengths)), lengths)
    parts = [one[np.ix_(at, at)] for one, at in zip(tables, places, strict=True)]
    return np.ravel_multi_index(parts, lengths).astype(np.int64)


def _tuples(names: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    if len(names) == 1:
        return names[0]
    return tuple(f"({', '.join(one)})" for one in product(*names))


def _product_name(names: Sequence[str]) -> str:
    """``Z2^3×S3``: equal neighbours as a power."""
    runs: list[tuple[str, int]] = []
    for name in names:
        again = bool(runs) and runs[-1][0] == name
        runs[-1:] = [(name, runs[-1][1] + 1)] if again else [*runs[-1:], (name, 1)]
    return "×".join(name if count == 1 else f"{name}^{count}" for name, count in runs)
