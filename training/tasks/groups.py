"""Groups, as one table: on residues and finite ones; each with order, operation and basis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache

import numpy as np
from jaxtyping import Int

from interp.training.registry import Registry
from interp.training.tasks.basis import Basis as Basis
from interp.training.tasks.basis import fourier_basis as fourier_basis
from interp.training.tasks.basis import frequency_sizes as frequency_sizes
from interp.training.tasks.finite.group import FiniteGroup
from interp.training.tasks.finite.irreps import irreps
from interp.training.tasks.finite.names import is_group_name, named_group
from interp.training.tasks.finite.own import known_group

Residues = Int[np.ndarray, " *pair"]


def always(_: int) -> bool:
    """At every modulus."""
    return True


@dataclass(frozen=True)
class Group:
    """A group whose elements are operands 0 … p−1, or some of them, at each p.

    Attributes:
        words: its basis, in captions.
        axis: what counts its elements along an axis, in their order.
        elements: p -> the residues in the order of the basis; ValueError where there is no such
            group. A residue that is no element is left out of every spectrum.
        times: (x, y, p) -> the product of elements.
        basis: p -> the basis of the functions on the elements.
        is_defined: p -> whether there is such a group.
        is_cyclic: whether element i times element j is element i + j (mod n), so that spectra are
            discrete Fourier transforms, with frequencies and phases.
    """

    words: str
    axis: str
    elements: Callable[[int], Int[np.ndarray, " element"]] = field(compare=False)
    times: Callable[[Residues, Residues, int], Residues] = field(compare=False)
    basis: Callable[[int], Basis] = field(compare=False)
    is_defined: Callable[[int], bool] = field(default=always, compare=False)
    is_cyclic: bool = False

    @property
    def convention(self) -> str:
        """The reference code's for frequencies, the share of power in each irrep for others."""
        return "one-sided" if self.is_cyclic else "irrep"

    @property
    def block(self) -> str:
        """A frequency or an irrep."""
        return "frequency" if self.is_cyclic else "irrep"


def is_prime(n: int) -> bool:
    """Whether n is prime, by trial division (moduli are small)."""
    return n >= 2 and all(n % d for d in range(2, int(n**0.5) + 1))


def _powers(p: int) -> Int[np.ndarray, " element"]:
    """g⁰, g¹, …, g^(p−2) for the smallest primitive root g: by discrete logarithm."""
    if not is_prime(p):
        raise ValueError(f"the multiplicative characters need a prime modulus, got {p}")
    root = primitive_root(p)
    return np.array([pow(root, exponent, p) for exponent in range(p - 1)])


@cache
def primitive_root(p: int) -> int:
    """Smallest generator of the nonzero residues mod a prime p."""
    factors = [q for q in range(2, p) if (p - 1) % q == 0 and is_prime(q)]
    return next(g for g in range(1, p) if all(pow(g, (p - 1) // q, p) != 1 for q in factors))


# The group by which a task is read whose own does not exist at its modulus.
CYCLIC = "cyclic"


@lru_cache(maxsize=32)
def row_of(group: FiniteGroup) -> Group:
    """The row of a finite group, whose elements are the operands in their order."""
    n, is_cyclic = len(group), group.is_cyclic
    return Group(
        words=f"{'frequencies' if is_cyclic else 'irreps'} of {group.name}",
        axis=f"element of {group.name}",
        elements=np.arange,
        times=lambda x, y, p: group.table[x, y],
        basis=lambda p: fourier_basis(n) if is_cyclic else irreps(group).basis,
        is_defined=lambda p: p == n,
        is_cyclic=is_cyclic,
    )


class _Groups(Registry[Group]):
    """The rows of residues, and one for every finite group by name or of a task's table."""

    def check(self, name: str) -> str:
        return name if _finite(name) is not None else super().check(name)

    def __getitem__(self, name: str) -> Group:
        group = _finite(name)
        return super().__getitem__(name) if group is None else row_of(group)

    def __contains__(self, name: object) -> bool:
        return _finite(name) is not None or super().__contains__(name)


def finite_group(name: str, p: int) -> FiniteGroup:
    """The elements of a row of :data:`GROUPS`, in its order, with their products.

    Args:
        name: of the row.
        p: number of operands.

    Raises:
        ValueError: for an unknown row, or one that does not exist at p.
    """
    known = _finite(name)
    if known is not None:
        return known
    row = GROUPS[name]
    elements = row.elements(p)
    if row.is_cyclic:
        return named_group(f"Z{len(elements)}")
    place = np.full(p, -1)
    place[elements] = np.arange(len(elements))
    x, y = np.meshgrid(elements, elements, indexing="ij")
    return FiniteGroup(name, place[row.times(x, y, p)], tuple(map(str, elements)))


def _finite(name: object) -> FiniteGroup | None:
    known = known_group(name) if isinstance(name, str) else None
    return named_group(str(name)) if known is None and is_group_name(name) else known


GROUPS: Registry[Group] = _Groups(
    "group",
    {
        CYCLIC: Group(
            words="cyclic characters",
            axis="residue",
            elements=np.arange,
            times=lambda x, y, p: (x + y) % p,
            basis=fourier_basis,
            is_cyclic=True,
        ),
        "multiplicative": Group(
            words="multiplicative characters, by discrete logarithm, zero residue apart",
            axis="discrete logarithm of the residue",
            elements=_powers,
            times=lambda x, y, p: x * y % p,
            basis=lambda p: fourier_basis(len(_powers(p))),
            is_defined=is_prime,
            is_cyclic=True,
        ),
    },
)


def residue_order(p: int, group: str) -> Int[np.ndarray, " element"]:
    """Residues in the order in which a group's characters are ordinary cosines.

    ``cyclic``: 0, 1, …, p−1. ``multiplicative``: g⁰, g¹, …, g^(p−2) for the smallest primitive
    root g, that is, by discrete logarithm; the zero residue is no element.

    Raises:
        ValueError: for an unknown group, one without such an order, or one that does not exist at
            the modulus.
    """
    row = GROUPS[group]
    if not row.is_cyclic:
        raise ValueError(f"group {group!r} is not cyclic: its functions have no frequency or phase")
    return row.elements(p)
