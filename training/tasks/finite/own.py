"""Groups and quasigroups of somebody's own, from their Cayley table."""

from __future__ import annotations

from functools import lru_cache

from interp.training.tasks import cayley
from interp.training.tasks.finite.group import FiniteGroup
from interp.training.tasks.table import Table

_DIGITS = 8  # of the digest of a table, which name it
# Groups that tasks of this process are of, by the name that spectra are asked for with.
_KNOWN: dict[str, FiniteGroup] = {}


@lru_cache(maxsize=16)
def own_group(table: Table) -> FiniteGroup:
    """The group of a table, or the quasigroup, which has no irreps and whose name says so.

    Args:
        table: the products; elements are called by their numbers.

    Raises:
        ValueError: if a row or a column of the table does not hold each element once.
    """
    products = cayley.check_closed(table.answers)
    if not cayley.is_latin(products):
        raise ValueError(
            "task.group: expected a table whose rows and columns hold each element once, as "
            "those of a group or a quasigroup do, got another one"
        )
    try:
        cayley.check_group(products)
    except ValueError:
        is_group = False
    else:
        is_group = True
    what, why = ("own group", "") if is_group else ("own quasigroup", ", without irreps")
    elements = tuple(str(i) for i in range(len(products)))
    name = f"{what} {table.digest[:_DIGITS]}{why}"
    found = FiniteGroup(name, products, elements, is_group=is_group)
    if is_group:
        _KNOWN[name] = found
    return found


def known_group(name: str) -> FiniteGroup | None:
    """A group that a task of this process is of; None if there is no such."""
    return _KNOWN.get(name)
