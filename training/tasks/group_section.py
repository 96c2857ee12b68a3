"""The section ``task`` of a configuration that names a finite group, with what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interp.training.arguments import as_text, shown
from interp.training.tasks.finite.names import canonical, named_group, order_of
from interp.training.tasks.finite.words import parse_word
from interp.training.tasks.table_file import filled
from interp.training.tasks.task import check_order

OWN = "table"  # of the field ``group``: the table's rows are the products of a group


def filled_group(values: Mapping[str, Any]) -> dict[str, Any]:
    """The section with the group's name as titles have it, its order as p, and the operation.

    Raises:
        ValueError: naming the field, if there is no such group or another field contradicts it.
    """
    group = as_text(values["group"], "task.group")
    of_table = {key: one for key, one in values.items() if key not in ("group", "operation")}
    word = {"operation": values.get("operation", "x * y")}
    if group == OWN:
        if values.get("table") is None and values.get("digest") is None:
            raise ValueError("task.table: expected the file of a group's products, got none")
        return {**filled(of_table), **word, "group": OWN}
    for key in ("table", "digest", "n_answers"):
        if values.get(key) is not None:
            raise ValueError(
                f"task.{key}: expected none beside group {group}, got {shown(values[key])}"
            )
    order = order_of(group)
    if values.get("p", order) != order:
        raise ValueError(
            f"task.p: expected none beside group {canonical(group)}, which has {order} elements, "
            f"got {shown(values['p'])}"
        )
    check_order(order, group, values.get("large", False))
    found = named_group(group)
    text = parse_word(as_text(word["operation"], "task.operation"), found).text
    return {**values, "operation": text, "group": found.name, "p": order}
