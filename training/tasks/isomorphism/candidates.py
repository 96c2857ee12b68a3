"""The groups with a name that a group may be, by its order and its invariants."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from interp.training.tasks.finite.group import FiniteGroup
from interp.training.tasks.finite.names import canonical, named_group, order_of
from interp.training.tasks.isomorphism.abelian import abelian_orders
from interp.training.tasks.isomorphism.invariants import (
    Invariants,
    invariants,
    product_invariants,
)

_MOST = 3  # non-abelian factors; four of them have at least 6⁴ = 1296 elements


def candidates(wanted: Invariants) -> Iterator[FiniteGroup]:
    """Non-abelian groups with these invariants, those of fewest factors first.

    They are S3 … S6, A4 … A6, Q8, D4 and on, and products of these with one another and with
    cyclic groups.
    """
    products = [
        (*chosen, *(f"Z{n}" for n in orders))
        for chosen, left in _non_abelian(wanted.order, _families(wanted.order))
        for orders in abelian_orders(left)
    ]
    for factors in sorted(products, key=len):
        if product_invariants([_invariants(one) for one in factors]) == wanted:
            yield named_group(canonical("×".join(factors)))


def _families(order: int) -> tuple[str, ...]:
    """Non-abelian groups with a name of their own whose order divides a number."""
    # D3 is S3.
    every = ["S3", "S4", "S5", "S6", "A4", "A5", "A6", "Q8"]
    every += [f"D{n}" for n in range(4, order // 2 + 1)]
    return tuple(one for one in every if order % order_of(one) == 0)


def _non_abelian(
    order: int, among: tuple[str, ...], most: int = _MOST
) -> Iterator[tuple[tuple[str, ...], int]]:
    """One to three families whose orders' product divides the order, and what is left of it."""
    for place, one in enumerate(among):
        left = order // order_of(one)
        if left * order_of(one) != order:
            continue
        yield (one,), left
        if most > 1:
            for more, rest in _non_abelian(left, among[place:], most - 1):
                yield (one, *more), rest


@lru_cache(maxsize=1024)
def _invariants(name: str) -> Invariants:
    return invariants(named_group(name).table)
