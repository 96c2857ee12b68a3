"""The operations, as one table; each with its formula, its domain and its group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int

from training import polynomial

Group = Literal["cyclic", "multiplicative"]
Values = Int[np.ndarray, " pair"]


@dataclass(frozen=True)
class Operation:
    """A binary operation on residues mod p.

    Attributes:
        name: canonical text, as users write it.
        formula: ``(x, y, p) -> answers`` on integer arrays.
        group: the group whose characters the solution is sparse in (Doshi et al. 2024, app. P).
        needs_prime: whether the formula is defined only for prime p.
        domain: ``(x, y) -> bool`` pairs on which it is defined; None for all of them.
        second_sign: s in the phase relation a + s·b = c of a neuron that solves the operation
            (phases of its first, second and answer curve); None where no such relation is known.
    """

    name: str
    formula: Callable[[Values, Values, int], Values] = field(compare=False)
    group: Group = "cyclic"
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
    text: str, group: Group = "cyclic", second_sign: Literal[1, -1] | None = None
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


@dataclass(frozen=True)
class Task:
    """An operation at a modulus.

    Attributes:
        operation: a row of OPERATIONS or a parsed polynomial.
        p: the modulus; operands and answers are residues 0 … p−1.
    """

    operation: Operation
    p: int

    @property
    def name(self) -> str:
        """For titles: ``x + y mod 97``."""
        return f"{self.operation.name} mod {self.p}"

    @property
    def group(self) -> Group:
        """The group whose characters analyse this task.

        Multiplication at a composite modulus has zero divisors and no discrete logarithm;
        its curves are then read in the cyclic characters.
        """
        if self.operation.group == "multiplicative" and not is_prime(self.p):
            return "cyclic"
        return self.operation.group

    @cached_property
    def pairs(self) -> Int[np.ndarray, "pair 2"]:
        """All ordered pairs of the domain, first operand slowest."""
        x, y = (axis.ravel() for axis in np.indices((self.p, self.p)))
        if self.operation.domain is not None:
            inside = self.operation.domain(x, y)
            x, y = x[inside], y[inside]
        return np.stack([x, y], axis=1)

    @cached_property
    def answers(self) -> Values:
        """The true answer of each pair of ``pairs``."""
        x, y = self.pairs.T
        return self.operation.formula(x, y, self.p)


@lru_cache(maxsize=64)
def make_task(operation: str, p: int) -> Task:
    """The task for an operation's name or a polynomial's text.

    Raises:
        ValueError: if p < 2, the operation is unknown or malformed, or p must be prime and is not.
    """
    if p < 2:
        raise ValueError(f"task.p: expected a whole number of at least 2, got {p}")
    found = find_operation(operation)
    if found.needs_prime and not is_prime(p):
        raise ValueError(f"task.p: {found.name!r} needs a prime modulus, got {p}")
    return Task(found, p)


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


def is_prime(n: int) -> bool:
    """Whether n is prime, by trial division (moduli are small)."""
    return n >= 2 and all(n % d for d in range(2, int(n**0.5) + 1))


def _key(text: str) -> str:
    return polynomial.plain(text).replace(" ", "").lower()
