"""Distance irrelevance: squares whose value is known, and pairs grouped by distance by hand."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from interp.analysis.measure import NotDefined
from interp.analysis.measures import MEASURES
from interp.analysis.mechanism.distance_irrelevance import irrelevance
from interp.training.models.analytic import analytic_network
from interp.training.tasks.groups import GROUPS
from interp.training.tasks.operations import Operation
from interp.training.tasks.task import Task, make_task
from tests.conftest import plain_mlp

pytestmark = pytest.mark.usefixtures("unchecked")
measure = MEASURES["distance_irrelevance"]
N = 23
ROW, COLUMN = np.indices((N, N))


def test_squares_whose_value_is_known():
    def wave(of):
        return np.cos(2 * np.pi * of / N)

    assert irrelevance(wave(COLUMN - ROW)) == pytest.approx(0, abs=1e-12)
    assert irrelevance(wave(3 * (ROW + COLUMN))) == pytest.approx(1)
    # Of variance 1/2 each, one of the distance and one of the sum: √(1/2).
    assert irrelevance(wave(COLUMN - ROW) + wave(ROW + COLUMN) + 7) == pytest.approx(np.sqrt(1 / 2))
    assert irrelevance(2 * wave(COLUMN - ROW) + wave(ROW + COLUMN)) == pytest.approx(np.sqrt(1 / 5))


def test_noise():
    """n independent values have the standard deviation √(1 − 1/n) of all, less 1/4n."""
    noise = np.random.default_rng(0).normal(size=(97, 97))
    assert irrelevance(noise) == pytest.approx(1 - 3 / (4 * 97), abs=0.005)


@pytest.mark.parametrize(
    "square",
    [np.zeros((5, 5)), np.ones((5, 5)), 1 + 1e-13 * np.random.default_rng(0).normal(size=(5, 5))],
)
def test_a_constant_square_has_none(square):
    assert irrelevance(square) is None


INVERSE = {x: pow(x, -1, N) for x in range(1, N)}
DISTANCE = {
    "x + y": lambda x, y: (x - y) % N,
    "x - y": lambda x, y: (x + y) % N,
    "x * y": lambda x, y: x * INVERSE[y] % N,
    "x / y": lambda x, y: x * y % N,
}


@pytest.mark.parametrize("operation", DISTANCE)
def test_pairs_by_their_distance(operation):
    """The distance is what the answer says nothing of; pairs with a zero operand of × and ÷ go."""
    network = analytic_network(make_task(operation, N), 40, seed=2)
    task = network.task
    logits = network(torch.as_tensor(task.pairs)).detach().numpy()
    by_distance, everything = {}, []
    for (x, y), answer, row in zip(task.pairs.tolist(), task.answers, logits, strict=True):
        if operation in ("x * y", "x / y") and not x * y:
            continue
        by_distance.setdefault(DISTANCE[operation](x, y), []).append(row[answer])
        everything.append(row[answer])
    assert len({len(one) for one in by_distance.values()}) == 1
    expected = np.mean([np.std(one) for one in by_distance.values()]) / np.std(everything)
    found = measure(network).values()
    assert found["distance_irrelevance"] == pytest.approx(expected)
    assert found["distance_irrelevance"] < 0.95
    assert found["distance_irrelevance_noise"] == pytest.approx(0.97, abs=0.01)
    assert found["distance_irrelevance_distance"] == 0
    assert found["distance_irrelevance_untrained"] > 0.9


def test_phases_that_are_equal_are_a_pizza():
    """With a = b the right logit is a sum of cos(w(x − y)) and of waves that cancel: toward 0."""
    task = make_task("x + y", N)
    network = analytic_network(task, 600)
    u, v, w = (np.zeros((600, N)) for _ in range(3))
    random = np.random.default_rng(0)
    frequency = 1 + np.arange(600) % 11
    angle = 2 * np.pi / N * np.outer(frequency, np.arange(N))
    phase = random.uniform(-np.pi, np.pi, size=(600, 1))
    u[:], v[:], w[:] = np.cos(angle + phase), np.cos(angle + phase), np.cos(angle + 2 * phase)
    free = measure(network).values()["distance_irrelevance"]
    network.set_curves((u, v, w))
    assert measure(network).values()["distance_irrelevance"] < 0.5 < free


def test_a_network_that_says_nothing_has_none():
    found = measure(plain_mlp(make_task("x + y", 7), 3))
    assert found.values()["distance_irrelevance"] is None
    assert "not defined: the right logit is the same for all pairs" in found.caption
    assert found.values()["distance_irrelevance_untrained"] is not None
    assert found.plot().data


def _task(**changes) -> Task:
    row = Operation("gap", lambda x, y, p: (x + y) % p, second_sign=1)
    return Task(replace(row, **changes), 6)


@pytest.mark.parametrize(
    "task",
    [
        make_task("x**2 + y**2", 7),
        make_task("x * y", 6),
        _task(second_sign=None),
        _task(domain=lambda x, y: x != y),
    ],
)
def test_what_has_no_distance_is_refused(task):
    with pytest.raises(NotDefined) as caught:
        measure(plain_mlp(task, 3))
    assert str(caught.value) == (
        "measure distance_irrelevance: expected an operation with a known distance between "
        "operands, as x + y, x - y, x * y or x / y at a prime modulus, got " + task.name
    )


def test_a_group_in_no_cyclic_order_is_refused():
    GROUPS.add("pairs", replace(GROUPS["cyclic"], is_cyclic=False), "this test")
    try:
        with pytest.raises(NotDefined, match=re.escape("got gap mod 6")):
            measure(plain_mlp(_task(group="pairs"), 3))
    finally:
        GROUPS.remove("pairs")
    assert measure(plain_mlp(_task(), 3)).values()["distance_irrelevance"] is None


def test_draws_that_are_none(tiny_run):
    with pytest.raises(ValueError, match=r"^draws: expected a whole number of at least 1, got 0$"):
        measure(tiny_run, draws=0)
