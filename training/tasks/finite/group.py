"""A finite group: its Cayley table, and what its elements are called."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from interp.training.tasks import cayley


@dataclass(frozen=True, eq=False)
class FiniteGroup:
    """A group, or a quasigroup, by its table; equal to one with the same name and products.

    Attributes:
        name: ``S5``, ``Z8×Z12``.
        table: (n, n), the index of i·j.
        elements: what each is called.
        characters: of irreps that have a name, the real part of χ(x)/χ(e) over the elements; of a
            pair of conjugates once.
        flaw: of a quasigroup, which has no irreps: what a group is and it is not, and where.
    """

    name: str
    table: Int[np.ndarray, "first second"]
    elements: tuple[str, ...]
    characters: Mapping[str, Float[np.ndarray, " element"]] = field(default_factory=dict)
    flaw: str | None = None

    @property
    def is_group(self) -> bool:
        """Whether it is one, rather than a quasigroup."""
        return self.flaw is None

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def digest(self) -> str:
        """Tells groups of other products: hexadecimal digits of a SHA-256 of the table."""
        content = np.ascontiguousarray(self.table, dtype="<i8").tobytes()
        return hashlib.sha256(content).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FiniteGroup) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, str]:
        return self.name, self.digest

    @cached_property
    def identity(self) -> int:
        """Index of the identity."""
        return cayley.identity(self.table)

    @cached_property
    def inverse(self) -> Int[np.ndarray, " element"]:
        """Index of each element's inverse."""
        return cayley.inverses(self.table)

    @property
    def is_cyclic(self) -> bool:
        """Whether element i times element j is element i + j (mod n)."""
        every = np.arange(len(self))
        return np.array_equal(self.table, np.add.outer(every, every) % len(self))

    @cached_property
    def classes(self) -> Int[np.ndarray, " element"]:
        """The conjugacy class {g x g⁻¹} of each element, named by its smallest member."""
        return cayley.classes(self.table)

    @cached_property
    def real_classes(self) -> Int[np.ndarray, " element"]:
        """The union of the class of each element and that of its inverse, by its smallest member.

        There are as many as real irreps, conjugate pairs counted once.
        """
        return np.minimum(self.classes, self.classes[self.inverse])
