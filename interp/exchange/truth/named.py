"""The operation that whoever imports a network says it learned."""

from __future__ import annotations

from interp.training.tasks.operations import OPERATIONS
from interp.training.tasks.task import Task, make_task

_WITHIN = " in "  # as titles have it: x * y in S4


def named_task(operation: str, p: int) -> Task:
    """The task of an operation on p residues, or in a group of p elements, such as ``x * y in S4``.

    Raises:
        ValueError: for an unknown operation or group, or a group of another order.
    """
    word, within, group = operation.rpartition(_WITHIN)
    if not within or operation in OPERATIONS:
        return make_task(operation, p)
    task = make_task(word, group=group, large=True)  # the network is there already
    if task.p != p:
        raise ValueError(
            f"operation {operation}: expected a network of {task.p} operands, as the group has, "
            f"got one of {p}"
        )
    return task
