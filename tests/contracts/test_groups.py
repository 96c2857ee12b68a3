"""One contract for every group: its elements, its operation, its basis in blocks."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from interp.analysis.fourier.ipr import ipr
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.embedding import embedding_table
from interp.analysis.neurons.read import neuron_table
from interp.analysis.neurons.table import NeuronTable
from interp.training.tasks.groups import GROUPS, Basis, Group, residue_order
from interp.training.tasks.task import make_task
from tests.conftest import plain_mlp

MODULI = (2, 3, 5, 7, 8, 12, 24, 31)


def three_orders() -> list[tuple[int, ...]]:
    """The permutations of three things; element k is the k-th of this list."""
    return list(permutations(range(3)))


def _times(x: np.ndarray, y: np.ndarray, _: int) -> np.ndarray:
    orders = three_orders()
    table = [[orders.index(tuple(a[i] for i in b)) for b in orders] for a in orders]
    return np.array(table)[x, y]


def _basis(_: int) -> Basis:
    """The constant, the sign, and the four entries of the triangle's symmetries."""
    matrices = np.stack([np.eye(3)[list(one)].T for one in three_orders()])
    flat = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2], [6]])  # the plane x + y + z = 0
    two = flat @ matrices @ flat.T
    sign = np.rint(np.linalg.det(matrices))
    functions = np.column_stack([np.ones(6), sign, two.reshape(6, 4) * np.sqrt(2)])
    return Basis(functions / np.sqrt(6), np.array([0, 1, 2, 2, 2, 2]), ("constant", "sign", "two"))


S3 = Group(
    words="irreps of the permutations of three",
    axis="permutation",
    elements=lambda p: np.arange(6),
    times=_times,
    basis=_basis,
    is_defined=lambda p: p == 6,
)


@pytest.fixture(scope="module", autouse=True)
def _three():
    GROUPS.add("permutations of three", S3, "this test")
    yield
    GROUPS.remove("permutations of three")


# Finite groups are rows too, though nobody can list them all; S4 and D12 stand for them.
FINITE = ("S4", "D12", "A4", "Q8", "Z12", "Z2×Z4", "S3×Z2")
ROWS = {**GROUPS, "S3": S3, **{name: GROUPS[name] for name in FINITE}}
CASES = [(name, p) for name in ROWS for p in (*MODULI, 6) if ROWS[name].is_defined(p)]
each = pytest.mark.parametrize(("name", "p"), CASES)


def cayley(row: Group, p: int) -> np.ndarray:
    """Place of element i times element j, by the operation on residues."""
    order = row.elements(p)
    product = row.times(order[:, None], order[None, :], p)
    place = {int(residue): index for index, residue in enumerate(order)}
    return np.array([[place[int(one)] for one in line] for line in product])


@each
def test_elements_are_a_group(name, p):
    """Residues, each once; products are elements; one is neutral; every row is a permutation."""
    row = ROWS[name]
    order = row.elements(p)
    assert len(set(order.tolist())) == len(order)
    assert set(order.tolist()) <= set(range(p))
    table = cayley(row, p)
    n = len(order)
    for line in (*table, *table.T):
        assert sorted(line) == list(range(n))
    neutral = [i for i in range(n) if table[i].tolist() == list(range(n))]
    assert len(neutral) == 1
    np.testing.assert_array_equal(table[table[:, :, None], np.arange(n)], table[:, table])


@each
def test_cyclic_means_that_elements_add(name, p):
    row = ROWS[name]
    n = len(row.elements(p))
    sums = (np.arange(n)[:, None] + np.arange(n)) % n
    assert row.is_cyclic == np.array_equal(cayley(row, p), sums)


@each
def test_basis_is_orthonormal(name, p):
    basis, n = ROWS[name].basis(p), len(ROWS[name].elements(p))
    assert basis.matrix.shape == (n, n)
    assert basis.matrix.dtype == np.float64
    np.testing.assert_allclose(basis.matrix.T @ basis.matrix, np.eye(n), atol=1e-13)


@each
def test_blocks_share_the_functions_out(name, p):
    basis = ROWS[name].basis(p)
    assert sorted(set(basis.block.tolist())) == list(range(len(basis.names)))
    assert basis.sizes.tolist() == [int((basis.block == b).sum()) for b in range(len(basis.names))]
    assert len(set(basis.names)) == len(basis.names)
    assert basis.names[0] in ("constant", "trivial")
    assert basis.sizes[0] == 1
    constant = basis.matrix[:, basis.block == 0][:, 0]
    np.testing.assert_allclose(constant, constant[0], atol=1e-14)


