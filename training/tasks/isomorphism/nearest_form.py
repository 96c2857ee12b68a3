"""The group whose products or quotients are nearest to a table with errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from interp.training.tasks.cayley import Cayley, inverses
from interp.training.tasks.isomorphism.nearest import LEAST, PROVEN, nearest_group

FORMS = ("x · y", "x · y⁻¹", "x⁻¹ · y")

Known = Int[np.ndarray, "first second"]


@dataclass(frozen=True, eq=False)
class NearestForm:
    """A group near whose products or quotients another table is.

    Attributes:
        form: ``x · y``, ``x · y⁻¹`` or ``x⁻¹ · y``.
        group: its products, elements in the order of the other table.
        table: its values of the form.
        share: of the cells of the other table that agree with these.
    """

    form: str
    group: Cayley
    table: Cayley
    share: float

    @property
    def is_proven(self) -> bool:
        """Whether no group of another kind agrees as much in this form.

        Two groups' quotients agree in as many cells as their products: z = x·y⁻¹ is x = z·y.
        """
        return self.share > PROVEN


def nearest_form(table: Known) -> NearestForm | None:
    """The group and form of which most cells agree, by the votes of the cells.

    Where z = x·y⁻¹, x is the product z·y, and where z = x⁻¹·y, y is x·z: the table of quotients,
    solved for one operand, is one of products, and is read as such. What has no solution, or
    several, is not known. More than a third of wrong cells leave too few solutions.

    Args:
        table: (n, n), n ≥ 2; −1 where nothing is known.

    Returns:
        The nearest; None if there is none with half of the cells.
    """
    found = []
    for form in FORMS:
        try:
            group = nearest_group(_products(table, form), least=0).table
        except ValueError:
            continue
        values = of_form(group, form)
        found.append(NearestForm(form, group, values, float((values == table).mean())))
    best = max(found, key=lambda one: one.share, default=None)
    return best if best is not None and best.share >= LEAST else None


def of_form(group: Cayley, form: str) -> Cayley:
    """The values of a form on all pairs of a group's elements."""
    if form == FORMS[0]:
        return group
    return group[:, inverses(group)] if form == FORMS[1] else group[inverses(group)]


def _products(table: Known, form: str) -> Known:
    """The products that the values of a form tell; −1 where they tell none, or several."""
    if form == FORMS[0]:
        return table
    if form == FORMS[1]:
        return _solved(table.T).T
    return _solved(table)


def _solved(table: Known) -> Known:
    """For row x and value z, the one y with table[x, y] = z; −1 where there is none, or several."""
    n = len(table)
    x, y = np.nonzero(table >= 0)
    place = x * n + table[x, y]
    found = np.full(n * n, -1)
    found[place] = y
    found[np.bincount(place, minlength=n * n) != 1] = -1
    return found.reshape(n, n)
