"""Filtration and progress in a group that is not commutative: blocks are irreps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interp.analysis.measures import MEASURES
from interp.analysis.mechanism.filtered import filter_of, filtered
from interp.analysis.mechanism.rule import Rule, RuleLogits
from interp.training.data.dataset import make_dataset
from interp.training.tasks.groups import GROUPS
from interp.training.tasks.operations import OPERATIONS, operation
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.contracts.test_groups import S3, three_orders

# Characters of the sign and of the two-dimensional irrep, by the number of fixed points.
SIGN = {3: 1, 1: -1, 0: 1}
TWO = {3: 2, 1: 0, 0: -1}


@pytest.fixture(scope="module", autouse=True)
def _three():
    GROUPS.add("three", S3, "this test")
    operation("x after y", group="three")(lambda x, y, p: S3.times(x, y, p))
    yield
    OPERATIONS.remove("x after y")
    GROUPS.remove("three")


@pytest.fixture(scope="module")
def data():
    return make_dataset(make_task("x after y", 6), 0.6)


def fixed_points() -> np.ndarray:
    """Of z c⁻¹, for each z and c: places at which both orders agree."""
    orders = np.array(three_orders())
    return (orders[:, None] == orders[None]).sum(axis=-1)


def test_projectors_are_characters(data):
    """Onto an irrep of dimension d: (d / |G|) χ(z c⁻¹)."""
    rule = Rule(data, "mse")
    points = fixed_points()
    for block, (size, character) in enumerate(((1, SIGN), (2, TWO)), start=1):
        expected = size / 6 * np.vectorize(character.get)(points)
        np.testing.assert_allclose(rule.projector(block), expected, atol=1e-12)


def test_logits_of_one_irrep(data):
    """tr ρ(x) ρ(y) ρ(z⁻¹): restricted to it nothing is lost, without it nothing is left."""
    rule = Rule(data, "cross_entropy")
    character = np.vectorize(TWO.get)(fixed_points()).astype(float)
    own = RuleLogits(rule, torch.from_numpy(5 * character[rule.element]))
    np.testing.assert_allclose(own.cosines, [0, 0, 1], atol=1e-12)
    assert own.restricted((2,))["all"].accuracy == 1
    assert own.restricted_3d((2,))["all"].loss == pytest.approx(own.restricted((2,))["all"].loss)
    for found in (own.excluded((2,)), own.excluded_3d((2,))):
        assert found["all"].loss == pytest.approx(np.log(6))
    assert own.held_out((2,))["test"].accuracy == 1


def test_neurons_keep_an_irrep():
    run = train(tiny_config(task={"operation": "x after y", "p": 6}))
    found = filter_of(run.checkpoint().network)
    assert found.blocks == 3
    basis = S3.basis(6)
    *_, w = found.curves
    share = np.stack(
        [(w @ basis.matrix[:, basis.block == k]) ** 2 @ np.ones(m) for k, m in ((1, 1), (2, 4))]
    )
    best = 1 + share.argmax(axis=0)
    g = filter_of(filtered(run)).curves
    for curves, whole in zip(g, found.curves, strict=True):
        for neuron, block in enumerate(best):
            part = basis.matrix[:, basis.block == block]
            np.testing.assert_allclose(curves[neuron], part @ (part.T @ whole[neuron]), atol=1e-6)


def test_the_measures_in_a_group(data):
    run = train(tiny_config(task={"operation": "x after y", "p": 6}))
    found = MEASURES["filtration"](run)
    assert "irreps of the permutations of three" in found.caption
    assert found.kept == (1, 2)
    assert list(found.strength) == [1, 2]
    keys = MEASURES["progress"](run, keys="all")
    assert keys.keys.names == ("sign", "two")
    assert "cosine" in MEASURES["progress"](run, keys="cosine").caption
    with pytest.raises(ValueError, match="known relation of phases"):
        MEASURES["coherence"](run)
