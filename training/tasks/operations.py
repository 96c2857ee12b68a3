"""The operations, as one table; each with its formula, its domain and its group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int

from interp.training.tasks import polynomial

Values = Int[np.ndarray, " pair"]


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
    """

    name: str
    formula: Callable[[Values, Values, int], Values] = field(compare=False)
    group: str = "cyclic"
    needs_prime: bool = False
    domain: Callable[[Values, Values], Bool[np.ndarray, " pair"]] | None = field(
        default=None, compare=False
    )
    second_sign: Literal[1, -1] | None = None


def _divide(x: Values, y: Values, p: int) -> Values:
    inverse = np.array([0] + [pow(int(residue), -1, p) for residue in range(1, p)])
    return x * inverse[y] % p


def _divide_if_odd(x: Values, y: Values, p: int) -> Values:
    return np.where(y % 2 == 1, _divide(x, y, p), (x - y) % p)


def _polynomial_row(
    text: str, group: str = "cyclic", second_sign: Literal[1, -1] | None = None
) -> Operation:
    monomials = polynomial.parse(text)
    return Operation(
        name=text,
        formula=lambda x, y, p: polynomial.evaluate(monomials, x, y, p),
        group=group,
        second_sign=second_sign,
    )


# The operations of Power et al. 2022 (arXiv 2201.02177) on residues.
OPERATIONS: tuple[Operation, ...] = (
    _polynomial_row("x + y", second_sign=1),
    _polynomial_row("x - y", second_sign=-1),
    _polynomial_row("x * y", group="multiplicative", second_sign=1),
    Operation("x / y", _divide, "multiplicative", True, lambda x, y: y != 0, -1),
    Operation("x / y if y odd else x - y", _divide_if_odd, needs_prime=True),
    _polynomial_row("x**2 + y**2"),
    _polynomial_row("x**2 + x*y + y**2"),
    _polynomial_row("x**2 + x*y + y**2 + x"),
    _polynomial_row("x**3 + x*y"),
    _polynomial_row("x**3 + x*y**2 + y"),
)


def find_operation(text: str) -> Operation:
    """The row of OPERATIONS that the text names, or a new row for another polynomial."""
    key = _key(text)
    for row in OPERATIONS:
        if _key(row.name) == key:
            return row
    if "/" in key or "if" in key:
        known = ", ".join(repr(row.name) for row in OPERATIONS)
        raise ValueError(
            f"task.operation: unknown operation {text!r}; expected one of {known}, "
            "or a polynomial in x and y"
        )
    monomials = polynomial.parse(text)
    canonical = polynomial.text_of(monomials)
    for row in OPERATIONS:
        if _key(row.name) == _key(canonical):
            return row
    is_product = len(monomials) == 1 and all(min(power) >= 1 for power in monomials)
    return _polynomial_row(canonical, "multiplicative" if is_product else "cyclic")


def _key(text: str) -> str:
    return polynomial.plain(text).replace(" ", "").lower()
