"""O-information against direct entropies, and its measure on groups that are known."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest

from interp.analysis.measures import MEASURES
from interp.analysis.mechanism.information import group_means, ward
from interp.analysis.mechanism.o_information import extremes, normal_scores, o_information
from interp.training.models.analytic import analytic_network
from interp.training.runs.checkpoint import Checkpoint
from interp.training.tasks.task import make_task


def refused(message: str):
    return pytest.raises(ValueError, match=re.escape(message))


def entropy(covariance: np.ndarray) -> float:
    """Of normal variables, in nats."""
    return 0.5 * float(np.log(np.linalg.det(2 * np.pi * np.e * covariance)))


def directly(covariance: np.ndarray, chosen: tuple[int, ...]) -> float:
    """The definition, with the constants of the entropies."""
    of = lambda some: entropy(covariance[np.ix_(some, some)])  # noqa: E731
    rest = [tuple(i for i in chosen if i != j) for j in chosen]
    parts = [of((j,)) - of(left) for j, left in zip(chosen, rest, strict=True)]
    return (len(chosen) - 2) * of(chosen) + sum(parts)


def test_every_multiplet_by_its_definition():
    mixed = np.random.default_rng(0).normal(size=(5, 5))
    covariance = mixed @ mixed.T + np.eye(5)
    found = o_information(covariance)
    assert list(found) == [3, 4, 5]
    for n, (chosen, values) in found.items():
        assert [tuple(one) for one in chosen] == list(combinations(range(5), n))
        expected = [directly(covariance, tuple(one)) for one in chosen]
        np.testing.assert_allclose(values, expected, atol=1e-10)


def test_ten_variables_have_968_multiplets():
    found = o_information(np.eye(10))
    assert sum(len(values) for _, values in found.values()) == 968
    assert max(abs(values).max() for _, values in found.values()) < 1e-12


def test_three_noisy_copies_and_a_sum():
    """x + e, thrice, with var e = 1/4: correlation 4/5; z = x + y + e with var e = .09."""
    copies = np.full((3, 3), 0.8) + 0.2 * np.eye(3)
    of_copies = 0.5 * np.log(0.2**2 * 2.6) - 1.5 * np.log(1 - 0.8**2)
    assert of_copies == pytest.approx(0.40, abs=0.01)
    assert o_information(copies)[3][1][0] == pytest.approx(of_copies)
    covariance = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 2.09]])
    rho = 1 / 2.09
    of_sum = 0.5 * np.log(1 - 2 * rho) - np.log(1 - rho)
    assert of_sum == pytest.approx(-0.92, abs=0.01)
    assert o_information(covariance)[3][1][0] == pytest.approx(of_sum)


def test_samples_by_their_ranks():
    """Any growing function of a variable leaves its ranks, and so the result."""
    random = np.random.default_rng(1)
    x = random.normal(size=(4000, 1)) + 0.5 * random.normal(size=(4000, 3))
    plain, bent = extremes(x), extremes(np.exp(x) ** 3)
    assert plain == pytest.approx(bent, abs=1e-12)
    assert plain[0] == pytest.approx(0.40, abs=0.04)
    independent = extremes(random.normal(size=(4000, 3)))
    assert abs(independent[0]) < 0.002
    scores = normal_scores(x)
    assert scores.mean() == pytest.approx(0, abs=1e-12)
    assert scores.std() == pytest.approx(1, abs=0.01)
    with refused("information: expected variables of which none follows from the others"):
        extremes(np.stack([x[:, 0], x[:, 1], x[:, 1]], axis=1))


def test_groups_of_neurons_that_act_alike():
    random = np.random.default_rng(2)
    base = random.normal(size=(200, 3))
    which = random.permutation(np.repeat(np.arange(3), 5))
    rows = base[:, which] * 4 + 0.01 * random.normal(size=(200, 15))
    found = ward(rows, 3)
    # The same partition, whatever its numbers.
    assert len({(int(a), int(b)) for a, b in zip(found, which, strict=True)}) == 3
    means = group_means(rows, found)
    for group in range(3):
        np.testing.assert_allclose(means[:, group], rows[:, found == group].mean(axis=1))


def network(width: int) -> Checkpoint:
    return Checkpoint(analytic_network(make_task("x + y", 11), width))


def test_measure_and_its_controls():
    found = MEASURES["information"](network(40), groups=5)
    assert len(found.sizes) == 5 and sum(found.sizes) == 40
    frame = found.to_pandas()
    assert frame["control"].to_dict() == {
        "ward": False,
        "random": True,
        "untrained": True,
        "independent": True,
    }
    values = found.values()
    assert values["synergy"] <= values["redundancy"]
    # 121 pairs: what is left of no dependence at all.
    assert abs(values["synergy_independent"]) < 0.1
    assert MEASURES["information"](network(40), groups=5).values() == values
    assert MEASURES["information"](network(4)).sizes == (1, 1, 1, 1)
    assert found.plot().data[0].name == "synergy (least)"


def test_groups_that_there_are_not():
    with refused("information: expected at least 6 neurons that vary, for as many groups, got 4"):
        MEASURES["information"](network(4), groups=6)
    with refused("information: expected at least 3 neurons that vary, for as many groups, got 2"):
        MEASURES["information"](network(2))
    with refused("groups"):
        MEASURES["information"](network(40), groups=2)
