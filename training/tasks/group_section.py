"""The section ``task`` of a configuration that names a finite group, with what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interp.training.arguments import as_text, shown
from interp.training.tasks.finite.names import canonical, named_group, order_of
from interp.training.tasks.finite.words import parse_word
from interp.training.tasks.group_order import LARGE, check_order, check_p
from interp.training.tasks.table_file import filled, is_table_file

OWN = "table"  # of the field ``group``: the table's rows are the products of a group


def filled_group(values: Mapping[str, Any]) -> dict[str, Any]:
    """The section with the group's name as titles have it, its order as p, and the operation.

    Raises:
        ValueError: naming the field, if there is no such group or another field contradicts it.
    """
    group = as_text(values["group"], "task.group")
    word = {"operation": values.get("operation", "x * y")}
    if is_table_file(group) and values.get("table") is None:
        return filled_group({**values, "group": OWN, "table": group})
    if group == OWN:
        if values.get("table") is None and values.get("digest") is None:
            raise ValueError("task.table: expected the file of a group's products, got none")
        of_table = {k: one for k, one in values.items() if k not in ("group", "operation", "p")}
        section = filled(of_table)
        check_p(values.get("p"), section["p"], "group table")
        return _allowed({**section, **word, "group": OWN})
    for key in ("table", "digest", "n_answers"):
        if values.get(key) is not None:
            raise ValueError(
                f"task.{key}: expected none beside group {group}, got {shown(values[key])}"
            )
    order = order_of(group)
    check_p(values.get("p"), order, f"group {canonical(group)}")
    check_order(order, group, values.get("large", False))
    found = named_group(group)
    text = parse_word(as_text(word["operation"], "task.operation"), found).text
    return _allowed({**values, "operation": text, "group": found.name, "p": order})


def _allowed(values: dict[str, Any]) -> dict[str, Any]:
    """Without the leave that a small group needs none of: it makes no other run."""
    is_idle = values.get("large") is True and values["p"] <= LARGE
    return {k: one for k, one in values.items() if k != "large"} if is_idle else values
