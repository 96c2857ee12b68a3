"""Real irreps of finite groups, against character tables written out here and projectors."""

from __future__ import annotations

import re

import numpy as np
import pytest

from interp.training.tasks.basis import fourier_basis
from interp.training.tasks.finite import irreps as irreps_module
from interp.training.tasks.finite.group import FiniteGroup
from interp.training.tasks.finite.irreps import irreps
from interp.training.tasks.finite.names import named_group
from tests.test_cayley import LOOP
from tests.test_finite_groups import moved

# Functions of each block: d², or 2d² for a pair of conjugates.
SIZES = {
    "S3": [1, 1, 4],
    "S4": [1, 1, 4, 9, 9],
    "A4": [1, 2, 9],
    "A5": [1, 9, 9, 16, 25],
    "S5": [1, 1, 16, 16, 25, 25, 36],
    "S6": [1, 1, 25, 25, 25, 25, 81, 81, 100, 100, 256],
    "D7": [1, 1, 4, 4, 4],
    "D10": [1] * 4 + [4] * 4,
    "D48": [1] * 4 + [4] * 23,
    "Q8": [1, 1, 1, 1, 4],
    "Z2^5": [1] * 32,
    "Z97": [1] + [2] * 48,
    "Z12": [1, 2, 2, 2, 2, 2, 1],
    "S3×Z4": [1, 1, 2, 2, 1, 1, 4, 8, 4],
}
SMALL = [name for name in SIZES if name != "S6"]


@pytest.mark.parametrize("name", SIZES)
def test_sizes_of_blocks(name):
    found = irreps(named_group(name))
    assert found.basis.sizes.tolist() == SIZES[name] or sorted(found.basis.sizes) == SIZES[name]
    twice = np.array([2 if kind == "complex" else 1 for kind in found.kind])
    np.testing.assert_array_equal(found.dimension**2 * twice, found.basis.sizes)
    assert len(set(found.names)) == len(found.names)
    assert found.names[0] == "trivial"


@pytest.mark.parametrize("name", SMALL)
def test_projectors_are_characters(name):
    """Onto an irrep: P[a, b] = (d/n) χ(a b⁻¹); they are idempotent, orthogonal and sum to 1."""
    group = named_group(name)
    found, n = irreps(group), len(group)
    quotient = group.table[:, group.inverse]
    for k in range(len(found.names)):
        part = found.basis.matrix[:, found.basis.block == k]
        expected = found.dimension[k] / n * found.character[k][quotient]
        np.testing.assert_allclose(part @ part.T, expected, atol=1e-11)
    matrix = found.basis.matrix
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(n), atol=1e-12)
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(n), atol=1e-12)


# Characters by the lengths of cycles, from textbooks; A5's 3-dimensional ones by class.
GOLDEN = (1 + 5**0.5) / 2
S4 = {
    (): [1, 1, 2, 3, 3],
    (2,): [1, -1, 0, 1, -1],
    (2, 2): [1, 1, 2, -1, -1],
    (3,): [1, 1, -1, 0, 0],
    (4,): [1, -1, 0, -1, 1],
}
S5 = {
    (): [1, 1, 4, 4, 5, 5, 6],
    (2,): [1, -1, 2, -2, 1, -1, 0],
    (2, 2): [1, 1, 0, 0, 1, 1, -2],
    (3,): [1, 1, 1, 1, -1, -1, 0],
    (2, 3): [1, -1, -1, 1, 1, -1, 0],
    (4,): [1, -1, 0, 0, -1, 1, 0],
    (5,): [1, 1, -1, -1, 0, 0, 1],
}


def shape(text: str, n: int) -> tuple[int, ...]:
    """Lengths of the cycles above one, counted by following each."""
    order, left, found = moved(text, n), set(range(1, n + 1)), []
    while left:
        thing, length = min(left), 0
        while thing in left:
            left.remove(thing)
            thing, length = order[thing - 1], length + 1
        found.append(length)
    return tuple(sorted(length for length in found if length > 1))


@pytest.mark.parametrize(("name", "table", "n"), [("S4", S4, 4), ("S5", S5, 5)])
def test_characters_of_permutations(name, table, n):
    group = named_group(name)
    found = irreps(group)
    expected = np.array([table[shape(one, n)] for one in group.elements]).T
    order = sorted(map(tuple, expected.tolist()))
    np.testing.assert_allclose(
        sorted(map(tuple, np.round(found.character, 9).tolist())), order, atol=1e-8
    )
    sign, standard = found.names.index("sign"), found.names.index("standard")
    np.testing.assert_allclose(found.character[sign], expected[1], atol=1e-10)
    np.testing.assert_allclose(
        found.character[standard], expected[3 if name == "S4" else 2], atol=1e-10
    )


