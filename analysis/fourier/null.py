"""The IPR of white noise: what a neuron without structure shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, lgamma

import numpy as np
from jaxtyping import Float, Int

from interp.analysis.fourier.conventions import CONVENTIONS, Convention, counted
from interp.analysis.fourier.ipr import exponent, ipr, participation
from interp.training.arguments import MOST_DRAWS, number, whole
from interp.training.memory import check_memory
from interp.training.randomness import stream
from interp.training.tasks.groups import frequency_sizes

_PART = 2**22  # numbers drawn at once


@dataclass(frozen=True)
class NullIPR:
    """Distribution of a neuron's IPR when its curves are independent Gaussian noise.

    Attributes:
        elements: length of a curve.
        curves: how many curves a neuron's IPR is the mean of.
        convention, r: as in :func:`interp.analysis.fourier.ipr.ipr`.
        mean: its expectation; exact where there is a closed form, else the samples' mean.
        samples: sorted draws.
        seed: seed of the draws.
    """

    elements: int
    curves: int
    convention: Convention
    r: float
    mean: float
    samples: Float[np.ndarray, " draw"]
    seed: int

    def quantile(self, q: float) -> float:
        """The value below which a share q of unstructured neurons lies.

        Raises:
            ValueError: if q lies outside (0, 1) or so close to 1 that the draws cannot tell.
        """
        if not 0 < number(q, "null quantile") < 1 or (1 - q) * len(self.samples) < 1:
            raise ValueError(
                f"null quantile: expected a number between 0 and {1 - 1 / len(self.samples):g}, "
                f"got {q}"
            )
        return float(np.quantile(self.samples, q))


def null_ipr(
    elements: int,
    curves: int = 3,
    convention: Convention = "one-sided",
    r: float = 2,
    draws: int = 20_000,
    seed: int = 0,
) -> NullIPR:
    """The null distribution of the IPR for curves of a given length, over a cyclic order.

    The mean is exact where the shares of power are Dirichlet, see :func:`exact_mean`: by irrep,
    and for an odd number of elements one-sided, without the constant, where it is
    K Γ(r+1) Γ(K) / Γ(K+r) for K = (n−1)/2 frequencies, 2/(K+1) for r = 2. Elsewhere, and for
    quantiles, it is a seeded simulation.

    Raises:
        ValueError: if there are fewer than 2 elements, or no curve or no draw.
    """
    _check(elements, curves, draws)
    CONVENTIONS.check(convention)
    return _null_ipr(elements, curves, convention, exponent(r), draws, whole(seed, "seed"))


@cache
def _null_ipr(
    elements: int, curves: int, convention: Convention, r: float, draws: int, seed: int
) -> NullIPR:
    def noise(random: np.random.Generator, size: int) -> np.ndarray:
        return np.asarray(ipr(random.normal(size=(size, curves, elements)), r, convention))

    samples = _drawn(noise, draws, curves * elements, seed)
    # Two elements have a closed form by any convention; their mean is left to the draws.
    exact = exact_mean(frequency_sizes(elements), convention, r) if elements > 2 else None
    mean = float(samples.mean()) if exact is None else exact
    return NullIPR(elements, curves, convention, r, mean, samples, seed)


def null_of_blocks(
    sizes: Sequence[int] | Int[np.ndarray, " block"],
    curves: int = 3,
    convention: Convention = "irrep",
    r: float = 2,
    draws: int = 20_000,
    seed: int = 0,
) -> NullIPR:
    """The null distribution of the IPR in any group, from the sizes of its basis' blocks.

    A Gaussian curve has power χ² with m degrees of freedom in a block of m functions, so its
    shares are Dirichlet(m/2). By irrep the mean is Σ m (m+2) / (n (n+2)) for r = 2.

    Args:
        sizes: of the blocks, the constant's first; (1, 1, 4) for the permutations of three.
        curves: how many curves a neuron's IPR is the mean of.
        convention: of the IPR.
        r: exponent of the IPR.
        draws: of the simulation that quantiles come from.
        seed: of the draws.

    Raises:
        ValueError: if a block is empty or the first is not of size 1, there are fewer than 2
            elements, or no curve or no draw.
    """
    blocks = np.asarray(sizes)
    elements = int(blocks.sum())
    _check(elements, curves, draws)
    if blocks[0] != 1 or blocks.min() < 1:
        raise ValueError(
            "null IPR: expected sizes of blocks, the constant's, which is 1, first, "
            f"got {', '.join(map(str, blocks))}"
        )

    def noise(random: np.random.Generator, size: int) -> np.ndarray:
        power = random.chisquare(blocks, size=(size, curves, len(blocks)))
        return np.asarray(participation(counted(power, blocks, convention), r))

    samples = _drawn(noise, draws, curves * elements, seed)
    exact = exact_mean(blocks, convention, r)
    mean = float(samples.mean()) if exact is None else exact
    return NullIPR(elements, curves, convention, r, mean, samples, seed)


def null_of_several(
    sizes: Sequence[np.ndarray],
    convention: Convention = "one-sided",
    r: float = 2,
    draws: int = 20_000,
    seed: int = 0,
) -> NullIPR:
    """The null distribution of the IPR of a neuron whose curves are not of the same length.

    Args:
        sizes: of the blocks of each curve's basis, the constant's first; see
            :func:`interp.training.tasks.groups.frequency_sizes`.
        convention: of the IPR.
        r: exponent of the IPR.
        draws: of the simulation; the mean is exact where it is for each curve.
        seed: of the draws.

    Raises:
        ValueError: as :func:`null_of_blocks`.
    """
    alone = [null_of_blocks(one, 1, convention, r, draws, seed + i) for i, one in enumerate(sizes)]
    # Sorted draws are independent of each other again once each is shuffled by itself.
    shuffled = [stream(seed, "null", i).permutation(one.samples) for i, one in enumerate(alone)]
    samples = np.sort(np.mean(shuffled, axis=0))
    mean = float(np.mean([one.mean for one in alone]))
    return NullIPR(alone[0].elements, len(sizes), convention, r, mean, samples, seed)


def exact_mean(
    sizes: Int[np.ndarray, " block"], convention: Convention, r: float = 2
) -> float | None:
    """Mean IPR of a Gaussian curve; None where no closed form is known.

    Where a convention counts its blocks alike and once, their shares are Dirichlet(m/2), each
    Beta(m/2, (n−m)/2), and E Σ s^r = Σ Γ(m/2+r) Γ(n/2) / (Γ(n/2+r) Γ(m/2)); for r = 2 this is
    Σ m (m+2) / (n (n+2)). Here n counts the functions in these blocks.

    Args:
        sizes: of the blocks of the group's basis, the constant's first.
        convention: of the IPR.
        r: exponent of the IPR.
    """
    row = CONVENTIONS[convention]
    weight, times = row.weight(sizes), row.multiplicity(sizes)
    counts = times > 0
    if np.ptp(weight[counts]) > 0 or times.max() > 1:
        return None
    half, how_many = np.unique(sizes[counts] / 2, return_counts=True)
    whole = float(sizes[counts].sum()) / 2
    return sum(
        int(count) * exp(lgamma(m + r) + lgamma(whole) - lgamma(whole + r) - lgamma(m))
        for m, count in zip(half.tolist(), how_many.tolist(), strict=True)
    )


def _check(elements: int, curves: int, draws: int) -> None:
    whole(elements, "null IPR: elements", least=2)
    whole(curves, "null IPR: curves", least=1)
    whole(draws, "null IPR: draws", least=1, most=MOST_DRAWS)
    check_memory(8 * elements * curves, f"one draw of {curves:,} curves of {elements:,} elements")


def _drawn(
    noise: Callable[[np.random.Generator, int], np.ndarray], draws: int, numbers: int, seed: int
) -> Float[np.ndarray, " draw"]:
    """Means over the curves, sorted; in parts, since all of the noise at once takes gigabytes."""
    random = stream(seed, "null")
    part = max(1, _PART // numbers)
    sizes = [min(part, draws - done) for done in range(0, draws, part)]
    return np.sort(np.concatenate([noise(random, size).mean(axis=1) for size in sizes]))
