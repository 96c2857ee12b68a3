"""Latin squares that are a group's table with operands renamed, as that of x·y⁻¹ is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool

from interp.training.tasks.cayley import Cayley, Elements, check_group, inverses, is_latin


@dataclass(frozen=True, eq=False)
class Isotope:
    """A group behind a Latin square: square[x, y] = first[x]·second[y].

    Attributes:
        table: of the group, elements in the order of the square's answers.
        first: the element that each row stands for.
        second: the element that each column stands for.
    """

    table: Cayley = field(repr=False)
    first: Elements = field(repr=False)
    second: Elements = field(repr=False)

    @property
    def form(self) -> str | None:
        """``x · y``, ``x · y⁻¹`` or ``x⁻¹ · y``; None where operands are renamed otherwise."""
        every, inverse = np.arange(len(self.table)), inverses(self.table)
        known = {"x · y": (every, every), "x · y⁻¹": (every, inverse), "x⁻¹ · y": (inverse, every)}
        for words, (first, second) in known.items():
            if np.array_equal(first, self.first) and np.array_equal(second, self.second):
                return words
        return None


def group_isotope(square: Cayley) -> Isotope | None:
    """The group that a Latin square is the table of, up to names of its operands.

    With any row r and column c, square[x, c] ∘ square[r, y] = square[x, y] has an identity, and is
    a group for all r and c or for none; the groups are isomorphic (Albert 1943, Quasigroups I).
    A column that leaves all as is is taken for c, and such a row for r, where there is one.

    Args:
        square: (n, n), whole numbers from 0 to n − 1.

    Returns:
        The group; None if there is none, or the square is not Latin.
    """
    if not is_latin(square):
        return None
    every = np.arange(len(square))
    column = _first((square == every[:, None]).all(axis=0))
    row = _first((square == every).all(axis=1))
    # Where only one of the two is there, the other at the same element: e·y⁻¹ = y⁻¹.
    column, row = (row if column is None else column), (column if row is None else row)
    first, second = square[:, column or 0], square[row or 0]
    table = np.empty_like(square)
    table[np.ix_(first, second)] = square
    try:
        return Isotope(check_group(table), first, second)
    except ValueError:
        return None


def _first(which: Bool[np.ndarray, " element"]) -> int | None:
    return int(which.argmax()) if which.any() else None
