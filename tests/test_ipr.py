"""IPR against loops, an explicit DFT matrix, closed forms and invariances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from interp.analysis.fourier.conventions import CONVENTIONS, counted
from interp.analysis.fourier.ipr import gini, ipr, power
from interp.analysis.fourier.null import exact_mean, null_ipr, null_of_blocks
from interp.analysis.fourier.spectrum import (
    block_power,
    coefficients,
    dominant_frequency,
    one_sided_dft,
    power_shares,
)
from interp.training.tasks.groups import GROUPS, fourier_basis

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
    if convention == "irrep":  # cosine and sine each hold as much as the constant
        n = len(curve)
        alone = [j == 0 or 2 * j == n for j in range(len(x))]
        x = [c if one else c * np.sqrt(2) for c, one in zip(x, alone, strict=True)]
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
        ("irrep", 1, (1 + 48 * 4) / 97**2),
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
    assert null.mean == pytest.approx(2 / 49, rel=1e-12)
    spread = null.samples.std() / np.sqrt(len(null.samples))
    assert null.samples.mean() == pytest.approx(null.mean, abs=5 * spread)


def test_gaussian_rows_match_the_closed_form():
    rows = np.random.default_rng(7).normal(size=(20_000, P))
    values = ipr(rows, convention="one-sided-no-constant")
    assert values.mean() == pytest.approx(2 / 49, abs=5 * values.std() / np.sqrt(20_000))


def test_null_in_the_default_convention_is_a_simulation():
    null = null_ipr(P)
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


def by_blocks(curve: np.ndarray, n: int, r: float, convention: str) -> float:
    """Σ m (wP)^r / (Σ m wP)^r, block by block, with numpy's transform for the power P."""
    x = np.fft.rfft(curve)
    size = [1 if k == 0 or 2 * k == n else 2 for k in range(n // 2 + 1)]
    terms = []  # (multiplicity, weight, power)
    for k, m in enumerate(size):
        power_of_block = m * abs(x[k]) ** 2 / n
        match convention:
            case "one-sided":
                terms.append((1, 1 / m, power_of_block))
            case "one-sided-no-constant":
                terms.append((0 if k == 0 else 1, 1 / m, power_of_block))
            case "two-sided":
                terms.append((m, 1 / m, power_of_block))
            case "irrep":
                terms.append((1, 1, power_of_block))
    whole = sum(m * w * p for m, w, p in terms)
    return sum(m * (w * p) ** r for m, w, p in terms) / whole**r


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("p", [2, 3, 5, 7, 8, 31, 96, 97])
def test_blocks_give_what_the_transform_gives(p, group, convention):
    """Weights and multiplicities of blocks are the conventions of the DFT, in every group."""
    row = GROUPS[group]
    if not row.is_defined(p):
        return
    curves = np.random.default_rng(p).normal(size=(2, 20, p))[..., row.elements(p)]
    n = curves.shape[-1]
    if n == 1 and convention == "one-sided-no-constant":
        return  # nothing but the constant
    for r in (2, 3):
        found = ipr(curves, r, convention, row.basis(p))
        np.testing.assert_allclose(found, ipr(curves, r, convention), rtol=1e-12)
        assert found[1, 3] == pytest.approx(by_blocks(curves[1, 3], n, r, convention), rel=1e-10)
    by_block, by_wave = gini(curves, convention, row.basis(p)), gini(curves, convention)
    np.testing.assert_allclose(by_block, by_wave, rtol=1e-11, atol=1e-13)


def test_power_in_blocks_is_all_of_the_power():
    curves = NOISE[:, :96]
    found = block_power(curves, fourier_basis(96))
    np.testing.assert_allclose(found.sum(axis=1), (curves**2).sum(axis=1), rtol=1e-12)
    x = np.abs(np.fft.rfft(curves, axis=1)) ** 2 / 96
    np.testing.assert_allclose(found[:, [0, 5, 48]], x[:, [0, 5, 48]] * [1, 2, 1], rtol=1e-10)


def test_by_irrep_is_one_sided_with_the_constant_counted_double():
    double = np.fft.rfft(NOISE, axis=1) * np.where(np.arange(49) == 0, np.sqrt(0.5), 1)
    share = np.abs(double) ** 2 / (np.abs(double) ** 2).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(ipr(NOISE, 2, "irrep"), (share**2).sum(axis=1), rtol=1e-12)


def test_a_convention_counts_blocks_of_any_size():
    """Blocks of 1, 1 and 4 functions (the permutations of three) with power 1, 2 and 8."""
    blocks, sizes = np.array([1.0, 2.0, 8.0]), np.array([1, 1, 4])
    assert counted(blocks, sizes, "irrep").tolist() == [1, 2, 8]
    assert counted(blocks, sizes, "one-sided").tolist() == [1, 2, 2]
    assert counted(blocks, sizes, "one-sided-no-constant").tolist() == [2, 2]
    assert counted(blocks, sizes, "two-sided").tolist() == [1, 2, 2, 2, 2, 2]


# Sizes of the blocks; mean of the null and 99 % quantile of a mean over three curves, both from
# random functions in bases of the groups' irreps: good to .002, and the quantile to .0035.
NULLS = {
    "S3": ((1, 1, 4), 0.625, 0.877),
    "S4": ((1, 1, 4, 9, 9), 0.365, 0.474),
    "A5": ((1, 9, 9, 16, 25), 0.313, 0.383),
    "S5": ((1, 1, 16, 16, 25, 25, 36), 0.225, 0.256),
    "D10": ((1,) * 4 + (4,) * 4, 0.246, 0.344),
    "Q8": ((1,) * 4 + (4,), 0.450, 0.681),
    "Z2^5": ((1,) * 32, 0.088, 0.128),
    "Z8 x Z12": ((1,) * 4 + (2,) * 46, 0.0404, 0.0495),
    "Z97": ((1,) + (2,) * 48, 0.0403, 0.049),
}


@pytest.mark.parametrize("group", NULLS)
def test_null_from_the_sizes_of_blocks(group):
    sizes, mean, high = NULLS[group]
    null = null_of_blocks(sizes, draws=100_000)
    n = sum(sizes)
    assert null.elements == n
    assert null.mean == pytest.approx(sum(m * (m + 2) for m in sizes) / (n * (n + 2)), rel=1e-12)
    assert null.mean == pytest.approx(mean, abs=0.002)
    assert null.quantile(0.99) == pytest.approx(high, abs=0.0035)
    error = null.samples.std() / np.sqrt(len(null.samples))
    assert null.samples.mean() == pytest.approx(null.mean, abs=5 * error)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("elements", [5, 8])
def test_null_of_blocks_is_that_of_noise_over_a_cyclic_order(elements, convention):
    """Powers drawn as χ² against Gaussian curves through the transform."""
    basis = fourier_basis(elements)
    by_blocks = null_of_blocks(basis.sizes, convention=convention, r=3)
    by_waves = null_ipr(elements, convention=convention, r=3)
    error = by_waves.samples.std() / np.sqrt(len(by_waves.samples))
    assert by_blocks.samples.mean() == pytest.approx(by_waves.samples.mean(), abs=7 * error)
    np.testing.assert_allclose(by_blocks.mean, by_waves.mean, atol=7 * error)
    for q in (0.1, 0.5, 0.9):
        assert by_blocks.quantile(q) == pytest.approx(by_waves.quantile(q), abs=0.02)


def test_mean_of_the_null_where_it_has_a_closed_form():
    """Shares of three pairs: Dirichlet(1, 1, 1), E s³ = 3!·2!/5! = 1/10."""
    assert exact_mean(np.array([1, 2, 2, 2]), "one-sided-no-constant", 3) == pytest.approx(0.3)
    assert exact_mean(np.array([1, 2, 2, 2]), "one-sided") is None
    assert exact_mean(np.array([1, 2, 2, 1]), "one-sided-no-constant") is None
    # Four functions that all count alike: each share is Beta(1/2, 3/2), E s² = 3/24.
    for convention in ("irrep", "one-sided", "two-sided"):
        assert exact_mean(np.ones(4, dtype=int), convention) == pytest.approx(4 * 3 / 24)
    assert exact_mean(np.array([1, 4]), "irrep") == pytest.approx((3 + 24) / 35)
    assert exact_mean(np.array([1, 2, 2]), "two-sided") is None


def test_errors_of_conventions_and_of_sizes():
    with pytest.raises(ValueError, match="got 'two-side'; nearest is two-sided"):
        power(NOISE, "two-side")
    with pytest.raises(ValueError, match="two-sided or irrep, got 'irreps'; nearest is irrep"):
        null_of_blocks((1, 4), convention="irreps")
    message = "null IPR: expected sizes of blocks, the constant's, which is 1, first, got"
    for sizes in ((2, 2), (1, 0, 3)):
        with pytest.raises(ValueError, match=message):
            null_of_blocks(sizes)
    with pytest.raises(ValueError, match="elements: expected a whole number of at least 2, got 1"):
        null_of_blocks((1,))
