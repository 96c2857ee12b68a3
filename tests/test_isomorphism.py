"""A group is named by its table, in whatever order its elements come, and the name is proved."""

from __future__ import annotations

import numpy as np
import pytest

from interp.training.tasks.cayley import check_group
from interp.training.tasks.isomorphism.abelian import (
    abelian_orders,
    invariant_factors,
    prime_power_factors,
)
from interp.training.tasks.isomorphism.identify import identify
from interp.training.tasks.isomorphism.invariants import Invariants, invariants
from interp.training.tasks.isomorphism.isotope import group_isotope
from interp.training.tasks.isomorphism.search import GaveUp, _Stage, colours, find_isomorphism
from tests.group_tables import (
    abelian,
    alternating,
    dihedral,
    direct,
    quaternion,
    relabelled,
    semidirect,
    symmetric,
)

S3, Q8 = symmetric(3), quaternion()
GROUPS = {
    "S3": S3,
    "S4": symmetric(4),
    "S5": symmetric(5),
    "S6": symmetric(6),
    "A4": alternating(4),
    "A5": alternating(5),
    "A6": alternating(6),
    "D4": dihedral(4),
    "D5": dihedral(5),
    "D6": dihedral(6),
    "D12": dihedral(12),
    "D48": dihedral(48),
    "D61": dihedral(61),
    "Q8": Q8,
    "S3×Z4": direct(S3, abelian(4)),
    "S3^2": direct(S3, S3),
    "S3^3": direct(direct(S3, S3), S3),
    "Q8×Z2^2": direct(abelian(2, 2), Q8),
    "D4×Z2^3": direct(abelian(2, 2, 2), dihedral(4)),
    "S4×D5": direct(dihedral(5), symmetric(4)),
    "A5×Z3": direct(abelian(3), alternating(5)),
    "Z12": abelian(12),
    "Z113": abelian(113),
    "Z2^5": abelian(2, 2, 2, 2, 2),
    "Z3^4": abelian(3, 3, 3, 3),
    "Z4×Z24": abelian(8, 12),
    "Z2×Z6×Z30": abelian(2, 2, 2, 3, 3, 5),
    # The same groups with other names.
    "D10": direct(dihedral(5), abelian(2)),
    "Z15": abelian(3, 5),
}


def is_isomorphism(found: np.ndarray, table: np.ndarray, other: np.ndarray) -> bool:
    every = np.arange(len(table))
    one_to_one = np.array_equal(np.sort(found), every)
    return one_to_one and np.array_equal(found[table], other[np.ix_(found, found)])


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_in_any_order_is_named_with_an_isomorphism(name):
    for seed in (0, 1):
        table = relabelled(GROUPS[name], seed)
        found = identify(table)
        assert found.name == name
        assert found.is_proven
        assert is_isomorphism(found.isomorphism, table, found.named.table)
        assert found.elements[found.identity] == found.named.elements[found.named.identity]
        np.testing.assert_array_equal(found.group.table, table)


def test_names_of_elements_multiply_as_the_elements_do():
    """Cycles, the right one first: element names are read back as permutations."""
    table = relabelled(symmetric(4), 5)
    found = identify(table).elements

    def read(name: str) -> tuple[int, ...]:
        order = list(range(4))
        for cycle in name.strip("()").split(")("):
            things = [int(one) - 1 for one in cycle.split()]
            for here, there in zip(things, things[1:] + things[:1], strict=True):
                order[here] = there
        return tuple(order)

    orders = [read(name) for name in found]
    for x, y in ((0, 1), (5, 17), (23, 2), (11, 11)):
        assert orders[table[x, y]] == tuple(orders[x][i] for i in orders[y])


def test_named_characters_are_those_of_the_own_order():
    found = identify(relabelled(symmetric(4), 2)).group
    sign = found.characters["sign"]
    np.testing.assert_allclose(sign[found.table], np.multiply.outer(sign, sign), atol=0)
    assert sign.sum() == 0


