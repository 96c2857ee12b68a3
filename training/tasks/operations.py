"""The operations, as one table; each with its formula, its domain and its group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int

from interp.training.arguments import as_function, as_text, is_whole, shown, truth
from interp.training.registry import Registry, origin_of
from interp.training.tasks import polynomial
from interp.training.tasks.finite.group import FiniteGroup
from interp.training.tasks.finite.words import parse_word
from interp.training.tasks.groups import GROUPS
from interp.training.tasks.said import meant
from interp.training.tasks.table import Table

Values = Int[np.ndarray, " pair"]
Formula = Callable[[Values, Values, int], Values]
Domain = Callable[[Values, Values], Bool[np.ndarray, " pair"]]


@dataclass(frozen=True)
class Operation:
    """A binary operation on residues mod p.

    Attributes:
        name: canonical text, as users write it.
        formula: ``(x, y, p) -> answers`` on integer arrays.
        group: a name of GROUPS; the solution is sparse in its characters (Doshi et al. 2024,
            app. P).
        needs_prime: whether the formula is defined only for prime p.
        domain: ``(x, y) -> bool`` pairs on which it is defined; None for all of them.
        second_sign: s in the phase relation a + s·b = c of a neuron that solves the operation
            (phases of its first, second and answer curve); None where no such relation is known.
        table: the answers of an operation that is given by them; it also is the formula. Of an
            operation in a group of somebody's own it is the group's.
        finite: the group that it multiplies in, if its operands are elements of one.
    """

    name: str
    formula: Formula
    group: str = "cyclic"
    needs_prime: bool = False
    domain: Domain | None = None
    second_sign: Literal[1, -1] | None = None
    table: Table | None = None
    finite: FiniteGroup | None = None


def _divide(x: Values, y: Values, p: int) -> Values:
    inverse = np.array([0] + [pow(int(residue), -1, p) for residue in range(1, p)])
    return x * inverse[y] % p


def _divide_if_odd(x: Values, y: Values, p: int) -> Values:
    return np.where(y % 2 == 1, _divide(x, y, p), (x - y) % p)


def _nonzero_divisor(x: Values, y: Values) -> Bool[np.ndarray, " pair"]:
    return y != 0


@dataclass(frozen=True)
class _Polynomial:
    """A polynomial as a formula; two with the same monomials are equal."""

    monomials: tuple[tuple[tuple[int, int], int], ...]

    def __call__(self, x: Values, y: Values, p: int) -> Values:
        return polynomial.evaluate(dict(self.monomials), x, y, p)


def _polynomial_row(
    text: str, group: str = "cyclic", second_sign: Literal[1, -1] | None = None
) -> Operation:
    formula = _Polynomial(tuple(polynomial.parse(text).items()))
    return Operation(name=text, formula=formula, group=group, second_sign=second_sign)


# The operations of Power et al. 2022 (arXiv 2201.02177) on residues.
_ROWS = (
    _polynomial_row("x + y", second_sign=1),
    _polynomial_row("x - y", second_sign=-1),
    _polynomial_row("x * y", group="multiplicative", second_sign=1),
    Operation("x / y", _divide, "multiplicative", True, _nonzero_divisor, -1),
    Operation("x / y if y odd else x - y", _divide_if_odd, needs_prime=True),
    _polynomial_row("x**2 + y**2"),
    _polynomial_row("x**2 + x*y + y**2"),
    _polynomial_row("x**2 + x*y + y**2 + x"),
    _polynomial_row("x**3 + x*y"),
    _polynomial_row("x**3 + x*y**2 + y"),
)
OPERATIONS: Registry[Operation] = Registry(
    "operation", {row.name: row for row in _ROWS}, "interp.tasks"
)


def operation(
    name: str,
    *,
    group: str = "cyclic",
    needs_prime: bool = False,
    domain: Domain | None = None,
    second_sign: Literal[1, -1] | None = None,
) -> Callable[[Formula], Formula]:
    """Adds an operation by its formula, for ``task.operation`` and everything that learns it.

    Example::

        @operation("larger")
        def larger(x, y, p):
            return np.maximum(x, y)

    The formula gets all pairs as two arrays of residues and gives their answers, residues too.

    Args:
        name: what configurations call it.
        group: the group whose characters its solution is sparse in.
        needs_prime: whether the formula is defined only for prime p.
        domain: ``(x, y) -> bool`` pairs on which it is defined; None for all of them.
        second_sign: see :class:`Operation`.

    Raises:
        ValueError: if the name is taken, or a polynomial, which its text defines; if the group is
            unknown or the sign none.
    """
    as_text(name, "the name of an operation")
    GROUPS.check(group)
    truth(needs_prime, "needs_prime")
    as_function(domain, "domain")
    if second_sign is not None and (not is_whole(second_sign) or second_sign not in (1, -1)):
        raise ValueError(f"second_sign: expected 1, -1 or None, got {shown(second_sign)}")

    def add(formula: Formula) -> Formula:
        _check_name(name)
        row = Operation(name, formula, group, needs_prime, domain, second_sign)
        OPERATIONS.add(name, row, origin_of(formula))
        return formula

    return add


def of_table(table: Table, name: str) -> Operation:
    """The operation that a table is."""
    domain = table.has if table.is_partial else None
    return Operation(name, table, domain=domain, table=table)


def in_group(text: str, group: FiniteGroup, table: Table | None = None) -> Operation:
    """The operation that a word in x, y and inverses is in a finite group.

    Args:
        text: such as ``x * y^-1``.
        group: a group, or a quasigroup, whose curves are read in cyclic characters.
        table: the group's, if it is somebody's own.

    Raises:
        ValueError: if the text is no word, or has inverses that there are not.
    """
    word = parse_word(text, group)
    name = group.name if group.is_group else "cyclic"
    sign = word.second_sign if group.is_cyclic else None
    return Operation(word.text, word, name, second_sign=sign, table=table, finite=group)


def _check_name(name: str) -> None:
    there = _spelled(name)
    if there not in (None, name):
        raise ValueError(f"operation {name!r} reads like {there!r}, which is there already")
    if there is None and _is_polynomial(name):
        raise ValueError(
            f"operation {name!r} is a polynomial, which its text defines; expected another name"
        )


def find_operation(text: str) -> Operation:
    """The row of OPERATIONS that the text names, or a new row for another polynomial.

    Raises:
        ValueError: if it is neither, or cannot be a polynomial.
    """
    if text in OPERATIONS:
        return OPERATIONS[text]
    there = _spelled(text)
    if there is not None:
        return OPERATIONS[there]
    return _parsed(text)


@lru_cache(maxsize=256)
def _parsed(text: str) -> Operation:
    key = _key(text)
    if "/" in key or "if" in key:
        known = ", ".join(repr(name) for name in OPERATIONS)
        raise ValueError(
            f"task.operation: unknown operation {text!r}; expected one of {known}, "
            f"or a polynomial in x and y{meant(text, OPERATIONS)}"
        )
    try:
        monomials = polynomial.parse(text)
    except ValueError as error:
        added = [name for name in OPERATIONS if not OPERATIONS.is_own(name)]
        raise ValueError(f"{error}{meant(text, added)}") from None
    canonical = polynomial.text_of(monomials)
    there = _spelled(canonical)
    if there is not None:
        return OPERATIONS[there]
    is_product = len(monomials) == 1 and all(min(power) >= 1 for power in monomials)
    return _polynomial_row(canonical, "multiplicative" if is_product else "cyclic")


def _spelled(text: str) -> str | None:
    """The name of the row that the text spells in one way or another."""
    key = _key(text)
    return next((name for name in OPERATIONS if _key(name) == key), None)


def _is_polynomial(text: str) -> bool:
    try:
        polynomial.parse(text)
    except ValueError:
        return False
    return True


def _key(text: str) -> str:
    return polynomial.plain(text).replace(" ", "").lower()
