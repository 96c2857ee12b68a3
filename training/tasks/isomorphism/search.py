"""An isomorphism between two groups, looked for and proved."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Int

from interp.training.tasks.cayley import (
    Cayley,
    Elements,
    classes,
    element_orders,
    generated,
    identity,
)
from interp.training.tasks.isomorphism.invariants import class_sizes, derived, power

_MOST = 20_000  # images of generators that are tried

Colours = Int[np.ndarray, "element property"]


class GaveUp(Exception):
    """Too many images were tried: nothing is known."""


def find_isomorphism(table: Cayley, other: Cayley, most: int = _MOST) -> Elements | None:
    """A bijection φ with φ(x·y) = φ(x)·φ(y), as the image of each element; None if there is none.

    Images of a few generators are tried, among elements that look alike (order, size of the
    conjugacy class, roots, …), one generator after another: each extends to what the generators so
    far generate, or contradicts itself. As a bijection followed by a conjugation is as good, the
    first image is tried once in a conjugacy class.

    Args:
        table: of a group, which is not checked here.
        other: of another one.
        most: images that are tried.

    Raises:
        GaveUp: after so many.
    """
    if len(table) != len(other):
        return None
    own, theirs = colours(table), colours(other)
    if sorted(map(tuple, own.tolist())) != sorted(map(tuple, theirs.tolist())):
        return None
    chosen = _generators(table, own)
    stages = [_Stage.of(table, chosen[: k + 1]) for k in range(len(chosen))]
    images = [np.flatnonzero((theirs == own[one]).all(axis=1)) for one in chosen]
    if images:
        images[0] = np.intersect1d(images[0], classes(other))
    return _Search(stages, other, images, most).extend([])


def colours(table: Cayley) -> Colours:
    """What isomorphisms keep of each element, (element, property)."""
    orders, sizes = element_orders(table), class_sizes(table)
    every = np.arange(len(table))
    square, cube = power(table, every, 2), power(table, every, 3)
    roots = [np.bincount(one, minlength=len(table)) for one in (square, cube)]
    first = np.stack([orders, sizes, *roots, derived(table)], axis=1)
    return np.concatenate([first, first[square], first[cube]], axis=1)


@dataclass(frozen=True)
class _Stage:
    """The subgroup that some generators generate, each element a product of an earlier one.

    Attributes:
        generators: of it.
        steps: (element, an earlier element, the generator's place): element = earlier·generator.
        relations: every element times each generator, (element, generator), and the elements.
    """

    table: Cayley
    generators: list[int]
    steps: list[tuple[int, int, int]]
    elements: Elements = field(repr=False)

    @classmethod
    def of(cls, table: Cayley, generators: list[int]) -> _Stage:
        start = identity(table)
        seen, steps = {start}, []
        queue = [start]
        for one in queue:  # which grows
            for place, generator in enumerate(generators):
                new = int(table[one, generator])
                if new not in seen:
                    seen.add(new)
                    queue.append(new)
                    steps.append((new, one, place))
        return cls(table, generators, steps, np.array(queue))

    def extend(
        self, other: Cayley, images: Int[np.ndarray, "try generator"]
    ) -> tuple[Int[np.ndarray, "try element"], Bool[np.ndarray, " try"]]:
        """The map that each choice of images gives, and whether it is an injective homomorphism."""
        found = np.full((len(images), len(self.table)), -1)
        found[:, self.elements[0]] = identity(other)
        for new, earlier, place in self.steps:
            found[:, new] = other[found[:, earlier], images[:, place]]
        own = found[:, self.elements]
        fits = np.asarray((np.diff(np.sort(own, axis=1), axis=1) > 0).all(axis=1))
        for place, generator in enumerate(self.generators):
            products = found[:, self.table[self.elements, generator]]
            fits = fits & (products == other[own, images[:, [place]]]).all(axis=1)
        return found, fits


@dataclass
class _Search:
    """Images of generators, one after another; each stage knows which of them extend."""

    stages: list[_Stage]
    other: Cayley
    images: list[Int[np.ndarray, " _"]]
    left: int

    def extend(self, chosen: list[int]) -> Elements | None:
        """A whole isomorphism with the images chosen so far; None if there is none."""
        k = len(chosen)
        if not self.stages:  # the trivial group
            return np.array([0])
        candidates = self.images[k]
        self.left -= len(candidates)
        if self.left < 0:
            raise GaveUp
        tries = np.array([[*chosen, int(one)] for one in candidates]).reshape(-1, k + 1)
        maps, fits = self.stages[k].extend(self.other, tries)
        for one in np.flatnonzero(fits):
            if k + 1 == len(self.stages):
                return maps[one]
            found = self.extend(tries[one].tolist())
            if found is not None:
                return found
        return None


def _generators(table: Cayley, own: Colours) -> list[int]:
    """Few elements that generate all, each with few others that look like it.

    One element of each look is tried at a time: that which makes the most new elements, and among
    equals the one of the rarest look.
    """
    _, first, which, counts = np.unique(
        own, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    rarity = counts[which.ravel()]
    tried = [*first, *(len(table) - 1 - np.unique(own[::-1], axis=0, return_index=True)[1])]
    chosen: list[int] = []
    inside = generated(table, np.array(chosen, dtype=int))
    while not inside.all():
        outside = [int(one) for one in tried if not inside[one]] or [int((~inside).argmax())]
        reached = [generated(table, np.array([*chosen, one])) for one in outside]
        best = max(
            range(len(outside)), key=lambda i: (reached[i].sum(), -rarity[outside[i]], -outside[i])
        )
        chosen.append(outside[best])
        inside = reached[best]
    return chosen
