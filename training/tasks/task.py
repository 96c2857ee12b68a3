"""The operations, as one table; each with its formula, its domain and its group."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Int

from interp.training.arguments import of_kind, whole
from interp.training.tasks.groups import CYCLIC, GROUPS, is_prime
from interp.training.tasks.operations import Operation, Values, find_operation


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
    def group(self) -> str:
        """The group whose characters analyse this task, a name of GROUPS.

        Multiplication at a composite modulus has zero divisors and no discrete logarithm;
        its curves are then read in the cyclic characters.
        """
        group = self.operation.group
        return group if GROUPS[group].is_defined(self.p) else CYCLIC

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
        """The true answer of each pair of ``pairs``.

        Raises:
            ValueError: if an operation of somebody's own does not give a residue for each.
        """
        x, y = self.pairs.T
        answers = np.asarray(self.operation.formula(x, y, self.p))
        whole = np.issubdtype(answers.dtype, np.integer)
        if not whole or answers.shape != x.shape or not (answers % self.p == answers).all():
            got = np.array2string(answers, threshold=6)
            raise ValueError(
                f"task.operation: {self.operation.name!r}: expected a residue from 0 to "
                f"{self.p - 1} for each of {len(x)} pairs, got {got}"
            )
        return answers.astype(np.int64, copy=False)


def make_task(operation: str, p: int) -> Task:
    """The task for an operation's name or a polynomial's text.

    Raises:
        ValueError: if p < 2, the operation is unknown or malformed, or p must be prime and is not.
    """
    of_kind(operation, str, "an operation's name or a polynomial, such as 'x + y'")
    p = whole(p, "task.p", least=2)
    found = find_operation(operation)
    if found.needs_prime and not is_prime(p):
        raise ValueError(f"task.p: {found.name!r} needs a prime modulus, got {p}")
    return _task(found, p)


# The same task again, whose pairs and answers are there already. An operation that is defined anew
# is another one.
@lru_cache(maxsize=64)
def _task(operation: Operation, p: int) -> Task:
    return Task(operation, p)
