"""Whether a spectrum says anything: known curves, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from interp.analysis.neurons.embedding import EmbeddingTable
from interp.figures.embedding import embedding_spectrum
from interp.words.flat import flat_spectrum

P, K = 31, 15  # so many residues, so many frequencies beside the constant


def cosines(frequencies) -> np.ndarray:
    """A dimension each."""
    return np.cos(2 * np.pi * np.outer(frequencies, np.arange(P)) / P)


def table(*curves, **options) -> EmbeddingTable:
    return EmbeddingTable(dict(zip(("U", "V"), curves, strict=False)), "cyclic", **options)


@pytest.mark.parametrize("convention", ["one-sided", "one-sided-no-constant", "irrep"])
def test_narrow_dimensions_at_every_frequency_are_a_flat_sum(convention):
    """The sum has K equal shares, so its IPR is 1/K, though every dimension has IPR 1."""
    found = table(cosines(range(1, K + 1)), convention=convention)
    np.testing.assert_allclose(found.ipr["U"], 1)
    words = flat_spectrum(found)
    assert words.startswith("No frequency stands out")
    assert f"IPR of the sum {1 / K:.3f}" in words
    assert embedding_spectrum(found).layout.title.subtitle.text.endswith("no frequency stands out")


def test_two_sided_every_frequency_counts_twice():
    assert f"IPR of the sum {1 / (2 * K):.3f}" in flat_spectrum(
        table(cosines(range(1, K + 1)), convention="two-sided")
    )


def test_the_noise_beside_it_is_that_of_one_curve():
    """Without the constant the mean IPR of a Gaussian curve is 2/(K + 1)."""
    words = flat_spectrum(table(cosines(range(1, K + 1)), convention="one-sided-no-constant"))
    assert f"of such a curve {2 / (K + 1):.3f} on average" in words


@pytest.mark.parametrize("frequencies", [[3], [3, 3, 5], [2, 7, 9, 11]])
def test_a_few_frequencies_stand_out(frequencies):
    """Four equal shares have IPR 1/4, one curve of noise about 1/8."""
    assert flat_spectrum(table(cosines(frequencies))) == ""
    assert (
        "stands out"
        not in embedding_spectrum(table(cosines(frequencies))).layout.title.subtitle.text
    )


def test_one_matrix_that_is_not_flat_is_enough():
    every = cosines(range(1, K + 1))
    assert flat_spectrum(table(every, every)) != ""
    assert flat_spectrum(table(every, cosines([4]))) == ""


def test_without_power_there_is_nothing_to_say():
    assert flat_spectrum(table(np.zeros((3, P)))) == ""


def test_irreps_are_called_so():
    """One dimension a group element: power by irrep is 1, 1 and 4 of 6.

    Their IPR is 18/36, that of noise Σ m (m + 2) / (n (n + 2)) = 30/48.
    """
    words = flat_spectrum(EmbeddingTable({"U": np.eye(6)}, "S3", "irrep"))
    assert words.startswith("No irrep stands out")
    assert "IPR of the sum 0.500, of such a curve 0.625 on average" in words
