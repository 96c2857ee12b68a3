"""Groups by name: their elements, against matrices and permutations multiplied here."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pytest

from interp.training.tasks.cayley import check_group, element_orders
from interp.training.tasks.finite import names
from interp.training.tasks.finite.names import canonical, is_group_name, named_group, order_of

# Number of elements of each order, from textbooks.
ORDERS = {
    "S3": {1: 1, 2: 3, 3: 2},
    "S4": {1: 1, 2: 9, 3: 8, 4: 6},
    "A4": {1: 1, 2: 3, 3: 8},
    "A5": {1: 1, 2: 15, 3: 20, 5: 24},
    "S5": {1: 1, 2: 25, 3: 20, 4: 30, 5: 24, 6: 20},
    "D61": {1: 1, 2: 61, 61: 60},
    "Q8": {1: 1, 2: 1, 4: 6},
    "Z2^5": {1: 1, 2: 31},
    "Z12": {1: 1, 2: 1, 3: 2, 4: 2, 6: 2, 12: 4},
    "Z8×Z12": {1: 1, 2: 3, 3: 2, 4: 12, 6: 6, 8: 16, 12: 24, 24: 32},
    "A6": {1: 1, 2: 45, 3: 80, 4: 90, 5: 144},
}


@pytest.mark.parametrize("name", ORDERS)
def test_named_groups_are_groups_with_elements_of_these_orders(name):
    group = named_group(name)
    check_group(group.table)
    found = np.bincount(element_orders(group.table))
    assert {k: int(count) for k, count in enumerate(found) if count} == ORDERS[name]
    assert len(group) == order_of(name) == sum(ORDERS[name].values())
    assert len(set(group.elements)) == len(group)
    assert group.name == name


def moved(text: str, n: int) -> list[int]:
    """What a product of cycles makes of 1 … n."""
    found = list(range(n + 1))
    for cycle in re.findall(r"\(([\d ]+)\)", text):
        things = [int(one) for one in cycle.split()]
        for here, there in zip(things, things[1:] + things[:1], strict=True):
            found[here] = there
    return found[1:]


@pytest.mark.parametrize(("name", "n"), [("S3", 3), ("S4", 4), ("A4", 4), ("A5", 5)])
def test_permutations_multiply_as_their_cycles_say(name, n):
    """The second is done first."""
    group = named_group(name)
    orders = [moved(one, n) for one in group.elements]
    assert orders == sorted(orders)
    for i, j in product(range(len(group)), repeat=2):
        after = [orders[i][thing - 1] for thing in orders[j]]
        assert orders[group.table[i, j]] == after
    assert group.elements[0] == "()"


def test_dihedral_elements_are_rotations_and_reflections():
    n = 7
    group = named_group(f"D{n}")
    turn = 2 * np.pi / n
    r = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    s = np.diag([1.0, -1.0])
    assert group.elements[:4] == ("1", "r", "r^2", "r^3")
    assert group.elements[n : n + 3] == ("s", "r s", "r^2 s")
    powers = [np.linalg.matrix_power(r, k) for k in range(n)]
    matrices = np.stack([*powers, *(one @ s for one in powers)])
    for i, j in product(range(2 * n), repeat=2):
        np.testing.assert_allclose(
            matrices[group.table[i, j]], matrices[i] @ matrices[j], atol=1e-12
        )


def test_quaternions():
    group = named_group("Q8")
    i, j = np.array([[1j, 0], [0, -1j]]), np.array([[0, 1], [-1, 0]])
    unit = {"1": np.eye(2), "i": i, "j": j, "k": i @ j}
    matrices = [unit[one.removeprefix("-")] * (-1) ** one.startswith("-") for one in group.elements]
    for a, b in product(range(8), repeat=2):
        np.testing.assert_allclose(matrices[group.table[a, b]], matrices[a] @ matrices[b])


@pytest.mark.parametrize(("name", "factors"), [("S3×Z4", ["S3", "Z4"]), ("Z2^3", ["Z2"] * 3)])
def test_products_multiply_by_components(name, factors):
    group, parts = named_group(name), [named_group(one) for one in factors]
    tuples = list(product(*(range(len(one)) for one in parts)))
    named = [[one.elements[k] for one, k in zip(parts, t, strict=True)] for t in tuples]
    assert group.elements == tuple(f"({', '.join(one)})" for one in named)
    for a, b in product(range(len(group)), repeat=2):
        both = zip(parts, tuples[a], tuples[b], strict=True)
        expected = tuple(int(one.table[x, y]) for one, x, y in both)
        assert tuples[group.table[a, b]] == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("z8xz12", "Z8×Z12"),
        ("Z8 * Z12", "Z8×Z12"),
        ("Z2×Z2×Z2", "Z2^3"),
        ("d_48", "D48"),
        ("S3 × Z2^2×Z2", "S3×Z2^3"),
    ],
)
def test_spellings(text, name):
    assert canonical(text) == name
    assert named_group(text) is named_group(name)


@pytest.mark.parametrize("text", ["S2", "A3", "S7", "Z1", "Z2^0", "Q16", "E8", "x", "", "S3x", 5])
def test_no_names(text):
    assert not is_group_name(text)


@pytest.mark.parametrize(
    ("text", "nearest"), [("T5", "S5"), ("S_9", "S6"), ("Q16", "Q8"), ("DD48", "D48")]
)
def test_an_unknown_name_is_answered_with_the_nearest(text, nearest):
    with pytest.raises(ValueError) as caught:
        named_group(text)
    assert str(caught.value) == (
        f"task.group: expected {names.EXPECTED}, got {text!r}; nearest is {nearest}"
    )


def test_too_many_elements():
    with pytest.raises(ValueError) as caught:
        named_group("S6×Z4")
    assert str(caught.value) == (
        "task.group: expected a group of at most 2048 elements, got S6×Z4 of 2,880"
    )


def test_classes_of_conjugates():
    """Of permutations: as many as there are shapes of cycles."""
    group = named_group("S5")
    shapes = [tuple(sorted(map(len, re.findall(r"[\d ]+", one)))) for one in group.elements]
    for shape in set(shapes):
        members = [i for i, one in enumerate(shapes) if one == shape]
        assert set(group.classes[members]) == {members[0]}
    assert len(set(group.classes)) == 7
    assert len(set(named_group("A4").classes)) == 4
    assert len(set(named_group("A4").real_classes)) == 3
