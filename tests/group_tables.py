"""Cayley tables written down from mathematics, without the project's groups."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np

Table = np.ndarray


def closed(generators: list[tuple[int, ...]]) -> Table:
    """The group that permutations generate: products by composition, the right one first."""
    elements = [tuple(range(len(generators[0])))]
    for one in elements:  # which grows
        for generator in generators:
            new = tuple(one[i] for i in generator)
            if new not in elements:
                elements.append(new)
    place = {one: i for i, one in enumerate(elements)}
    return np.array([[place[tuple(a[i] for i in b)] for b in elements] for a in elements])


def symmetric(k: int) -> Table:
    every = list(permutations(range(k)))
    place = {one: i for i, one in enumerate(every)}
    return np.array([[place[tuple(a[i] for i in b)] for b in every] for a in every])


def alternating(k: int) -> Table:
    """By the cycles (1 2 j)."""
    cycles = []
    for j in range(2, k):
        one = list(range(k))
        one[0], one[1], one[j] = 1, j, 0
        cycles.append(tuple(one))
    return closed(cycles)


def dihedral(n: int) -> Table:
    """Symmetries of the corners of a polygon."""
    return closed([tuple((i + 1) % n for i in range(n)), tuple(-i % n for i in range(n))])


def quaternion() -> Table:
    """By 2×2 complex matrices."""
    i, j = np.array([[1j, 0], [0, -1j]]), np.array([[0, 1], [-1, 0]])
    every = [sign * one for one in (np.eye(2), i, j, i @ j) for sign in (1, -1)]
    return np.array(
        [
            [next(k for k, c in enumerate(every) if np.allclose(a @ b, c)) for b in every]
            for a in every
        ]
    )


def abelian(*factors: int) -> Table:
    every = list(product(*map(range, factors)))
    place = {one: i for i, one in enumerate(every)}

    def add(a, b):
        return tuple((x + y) % n for x, y, n in zip(a, b, factors, strict=True))

    return np.array([[place[add(a, b)] for b in every] for a in every])


def semidirect(n: int, m: int, power: int) -> Table:
    """Z_n ⋊ Z_m: (x, u)(y, v) = (x + powerᵘ y, u + v), where power^m = 1 mod n."""
    every = list(product(range(n), range(m)))
    return np.array(
        [[(x + power**u * y) % n * m + (u + v) % m for y, v in every] for x, u in every]
    )


def direct(first: Table, second: Table) -> Table:
    m = len(second)
    every = list(product(range(len(first)), range(m)))
    return np.array([[first[a, b] * m + second[c, d] for b, d in every] for a, c in every])


def relabelled(table: Table, seed: int) -> Table:
    """The same group, its elements in another order."""
    label = np.random.default_rng(seed).permutation(len(table))
    found = np.empty_like(table)
    found[np.ix_(label, label)] = label[table]
    return found


def broken(table: Table, share: float, seed: int) -> Table:
    """The table with a share of its cells, at least one, of other elements."""
    random, found = np.random.default_rng(seed), table.copy()
    n, count = len(table), max(1, round(share * table.size))
    cells = random.choice(n * n, count, replace=False)
    found.flat[cells] = (found.flat[cells] + random.integers(1, n, count)) % n
    return found
