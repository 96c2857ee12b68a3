"""Numbers that isomorphic groups share, from a Cayley table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import reduce
from math import lcm

import numpy as np
from jaxtyping import Bool, Int

from interp.training.tasks.cayley import (
    Cayley,
    Elements,
    classes,
    conjugates,
    element_orders,
    generated,
    identity,
    inverses,
)


@dataclass(frozen=True)
class Invariants:
    """Equal for isomorphic groups; equality alone does not prove an isomorphism.

    Attributes:
        orders: (order, how many elements have it), by order.
        centre: number of elements that commute with all.
        classes: number of conjugacy classes.
        derived: number of elements of the subgroup that the commutators generate.
    """

    orders: tuple[tuple[int, int], ...]
    centre: int
    classes: int
    derived: int

    @property
    def order(self) -> int:
        """n, the number of elements."""
        return sum(count for _, count in self.orders)

    @property
    def words(self) -> str:
        """In a line."""
        return (
            f"element orders {dict(self.orders)}, centre {self.centre}, {self.classes} conjugacy "
            f"classes, derived subgroup {self.derived}"
        )

    def times(self, other: Invariants) -> Invariants:
        """Those of the direct product: orders by least common multiples, the rest multiplied."""
        orders: Counter[int] = Counter()
        for a, many in self.orders:
            for b, more in other.orders:
                orders[lcm(a, b)] += many * more
        return Invariants(
            tuple(sorted(orders.items())),
            self.centre * other.centre,
            self.classes * other.classes,
            self.derived * other.derived,
        )


TRIVIAL = Invariants(((1, 1),), 1, 1, 1)


def product_invariants(factors: list[Invariants]) -> Invariants:
    """Those of a direct product of any number of groups."""
    return reduce(Invariants.times, factors, TRIVIAL)


def invariants(table: Cayley) -> Invariants:
    """Those of a group.

    Args:
        table: of a group, which is not checked here.
    """
    orders = Counter(element_orders(table).tolist())
    sizes = class_sizes(table)
    return Invariants(
        tuple(sorted(orders.items())),
        int((sizes == 1).sum()),
        round(float((1 / sizes).sum())),
        int(derived(table).sum()),
    )


def class_sizes(table: Cayley) -> Elements:
    """How many elements are conjugate to each one."""
    first = classes(table)
    return np.bincount(first, minlength=len(table))[first]


def derived(table: Cayley) -> Bool[np.ndarray, " element"]:
    """Which elements are products of commutators."""
    commutators = np.unique(table[conjugates(table), inverses(table)])
    return generated(table, commutators)


def power(
    table: Cayley, elements: Int[np.ndarray, " some"], exponent: int | Int[np.ndarray, " some"]
) -> Int[np.ndarray, " some"]:
    """xᵏ of each element x, by repeated squaring."""
    found = np.full(len(elements), identity(table))
    square, left = elements, np.broadcast_to(exponent, len(elements)).copy()
    while left.any():
        odd = left % 2 == 1
        found = np.where(odd, table[found, square], found)
        square, left = table[square, square], left // 2
    return found
