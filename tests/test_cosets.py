"""Subgroups, and curves that are constant on their cosets, against counts and direct means."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from interp.analysis.measure import NotDefined
from interp.analysis.measures import MEASURES
from interp.analysis.mechanism.blocks import redrawn
from interp.analysis.neurons import coset_planes as coset_planes_of
from interp.analysis.neurons.constancy import constancy, explained
from interp.analysis.neurons.read import neuron_table
from interp.figures.neuron import neuron_curves
from interp.training.config.sections import ModelConfig
from interp.training.models.analytic import analytic_network
from interp.training.models.mlp import MLP
from interp.training.runs.checkpoint import Checkpoint
from interp.training.tasks import cayley
from interp.training.tasks.finite.irreps import irreps
from interp.training.tasks.finite.names import named_group
from interp.training.tasks.finite.subgroups import left_cosets, right_cosets, subgroups
from interp.training.tasks.groups import finite_group
from interp.training.tasks.task import make_task

# Subgroups and their classes under conjugation; of D_n there are as many as n has divisors and
# these add up to.
COUNTS = {
    "S3": (6, 4),
    "A4": (10, 5),
    "S4": (30, 11),
    "A5": (59, 9),
    "S5": (156, 19),
    "A6": (501, 22),
    "Q8": (6, 6),
    "D12": (6 + 28, 16),
    "D48": (10 + 124, 28),
    "Z12": (6, 6),
    "Z97": (2, 2),
    "Z2^5": (374, 374),
    "Z3^4": (212, 212),
}


def refused(message: str):
    return pytest.raises(ValueError, match=re.escape(message))


@pytest.mark.parametrize("name", COUNTS)
def test_known_counts(name):
    found = subgroups(named_group(name))
    assert (len(found), len(set(found.kind))) == COUNTS[name]
    assert len({one.tobytes() for one in found.members}) == len(found)
    assert (np.diff(found.orders) >= 0).all()
    assert found.orders[[0, -1]].tolist() == [1, len(named_group(name))]


@pytest.mark.parametrize("name", ["S4", "D12", "A5", "Q8"])
def test_those_that_two_elements_generate(name):
    """Every subgroup of these groups is of that kind."""
    group = named_group(name)
    pairs = product(range(len(group)), repeat=2)
    expected = {cayley.generated(group.table, np.array(pair)).tobytes() for pair in pairs}
    assert {one.tobytes() for one in subgroups(group).members} == expected


def test_names_and_normal_subgroups():
    found = subgroups(named_group("S4"))
    normal = {(found.names[i], int(found.orders[i])) for i in np.flatnonzero(found.is_normal)}
    assert normal == {("Z1", 1), ("Z2^2", 4), ("A4", 12), ("S4", 24)}
    assert [found.names.count(name) for name in ("S3", "D4", "Z4", "Z3")] == [4, 3, 3, 4]
    assert found.is_proper.sum() == 28


def test_classes_are_of_conjugates():
    group = named_group("S4")
    found = subgroups(group)
    for i, j in product(range(len(found)), repeat=2):
        moved = [
            {int(group.table[group.table[g, h], group.inverse[g]]) for h in np.flatnonzero(one)}
            for g in range(len(group))
            for one in [found.members[i]]
        ]
        is_conjugate = set(np.flatnonzero(found.members[j]).tolist()) in moved
        assert is_conjugate == (found.kind[i] == found.kind[j])


@pytest.mark.parametrize("name", ["S4", "D12"])
def test_cosets(name):
    """x and y are in one left coset if x⁻¹y is in the subgroup, in one right coset if x y⁻¹ is."""
    group = named_group(name)
    x, y = np.meshgrid(np.arange(len(group)), np.arange(len(group)), indexing="ij")
    for members in subgroups(group).members:
        left, right = left_cosets(group, members), right_cosets(group, members)
        of_left = members[group.table[group.inverse[x], y]]
        of_right = members[group.table[x, group.inverse[y]]]
        np.testing.assert_array_equal(left[x] == left[y], of_left)
        np.testing.assert_array_equal(right[x] == right[y], of_right)
        for cosets in (left, right):
            assert cosets[group.identity] == 0
            assert set(cosets) == set(range(len(group) // members.sum()))


def test_too_many_subgroups_and_no_group():
    with refused("subgroups of Z2^7: expected at most 2,000, got more"):
        subgroups(named_group("Z2^7"))  # 29,212 of them
    latin = np.array([[(2 * i + j) % 5 for j in range(5)] for i in range(5)])
    with refused("expected a group"):
        subgroups(replace(named_group("Z5"), name="latin", table=latin))


def test_groups_of_residues():
    """Of × mod 7 in the order of powers of 3, and of + mod 12: cyclic ones."""
    for name, p, expected in (("multiplicative", 7, "Z6"), ("cyclic", 12, "Z12")):
        assert finite_group(name, p) == named_group(expected)
    assert finite_group("S4", 24) == named_group("S4")


# --- curves -------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["left", "right"])
def test_explained_is_the_power_of_means(side):
    group = named_group("S4")
    found, curves = subgroups(group), np.random.default_rng(0).normal(size=(5, 24)) + 3
    shares = explained(curves, found, side)
    cosets_of = {"left": left_cosets, "right": right_cosets}[side]
    for i, members in enumerate(found.members):
        cosets = cosets_of(group, members)
        means = np.stack([np.bincount(cosets, weights=one) / members.sum() for one in curves])
        expected = means[:, cosets].var(axis=1) / curves.var(axis=1)
        np.testing.assert_allclose(shares[:, i], expected, atol=1e-12)


def test_functions_of_the_coset():
    """A function with another value on each coset is constant on those of no other subgroup."""
    group, random = named_group("S4"), np.random.default_rng(0)
    found = subgroups(group)
    chosen = [i for i in range(len(found)) if found.names[i] in ("D4", "S3", "Z4", "A4")]
    for side, cosets_of in (("left", left_cosets), ("right", right_cosets)):
        rows = [random.normal(size=24)[cosets_of(group, found.members[i])] for i in chosen]
        one = constancy(np.array(rows), found, 0.99)
        assert one.subgroup.tolist() == chosen
        expected = ["both" if found.names[i] == "A4" else side for i in chosen]
        assert list(one.side) == expected
        np.testing.assert_allclose(one.share, 1)


def test_other_subgroups_of_the_order():
    group = named_group("S4")
    found = subgroups(group)
    three = [i for i in range(len(found)) if found.names[i] == "D4"]
    curve = (left_cosets(group, found.members[three[0]]) == 1)[None].astype(float)
    others = explained(curve, found, "left")[0, three[1:]]
    assert constancy(curve, found, 0.9).other[0] == pytest.approx(others.mean())
    lone = (left_cosets(group, found.members[found.names.index("A4")]) == 1)[None].astype(float)
    assert np.isnan(constancy(lone, found, 0.9).other[0])  # A4 alone has order 12


def test_curves_without_power_have_no_cosets():
    found = subgroups(named_group("S4"))
    one = constancy(np.stack([np.zeros(24), np.full(24, 0.1)]), found, 0.9)
    assert one.subgroup.tolist() == [0, 0]
    assert np.isnan(one.share).all()


@pytest.mark.parametrize("name", ["S4", "D12", "Q8"])
def test_redrawn_curves_have_the_power_of_each_irrep(name):
    basis = irreps(named_group(name)).basis
    curves = np.random.default_rng(1).normal(size=(7, len(basis.block))) ** 3
    found = redrawn(curves, basis, np.random.default_rng(2))
    for block in range(len(basis.names)):
        part = basis.matrix[:, basis.block == block]
        wanted, got = (((one @ part) ** 2).sum(axis=1) for one in (curves, found))
        np.testing.assert_allclose(got, wanted)
    assert abs(found - curves).max() > 0.1


def test_redrawn_without_power():
    basis = irreps(named_group("S3")).basis
    assert not redrawn(np.zeros((2, 6)), basis, np.random.default_rng(0)).any()


# --- the measure --------------------------------------------------------------------------------


def built(on: str) -> Checkpoint:
    """Four neurons on cosets, right ones over the first operand, left ones over the others; noise.

    Args:
        on: the subgroup of S4 that the cosets are of.
    """
    group, task = named_group("S4"), make_task("x * y", group="S4")
    network = MLP(task, ModelConfig(width=8))
    found = subgroups(group)
    members = found.members[found.names.index(on)]
    random = np.random.default_rng(0)
    rows = [random.normal(size=(8, len(group))) for _ in range(3)]
    for half, one in enumerate((right_cosets, left_cosets, left_cosets)):
        cosets = one(group, members)
        rows[half][:4] = random.normal(size=(4, cosets.max() + 1))[:, cosets]
    u, v, w = map(torch.from_numpy, rows)
    network.blocks[0].mlp.W_in.data[:] = torch.cat([u.T, v.T])
    network.unembed.W_U.data[:] = w
    return Checkpoint(network)


@pytest.mark.parametrize(("on", "order", "of_null"), [("S3", 6, 0.0), ("D4", 8, 0.5)])
def test_measure_of_built_neurons(on, order, of_null):
    """Functions on cosets of D4 lie in an irrep with a kernel: random ones have cosets too."""
    found = MEASURES["cosets"](built(on), draws=20)
    values = found.values()
    for name in ("constant", "constant_u", "constant_v", "constant_w"):
        assert values[name] == 0.5
    assert values["right_u"] == values["left_v"] == 1
    assert values["share"] == pytest.approx(1)
    assert 0 < values["share_other"] < 0.9
    large = [(found.null_sizes(which).orders >= 4).mean() for which in "uvw"]
    np.testing.assert_allclose(large, of_null, atol=0.05)
    frame = found.to_pandas()
    assert set(frame["subgroup_u"][:4]) == {on}
    assert frame["subgroup_u"][4:].isna().all()
    assert frame["order_v"].tolist() == [order] * 4 + [1] * 4


def test_level_and_draws():
    measure, one = MEASURES["cosets"], built("D4")
    assert measure(one, level=0.01).values()["constant"] == 1
    assert {found.shape for found in measure(one, draws=2).null.values()} == {(2, 8)}
    with refused("level: expected a share above 0 and at most 1, got 0"):
        measure(one, level=0)


def test_refused():
    measure = MEASURES["cosets"]
    prime = Checkpoint(analytic_network(make_task("x + y", 11), 8))
    with pytest.raises(NotDefined, match="expected a group with proper subgroups, got Z11, which"):
        measure(prime)
    assert measure(Checkpoint(analytic_network(make_task("x + y", 12), 8))).values()["constant"]


# --- pictures -----------------------------------------------------------------------------------


def plane_of(side: str, on: str) -> tuple[np.ndarray, np.ndarray]:
    """A point for each coset of a subgroup of S4, with little noise; and the cosets."""
    group = named_group("S4")
    known = subgroups(group)
    cosets_of = {"left": left_cosets, "right": right_cosets}[side]
    coset = cosets_of(group, known.members[known.names.index(on)])
    centre = np.stack([np.cos(2.1 * coset), np.sin(2.1 * coset)], axis=1)
    return centre + np.random.default_rng(0).normal(size=(24, 2)) * 0.01, coset


@pytest.mark.parametrize("side", ["left", "right"])
def test_pictures_name_the_subgroup_whose_cosets_lie_together(side, monkeypatch):
    points, coset = plane_of(side, "S3")
    monkeypatch.setattr(coset_planes_of, "pca", lambda rows: points)
    monkeypatch.setattr(coset_planes_of, "tsne", lambda rows, seed: points)
    network = analytic_network(make_task("x * y", group="S4"), 8)
    found = MEASURES["answers"](Checkpoint(network))
    for one in (found.pca, found.tsne):
        assert one.words == f"{side} cosets of S3"
        np.testing.assert_array_equal(one.coset, coset)
        assert one.share > 0.99
        assert 0 < one.control < 0.7 * one.excess
    assert found.pca.chance == pytest.approx(3 / 23)  # 4 cosets of 24 elements
    assert found.tsne.chance == pytest.approx(5 / 23)
    assert found.to_pandas()["tsne_coset"].tolist() == coset.tolist()
    drawn = found.plot()
    assert [len(trace.x) for trace in drawn.data] == [24, 24]
    assert "coset 0" in " ".join(drawn.data[0].text)


def test_between_and_neighbours_by_hand():
    group = named_group("S4")
    known, points = subgroups(group), np.random.default_rng(3).normal(size=(24, 2))
    near = coset_planes_of.nearest(points)
    for i, j in enumerate(near):
        others = [np.hypot(*(points[i] - one)) for k, one in enumerate(points) if k != i]
        assert np.hypot(*(points[i] - points[j])) == pytest.approx(min(others))
        assert i != j
    found = coset_planes_of.neighbours(near, known), coset_planes_of.between(points, known)
    for i, members in enumerate(known.members):
        for at, cosets_of in enumerate((left_cosets, right_cosets)):
            coset = cosets_of(group, members)
            assert found[0][at, i] == pytest.approx((coset == coset[near]).mean())
            sums = np.stack([np.bincount(coset, weights=one) for one in points.T])
            means = (sums / np.bincount(coset))[:, coset]
            expected = means.var(axis=1).sum() / points.var(axis=0).sum()
            assert found[1][at, i] == pytest.approx(expected)


def test_neuron_stands_coset_by_coset():
    """Three values, one a coset: pieces of a line, each over the elements of one coset."""
    table = neuron_table(built("D4"))
    figure = neuron_curves(table, 0)
    weights, wave, mean = figure.data[:3]
    # The component over all elements is the wave with the mean, in whatever order.
    assert sorted(weights.y) == pytest.approx(sorted(table.ordered[0][0]), rel=1e-6)
    values = np.asarray(weights.y).reshape(3, 8)
    np.testing.assert_allclose(values, values[:, :1].repeat(8, axis=1), rtol=1e-6)
    np.testing.assert_allclose(np.asarray(mean.y)[::3], values[:, 0], rtol=1e-6)
    np.testing.assert_allclose(
        np.asarray(mean.x).reshape(3, 3)[:, :2].mean(axis=1), [3.5, 11.5, 19.5]
    )
    words = [one.text for one in figure.layout.annotations if "coset" in one.text]
    assert words[0].startswith("right cosets of D4: 100% of the power, 9% by chance")
    assert weights.text[0].endswith("coset 0")
    assert wave.name == "its component at 2-dimensional, 1"


def test_neuron_without_cosets_keeps_the_order_of_the_group():
    task = make_task("x * y", group="S5")  # irreps without a kernel, curves of noise
    network = MLP(task, ModelConfig(width=4))
    table = neuron_table(Checkpoint(network))
    figure = neuron_curves(table, 0)
    np.testing.assert_allclose(figure.data[0].y, table.ordered[0][0], rtol=1e-5)
    assert figure.data[0].mode == "lines+markers"
    assert not any("coset" in one.text for one in figure.layout.annotations)
