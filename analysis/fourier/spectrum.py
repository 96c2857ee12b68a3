"""Spectra of curves over residues, in the basis of the operation's group."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Complex, Float, Int

from interp.training.arguments import as_given, told
from interp.training.blas import one_thread
from interp.training.tasks.groups import GROUPS, Basis, residue_order


def in_group_order(
    curves: Float[np.ndarray, "*batch residue"], group: str
) -> Float[np.ndarray, "*batch element"]:
    """The curves over the group's elements, in the order of its basis."""
    return curves[..., GROUPS[group].elements(curves.shape[-1])]


def checked_curves(curves: object) -> Float[np.ndarray, "*batch element"]:
    """Real, finite curves in float64, whatever numbers they came as.

    Raises:
        TypeError: for something else than arrays of real numbers.
        ValueError: for NaN or infinite values, or curves over no element.
    """
    found = as_given(curves)
    if found.ndim < 1 or found.dtype.kind not in "fiub":
        raise TypeError(f"curves: expected real numbers, (…, element), got {_what(curves, found)}")
    found = found.astype(np.float64, copy=False)
    if not found.shape[-1]:
        raise ValueError(f"curves: expected at least 1 element, got shape {found.shape}")
    if not np.isfinite(found).all():
        raise ValueError("curves: expected finite numbers, got NaN or inf")
    return found


def _what(curves: object, found: np.ndarray) -> str:
    if isinstance(curves, np.ndarray) and curves.ndim:
        return f"an array of {curves.dtype}"
    return told(curves)


def near_one(values: Float[np.ndarray, "*batch n"]) -> Float[np.ndarray, "*batch n"]:
    """Each row divided by a power of two, so that squares neither overflow nor vanish.

    Shares of a row stay what they are, to the bit; rows of ordinary size are left alone.
    """
    largest = np.abs(values).max(axis=-1, keepdims=True, initial=0)
    odd = (largest > _LARGE) | ((largest < 1 / _LARGE) & (largest > 0))
    if not odd.any():
        return values
    _, exponent = np.frexp(np.where(odd, largest, 1))
    return np.ldexp(values, -exponent)


def lengths(values: Float[np.ndarray, "*batch n"]) -> Float[np.ndarray, "*batch"]:
    """L2 norm of each row, right for rows of any size."""
    largest = np.abs(values).max(axis=-1, initial=0)
    if largest.size == 0 or (largest.max() <= _LARGE and largest.min() >= 1 / _LARGE):
        return np.asarray(np.linalg.norm(values, axis=-1))
    _, exponent = np.frexp(largest)
    return np.ldexp(np.linalg.norm(np.ldexp(values, -exponent[..., None]), axis=-1), exponent)


def block_power(
    curves: Float[np.ndarray, "*batch element"], basis: Basis
) -> Float[np.ndarray, "*batch block"]:
    """The spectrum in any group: squared length of a curve's part in each block, ‖P_ρ x‖².

    Together the blocks have all of the power, ‖x‖². On Z_n, with X the DFT, the part at frequency
    k is 2|X_k|²/n, and |X_k|²/n at the constant and at n/2.
    """
    members = np.eye(len(basis.names))[basis.block]
    return (curves @ basis.matrix) ** 2 @ members


def block_shares(
    curves: Float[np.ndarray, "*batch element"], basis: Basis
) -> Float[np.ndarray, "*batch block"]:
    """Share of a curve's power in each block, ‖P_ρ x‖²/‖x‖²; zeros where there is no power."""
    power = block_power(near_one(curves), basis)
    total = power.sum(axis=-1, keepdims=True)
    return np.divide(power, total, out=np.zeros_like(power), where=total > 0)


def blocks_of(group: str, p: int) -> Basis | None:
    """The basis that spectra are read in; None where the blocks are the frequencies of a DFT."""
    row = GROUPS[group]
    return None if row.is_cyclic else row.basis(p)


def coefficients(
    curves: Float[np.ndarray, "*batch residue"], group: str = "cyclic"
) -> Complex[np.ndarray, "*batch frequency"]:
    """One-sided DFT over the group's elements: ⌊n/2⌋+1 coefficients, the constant first.

    X_j = Σ_i x_i exp(−2π√−1 j i / n) with n elements (p for the cyclic group, p−1 for the
    multiplicative one). A curve A cos(2π j i / n + φ) has X_j = (n A / 2) exp(√−1 φ).

    Raises:
        ValueError: for a group whose elements are in no cyclic order.
    """
    return one_sided_dft(curves[..., residue_order(curves.shape[-1], group)])


def one_sided_dft(
    values: Float[np.ndarray, "*batch element"],
) -> Complex[np.ndarray, "*batch frequency"]:
    """``numpy.fft.rfft`` along the last axis, to rounding.

    Moduli are mostly primes, the worst lengths for a fast Fourier transform: at 97 elements a
    product with the matrix of cosines and sines takes a quarter of the time.
    """
    elements = values.shape[-1]
    if elements > _LONGEST_MATRIX:
        return np.fft.rfft(values, axis=-1)
    with one_thread():
        return (values @ _dft_matrix(elements)).view(np.complex128)


_LONGEST_MATRIX = 256
_LARGE = 1e100  # whose square is far from the ends of float64


@cache
def _dft_matrix(elements: int) -> Float[np.ndarray, "element twice_frequency"]:
    """Cosine and minus sine of every frequency, side by side, as complex numbers lie in memory."""
    frequency, element = np.arange(elements // 2 + 1), np.arange(elements)
    # Reduced before the division, so that large products lose no accuracy.
    angle = 2 * np.pi / elements * (np.outer(element, frequency) % elements)
    return np.ascontiguousarray(np.exp(-1j * angle)).view(np.float64)


def dominant_frequency(
    spectra: Complex[np.ndarray, "*batch frequency"],
) -> Int[np.ndarray, "*batch"] | np.integer:
    """Frequency of the largest coefficient, the constant left out; 0 where there is no other."""
    if spectra.shape[-1] < 2:
        return np.zeros(spectra.shape[:-1], dtype=np.int64)
    return 1 + np.abs(spectra[..., 1:]).argmax(axis=-1)


def wrapped(angle: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch"]:
    """Angles brought into [−π, π)."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def power_shares(
    spectra: Complex[np.ndarray, "*batch frequency"],
) -> Float[np.ndarray, "*batch frequency"]:
    """Share of one-sided power at each frequency; zeros where there is no power."""
    power = np.abs(near_one(np.abs(spectra))) ** 2
    total = power.sum(axis=-1, keepdims=True)
    return np.divide(power, total, out=np.zeros_like(power), where=total > 0)
