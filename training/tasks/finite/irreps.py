"""Real irreps of any finite group, from one eigendecomposition and without a library."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from interp.training.randomness import stream
from interp.training.tasks import cayley
from interp.training.tasks.basis import Basis
from interp.training.tasks.finite.group import FiniteGroup

Kind = Literal["real", "complex", "quaternionic"]
_KINDS: dict[int, Kind] = {1: "real", 0: "complex", -1: "quaternionic"}
_DRAWS = 8  # of a central element; the one whose eigenvalues lie farthest apart is taken
_APART = 1e-7  # of the range of eigenvalues: what two of them differ by, to be two


@dataclass(frozen=True, eq=False)
class Irreps:
    """The isotypic blocks of the real functions on a group; a conjugate pair is one block.

    Attributes:
        basis: the blocks; the trivial one first, then by dimension and character.
        dimension: d of the complex irrep, or of each of a conjugate pair.
        kind: Frobenius–Schur type; a block has d² functions, 2d² where it is complex.
        character: χ of each block, real; χ + χ̄ of a conjugate pair.
    """

    basis: Basis
    dimension: Int[np.ndarray, " block"]
    kind: tuple[Kind, ...]
    character: Float[np.ndarray, "block element"]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the blocks: ``trivial``, ``sign``, ``standard``, ``5-dimensional, 1``."""
        return self.basis.names

    @property
    def kernel(self) -> Bool[np.ndarray, "block element"]:
        """Elements that a block's irrep maps to the identity: χ(x) = χ(e)."""
        largest = self.character.max(axis=1, keepdims=True)
        return self.character > largest - 1e-6

    @property
    def is_faithful(self) -> Bool[np.ndarray, " block"]:
        """Whether only the identity is in the kernel."""
        return np.asarray(self.kernel.sum(axis=1) == 1)


@lru_cache(maxsize=16)
def irreps(group: FiniteGroup) -> Irreps:
    """The irreps of a group.

    With a random number r for each union of a class and that of its inverses, the matrix
    M[a, b] = r(a b⁻¹) is symmetric and commutes with all translations; its eigenspaces are the
    isotypic components of the real regular representation. There must be as many as such unions,
    and each of d² functions, or 2d² where Σ χ(x²) is 0.

    Raises:
        ValueError: for a table that is no group's, such as a quasigroup's.
    """
    cayley.check_group(group.table)
    blocks = _eigenspaces(group)
    spherical = [space @ space[group.identity] for space in blocks]  # (d/n) χ, or (d/n)(χ + χ̄)
    parts = [
        _read(group, space.shape[1], one) for space, one in zip(blocks, spherical, strict=True)
    ]
    order = sorted(range(len(parts)), key=lambda i: _place(parts[i]))
    parts = [parts[i] for i in order]
    matrix = np.concatenate([blocks[i] for i in order], axis=1)
    matrix[:, 0] = len(group) ** -0.5
    sizes = [blocks[i].shape[1] for i in order]
    basis = Basis(matrix, np.repeat(np.arange(len(sizes)), sizes), _names(group, parts))
    return Irreps(
        basis,
        np.array([part.dimension for part in parts]),
        tuple(part.kind for part in parts),
        np.stack([part.character for part in parts]),
    )


@dataclass(frozen=True)
class _Part:
    dimension: int
    kind: Kind
    character: Float[np.ndarray, " element"]

    @property
    def normalized(self) -> Float[np.ndarray, " element"]:
        """χ(x)/χ(e), as a key: rounded, and −0 as 0."""
        return np.round(self.character / self.character.max(), 6) + 0.0


def _eigenspaces(group: FiniteGroup) -> list[np.ndarray]:
    unions, of = np.unique(group.real_classes, return_inverse=True)
    quotient = of[group.table[:, group.inverse]]  # (a, b) -> the union of a b⁻¹
    draws = _DRAWS if len(group) <= 256 else 1
    tried = [_decomposed(quotient, draw) for draw in range(draws)]
    values, vectors = max(tried, key=lambda one: _least_gap(one[0], len(unions)))
    cuts = 1 + np.flatnonzero(np.diff(values) > _APART * np.ptp(values))
    found = np.split(vectors, cuts, axis=1)
    if len(found) != len(unions):
        raise ValueError(
            f"irreps of {group.name}: expected {len(unions)}, as many as unions of a class and "
            f"its inverses, got {len(found)}"
        )
    return found


def _decomposed(of: Int[np.ndarray, "first second"], draw: int) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors of a random central element, from its classes."""
    random = stream(draw, "irreps").normal(size=int(of.max()) + 1)
    values, vectors = np.linalg.eigh(random[of])
    return values, vectors


def _least_gap(values: Float[np.ndarray, " function"], spaces: int) -> float:
    """Smallest distance between neighbours of so many eigenvalues, as a share of their range."""
    widest = np.sort(np.diff(values))[::-1][: spaces - 1]
    return float(widest.min(initial=np.inf) / max(np.ptp(values), 1e-300))


def _read(group: FiniteGroup, size: int, spherical: Float[np.ndarray, " element"]) -> _Part:
    """Type, dimension and character of a block, by the Frobenius–Schur indicator Σ χ(x²)/n."""
    n, squares = len(group), np.diagonal(group.table)
    scaled = n * spherical  # d χ, or d (χ + χ̄)
    indicator = scaled[squares].mean()
    kind = _KINDS[0 if abs(indicator) < 0.5 else int(np.sign(indicator))]
    d = (size / (2 if kind == "complex" else 1)) ** 0.5
    return _Part(round(d), kind, scaled / d)


def _place(part: _Part) -> tuple[bool, int, tuple[float, ...]]:
    """The trivial one first, then small dimensions, then characters by their values, falling.

    Over Z_n these are cos(2πkx/n), so that blocks are the frequencies in their order.
    """
    key = part.normalized
    return not (key == 1).all(), part.dimension, tuple((-key).tolist())


def _names(group: FiniteGroup, parts: list[_Part]) -> tuple[str, ...]:
    known: dict[bytes, str] = {}
    for name, values in group.characters.items():
        known.setdefault(_key(values), name)  # of S3 the standard one times the sign is itself
    found = [known.get(_key(part.normalized), "") for part in parts]
    found[0] = "trivial"
    count: dict[int, int] = {}
    for i, part in enumerate(parts):
        count[part.dimension] = count.get(part.dimension, 0) + 1
        found[i] = found[i] or f"{part.dimension}-dimensional, {count[part.dimension]}"
    return tuple(found)


def _key(values: Float[np.ndarray, " element"]) -> bytes:
    return (np.round(values, 6) + 0.0).tobytes()
