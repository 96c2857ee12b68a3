"""Tables that are a group's, and tables that are none: which axiom fails first, and where."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from interp.training.tasks.cayley import (
    check_closed,
    check_group,
    element_orders,
    generators,
    identity,
    inverses,
    is_latin,
)


def cyclic(n: int) -> np.ndarray:
    return np.add.outer(np.arange(n), np.arange(n)) % n


def permuted(n: int) -> np.ndarray:
    """Of n things: element k is the k-th of itertools.permutations."""
    every = list(permutations(range(n)))
    place = {one: index for index, one in enumerate(every)}
    return np.array([[place[tuple(a[i] for i in b)] for b in every] for a in every])


# A loop of five elements: Latin, with identity and inverses, and not associative.
LOOP = np.array(
    [[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]]
)


@pytest.mark.parametrize("table", [cyclic(1), cyclic(7), cyclic(12), permuted(3), permuted(4)])
def test_groups_pass_whatever_their_order_of_elements(table):
    order = np.random.default_rng(0).permutation(len(table))
    place = np.argsort(order)
    mixed = place[table[np.ix_(order, order)]]
    for one in (table, mixed):
        np.testing.assert_array_equal(check_group(one), one)
        assert is_latin(one)
        n, e = len(one), identity(one)
        np.testing.assert_array_equal(one[np.arange(n), inverses(one)], e)
        np.testing.assert_array_equal(one[inverses(one), np.arange(n)], e)
    assert identity(mixed) == place[0]
    np.testing.assert_array_equal(element_orders(mixed), element_orders(table)[order])


def test_orders_of_elements():
    assert element_orders(cyclic(12)).tolist() == [1, 12, 6, 4, 3, 12, 2, 12, 3, 4, 6, 12]
    assert np.bincount(element_orders(permuted(4))).tolist() == [0, 1, 9, 8, 6]


def test_generators_give_every_element():
    assert generators(cyclic(12)) == [1]
    table = permuted(4)
    reached = {identity(table)}
    while True:
        more = reached | {int(table[x, g]) for x in reached for g in generators(table)}
        if more == reached:
            break
        reached = more
    assert reached == set(range(24))


def test_a_large_group_is_checked_exactly():
    """One product of S5 changed in the far corner is found."""
    table = permuted(5)
    check_group(table)
    table[119, 118], table[119, 117] = table[119, 117], table[119, 118]
    with pytest.raises(ValueError, match="table: expected a group, "):
        check_group(table)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([[0, 1]], "table: expected as many rows as columns, a row an element, got shape 1×2"),
        ([["a", "b"]] * 2, "table: expected whole numbers, got an array of <U1"),
        (
            [[0, 1], [1, 2]],
            "table: expected a group, closed: products from 0 to 1, got 2 for 1·1",
        ),
        (
            [[0.0, 0.5], [1, 0]],
            "table: expected a group, closed: products from 0 to 1, got 0.5 for 0·1",
        ),
        (
            (cyclic(5) * 4) % 5,
            "table: expected a group, with an identity; no element leaves all as is",
        ),
        ([[0, 1], [1, 1]], "table: expected a group, with inverses; element 1 has none"),
        (LOOP, "table: expected a group, associative; (1·1)·2 is 2, 1·(1·2) is 4"),
    ],
    ids=["shape", "words", "not closed", "half", "no identity", "no inverse", "not associative"],
)
def test_the_first_axiom_that_fails_is_named(table, message):
    with pytest.raises(ValueError) as caught:
        check_group(table)
    assert str(caught.value) == message


def test_a_quasigroup_is_latin_and_closed_and_no_more():
    difference = np.subtract.outer(np.arange(5), np.arange(5)) % 5
    assert is_latin(difference)
    np.testing.assert_array_equal(check_closed(difference), difference)
    assert not is_latin(np.array([[0, 1], [0, 1]]))
    assert not is_latin(np.array([[0, 0], [1, 1]]))