# Groups without a name here: by Z_n ⋊ Z_m.
UNNAMED = {
    "dicyclic of order 12": (semidirect(3, 4, 2), {1: 1, 2: 1, 3: 2, 4: 6, 6: 2}),
    "order 21": (semidirect(7, 3, 2), {1: 1, 3: 14, 7: 6}),
    "affine of 5": (semidirect(5, 4, 2), {1: 1, 2: 5, 4: 10, 5: 4}),
    # Orders of elements, centre, classes and commutators as those of Q8×Z2, and not isomorphic.
    "Z4 ⋊ Z4": (semidirect(4, 4, 3), {1: 1, 2: 3, 4: 12}),
}


@pytest.mark.parametrize("which", UNNAMED)
def test_a_group_without_a_name_is_none_of_the_named(which):
    table, orders = UNNAMED[which]
    found = identify(relabelled(table, 3))
    assert found.name == f"group of order {len(table)}"
    assert not found.is_proven
    assert dict(found.invariants.orders) == orders
    assert found.elements == tuple(map(str, range(len(table))))


def test_equal_invariants_are_no_isomorphism():
    first, second = semidirect(4, 4, 3), direct(Q8, abelian(2))
    assert invariants(first) == invariants(second)
    assert find_isomorphism(first, second) is None


def plane_turned(first: int, second: int) -> np.ndarray:
    """Z7² ⋊ Z3, whose generator multiplies one coordinate by ``first``, the other by ``second``."""
    a, b, t = (one.ravel() for one in np.indices((7, 7, 3)))
    one = (a[:, None] + turned(first, t)[:, None] * a) % 7
    other = (b[:, None] + turned(second, t)[:, None] * b) % 7
    return one * 21 + other * 3 + (t[:, None] + t) % 3


def turned(base: int, exponent: np.ndarray) -> np.ndarray:
    return np.array([pow(base, int(one), 7) for one in exponent])


def test_elements_that_look_alike_are_no_isomorphism():
    """Of order 147: turned by 2 and 2, or by 2 and 4 = 2⁻¹; only relations tell the two apart.

    No element but e is fixed in either, so that orders, classes and roots are the same; all lines
    of the plane are normal subgroups in the one, and two of them in the other.
    """
    first, second = plane_turned(2, 2), plane_turned(2, 4)
    for table in (first, second):
        check_group(table)
        looks = sorted(map(tuple, colours(table).tolist()))
        assert looks == sorted(map(tuple, colours(first).tolist()))
    assert find_isomorphism(first, second, most=10**6) is None
    other = relabelled(second, 0)
    assert is_isomorphism(find_isomorphism(second, other, most=10**6), second, other)


def test_a_map_that_is_one_to_one_may_be_no_homomorphism():
    """Of Z4 to Z12, by the image of 1: 3 and 9 give one, 1 gives 3 + 1 = 4 for 3 + 1 = 0, 6 two."""
    stage = _Stage.of(abelian(4), [1])
    maps, fits = stage.extend(abelian(12), np.array([[3], [9], [1], [6]]))
    assert maps.tolist()[:3] == [[0, 3, 6, 9], [0, 9, 6, 3], [0, 1, 2, 3]]
    assert fits.tolist() == [True, True, False, False]


def test_a_search_that_is_given_up_leaves_the_invariants(monkeypatch):
    table = relabelled(symmetric(4), 9)
    with pytest.raises(GaveUp):
        find_isomorphism(table, symmetric(4), most=3)
    monkeypatch.setattr("interp.training.tasks.isomorphism.search._MOST", 3)
    module = "interp.training.tasks.isomorphism.identify.find_isomorphism"
    monkeypatch.setattr(module, lambda own, other: find_isomorphism(own, other, most=3))
    found = identify(table)
    assert found.name == "invariants of S4"
    assert found.named is None


