"""Names a group by its Cayley table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from interp.training.tasks.cayley import Cayley, Elements, check_group, identity
from interp.training.tasks.finite import families
from interp.training.tasks.finite.group import FiniteGroup
from interp.training.tasks.finite.names import canonical
from interp.training.tasks.isomorphism.abelian import (
    coordinates,
    invariant_factors,
    is_abelian,
    prime_power_factors,
)
from interp.training.tasks.isomorphism.candidates import candidates
from interp.training.tasks.isomorphism.invariants import Invariants, invariants
from interp.training.tasks.isomorphism.search import GaveUp, find_isomorphism

LARGEST = 1000  # elements of a group that is named


@dataclass(frozen=True, eq=False)
class Identified:
    """Which group a table is, up to isomorphism.

    Attributes:
        name: ``S5``, ``Z4×Z24``, ``S3×Z4``; ``invariants of S3×Z4`` where no isomorphism was
            found, nor shown not to exist; ``group of order 21`` where no group with a name fits.
        same: the name by factors of prime power order, where it is another one: ``Z8×Z3×Z4``.
        invariants: orders of elements, centre, classes, derived subgroup.
        identity: the index of the identity.
        table: that was identified.
        isomorphism: of each element of the table, the index in ``named``; None where none is known.
            Any automorphism after it gives another one.
        named: the group with that name; None where none is known to be isomorphic.
    """

    name: str
    invariants: Invariants
    identity: int
    table: Cayley = field(repr=False)
    same: str | None = None
    isomorphism: Elements | None = field(default=None, repr=False)
    named: FiniteGroup | None = field(default=None, repr=False)

    @property
    def is_proven(self) -> bool:
        """Whether an isomorphism to the named group is known."""
        return self.isomorphism is not None

    @property
    def elements(self) -> tuple[str, ...]:
        """A name for each element of the table, in its order; its index where none is known."""
        if self.named is None or self.isomorphism is None:
            return tuple(map(str, range(self.invariants.order)))
        return tuple(self.named.elements[one] for one in self.isomorphism)

    @property
    def group(self) -> FiniteGroup:
        """The group in the table's own order, with the names of its elements and characters."""
        known = {} if self.named is None else self.named.characters
        characters = {name: values[self.isomorphism] for name, values in known.items()}
        return FiniteGroup(self.name, self.table, self.elements, characters)

    @property
    def words(self) -> str:
        """In a line: name, order, orders of elements."""
        same = f" = {self.same}" if self.same else ""
        orders = dict(self.invariants.orders)
        return f"{self.name}{same} (order {self.invariants.order}, element orders {orders})"


def identify(table: object) -> Identified:
    """Names a group up to isomorphism, with an isomorphism that proves it.

    Abelian groups are named by their invariant factors. Others are compared with S3 … S6, A4 … A6,
    Q8, D_n and products of these with one another and with cyclic groups: first by invariants, then
    by a search for an isomorphism.

    Args:
        table: (n, n), the index of i·j in row i and column j, n ≤ 1000.

    Raises:
        ValueError: if it is not the table of a group, or too large.
    """
    found = check_group(table)
    if len(found) > LARGEST:
        raise ValueError(f"table: expected at most {LARGEST} elements to name, got {len(found)}")
    return _identified(found.tobytes(), len(found))


@lru_cache(maxsize=8)
def _identified(content: bytes, n: int) -> Identified:
    table = np.frombuffer(content, dtype=np.int64).reshape(n, n)
    plain = Identified(f"group of order {n}", invariants(table), identity(table), table)
    return _abelian(table, plain) if is_abelian(table) else _non_abelian(table, plain)


def _abelian(table: Cayley, plain: Identified) -> Identified:
    factors = invariant_factors(table)
    named = families.abelian([one.order for one in factors] or [1])
    isomorphism = np.empty(len(table), dtype=np.int64)
    isomorphism[coordinates(table, factors)] = np.arange(len(table))
    parts = [f"Z{one.order}" for one in prime_power_factors(table)]
    same = canonical("×".join(parts)) if parts else named.name
    return replace(
        plain,
        name=named.name,
        same=None if same == named.name else same,
        isomorphism=isomorphism,
        named=named,
    )


def _non_abelian(table: Cayley, plain: Identified) -> Identified:
    open_: list[str] = []
    for named in candidates(plain.invariants):
        try:
            isomorphism = find_isomorphism(table, named.table)
        except GaveUp:
            open_.append(named.name)
            continue
        if isomorphism is not None:
            return replace(plain, name=named.name, isomorphism=isomorphism, named=named)
    return replace(plain, name=f"invariants of {' or '.join(open_)}") if open_ else plain
