"""Abelian groups as products of cyclic ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from math import prod

import numpy as np

from interp.training.tasks.cayley import Cayley, Elements, element_orders, generated, identity
from interp.training.tasks.isomorphism.invariants import power


@dataclass(frozen=True)
class Cyclic:
    """A cyclic factor.

    Attributes:
        order: number of its elements.
        generator: one of which all others are powers.
    """

    order: int
    generator: int


def is_abelian(table: Cayley) -> bool:
    """Whether any two elements commute."""
    return bool((table == table.T).all())


def prime_power_factors(table: Cayley) -> list[Cyclic]:
    """The factors of prime power order, by prime and then from the largest: one way only.

    In the elements of p-power order, an element of the greatest order among those whose powers
    meet the factors so far in the identity alone gives the next factor: what is found is a direct
    factor, and such an element is one of greatest order in a complement.

    Args:
        table: of an abelian group.
    """
    orders = element_orders(table)
    found = []
    for prime in primes(len(table)):
        inside = np.flatnonzero(_is_power(orders, prime))
        least = power(table, inside, orders[inside] // prime)  # of order p, or the identity
        own: list[Cyclic] = []
        while prod(one.order for one in own) < len(inside):
            so_far = generated(table, np.array([one.generator for one in own], dtype=int))
            free = inside[(orders[inside] > 1) & ~so_far[least]]
            generator = int(free[orders[free].argmax()])
            own.append(Cyclic(int(orders[generator]), generator))
        found += own
    return found


def invariant_factors(table: Cayley) -> list[Cyclic]:
    """As few factors as possible, each order a divisor of the next one: also one way only.

    Args:
        table: of an abelian group; the trivial one has none.
    """
    by_prime: dict[int, list[Cyclic]] = {}
    for one in prime_power_factors(table):
        by_prime.setdefault(min(primes(one.order)), []).append(one)
    trivial = Cyclic(1, identity(table))
    found = []
    for parts in zip_longest(*by_prime.values(), fillvalue=trivial):
        generator = trivial.generator
        for part in parts:
            generator = int(table[generator, part.generator])
        found.append(Cyclic(prod(part.order for part in parts), generator))
    return found[::-1]


def coordinates(table: Cayley, factors: list[Cyclic]) -> Elements:
    """The product of powers g₁^a₁·g₂^a₂·… for all exponents, the last exponent fastest."""
    found = np.array([identity(table)])
    for one in factors:
        powers = power(table, np.full(one.order, one.generator), np.arange(one.order))
        found = table[found][:, powers].ravel()
    return found


def primes(n: int) -> list[int]:
    """The primes that divide n."""
    return [q for q in range(2, n + 1) if n % q == 0 and all(q % d for d in range(2, q))]


def abelian_orders(n: int) -> Iterator[tuple[int, ...]]:
    """The invariant factors of every abelian group of order n; of order 1: none of them."""

    def chains(left: int, above: int) -> Iterator[tuple[int, ...]]:
        if left == 1:
            yield ()
        for one in range(2, left + 1):
            if left % one == 0 and above % one == 0:
                for rest in chains(left // one, one):
                    yield (*rest, one)

    return chains(n, n)


def _is_power(orders: Elements, prime: int) -> np.ndarray:
    left = orders.copy()
    while (left % prime == 0).any():
        left = np.where(left % prime == 0, left // prime, left)
    return left == 1
