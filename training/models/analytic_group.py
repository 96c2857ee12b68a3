"""The solution that is known on paper for the product of any finite group: characters."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product

import numpy as np
from jaxtyping import Float

from interp.training.randomness import stream
from interp.training.tasks.finite.group import FiniteGroup
from interp.training.tasks.finite.irreps import irreps
from interp.training.tasks.finite.representations import representation
from interp.training.tasks.finite.words import Word

Curves = Float[np.ndarray, "3 neuron element"]


def group_curves(word: Word, width: int, seed: int) -> Curves:
    """U, V and W of a quadratic network that multiplies in a group (see ``analytic_network``).

    With an irrep ρ as real orthogonal matrices and unit vectors a, g, b a neuron has

        u(x) = aᵀ ρ(x) g   v(y) = gᵀ ρ(y) b   w(z) = aᵀ ρ(z) b,

    all of one block, so that its IPR by irrep is 1. Over orthonormal a, g and b the products
    2·u·v·w sum to 2·χ(x y z⁻¹), and a second neuron with −a takes the squares of u and v away.
    Weighted by the dimension, the irreps but the trivial one sum to n·δ(xy = z) − 1 (Chughtai et
    al. 2023, arXiv 2302.03025). A round of all of them is of 2 Σ D³ neurons for dimensions D;
    further rounds have other vectors, and a part of one solves the group nearly. The right logit
    is near 1.
    """
    group = word.group
    neurons = list(islice(_rounds(group, seed), width))
    rounds = width / neurons_of(group)
    (_, first), (_, second) = word.factors
    x, y = (group.inverse if one else np.arange(len(group)) for one in (first, second))
    curves = np.empty((3, width, len(group)))
    for k, (block, weight, (a, g, b)) in enumerate(neurons):
        rho = representation(group, block)
        size = (weight / (4 * rounds * (len(group) - 1))) ** (1 / 3)
        curves[:, k] = size * np.stack([(a @ rho @ g)[x], (g @ rho @ b)[y], a @ rho @ b])
    return curves


def neurons_of(group: FiniteGroup) -> int:
    """How many neurons one of each kind are: 2 Σ D³."""
    blocks = range(1, len(irreps(group).names))
    return sum(2 * representation(group, block).shape[1] ** 3 for block in blocks)


Vectors = tuple[np.ndarray, np.ndarray, np.ndarray]


def _rounds(group: FiniteGroup, seed: int) -> Iterator[tuple[int, float, Vectors]]:
    """Block, weight and vectors of one neuron after the other, without end."""
    random = stream(seed, "phases")
    sizes = irreps(group).basis.sizes
    while True:
        every = []
        for block in range(1, len(sizes)):
            d = representation(group, block).shape[1]
            frames = [np.linalg.qr(random.normal(size=(d, d)))[0] for _ in range(3)]
            for a, g, b in product(*frames):
                every.append((block, sizes[block] / d, (a, g, b)))
        for place in random.permutation(len(every)):  # so that a round cut short is a fair draw
            block, weight, (a, g, b) = every[place]
            yield block, weight, (a, g, b)
            yield block, weight, (-a, g, b)