def test_characters_of_a5():
    """Two of dimension 3, which differ on the two classes of 5-cycles by the golden ratio."""
    group = named_group("A5")
    found = irreps(group)
    fives = [i for i, one in enumerate(group.elements) if shape(one, 5) == (5,)]
    three = found.character[1:3, fives]
    np.testing.assert_allclose(np.sort(three, axis=0)[0], 1 - GOLDEN, atol=1e-10)
    np.testing.assert_allclose(np.sort(three, axis=0)[1], GOLDEN, atol=1e-10)
    assert found.kind == ("real",) * 5


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("Q8", {"real": 4, "quaternionic": 1}),
        ("A4", {"real": 2, "complex": 1}),
        ("D4", {"real": 5}),
        ("Z12", {"real": 2, "complex": 5}),
    ],
)
def test_frobenius_schur_types(name, kinds):
    """Q8 and D4 have one character table; the indicator tells them apart."""
    found = irreps(named_group(name))
    assert {kind: found.kind.count(kind) for kind in set(found.kind)} == kinds
    names = dict(zip(found.names, found.kind, strict=True))
    assert names.get("quaternion", "quaternionic") == "quaternionic"


def test_kernels():
    group = named_group("S4")
    found = irreps(group)
    by_name = dict(zip(found.names, found.kernel, strict=True))
    assert by_name["trivial"].all()
    assert by_name["sign"].sum() == 12
    four = {group.elements[i] for i in np.flatnonzero(by_name["2-dimensional, 1"])}
    assert four == {"()", "(1 2)(3 4)", "(1 3)(2 4)", "(1 4)(2 3)"}
    assert found.is_faithful.tolist() == [False, False, False, True, True]


@pytest.mark.parametrize("n", [2, 3, 12, 31, 97])
def test_frequencies_of_residues_in_their_order(n):
    found, known = irreps(named_group(f"Z{n}")), fourier_basis(n)
    assert found.names[1:] == known.names[1:]
    np.testing.assert_array_equal(found.basis.block, known.block)
    for k in range(len(known.names)):
        mine, theirs = (one.matrix[:, one.block == k] for one in (found.basis, known))
        np.testing.assert_allclose(mine @ mine.T, theirs @ theirs.T, atol=1e-12)


@pytest.mark.parametrize("name", ["S5", "A5", "Z8×Z12", "D10", "S3×Z4"])
def test_names_and_order_do_not_depend_on_the_random_draw(name, monkeypatch):
    group = named_group(name)
    before = irreps(group)
    irreps.cache_clear()
    draw = irreps_module.stream
    monkeypatch.setattr(irreps_module, "stream", lambda k, what: draw(k + 100, what))
    after = irreps(group)
    irreps.cache_clear()
    assert before.names == after.names
    np.testing.assert_allclose(before.character, after.character, atol=1e-9)
    assert not np.allclose(before.basis.matrix, after.basis.matrix)


def test_characters_of_abelian_products_are_waves():
    group, a, b = named_group("Z8×Z12"), *np.indices((8, 12)).reshape(2, -1)
    found = irreps(group)
    for name, row, size in zip(found.names, found.character, found.basis.sizes, strict=True):
        k, m = (0, 0) if name == "trivial" else eval(name.removeprefix("frequency "))
        wave = np.cos(2 * np.pi * (k * a / 8 + m * b / 12))
        np.testing.assert_allclose(row, size * wave, atol=1e-10)
    assert len(found.names) == (96 + 4) // 2, "four elements are their own inverses"


def test_irreps_are_kept():
    assert irreps(named_group("S4")) is irreps(named_group("S4"))


def test_a_quasigroup_has_no_irreps():
    loop = FiniteGroup("loop", LOOP, tuple("01234"))
    with pytest.raises(ValueError, match="table: expected a group, associative; "):
        irreps(loop)


def test_eigenvalues_that_cannot_be_told_apart(monkeypatch):
    monkeypatch.setattr(irreps_module, "_APART", 0.9)
    irreps.cache_clear()
    with pytest.raises(ValueError) as caught:
        irreps(named_group("S4"))
    assert re.fullmatch(
        "irreps of S4: expected 5, as many as unions of a class and its inverses, got [12]",
        str(caught.value),
    )
