"""FFD, FCR and Gini coefficient: pure waves, an explicit transform, Gaussian matrices."""

from __future__ import annotations

import re
from dataclasses import replace
from math import erf, exp, sqrt

import numpy as np
import pytest

from interp.analysis.measure import NotDefined
from interp.analysis.measures import MEASURES
from interp.analysis.mechanism.matrices import gaussian, matrices_of
from interp.analysis.mechanism.sparsity import Sparsity, sparsity_of
from interp.training.models.analytic import analytic_network
from interp.training.runs.subject import as_checkpoint
from interp.training.tasks.groups import GROUPS
from interp.training.tasks.operations import Operation
from interp.training.tasks.task import Task, make_task
from interp.training.trainer.loop import train
from tests.conftest import plain_mlp, tiny_config

pytestmark = pytest.mark.usefixtures("unchecked")
sparsity = MEASURES["sparsity"]
N, K = 23, 11
ANGLE = 2 * np.pi / N * np.arange(N)


def wave(frequency: int, cosine: float, sine: float) -> np.ndarray:
    """Two dimensions: one a cosine, one a sine."""
    angle = frequency * ANGLE
    return np.stack([cosine * np.cos(angle), sine * np.sin(angle)])


def test_one_frequency():
    found = sparsity_of(wave(3, 2, 2) + np.array([[5], [0]]))  # a constant is no frequency
    assert found == pytest.approx({"ffd": 1 / K, "fcr": 1, "gini": 1 - 1 / K})


def test_a_cosine_alone_leaves_no_trace_of_sines():
    found = sparsity_of(wave(3, 2, 0))
    assert found == {"ffd": 1 / (2 * K), "fcr": 0, "gini": pytest.approx(1 - 1 / K)}


def test_several_frequencies_by_hand():
    """Cosines 10, 6, 4; sines 5, 6, 3: maxima 10 and 6, of which half is 5 and 3."""
    matrix = np.concatenate([wave(1, 10, 5), wave(4, 6, 6), wave(9, 4, 3)])
    found = sparsity_of(matrix, 0.49)
    assert found["ffd"] == pytest.approx((2 + 3) / (2 * K))
    assert sparsity_of(matrix, 0.51)["ffd"] == pytest.approx((2 + 2) / (2 * K))
    assert found["fcr"] == pytest.approx((5 / 10 + 6 / 6 + 3 / 4) / 3)
    both = np.sort([sqrt(125), sqrt(72), 5] + [0] * (K - 3))
    differences = np.abs(both[:, None] - both[None]).sum()
    assert found["gini"] == pytest.approx(differences / (2 * K * both.sum()))


@pytest.mark.parametrize("n", [23, 24])
def test_any_matrix_by_an_explicit_transform(n):
    """Frequencies with a cosine and a sine: 1 … 11 of 23 elements and of 24."""
    matrix = np.random.default_rng(0).normal(size=(5, n)) ** 3
    cosine, sine = [], []
    for k in range(1, 12):
        cosine.append(np.linalg.norm(matrix @ np.cos(2 * np.pi * k * np.arange(n) / n)))
        sine.append(np.linalg.norm(matrix @ np.sin(2 * np.pi * k * np.arange(n) / n)))
    counts = [one > 0.5 * max(part) for part in (cosine, sine) for one in part]
    ratios = [min(c / s, s / c) for c, s in zip(cosine, sine, strict=True)]
    found = sparsity_of(matrix)
    assert found["ffd"] == pytest.approx(sum(counts) / 22)
    assert 0 < found["ffd"] < 1
    assert found["fcr"] == pytest.approx(np.mean(ratios))


@pytest.mark.parametrize("matrix", [np.zeros((4, N)), np.full((4, N), 3.7)])
def test_without_a_frequency_there_is_nothing_to_tell(matrix):
    assert sparsity_of(matrix) == {"ffd": None, "fcr": None, "gini": None}


@pytest.mark.parametrize("dimensions", [500, 128])
def test_gaussian_matrices_by_formula(dimensions):
    """Norms are χ_d, whose logarithm has variance 1/2d: a ratio is exp(−|z|), z of variance 1/d."""
    several = [sparsity_of(gaussian((dimensions, 97), 0, i)) for i in range(10)]
    s = 1 / sqrt(dimensions)
    fcr = 2 * exp(s**2 / 2) * (1 - erf(s / sqrt(2))) / 2
    assert np.mean([one["fcr"] for one in several]) == pytest.approx(fcr, abs=0.004)
    assert {one["ffd"] for one in several} == {1.0}
    # Gini of a normal variable is its standard deviation over its mean over √π.
    gini = 1 / sqrt(4 * dimensions) / sqrt(np.pi)
    assert np.mean([one["gini"] for one in several]) == pytest.approx(gini, rel=0.1)


