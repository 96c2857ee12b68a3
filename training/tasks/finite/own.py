"""Groups and quasigroups of somebody's own, from their Cayley table."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from interp.training.tasks import cayley
from interp.training.tasks.finite.group import FiniteGroup
from interp.training.tasks.isomorphism.identify import LARGEST, identify
from interp.training.tasks.table import Table

_DIGITS = 8  # of the digest of a table, which name it
# Groups that tasks of this process are of, by the name that spectra are asked for with.
_KNOWN: dict[str, FiniteGroup] = {}


@lru_cache(maxsize=16)
def own_group(table: Table) -> FiniteGroup:
    """The group of a table, or the quasigroup, which has no irreps and whose name says so.

    Args:
        table: the products; elements, and characters, are called as in the group with a name that
            it is isomorphic to, where one is known, and else elements by their numbers.

    Raises:
        ValueError: if a row or a column of the table does not hold each element once.
    """
    products = cayley.check_closed(table.answers)
    cayley.check_latin(products)
    digest = table.digest[:_DIGITS]
    try:
        cayley.check_group(products)
    except ValueError as error:
        elements = tuple(str(i) for i in range(len(products)))
        name = f"own quasigroup {digest}, without irreps"
        flaw = str(error).removeprefix("table: expected a group, ")
        return FiniteGroup(name, products, elements, flaw=flaw)
    found = FiniteGroup("", products, tuple(str(i) for i in range(len(products))))
    if len(products) <= LARGEST:
        found = identify(products).group
    found = replace(
        found, name=" ".join(filter(None, ("own group", found.name.removeprefix("group "), digest)))
    )
    _KNOWN[found.name] = found
    return found


def known_group(name: str) -> FiniteGroup | None:
    """A group that a task of this process is of; None if there is no such."""
    return _KNOWN.get(name)
