"""Irreps of a finite group as real orthogonal matrices."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float

from interp.training.randomness import stream
from interp.training.tasks.finite.group import FiniteGroup
from interp.training.tasks.finite.irreps import irreps


@lru_cache(maxsize=256)
def representation(group: FiniteGroup, block: int) -> Float[np.ndarray, "element row column"]:
    """ρ(g), real and orthogonal, of a block of the group's irreps, with ρ(gh) = ρ(g) ρ(h).

    It is d-dimensional where the irrep is real; 2d-dimensional where it is complex, with its
    conjugate, or quaternionic, twice.

    A random symmetric function s makes the operator s(a⁻¹ b), which commutes with translations
    from the left; on the functions of a block its eigenspaces are copies of the representation.
    """
    found = irreps(group)
    functions = found.basis.matrix[:, found.basis.block == block]
    d = int(found.dimension[block])
    size = d if found.kind[block] == "real" else 2 * d
    random = stream(block, "irreps", part=1).normal(size=len(group))
    symmetric = random + random[group.inverse]
    right = symmetric[group.table[group.inverse]]  # (a, b) -> s(a⁻¹ b)
    _, vectors = np.linalg.eigh(functions.T @ right @ functions)
    space = functions @ vectors[:, :size]
    # (ρ(g) f)(x) = f(g⁻¹ x)
    moved = space[group.table[group.inverse]]
    return np.einsum("xr,gxc->grc", space, moved)