@pytest.mark.parametrize("operation", ["x + y", "x * y", "x / y"])
def test_a_built_network_in_its_groups_order(operation):
    """One neuron of frequency 1, phases a, b: sparse where the elements are in the right order."""
    network = analytic_network(make_task(operation, 23), 1)
    found = sparsity(network, draws=2).values()
    frequencies = 11 if operation == "x + y" else 10
    for name in "UVW":
        assert found[f"{name}.gini"] == pytest.approx(1 - 1 / frequencies)
        assert found[f"{name}.ffd"] == pytest.approx(1 / frequencies)
        assert found[f"{name}.ffd_untrained"] > 2 / frequencies
    phase = np.angle(np.fft.rfft(matrices_of(network)["U"][0])[1])
    ratio = abs(np.tan(phase))
    assert found["U.fcr"] == pytest.approx(min(ratio, 1 / ratio))


def test_which_matrices_there_are():
    small = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12}
    run = train(tiny_config(model=small))
    found = matrices_of(run.checkpoint().exact)
    weights = {key: np.asarray(value, float) for key, value in run.weights[30].items()}
    expected = {
        "W_E": weights["embed.W_E"][:11].T,
        "W_U": weights["unembed.W_U"],
        "W_L": weights["blocks.0.mlp.W_out"] @ weights["unembed.W_U"],
    }
    assert list(found) == list(expected)
    for name, matrix in expected.items():
        np.testing.assert_allclose(found[name], matrix, atol=1e-12)
    others = {
        ("U", "V", "W"): {"width": 4, "depth": 3},
        ("first W_E", "second W_E", "W_U", "W_L"): {**small, "vocabulary": "operand"},
        ("W_E", "W_U"): {**small, "norm": "layer"},  # a norm stands between neurons and logits
        ("W_E", "W_L"): {**small, "tied": True},
    }
    for names, model in others.items():
        found = matrices_of(train(tiny_config(model=model, steps=1)).checkpoint().network)
        assert tuple(found) == names


def test_the_table_has_a_row_a_matrix_and_quantity(tiny_run):
    found = sparsity(tiny_run)
    table = found.to_pandas().set_index(["matrix", "quantity"])
    assert list(table.columns) == ["value", "untrained", "gaussian"]
    assert len(table) == 9
    assert isinstance(found, Sparsity)
    values = found.values()
    assert len(values) == 27
    for (matrix, quantity), row in table.iterrows():
        for column, suffix in (
            ("value", ""),
            ("untrained", "_untrained"),
            ("gaussian", "_gaussian"),
        ):
            assert values[f"{matrix}.{quantity}{suffix}"] == row[column]
    draws = [sparsity_of(gaussian((16, 11), 0, i))["fcr"] for i in range(10)]
    assert values["U.fcr_gaussian"] == pytest.approx(np.mean(draws))
    assert "FFD above 0.5 of the largest · untrained: paper init" in found.caption


def test_the_picture_has_hollow_controls(tiny_run):
    figure = sparsity(tiny_run, draws=2).plot()
    drawn = {(trace.name, trace.marker.symbol) for trace in figure.data}
    assert drawn == {
        ("network", "circle"),
        ("untrained", "circle-open"),
        ("Gaussian", "diamond-open"),
    }
    assert len(figure.data) == 9
    found = sparsity(tiny_run, draws=2).values()
    assert list(figure.data[0].x) == [found[f"{name}.ffd"] for name in "UVW"]
    assert list(figure.data[5].x) == [found[f"{name}.fcr_gaussian"] for name in "UVW"]


def test_a_network_of_zeros_has_none(tiny_run):
    network = plain_mlp(make_task("x + y", 11), 4)
    for name in ("sparsity", "geometry"):
        found = MEASURES[name](network, draws=2)
        assert found.plot().data
        assert found.values()["U.ffd" if name == "sparsity" else "U.purity"] is None


@pytest.mark.parametrize("name", ["sparsity", "geometry"])
def test_groups_without_frequencies_are_refused(name):
    GROUPS.add("pairs", replace(GROUPS["cyclic"], is_cyclic=False), "this test")
    try:
        operation = Operation("halves", lambda x, y, p: (x + y) % p, group="pairs")
        network = plain_mlp(Task(operation, 5), 3)
        with pytest.raises(NotDefined) as caught:
            MEASURES[name](network)
    finally:
        GROUPS.remove("pairs")
    assert str(caught.value) == (
        f"measure {name}: expected a task of a cyclic group, got 'pairs', which has no frequencies"
    )


@pytest.mark.parametrize("name", ["sparsity", "geometry"])
@pytest.mark.parametrize(
    ("task", "fewest"),
    [
        (make_task("x + y", 2), 2),
        (make_task("x * y", 3), 2),
        (make_task([[0, 1, 0]] * 3), 2),
    ],
)
def test_too_few_elements_are_refused(name, task, fewest):
    with pytest.raises(NotDefined) as caught:
        MEASURES[name](as_checkpoint(plain_mlp(task, 3)))
    assert str(caught.value) == (
        f"measure {name}: expected at least 3 elements, which have a frequency, got {fewest}"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eta": 1.5}, "eta: expected a number between 0 and 1, got 1.5"),
        ({"draws": 0}, "draws: expected a whole number of at least 1, got 0"),
        ({"seed": -1}, "seed: expected a whole number of at least 0, got -1"),
    ],
)
def test_options_that_are_none(options, message, tiny_run):
    with pytest.raises(ValueError, match=re.escape(message)):
        sparsity(tiny_run, **options)
