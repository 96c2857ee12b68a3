"""Cayley tables: the products of a group's elements, and whether a table is a group's at all.

A table is an array (n, n) of whole numbers, ``table[i, j]`` the index of i·j.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Int

from interp.training.arguments import as_given

Cayley = Int[np.ndarray, "first second"]
Elements = Int[np.ndarray, " element"]


def is_latin(table: Cayley) -> bool:
    """Whether every row and every column holds each element once: the table of a quasigroup."""
    every = np.arange(len(table))
    rows, columns = np.sort(table, axis=1), np.sort(table, axis=0)
    return bool((rows == every).all() and (columns == every[:, None]).all())


def check_latin(table: Cayley) -> None:
    """Refuses a table with an element twice in a row or a column.

    Raises:
        ValueError: naming the first such element, and where it is.
    """
    for what, lines in (("row", table), ("column", table.T)):
        ordered = np.sort(lines, axis=1)
        twice = ordered[:, 1:] == ordered[:, :-1]
        if twice.any():
            line, place = np.argwhere(twice)[0]
            raise ValueError(
                "table: expected a group or a quasigroup, each element once in every row and "
                f"column; element {ordered[line, place]} is twice in {what} {line}"
            )


def check_closed(table: object) -> Cayley:
    """The table as whole numbers, if it has a product for every pair of elements.

    Raises:
        ValueError: saying which product is none of the elements.
    """
    found = as_given(table)
    if found.ndim != 2 or len(found) != found.shape[1] or not len(found):
        raise ValueError(
            "table: expected as many rows as columns, a row an element, "
            f"got shape {'×'.join(map(str, found.shape))}"
        )
    if found.dtype.kind not in "iuf":
        raise ValueError(f"table: expected whole numbers, got an array of {found.dtype}")
    n = len(found)
    inside = (found >= 0) & (found < n) & (found == np.floor(found))
    if not inside.all():
        i, j = np.argwhere(~inside)[0]
        raise ValueError(
            f"table: expected a group, closed: products from 0 to {n - 1}, "
            f"got {found[i, j]} for {i}·{j}"
        )
    return found.astype(np.int64)


def identity(table: Cayley) -> int:
    """The element e with e·x = x·e = x for every x.

    Raises:
        ValueError: if there is none.
    """
    every = np.arange(len(table))
    neutral = (table == every).all(axis=1) & (table == every[:, None]).all(axis=0)
    if not neutral.any():
        raise ValueError("table: expected a group, with an identity; no element leaves all as is")
    return int(neutral.argmax())


def inverses(table: Cayley) -> Elements:
    """The inverse of each element: x·x⁻¹ = x⁻¹·x = e.

    Raises:
        ValueError: if there is no identity, or an element without inverse.
    """
    is_identity = table == identity(table)
    both = is_identity & is_identity.T
    if not both.any(axis=1).all():
        lone = int((~both.any(axis=1)).argmax())
        raise ValueError(f"table: expected a group, with inverses; element {lone} has none")
    return both.argmax(axis=1)


def check_group(table: object) -> Cayley:
    """The table as whole numbers, if it is a group's.

    Axioms are tried in the order closed, identity, inverses, associative. The last one exactly and
    without all triples: elements a with (x·a)·y = x·(a·y) for all x and y are closed under
    products, so that it is enough to try some of which all others are products (F. W. Light's
    test); with what has passed so far a group, these are at most log2(n).

    Raises:
        ValueError: in one line, naming the first axiom that fails and where.
    """
    found = check_closed(table)
    inverses(found)
    for one in _generators(found):
        _check_associative(found, one)
    return found


def generators(table: Cayley) -> list[int]:
    """Elements of which all others are products, each the first that those before do not give."""
    return list(_generators(table))


def _generators(table: Cayley) -> Iterator[int]:
    """The same, one by one; whether the table is associative may be tried in between."""
    found: list[int] = []
    while not (inside := generated(table, np.array(found, dtype=np.int64))).all():
        found.append(int((~inside).argmax()))
        yield found[-1]


def generated(table: Cayley, by: Int[np.ndarray, " some"]) -> Bool[np.ndarray, " element"]:
    """Which elements are products of some of them, from the right; the identity is one of none."""
    inside = np.zeros(len(table), dtype=bool)
    newest = np.array([identity(table)])
    while len(newest):
        inside[newest] = True
        newest = np.unique(table[newest][:, by])
        newest = newest[~inside[newest]]
    return inside


def conjugates(table: Cayley) -> Int[np.ndarray, "by element"]:
    """g·x·g⁻¹ in a group, (g, x)."""
    return table[table, inverses(table)[:, None]]


def classes(table: Cayley) -> Elements:
    """The least element of each element's conjugacy class."""
    return conjugates(table).min(axis=0)


def element_orders(table: Cayley) -> Elements:
    """The order of each element of a group, the least k ≥ 1 with xᵏ = e."""
    neutral, every = identity(table), np.arange(len(table))
    orders, power = np.zeros(len(table), dtype=np.int64), every
    for k in range(1, len(table) + 1):
        orders[(power == neutral) & (orders == 0)] = k
        if orders.all():
            break
        power = table[power, every]
    return orders


def _check_associative(table: Cayley, middle: int) -> None:
    left, right = table[table[:, middle]], table[:, table[middle]]
    if not np.array_equal(left, right):
        x, y = np.argwhere(left != right)[0]
        raise ValueError(
            f"table: expected a group, associative; ({x}·{middle})·{y} is {left[x, y]}, "
            f"{x}·({middle}·{y}) is {right[x, y]}"
        )
