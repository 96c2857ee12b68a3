"""The group behind a table with wrong cells, by the votes of its cells."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from interp.training.tasks.isomorphism.nearest import associative_share, nearest_group
from interp.training.tasks.isomorphism.nearest_form import nearest_form
from tests.group_tables import abelian, broken, dihedral, quaternion, relabelled, symmetric

GROUPS = {
    "S4": symmetric(4),
    "S5": symmetric(5),
    "D12": dihedral(12),
    "Z12": abelian(12),
    "Q8": quaternion(),
    "Z47": abelian(47),
}


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("name", GROUPS)
def test_wrong_cells_are_outvoted(name, share):
    for seed in range(3):
        table = relabelled(GROUPS[name], seed)
        noisy = broken(table, share, seed)
        found = nearest_group(noisy)
        np.testing.assert_array_equal(found.table, table)
        assert found.share == (noisy == table).mean()
        assert found.is_proven


@pytest.mark.parametrize(("name", "share"), [("S5", 0.4), ("S4", 0.2), ("Z47", 0.3)])
def test_many_wrong_cells_are_outvoted_without_a_proof(name, share):
    table = relabelled(GROUPS[name], 0)
    found = nearest_group(broken(table, share, 0))
    np.testing.assert_array_equal(found.table, table)
    assert found.share == pytest.approx(1 - share, abs=0.002)
    assert not found.is_proven


def test_unknown_cells_are_filled():
    table = relabelled(GROUPS["S4"], 1)
    holes = table.copy()
    holes.flat[np.random.default_rng(1).choice(576, 150, replace=False)] = -1
    found = nearest_group(holes)
    np.testing.assert_array_equal(found.table, table)
    assert found.share == pytest.approx(1 - 150 / 576, abs=1e-12)


def test_errors_in_one_row_and_one_column_are_outvoted():
    """Where every product from one side is wrong, those from the other side tell."""
    table, random = relabelled(GROUPS["S4"], 2), np.random.default_rng(2)
    row, column = table.copy(), table.copy()
    row[7], column[:, 11] = random.integers(24, size=(2, 24))
    for wrong in (row, column):
        np.testing.assert_array_equal(nearest_group(wrong).table, table)


def test_a_table_of_chance_is_no_group():
    for seed in range(100):
        table = np.random.default_rng(seed).integers(5, size=(5, 5))
        with pytest.raises(ValueError, match="table: expected nearly a group; of its triples"):
            nearest_group(table)


def test_a_group_is_its_own_nearest():
    found = nearest_group(GROUPS["D12"])
    np.testing.assert_array_equal(found.table, GROUPS["D12"])
    assert found.share == 1


def test_the_nearest_groups_of_other_kinds_bound_what_is_proven():
    """Z9 in balanced digits carries in 2/9 of its sums, and is Z3² in the others."""
    digits = np.arange(9)
    low, high = (digits + 1) % 3 - 1, (digits + 1) // 3
    both = low[:, None] + low
    carry = np.round(both / 3).astype(int)
    nine = ((low[:, None] + low) - 3 * carry) % 3 + 3 * ((high[:, None] + high + carry) % 3)
    three = both % 3 + 3 * ((high[:, None] + high) % 3)
    assert (nine != three).sum() == 18  # 2/9 of 81


def test_what_is_near_no_group_is_refused():
    random = np.random.default_rng(0).integers(24, size=(24, 24))
    every = np.arange(24)
    message = (
        r"table: expected (nearly a group; of its triples \S+ % associate|50 % of the cells of a "
        r"group, got 8.33 % of that which they vote for)"
    )
    for table in (random, (every[:, None] - every) % 24, every[:, None] * every % 24):
        with pytest.raises(ValueError, match=message):
            nearest_group(table)
    noisy = broken(symmetric(5), 0.2, 0)
    with pytest.raises(
        ValueError, match=r"table: expected 90 % of the cells of a group, got 80 % of that"
    ):
        nearest_group(noisy, least=0.9)


def test_the_share_of_associative_triples():
    """1 in a group; with a share e of wrong cells (1 − e)⁴, as four products are looked up."""
    assert associative_share(GROUPS["S5"]) == 1
    share = associative_share(broken(GROUPS["S5"], 0.1, 0))
    assert share == pytest.approx(0.9**4, abs=0.025)  # 4096 triples: 3 standard errors
    assert associative_share(np.full((5, 5), -1)) == 0


# --- quotients ------------------------------------------------------------------------------------


def inverse_of(table: np.ndarray) -> np.ndarray:
    neutral = (table == np.arange(len(table))).all(axis=1).argmax()
    return (table == neutral).argmax(axis=1)


QUOTIENTS = {
    "x · y⁻¹": lambda table: table[:, inverse_of(table)],
    "x⁻¹ · y": lambda table: table[inverse_of(table)],
}


@pytest.mark.parametrize("form", QUOTIENTS)
@pytest.mark.parametrize("share", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("name", ["S4", "D12", "Z47", "S5"])
def test_quotients_with_wrong_cells_are_read_off(name, share, form):
    """Also of D12, whose products and quotients agree in 14 of 24 columns."""
    table = relabelled(GROUPS[name], 0)
    values = QUOTIENTS[form](table)
    noisy = broken(values, share, 0)
    found = nearest_form(noisy)
    assert found.form == form
    np.testing.assert_array_equal(found.group, table)
    np.testing.assert_array_equal(found.table, values)
    assert found.share == (noisy == values).mean()
    assert found.is_proven == (share < 1 / 9)


@pytest.mark.parametrize("name", ["S4", "D12", "Z12", "Q8"])
def test_products_stay_products(name):
    for seed in range(3):
        table = relabelled(GROUPS[name], seed)
        found = nearest_form(broken(table, 0.1, seed))
        assert found.form == "x · y"
        np.testing.assert_array_equal(found.table, table)


@pytest.mark.parametrize("n", [5, 8, 24])
def test_a_table_of_chance_is_near_no_form(n):
    for seed in range(30):
        table = np.random.default_rng(seed).integers(n, size=(n, n))
        assert nearest_form(table) is None


# --- how near tables of different groups are ------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "least"),
    [
        (abelian(4), abelian(2, 2), 4),
        (abelian(6), symmetric(3), 12),
        (abelian(7), abelian(7), 0),
    ],
)
def test_the_least_distance_over_all_names_of_elements(first, second, least):
    """At least 2/9 of the cells, where the groups are not isomorphic."""
    names = np.array(list(permutations(range(len(first)))))
    there = second[names[:, :, None], names[:, None, :]]
    distance = (names[:, first] != there).sum(axis=(1, 2)).min()
    assert distance == least
    assert least == 0 or distance >= 2 / 9 * first.size
