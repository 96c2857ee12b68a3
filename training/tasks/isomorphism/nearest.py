"""The group's table that is nearest to a table with errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from interp.training.randomness import stream
from interp.training.tasks.cayley import Cayley, Elements, check_group

# Two groups whose tables differ in a share e < 2/9 of their cells are isomorphic, so that within
# half of that no group of another kind is as near; Z9 and Z3² attain 2/9. For f, which takes each
# element to the other group's of the same index, and given x: f(x·y) f(y)⁻¹ is the same for two
# random y with probability 1 − 2e > 5/9, as f(y·u) = f(y) f(u) and f(x·y·u) = f(x·y) f(u) fail with
# e each. It is then one value ψ(x) for more than 2/3 of all y. Some z has f(x·y·z) = ψ(x·y) f(z),
# f(x·y·z) = ψ(x) f(y·z) and f(y·z) = ψ(y) f(z) at once: ψ(x·y) = ψ(x) ψ(y). As f is one to one, so
# is ψ.
PROVEN = 8 / 9
LEAST = 0.5
_ROUNDS = 20
# Elements u whose factorizations u·v vote on each product, in a round: 64, fewer of large tables.
_VOTERS, _FEWEST, _ROOM = 64, 16, 12_000
_TRIPLES = 4096
_SOME = 0.03  # of them associate where half of the cells are a group's: ½⁴ = 0.06


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

    A product x·y is voted on by x·(u·v) = (x·u)·v for y = u·v, and by (u·v)·y = u·(v·y) for
    x = u·v, with factorizations as the table has them; all cells take their most frequent vote at
    once, and again until none changes. Wrong cells that are spread at random are outvoted; that no
    group of another kind is nearer is proven only above 8/9.

    Args:
        table: (n, n), n ≥ 2, the index of i·j in row i and column j; −1 where nothing is known.
        least: the share of the cells that must agree.

    Raises:
        ValueError: if the votes lead to no group, or to none so near, with the share that agrees,
            or of triples that associate.
    """
    associative = associative_share(table)
    if associative < _SOME:
        raise _none(associative)
    found = table
    for round_ in range(_ROUNDS):
        voted = _voted(found, _voters(len(table), round_))
        if np.array_equal(voted, found):
            break
        found = voted
    try:
        group = check_group(found)
    except ValueError:
        raise _none(associative) from None
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
    many = min(_VOTERS, max(_FEWEST, _ROOM // n))
    return stream(0, "votes", round_).permutation(n)[:many]


def _none(associative: float) -> ValueError:
    return ValueError(
        f"table: expected nearly a group; of its triples {100 * associative:.3g} % associate"
    )


def _voted(table: Int[np.ndarray, "first second"], voters: Elements) -> Cayley:
    """Each product by the most votes; of as many votes, that which stands there, or the least."""
    n, every = len(table), np.arange(len(table))
    found = np.empty_like(table)
    for x in range(n):
        votes = 2 * (_second_split(table, x, voters) + _first_split(table, x, voters))
        here = table[x] >= 0
        votes[every[here], table[x, here]] += 1  # less than a vote: where votes are equal
        found[x] = votes.argmax(axis=1)
    return found


def _second_split(
    table: Int[np.ndarray, "first second"], x: int, voters: Elements
) -> Int[np.ndarray, "second product"]:
    """Votes on x·y by (x·u)·v, where the table has u·v = y."""
    left = table[x, voters]  # x·u
    product, value = table[voters], table[left]  # (u, v)
    known = (product >= 0) & (left >= 0)[:, None] & (value >= 0)
    return _counted(product[known], value[known], len(table))


def _first_split(
    table: Int[np.ndarray, "first second"], x: int, voters: Elements
) -> Int[np.ndarray, "second product"]:
    """Votes on x·y by u·(v·y), where the table has u·v = x."""
    u, v = np.nonzero(table[voters] == x)
    right = table[v]  # v·y, (factorization, y)
    value = table[voters[u][:, None], right]
    known = (right >= 0) & (value >= 0)
    y = np.broadcast_to(np.arange(len(table)), right.shape)
    return _counted(y[known], value[known], len(table))


def _counted(
    second: Int[np.ndarray, " vote"], product: Int[np.ndarray, " vote"], n: int
) -> Int[np.ndarray, "second product"]:
    return np.bincount(second * n + product, minlength=n * n).reshape(n, n)
