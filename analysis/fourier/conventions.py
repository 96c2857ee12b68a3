"""The conventions of the IPR, as one table: a weight and a multiplicity for each block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Int

from interp.analysis.fourier.spectrum import one_sided_dft
from interp.training.registry import Registry
from interp.training.tasks.groups import GROUPS, frequency_sizes

# The name of a row of CONVENTIONS.
Convention = str

Sizes = Int[np.ndarray, " block"]


@dataclass(frozen=True)
class Counting:
    """How a convention counts the power P_ρ in the blocks of a group's basis.

    IPR = Σ_ρ n_ρ (w_ρ P_ρ)^r / (Σ_ρ n_ρ w_ρ P_ρ)^r with weights w and multiplicities n.

    Attributes:
        words: what counts, in captions.
        weight: sizes of the blocks -> w; block 0 is the constant.
        multiplicity: sizes of the blocks -> n, whole numbers.
        of_waves: the same for curves over a cyclic order, by a discrete Fourier transform: w P of
            every block, n times, up to a common factor.
    """

    words: str
    weight: Callable[[Sizes], Float[np.ndarray, " block"]]
    multiplicity: Callable[[Sizes], Int[np.ndarray, " block"]]
    of_waves: Callable[
        [Float[np.ndarray, "*batch element"]], Float[np.ndarray, "*batch coefficient"]
    ]


def convention_in(group: str, convention: Convention | None = None) -> Convention:
    """The convention that is asked for, else the group's own.

    That is the reference code's, one-sided, for frequencies, and by irrep in every other group.

    Raises:
        ValueError: for an unknown convention or group.
    """
    return GROUPS[group].convention if convention is None else CONVENTIONS.check(convention)


def counted(
    power: Float[np.ndarray, "*batch block"], sizes: Sizes, convention: Convention
) -> Float[np.ndarray, "*batch coefficient"]:
    """The power of blocks as a convention counts it: weighted, and each as often as it counts.

    Raises:
        ValueError: for an unknown convention.
    """
    row = CONVENTIONS[convention]
    return np.repeat(row.weight(sizes) * power, row.multiplicity(sizes), axis=-1)


def _one_sided(curves: Float[np.ndarray, "*batch element"]) -> np.ndarray:
    return _square(one_sided_dft(curves))


def _without_constant(curves: Float[np.ndarray, "*batch element"]) -> np.ndarray:
    return _square(one_sided_dft(curves)[..., 1:])


def _two_sided(curves: Float[np.ndarray, "*batch element"]) -> np.ndarray:
    return _square(np.fft.fft(curves, axis=-1))


def _by_block(curves: Float[np.ndarray, "*batch element"]) -> np.ndarray:
    return _one_sided(curves) * frequency_sizes(curves.shape[-1])


def _square(coefficients: Complex[np.ndarray, "*batch n"]) -> Float[np.ndarray, "*batch n"]:
    # Not abs(…)², whose square root and its care for overflow cost more than the transform.
    return coefficients.real**2 + coefficients.imag**2


def _by_dimension(sizes: Sizes) -> Float[np.ndarray, " block"]:
    return 1 / sizes


def _once(sizes: Sizes) -> Int[np.ndarray, " block"]:
    return np.ones_like(sizes)


def _once_but_the_constant(sizes: Sizes) -> Int[np.ndarray, " block"]:
    return (np.arange(len(sizes)) > 0).astype(sizes.dtype)


CONVENTIONS: Registry[Counting] = Registry(
    "IPR convention",
    {
        "one-sided": Counting("one-sided DFT, constant included", _by_dimension, _once, _one_sided),
        "one-sided-no-constant": Counting(
            "one-sided DFT, constant left out",
            _by_dimension,
            _once_but_the_constant,
            _without_constant,
        ),
        "two-sided": Counting("full DFT", _by_dimension, lambda sizes: sizes, _two_sided),
        # Chughtai et al. 2023 (arXiv 2302.03025) read a group's networks by irreps; the share of
        # power in each is ‖P_ρ x‖²/‖x‖².
        "irrep": Counting(
            "share of power in each irrep", lambda sizes: np.ones(len(sizes)), _once, _by_block
        ),
    },
)
