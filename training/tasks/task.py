"""The operations, as one table; each with its formula, its domain and its group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Int

from interp.training.arguments import as_text, shown, some_whole, told, whole
from interp.training.lines import one_line
from interp.training.tasks.finite.names import canonical, named_group, order_of
from interp.training.tasks.finite.own import own_group
from interp.training.tasks.group_order import check_order, check_p
from interp.training.tasks.groups import CYCLIC, GROUPS, is_prime
from interp.training.tasks.operations import Operation, Values, find_operation, in_group, of_table
from interp.training.tasks.table import LARGEST_P, Table, make_table
from interp.training.tasks.table_file import is_table_file, read_table, table_name


@dataclass(frozen=True)
class Task:
    """An operation at a modulus.

    Attributes:
        operation: a row of OPERATIONS, a parsed polynomial, or a table.
        p: the modulus; operands are residues 0 … p−1, and so are answers, but a table's.
    """

    operation: Operation
    p: int

    @property
    def name(self) -> str:
        """For titles: ``x + y mod 97``, ``x * y in S5``, or ``own table of 23×23 → 7``."""
        if self.operation.finite is not None:
            return f"{self.operation.name} in {self.operation.finite.name}"
        if self.operation.table is not None:
            return f"{self.operation.name} of {self.p}×{self.p} → {self.n_answers}"
        return f"{self.operation.name} mod {self.p}"

    @property
    def n_answers(self) -> int:
        """q, how many answers there are to choose from: p, unless a table has another number."""
        table = self.operation.table
        return self.p if table is None else table.n_answers

    @property
    def elements(self) -> tuple[str, ...]:
        """What the operands are called: ``(1 2 3)``, ``r^2 s``; of residues their numbers."""
        finite = self.operation.finite
        return tuple(map(str, range(self.p))) if finite is None else finite.elements

    @property
    def digest(self) -> str | None:
        """Of its table; None for an operation that its name defines."""
        table = self.operation.table
        return None if table is None else table.digest

    @property
    def key(self) -> tuple[str, str | None]:
        """Equal for tasks that are the same: name and digest."""
        return self.name, self.digest

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
        whole, q = np.issubdtype(answers.dtype, np.integer), self.n_answers
        if not whole or answers.shape != x.shape or not (answers % q == answers).all():
            got = np.array2string(answers, threshold=6)
            raise ValueError(
                f"task.operation: {self.operation.name!r}: expected a residue from 0 to "
                f"{q - 1} for each of {len(x)} pairs, got {got}"
            )
        return answers.astype(np.int64, copy=False)


Formula = Callable[[Values, Values, int], object]


def make_task(
    operation: object = "x * y",
    p: int | None = None,
    n_answers: int | None = None,
    name: str | None = None,
    group: object = None,
    large: bool = False,
) -> Task:
    """The task of an operation.

    Args:
        operation: its name, or a polynomial's text, such as ``x + y``; a table of the answers, as
            an array, nested lists or a file (.npy, .npz, .csv, .json), whose row is the first
            operand and whose column the second; or a function ``(x, y, p) -> answers`` of arrays
            of operands. A pair whose answer is −1 or NaN is not in the domain.
        p: the modulus, or number of operands; a table and a group have their own, and no other is
            taken beside them.
        n_answers: of a table or function, how many answers there are: by default its largest
            and one.
        name: of a table or function, for titles.
        group: multiplies in a finite group: its name, such as ``S5``, ``D48`` or ``Z8×Z12``, or
            its Cayley table, as an array or a file. The operation is then ``x * y``,
            ``x * y^-1``, ``x * y * x^-1``, ``x * y * x`` or another such word.
        large: whether the group may have more than 1,000 elements.

    Raises:
        TypeError: if the operation is none of these.
        ValueError: if p < 2, the operation is unknown or malformed, p must be prime and is not,
            a table is no table of p × p answers, or a group is none.
    """
    if group is not None:
        return _in_group(operation, group, {"p": p, "n_answers": n_answers, "name": name}, large)
    if isinstance(operation, str) and not is_table_file(operation):
        return _named(operation, p, n_answers, name)
    table, default = _own_table(operation, p, n_answers)
    if some_whole(p, "task.p") not in (None, table.p):
        raise ValueError(f"task.p: expected {table.p}, of a table of {table.p}×{table.p}, got {p}")
    return table_task(table, default if name is None else as_text(name, "task.name"))


def _own_table(operation: object, p: int | None, n_answers: int | None) -> tuple[Table, str]:
    """The table that an operation is given by, and what titles call it."""
    if isinstance(operation, str | Path):
        return read_table(operation, n_answers), table_name(operation)
    if callable(operation) and not isinstance(operation, Table):
        default = f"own operation ({getattr(operation, '__name__', 'function')})"
        return _computed(operation, p, n_answers), default
    if isinstance(operation, np.ndarray | list | tuple | Table) or hasattr(operation, "detach"):
        given = operation.answers if isinstance(operation, Table) else operation
        return make_table(given, n_answers), table_name(None)
    raise TypeError(
        "expected an operation's name or a polynomial, such as 'x + y', a table or a "
        f"function, got {told(operation)}"
    )


def _in_group(operation: object, group: object, others: Mapping[str, object], large: bool) -> Task:
    """The task of a word in a group, that a name or a table defines."""
    text = as_text(operation, "an operation in a group")
    for what in ("n_answers", "name"):
        if others[what] is not None:
            raise ValueError(
                f"task.{what}: expected none beside a group, got {shown(others[what])}"
            )
    if isinstance(group, str) and not is_table_file(group):
        check_p(others["p"], order_of(group), f"group {canonical(group)}")
        check_order(order_of(group), group, large)
        found = named_group(group)
        return _task(in_group(text, found), len(found))
    table, _ = _own_table(group, None, None)
    check_p(others["p"], table.p, "group table")
    return group_task(table, text, large)


def group_task(table: Table, operation: str, large: bool = False) -> Task:
    """The task of a word in the group, or quasigroup, of a table."""
    check_order(table.p, "a table", large)
    return _task(in_group(operation, own_group(table), table), table.p)


def table_task(table: Table, name: str) -> Task:
    """The task of a table."""
    return _task(of_table(table, name), table.p)


def _named(operation: str, p: int | None, n_answers: int | None, name: str | None) -> Task:
    for what, value in (("n_answers", n_answers), ("name", name)):
        if value is not None:
            raise ValueError(f"task.{what}: expected none beside {operation!r}, got {shown(value)}")
    p = whole(p, "task.p", least=2, most=LARGEST_P)
    found = find_operation(operation)
    if found.needs_prime and not is_prime(p):
        raise ValueError(f"task.p: {found.name!r} needs a prime modulus, got {p}")
    return _task(found, p)


def _computed(formula: Formula, p: int | None, n_answers: int | None) -> Table:
    """The table of a function, from one call with all pairs."""
    p = whole(p, "task.p", least=2, most=LARGEST_P)
    x, y = (axis.ravel() for axis in np.indices((p, p)))
    try:
        answers = np.asarray(formula(x, y, p))
    except TypeError as error:
        raise ValueError(
            f"task.operation: expected a function (x, y, p) -> answers of arrays, got "
            f"{told(formula)} ({one_line(error)})"
        ) from error
    if answers.shape != x.shape:
        raise ValueError(
            f"task.operation: expected an answer for each of {len(x)} pairs, "
            f"got shape {answers.shape}"
        )
    return make_table(answers.reshape(p, p), n_answers)


# The same task again, whose pairs and answers are there already. An operation that is defined anew
# is another one.
@lru_cache(maxsize=64)
def _task(operation: Operation, p: int) -> Task:
    return Task(operation, p)
