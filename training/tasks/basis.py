"""A basis of the functions on a group's elements, in blocks; that of the cyclic groups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, eq=False)
class Basis:
    """A real orthonormal basis of the functions on a group's elements, in blocks.

    A block is what the group leaves together: moved by any element, a function of it is again one
    of its functions. It is one frequency of a cyclic group, one irreducible representation (with
    its conjugate) of any finite one.

    Attributes:
        matrix: the functions, orthonormal columns.
        block: of each function, counted from 0; block 0 is the constant.
        names: of the blocks.
    """

    matrix: Float[np.ndarray, "element function"]
    block: Int[np.ndarray, " function"]
    names: tuple[str, ...]

    @cached_property
    def sizes(self) -> Int[np.ndarray, " block"]:
        """How many functions each block has."""
        return np.bincount(self.block, minlength=len(self.names))


def frequency_sizes(elements: int) -> Int[np.ndarray, " frequency"]:
    """How many functions Z_n has at each frequency: cosine and sine, but one at 0 and n/2."""
    frequency = np.arange(elements // 2 + 1)
    return np.where((frequency == 0) | (2 * frequency == elements), 1, 2)


@lru_cache(maxsize=8)
def fourier_basis(elements: int) -> Basis:
    """The functions on Z_n by frequency: the constant, then cosine and sine of each.

    For even n the last frequency, n/2, is the alternating function alone.
    """
    sizes = frequency_sizes(elements)
    element, frequency = np.arange(elements), np.arange(len(sizes))
    # Reduced before the division, so that large products lose no accuracy.
    angle = 2 * np.pi / elements * (np.outer(element, frequency) % elements)
    both = np.stack([np.cos(angle), np.sin(angle)], axis=-1)  # (element, frequency, 2)
    has = np.stack([sizes > 0, sizes > 1], axis=-1)
    block, _ = np.nonzero(has)
    names = ("constant", *(f"frequency {k}" for k in frequency[1:]))
    return Basis(both[:, has] * np.sqrt(sizes[block] / elements), block, names)