@each
def test_blocks_stay_together_under_every_element(name, p):
    """f(g·x) and f(x·g) lie in the block of f, for every element g."""
    row = ROWS[name]
    basis, table = row.basis(p), cayley(row, p)
    for block in range(len(basis.names)):
        functions = basis.matrix[:, basis.block == block]
        for line in (*table, *table.T):
            moved = functions[line]
            np.testing.assert_allclose(functions @ (functions.T @ moved), moved, atol=1e-12)


@each
def test_blocks_cannot_be_divided(name, p):
    """Translations of one function, left and right, span its whole block."""
    row = ROWS[name]
    basis, table = row.basis(p), cayley(row, p)
    random = np.random.default_rng(p)
    for block in range(len(basis.names)):
        functions = basis.matrix[:, basis.block == block]
        f = functions @ random.normal(size=functions.shape[1])
        moved = np.stack([f[left][right] for left in table for right in table.T])
        assert np.linalg.matrix_rank(moved, tol=1e-9) == functions.shape[1]


@each
def test_words_for_captions_and_axes(name, p):
    row = ROWS[name]
    assert row.words.strip() == row.words != ""
    assert row.axis.strip() == row.axis != ""


@pytest.mark.parametrize("p", [7, 8])
def test_names_of_frequencies(p):
    names = GROUPS["cyclic"].basis(p).names
    assert names == ("constant", *(f"frequency {k}" for k in range(1, p // 2 + 1)))
    assert GROUPS["cyclic"].basis(p).sizes.tolist() == ([1, 2, 2, 2] if p == 7 else [1, 2, 2, 2, 1])


def test_unknown_groups_name_the_nearest():
    task = make_task("x + y", 7)
    for ask in (
        lambda: GROUPS["cyclc"],
        lambda: neuron_table(plain_mlp(task, 4), group="cyclc"),
        lambda: embedding_table(plain_mlp(task, 4), group="cyclc"),
        lambda: residue_order(7, "cyclc"),
    ):
        with pytest.raises(ValueError, match=r"group: expected .* got 'cyclc'; nearest is cyclic"):
            ask()


def test_a_group_that_does_not_exist_at_the_modulus():
    with pytest.raises(ValueError, match="multiplicative characters need a prime modulus, got 8"):
        neuron_table(plain_mlp(make_task("x + y", 8), 4), group="multiplicative").ipr  # noqa: B018


def three_table(curves: np.ndarray) -> NeuronTable:
    return NeuronTable(make_task("x + y", 6), curves, "permutations of three", "irrep")


def test_neurons_in_another_group():
    """A row of the table is all that IPR, null and classes of a further group need."""
    basis, random = S3.basis(6), np.random.default_rng(0)
    inside = random.normal(size=(3, 5, 4)) @ basis.matrix[:, 2:].T  # of the two-dimensional irrep
    noise = random.normal(size=(3, 5, 6))
    table = three_table(np.concatenate([inside, noise], axis=1))
    np.testing.assert_allclose(table.ipr[:5], 1, rtol=1e-12)
    shares = np.stack(
        [
            (noise @ basis.matrix[:, part]) ** 2 @ np.ones(len(part))
            for part in ([0], [1], [2, 3, 4, 5])
        ],
        axis=-1,
    ) / (noise**2).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(table.curve_ipr[:, 5:], (shares**2).sum(axis=-1), rtol=1e-12)
    np.testing.assert_allclose(ipr(noise, 2, "irrep", basis), table.curve_ipr[:, 5:], rtol=1e-12)
    assert table.null.mean == pytest.approx((3 + 3 + 24) / 48)
    assert "irreps of the permutations of three" in table.caption
    assert classify(table, 0.999).generalizing.sum() == 5


def test_a_group_in_no_cyclic_order_has_no_frequencies():
    table = three_table(np.random.default_rng(1).normal(size=(3, 2, 6)))
    with pytest.raises(ValueError, match="is not cyclic: its functions have no frequency or phase"):
        table.phases  # noqa: B018
    assert (table.block, table.block_names) == ("irrep", ("constant", "sign", "two"))
    assert set(table.frequency) <= {1, 2}
