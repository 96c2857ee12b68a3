"""Every subgroup of a finite group, class by class of conjugates, and how each divides it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Bool, Int

from interp.training.tasks import cayley
from interp.training.tasks.finite.group import FiniteGroup
from interp.training.tasks.isomorphism.identify import identify

MOST_SUBGROUPS = 2_000
Members = Bool[np.ndarray, " element"]


@dataclass(frozen=True, eq=False)
class Subgroups:
    """All subgroups, small ones first; the first is that of the identity, the last the group.

    Attributes:
        group: whose.
        members: which elements each has.
        kind: the class of conjugates of each, counted from 0.
    """

    group: FiniteGroup
    members: Bool[np.ndarray, "subgroup element"]
    kind: Int[np.ndarray, " subgroup"]

    def __len__(self) -> int:
        return len(self.members)

    @cached_property
    def orders(self) -> Int[np.ndarray, " subgroup"]:
        """How many elements each has."""
        return self.members.sum(axis=1)

    @cached_property
    def is_normal(self) -> Bool[np.ndarray, " subgroup"]:
        """Whether it is its only conjugate, so that left cosets are right cosets."""
        return np.asarray(np.bincount(self.kind)[self.kind] == 1)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of each, up to isomorphism: ``A4``, ``group of order 20``."""
        each = [self._named(members) for members in self.members[self._first_of_kind]]
        return tuple(each[kind] for kind in self.kind)

    @property
    def _first_of_kind(self) -> Int[np.ndarray, " kind"]:
        return np.unique(self.kind, return_index=True)[1]

    def _named(self, members: Members) -> str:
        own = np.flatnonzero(members)
        place = np.full(len(members), -1)
        place[own] = np.arange(len(own))
        return identify(place[self.group.table[np.ix_(own, own)]]).name

    @cached_property
    def is_proper(self) -> Bool[np.ndarray, " subgroup"]:
        """Whether it is neither the identity's nor the group."""
        return (self.orders > 1) & (self.orders < len(self.group))


def left_cosets(group: FiniteGroup, members: Members) -> Int[np.ndarray, " element"]:
    """The coset gH of each element g, counted from 0, that of the identity first."""
    least = group.table[:, members].min(axis=1)
    return _counted(group, least)


def right_cosets(group: FiniteGroup, members: Members) -> Int[np.ndarray, " element"]:
    """The coset Hg of each element g, likewise."""
    least = group.table[members].min(axis=0)
    return _counted(group, least)


def _counted(group: FiniteGroup, least: Int[np.ndarray, " element"]) -> Int[np.ndarray, " element"]:
    own = least == least[group.identity]
    _, found = np.unique(np.where(own, -1, least), return_inverse=True)
    return found


@lru_cache(maxsize=16)
def subgroups(group: FiniteGroup) -> Subgroups:
    """The subgroups of a group.

    One subgroup of each class of conjugates is joined with every cyclic subgroup of prime power
    order; every subgroup is a chain of such joins, up to conjugates.

    Raises:
        ValueError: for a quasigroup, or a group with more than :data:`MOST_SUBGROUPS`.
    """
    cayley.check_group(group.table)
    moves = cayley.conjugates(group.table)[cayley.generators(group.table)]
    cyclic = _cyclic(group)
    trivial = np.arange(len(group)) == group.identity
    found: dict[bytes, tuple[np.ndarray, int]] = {trivial.tobytes(): (trivial, 0)}
    kinds = 1
    waiting: list[tuple[np.ndarray, list[int]]] = [(trivial, [])]
    while waiting:
        smaller, few = waiting.pop(0)
        for by, joined in _joins(group, smaller, few, cyclic):
            if joined.tobytes() in found:
                continue
            found |= {key: (one, kinds) for key, one in _conjugates(moves, joined).items()}
            kinds += 1
            waiting.append((joined, [*few, by]))
            if len(found) > MOST_SUBGROUPS:
                raise ValueError(
                    f"subgroups of {group.name}: expected at most {MOST_SUBGROUPS:,}, got more"
                )
    return _sorted(group, [one for one, _ in found.values()], [kind for _, kind in found.values()])


def _cyclic(group: FiniteGroup) -> Int[np.ndarray, " some"]:
    """A generator of each cyclic subgroup of prime power order."""
    orders = cayley.element_orders(group.table)
    powers = [order for order in np.unique(orders).tolist() if _is_prime_power(order)]
    is_known = ~np.isin(orders, powers)
    found: list[int] = []
    while not is_known.all():
        found.append(int(is_known.argmin()))
        power = found[-1]
        while power != group.identity:  # the others that generate the same have the same order
            is_known[power] |= orders[power] == orders[found[-1]]
            power = int(group.table[power, found[-1]])
    return np.array(found, dtype=np.int64)


def _is_prime_power(order: int) -> bool:
    prime = next((d for d in range(2, order + 1) if order % d == 0), 0)
    return prime > 0 and prime ** round(math.log(order, prime)) == order


def _joins(
    group: FiniteGroup, smaller: Members, few: list[int], by: Int[np.ndarray, " some"]
) -> Iterator[tuple[int, Members]]:
    """The least subgroups with a subgroup H and one more element in them, and that element.

    They are unions of left cosets of H, closed under H and the element from the left.

    Args:
        group: of which all are subgroups.
        smaller: H.
        few: elements that generate H.
        by: elements to join, of which those in H are left out.
    """
    own = np.flatnonzero(smaller)
    coset = group.table[:, own].min(axis=1)  # gH by its least element
    for one in by[~smaller[by]].tolist():
        reached = np.unique(coset[[group.identity, one]])
        count = 0
        while count < len(reached):
            count = len(reached)
            movers = np.concatenate([reached, few]).astype(np.int64)
            reached = np.unique(coset[group.table[np.ix_(movers, reached)]])
        yield one, np.isin(coset, reached)


def _conjugates(moves: Int[np.ndarray, "by element"], members: Members) -> dict[bytes, Members]:
    """g·H·g⁻¹ for every g, each once.

    Args:
        moves: g·x·g⁻¹, a row for each g of some that generate the group.
        members: of H.
    """
    found, waiting = {members.tobytes(): members}, [members]
    while waiting:
        newest = waiting.pop()
        for move in moves:
            moved = np.zeros_like(members)
            moved[move[newest]] = True
            if found.setdefault(moved.tobytes(), moved) is moved:
                waiting.append(moved)
    return found


def _sorted(group: FiniteGroup, members: list[np.ndarray], kinds: list[int]) -> Subgroups:
    """Small ones first, conjugates together, in an order that the search does not decide."""
    rows, kind = np.stack(members), np.array(kinds)
    # The element that decides is the first of a class's first member that others do not have.
    by_elements = np.lexsort((*~rows.T[::-1], rows.sum(axis=1)))
    rows, kind = rows[by_elements], kind[by_elements]
    _, first = np.unique(kind, return_index=True)
    renamed = np.empty(len(first), dtype=np.int64)
    renamed[np.argsort(first)] = np.arange(len(first))
    kind = renamed[kind]
    order = np.lexsort((kind, rows.sum(axis=1)))
    return Subgroups(group, rows[order], kind[order])