# By counting: S4 has 9 transpositions and double transpositions, 8 three-cycles, 6 four-cycles.
KNOWN = {
    "S4": Invariants(((1, 1), (2, 9), (3, 8), (4, 6)), 1, 5, 12),
    "S5": Invariants(((1, 1), (2, 25), (3, 20), (4, 30), (5, 24), (6, 20)), 1, 7, 60),
    "A5": Invariants(((1, 1), (2, 15), (3, 20), (5, 24)), 1, 5, 60),
    "D61": Invariants(((1, 1), (2, 61), (61, 60)), 1, 32, 61),
    "Q8": Invariants(((1, 1), (2, 1), (4, 6)), 2, 5, 2),
    "Z12": Invariants(((1, 1), (2, 1), (3, 2), (4, 2), (6, 2), (12, 4)), 12, 12, 1),
}


@pytest.mark.parametrize("name", KNOWN)
def test_invariants(name):
    assert invariants(relabelled(GROUPS[name], 0)) == KNOWN[name]


@pytest.mark.parametrize(("first", "second"), [("S4", "Q8"), ("A4", "Z12"), ("D5", "S3")])
def test_invariants_of_a_product_follow_from_those_of_its_factors(first, second):
    both = invariants(direct(GROUPS[first], GROUPS[second]))
    assert both == invariants(GROUPS[first]).times(invariants(GROUPS[second]))


def test_factors_of_an_abelian_group():
    table = relabelled(abelian(8, 12), 4)
    assert [one.order for one in prime_power_factors(table)] == [8, 4, 3]
    assert [one.order for one in invariant_factors(table)] == [4, 24]
    found = identify(table)
    assert (found.name, found.same) == ("Z4×Z24", "Z8×Z4×Z3")
    assert identify(np.zeros((1, 1), int)).name == "Z1"


@pytest.mark.parametrize(("order", "count"), [(1, 1), (8, 3), (16, 5), (36, 4), (64, 11), (97, 1)])
def test_abelian_groups_of_an_order(order, count):
    """As many as partitions of the primes' exponents: p(3), p(4), p(2)², p(6)."""
    found = list(abelian_orders(order))
    assert len(set(found)) == len(found) == count
    assert all(np.prod(one, initial=1) == order for one in found)


def test_what_is_no_group_is_refused():
    with pytest.raises(ValueError, match="expected a group, with an identity"):
        identify((np.arange(5)[:, None] - np.arange(5)) % 5)
    with pytest.raises(ValueError, match="table: expected at most 1000 elements to name, got 1001"):
        identify((np.arange(1001)[:, None] + np.arange(1001)) % 1001)


# --- Latin squares that are a group's, with operands renamed -------------------------------------


@pytest.mark.parametrize("name", ["S4", "D12", "Q8"])
def test_a_quotient_is_told_from_a_product(name):
    table = relabelled(GROUPS[name], 6)
    inverse = (table == identify(table).identity).argmax(axis=1)
    for form, square in (
        ("x · y", table),
        ("x · y⁻¹", table[:, inverse]),
        ("x⁻¹ · y", table[inverse]),
    ):
        found = group_isotope(square)
        assert found.form == form
        np.testing.assert_array_equal(found.table, table)


def test_any_names_of_the_operands():
    random = np.random.default_rng(0)
    table = relabelled(GROUPS["S4"], 6)
    found = group_isotope(table[random.permutation(24)][:, random.permutation(24)])
    assert found.form is None
    assert identify(found.table).name == "S4"
    again = found.table[np.ix_(found.first, found.second)]
    assert group_isotope(again) is not None


def test_a_quasigroup_that_is_no_group_by_any_names():
    """x∘y = 2x + 3y mod 5 is one by renaming; a loop of order 5 with x∘x = e for all x is none."""
    every = np.arange(5)
    assert identify(group_isotope((2 * every[:, None] + 3 * every) % 5).table).name == "Z5"
    loop = [[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]]
    assert group_isotope(np.array(loop)) is None
    assert group_isotope(np.zeros((3, 3), int)) is None
