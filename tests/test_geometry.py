"""Singular values, purity and circles: matrices whose shape is known, a second way, Gaussians."""

from __future__ import annotations

import re

import numpy as np
import pytest

from interp.analysis.measures import MEASURES
from interp.analysis.mechanism.circles import null_of, shares_and_ratios
from interp.analysis.mechanism.geometry import Geometry
from interp.analysis.mechanism.matrices import gaussian, matrices_of
from interp.analysis.mechanism.singular import quantities_of, singular_values
from interp.training.models.analytic import analytic_network
from interp.training.tasks.task import make_task

pytestmark = pytest.mark.usefixtures("unchecked")
geometry = MEASURES["geometry"]
N = 23


def wave(frequency: int, cosine: float = 1, sine: float = 1, n: int = N) -> np.ndarray:
    """Two dimensions: elements on an ellipse."""
    angle = 2 * np.pi * frequency / n * np.arange(n)
    return np.stack([cosine * np.cos(angle), sine * np.sin(angle)])


def turned(matrix: np.ndarray, seed: int = 0) -> np.ndarray:
    """The same shape, placed somehow in 40 dimensions."""
    random = np.random.default_rng(seed)
    frame = np.linalg.qr(random.normal(size=(40, len(matrix))))[0]
    return frame @ matrix + random.normal(size=(40, 1))


@pytest.mark.parametrize(("cosine", "sine"), [(1, 1), (2, 1), (3, 0)])
def test_an_ellipse_anywhere_in_space(cosine, sine):
    matrix = turned(wave(4, cosine, sine))
    a, b = cosine**2, sine**2
    found = quantities_of(matrix)
    assert found["participation"] == pytest.approx((a + b) ** 2 / (a**2 + b**2))
    assert found["rank"] == (2 if sine else 1)
    assert found["purity"] == pytest.approx(1)
    share, ratio = shares_and_ratios(matrix)
    np.testing.assert_allclose(share, np.arange(1, 12) == 4, atol=1e-12)
    assert ratio[3] == pytest.approx(sine / cosine, abs=1e-12)
    assert np.isnan(np.delete(ratio, 3)).all(), "rounding is no ellipse"
    expected = np.array([cosine, sine, *[0] * (N - 2)]) * np.sqrt(N / 2)
    np.testing.assert_allclose(singular_values(matrix), expected, atol=1e-10)


def test_several_circles():
    matrix = turned(np.concatenate([wave(1, 3, 3), wave(5, 1, 1), wave(9, 1, 0.5)]))
    powers = np.array([9, 9, 1, 1, 1, 0.25])
    found = quantities_of(matrix)
    assert found["participation"] == pytest.approx(powers.sum() ** 2 / (powers**2).sum())
    assert found["rank"] == 6
    share, ratio = shares_and_ratios(matrix)
    np.testing.assert_allclose(share[[0, 4, 8]], np.array([18, 2, 1.25]) / 21.25)
    np.testing.assert_allclose(ratio[[0, 4, 8]], [1, 1, 0.5])


def test_rank_counts_from_a_hundredth_of_the_greatest():
    for small, rank in ((0.011, 4), (0.009, 2)):
        matrix = np.concatenate([wave(1), wave(2, small, small)])
        assert quantities_of(matrix)["rank"] == rank


