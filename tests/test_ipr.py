"""IPR against loops, an explicit DFT matrix, closed forms and invariances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from interp.analysis.fourier.ipr import CONVENTIONS, gini, ipr
from interp.analysis.fourier.null import null_ipr
from interp.analysis.fourier.spectrum import (
    coefficients,
    dominant_frequency,
    one_sided_dft,
    power_shares,
)

P = 97
NOISE = np.random.default_rng(0).normal(size=(500, P))
CURVES = arrays(np.float64, (31,), elements=st.floats(-10, 10, allow_subnormal=False)).filter(
    lambda x: np.abs(x).max() > 1e-3
)


def by_loop(curve: np.ndarray, r: float, convention: str) -> float:
    """One coefficient at a time, from numpy's transforms."""
    x = np.fft.fft(curve) if convention == "two-sided" else np.fft.rfft(curve)
    if convention == "one-sided-no-constant":
        x = x[1:]
    top = sum(abs(c) ** (2 * r) for c in x)
    return top / sum(abs(c) ** 2 for c in x) ** r


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("r", [1.5, 2, 3])
def test_agrees_with_a_loop(convention, r):
    expected = [by_loop(curve, r, convention) for curve in NOISE]
    np.testing.assert_allclose(ipr(NOISE, r, convention), expected, rtol=1e-10)


def test_agrees_with_an_explicit_dft_matrix():
    j, i = np.arange(P // 2 + 1)[:, None], np.arange(P)[None, :]
    real, imaginary = np.cos(2 * np.pi * j * i / P), -np.sin(2 * np.pi * j * i / P)
    power = (NOISE @ real.T) ** 2 + (NOISE @ imaginary.T) ** 2
    expected = (power**2).sum(axis=1) / power.sum(axis=1) ** 2
    np.testing.assert_allclose(ipr(NOISE), expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("convention", "cosine", "one_hot"),
    [
        ("one-sided", 1, 1 / 49),
        ("one-sided-no-constant", 1, 1 / 48),
        ("two-sided", 1 / 2, 1 / 97),
    ],
)
def test_known_values(convention, cosine, one_hot):
    wave = np.cos(2 * np.pi * 5 * np.arange(P) / P + 0.3)
    assert ipr(wave, convention=convention) == pytest.approx(cosine, abs=1e-12)
    assert ipr(np.eye(P)[3], convention=convention) == pytest.approx(one_hot, abs=1e-12)


def test_without_power_there_is_no_ipr():
    assert np.isnan(ipr(np.zeros((2, P)))).all()
    assert np.isnan(gini(np.zeros(P)))


@given(
    curve=CURVES, scale=st.floats(0.01, 100), shift=st.integers(0, 30), factor=st.integers(1, 30)
)
def test_invariances(curve, scale, shift, factor):
    """Scale, shift of phase, and relabelling of residues x → m·x (which permutes frequencies)."""
    for convention in CONVENTIONS:
        value = ipr(curve, convention=convention)
        if not np.isfinite(value):
            continue
        assert 0 < value <= 1 + 1e-12
        if convention == "one-sided-no-constant" and np.ptp(curve) < 1e-3 * np.abs(curve).max():
            continue  # almost constant: what is left is rounding
        np.testing.assert_allclose(ipr(scale * curve, convention=convention), value, rtol=1e-6)
        np.testing.assert_allclose(
            ipr(np.roll(curve, shift), convention=convention), value, rtol=1e-6
        )
        relabelled = curve[np.arange(31) * factor % 31]
        np.testing.assert_allclose(ipr(relabelled, convention=convention), value, rtol=1e-6)


def test_gini_by_its_definition():
    """Mean absolute difference of all pairs, over twice the mean."""
    for curve in NOISE[:5]:
        x = np.abs(np.fft.rfft(curve))
        expected = np.abs(x[:, None] - x[None, :]).mean() / (2 * x.mean())
        assert gini(curve) == pytest.approx(expected, rel=1e-10)
    assert gini(np.cos(2 * np.pi * 5 * np.arange(P) / P)) == pytest.approx(1 - 1 / 49, abs=1e-9)


def test_null_mean_is_the_dirichlet_formula():
    """Shares of K = (p−1)/2 frequencies are Dirichlet(1, …, 1): mean IPR 2/(K+1)."""
    null = null_ipr(P, convention="one-sided-no-constant")
    assert null.mean_is_exact
    assert null.mean == pytest.approx(2 / 49, rel=1e-12)
    spread = null.samples.std() / np.sqrt(len(null.samples))
    assert null.samples.mean() == pytest.approx(null.mean, abs=5 * spread)


def test_gaussian_rows_match_the_closed_form():
    rows = np.random.default_rng(7).normal(size=(20_000, P))
    values = ipr(rows, convention="one-sided-no-constant")
    assert values.mean() == pytest.approx(2 / 49, abs=5 * values.std() / np.sqrt(20_000))


def test_null_in_the_default_convention_is_a_simulation():
    null = null_ipr(P)
    assert not null.mean_is_exact
    rows = np.random.default_rng(8).normal(size=(20_000, P))
    loops = np.array([by_loop(row, 2, "one-sided") for row in rows[:2000]])
    assert null.mean == pytest.approx(loops.mean(), abs=5 * loops.std() / np.sqrt(2000))
    assert null.quantile(0.5) < null.quantile(0.999)
    assert (null.samples < null.quantile(0.9)).mean() == pytest.approx(0.9, abs=0.001)


def test_coefficients_of_a_wave():
    """A cos(2π j i/n + φ) has X_j = (n A/2) e^{iφ} and nothing else."""
    i = np.arange(P)
    found = coefficients(3 * np.cos(2 * np.pi * 7 * i / P + 0.4))
    expected = np.zeros(49, dtype=complex)
    expected[7] = P * 3 / 2 * np.exp(0.4j)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert dominant_frequency(found) == 7


@pytest.mark.parametrize("elements", [2, 3, 96, 97, 256, 257, 311])
def test_one_sided_dft_is_rfft(elements):
    values = np.random.default_rng(1).normal(size=(3, 4, elements))
    found = one_sided_dft(values)
    assert found.shape == (3, 4, elements // 2 + 1)
    np.testing.assert_allclose(found, np.fft.rfft(values, axis=-1), atol=1e-12 * elements)


def test_multiplicative_coefficients_run_over_powers_of_a_generator():
    """5 generates the nonzero residues mod 97 and no smaller number does."""
    order = [pow(5, k, 97) for k in range(96)]
    assert len(set(order)) == 96
    curve = NOISE[0]
    expected = np.array(
        [
            sum(curve[order[k]] * np.exp(-2j * np.pi * f * k / 96) for k in range(96))
            for f in range(49)
        ]
    )
    np.testing.assert_allclose(coefficients(curve, "multiplicative"), expected, atol=1e-9)


def test_shares_sum_to_one_or_to_nothing():
    spectra = coefficients(np.stack([NOISE[0], np.zeros(P)]))
    np.testing.assert_allclose(power_shares(spectra).sum(axis=1), [1, 0])
