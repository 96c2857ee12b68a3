"""The group's table that is nearest to a table with errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from interp.training.randomness import stream
from interp.training.tasks.cayley import Cayley, Elements, check_group

# Two tables that differ in fewer than 2/9 of their cells are isomorphic if both are groups
# (Ivanyos, Le Gall, Yoshida 2012, arXiv 1107.0133): within half of that, no group of another kind
# is as near. The bound is attained by Z9 and Z3².
PROVEN = 8 / 9
LEAST = 0.5
_ROUNDS = 20
_VOTERS = 64  # factorizations y = u·v that vote on each product x·y
_TRIPLES = 4096


@dataclass(frozen=True, eq=False)
class Nearest:
    """A group's table near another table.

    Attributes:
        table: of the group, elements in the order of the other table.
        share: of the cells of the other table that agree.
    """

    table: Cayley
    share: float

    @property
    def is_proven(self) -> bool:
        """Whether no group of another kind agrees as much: if more than 8/9 of the cells agree."""
        return self.share > PROVEN


def nearest_group(table: Int[np.ndarray, "first second"], least: float = LEAST) -> Nearest:
    """The group's table that the cells of a table with errors vote for.

    A product x·y is voted on by x·(u·v) = (x·u)·v, for factorizations u·v of y as the table has
    them; all cells take their most frequent vote at once, and again until none changes. Wrong cells
    that are spread at random are outvoted; that no other group is nearer is proven only above 8/9.

    Args:
        table: (n, n), n ≥ 2, the index of i·j in row i and column j; −1 where nothing is known.
        least: the share of the cells that must agree.

    Raises:
        ValueError: if the votes lead to no group, or to none so near, with the share that agrees,
            or of triples that associate.
    """
    found = table
    for round_ in range(_ROUNDS):
        voted = _voted(found, _voters(len(table), round_))
        if np.array_equal(voted, found):
            break
        found = voted
    try:
        group = check_group(found)
    except ValueError:
        raise ValueError(
            "table: expected nearly a group; what its cells vote for is none, and of its own "
            f"triples {100 * associative_share(table):.3g} % associate"
        ) from None
    share = float((group == table).mean())
    if share < least:
        raise ValueError(
            f"table: expected {100 * least:.3g} % of the cells of a group, got {100 * share:.3g} % "
            "of that which they vote for"
        )
    return Nearest(group, share)


def associative_share(table: Int[np.ndarray, "first second"]) -> float:
    """The share of 4096 random triples with (x·y)·z = x·(y·z); an unknown product is none."""
    x, y, z = stream(0, "votes").integers(len(table), size=(3, _TRIPLES))
    left, right = table[x, y], table[y, z]
    both = table[left, z] == table[x, right]
    known = (left >= 0) & (right >= 0) & (table[x, right] >= 0)
    return float((both & known).mean())


def _voters(n: int, round_: int) -> Elements:
    """The elements u of this round: all, or others in each round."""
    return stream(0, "votes", round_).permutation(n)[:_VOTERS]


def _voted(table: Int[np.ndarray, "first second"], voters: Elements) -> Cayley:
    """Each product by the most votes; of as many votes, that which stands there, or the least."""
    n = len(table)
    middle = table[voters]  # u·v, (u, v)
    every = np.arange(n)
    found = np.empty_like(table)
    for x in range(n):
        left = table[x, voters]  # x·u
        value = table[left]  # (x·u)·v, (u, v)
        known = (middle >= 0) & (left >= 0)[:, None] & (value >= 0)
        votes = np.bincount(middle[known] * n + value[known], minlength=n * n).reshape(n, n)
        votes *= 2
        here = table[x] >= 0
        votes[every[here], table[x, here]] += 1  # less than a vote: where votes are equal
        found[x] = votes.argmax(axis=1)
    return found