@pytest.mark.parametrize("n", [23, 24])
def test_any_matrix_by_another_way(n):
    """Eigenvalues of products, and projections on unit cosines and sines one by one."""
    matrix = np.random.default_rng(0).normal(size=(7, n)) ** 3
    flat = matrix.T - matrix.T.mean(axis=0)
    values, vectors = np.linalg.eigh(flat @ flat.T)
    values, vectors = values[::-1], vectors[:, ::-1]
    found = quantities_of(matrix)
    assert found["participation"] == pytest.approx(values.sum() ** 2 / (values**2).sum())
    assert found["rank"] == (values > 1e-4 * values[0]).sum() == 7
    times = np.arange(n)
    purity = []
    for vector in vectors[:, :4].T:
        shares = [
            (vector @ np.exp(2j * np.pi * k * times / n)).__abs__() ** 2 * (1 + (2 * k < n)) / n
            for k in range(1, n // 2 + 1)
        ]
        assert sum(shares) == pytest.approx(1)
        purity.append(max(shares))
    assert found["purity"] == pytest.approx(np.mean(purity))
    share, ratio = shares_and_ratios(matrix)
    assert len(share) == 11
    for k in range(1, 12):
        c, s = (matrix @ f(2 * np.pi * k * times / n) * np.sqrt(2 / n) for f in (np.cos, np.sin))
        trace, determinant = c @ c + s @ s, (c @ c) * (s @ s) - (c @ s) ** 2
        root = np.sqrt(trace**2 - 4 * determinant)
        assert share[k - 1] == pytest.approx(trace / (flat**2).sum())
        assert ratio[k - 1] == pytest.approx(np.sqrt((trace - root) / (trace + root)))


def test_one_dimension_is_no_circle():
    share, ratio = shares_and_ratios(wave(2, 1, 0)[:1])
    assert (share[1], ratio[1]) == (pytest.approx(1), 0)


def test_a_constant_matrix_has_no_shape():
    for matrix in (np.zeros((4, N)), np.full((4, N), 3.7)):
        assert quantities_of(matrix) == {"participation": None, "rank": 0.0, "purity": None}
        share, ratio = shares_and_ratios(matrix)
        assert (share == 0).all()
        assert np.isnan(ratio).all()


def test_gaussian_matrices_of_a_wide_network():
    """Participation (n−1)/(1 + (n−1)/d), as of any Wishart matrix; ratios near 1 are no circles."""
    null = null_of((500, 97), (5, 0.8), 30, 0)
    assert null.quantities["participation"] == pytest.approx(96 / (1 + 96 / 500), rel=0.005)
    assert null.quantities["rank"] == 96
    assert null.ratio == pytest.approx(0.95, abs=0.005)
    assert 1 / 48 < null.judge.share < 1.5 / 48
    assert null.quantities["circles"] == 0


def test_the_null_share_is_what_one_gaussian_matrix_in_twenty_reaches():
    null = null_of((16, 23), (5, 0.0), 400, 0)
    largest = [shares_and_ratios(gaussian((16, 23), 1, i))[0].max() for i in range(400)]
    # Both ends are estimates from 400 draws: 5 % ± 1.5 %, three standard errors.
    assert 0.005 < np.mean(np.array(largest) > null.judge.share) < 0.095


def test_a_circle_needs_its_share_and_its_ratio():
    """Of the same shares in noise: one circle, one flat ellipse; and one too weak."""
    noise = gaussian((40, N), 7, 0)
    matrix = noise + turned(np.concatenate([wave(2, 16, 16), wave(5, 20, 6), wave(9, 11, 11)]))
    null = null_of((40, N), (3, 0.8), 100, 0)
    share, ratio = shares_and_ratios(matrix)
    assert null.judge.share < share[8] < 2 * null.judge.share < share[4] < share[1]
    assert ratio[4] < 0.8 < min(ratio[1], ratio[8])
    assert list(1 + np.flatnonzero(null.judge.circles(share, ratio))) == [2]
    found = null.judge.strongest("W_E", matrix, noise, null.ratio)
    assert [(one.frequency, one.is_circle) for one in found] == [(2, True), (5, False), (9, False)]
    assert found[0].untrained_share == shares_and_ratios(noise)[0][1]
    assert null.judge.quantities(share, ratio) == {
        "circle_ratio": pytest.approx(np.median(ratio[[1, 4, 8]])),
        "circle_share": share[1],
        "circles": 1.0,
    }


def test_a_built_network_of_two_frequencies():
    """Each frequency by two neurons: a plane, and no circle unless the phases are a quarter off."""
    network = analytic_network(make_task("x * y", 5), 40)  # elements 4: frequency 1 alone
    found = geometry(network, draws=5)
    values = found.values()
    assert values["U.purity"] == pytest.approx(1)
    assert values["U.rank"] == 2
    assert values["U.circle_share"] == pytest.approx(1)
    matrix = matrices_of(network)["U"]
    assert matrix.shape == (40, 4)
    two = np.linalg.svd(matrix - matrix.mean(axis=1, keepdims=True), compute_uv=False)[:2]
    assert values["U.circle_ratio"] == pytest.approx(two[1] / two[0])


def test_the_table_and_the_picture(tiny_run):
    found = geometry(tiny_run, top=3, draws=10)
    assert isinstance(found, Geometry)
    table = found.to_pandas()
    assert list(table.columns) == ["matrix", "quantity", "value", "untrained", "gaussian"]
    assert len(table) == 3 * 6 + 3 * 3 * 3
    assert len(found.values()) == 3 * 6 * 3
    first = found.circles[0]
    of = table[table.matrix == "U"].set_index("quantity")
    name = f"frequency {first.frequency}"
    assert of.loc[f"{name} share"].to_list()[1:] == [
        first.share,
        first.untrained_share,
        first.null_share,
    ]
    assert of.loc[f"{name} ratio", "gaussian"] == first.null_ratio
    assert of.loc[f"{name} is a circle", "value"] == float(first.is_circle)
    assert found.values()["U.circle_share"] == first.share
    figure = found.plot()
    assert [trace.line.dash for trace in figure.data[:2]] == ["solid", "dot"]
    spectrum = found.spectra["U"]
    np.testing.assert_allclose(figure.data[0].y, spectrum / spectrum[0], rtol=1e-6)
    start = found.untrained["U"]
    np.testing.assert_allclose(figure.data[1].y, start / start[0], rtol=1e-6)
    assert list(figure.data[2].x) == [one.share for one in found.circles[:3]]
    full = ["circle" if one.is_circle else "circle-open" for one in found.circles[:3]]
    assert list(figure.data[2].marker.symbol) == full
    lines = {shape.x0 for shape in figure.layout.shapes}
    assert lines == {one.least_share for one in found.circles}
    assert first.least_share == 2 * first.null_share


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top": 0}, "top: expected a whole number of at least 1, got 0"),
        ({"level": 2.0}, "level: expected a number between 0 and 1, got 2.0"),
        ({"draws": 0}, "draws: expected a whole number of at least 1, got 0"),
    ],
)
def test_options_that_are_none(options, message, tiny_run):
    with pytest.raises(ValueError, match=re.escape(message)):
        geometry(tiny_run, **options)
