"""How many elements a group may have, and what may be said of it beside the group."""

from __future__ import annotations

from interp.training.arguments import shown, truth
from interp.training.memory import size

LARGE = 1000  # elements: above, somebody has to allow it


def check_p(p: object, order: int, group: str) -> None:
    """Refuses a modulus beside a group, unless it is the group's order, as run folders have it.

    Raises:
        ValueError: saying how many elements the group has.
    """
    if p is not None and (isinstance(p, bool) or p != order):
        raise ValueError(
            f"task.p: expected none beside {group}, which has {order} elements, got {shown(p)}"
        )


def check_order(order: int, group: str, large: bool) -> None:
    """Refuses a group that is large, unless that is allowed.

    Raises:
        ValueError: saying what memory it needs.
    """
    if order > LARGE and not truth(large, "task.large"):
        # Logits of all pairs in float32, and five matrices of float64 for the irreps.
        needed = size(4 * order**3 + 40 * order**2)
        raise ValueError(
            f"task.group: expected at most {LARGE:,} elements, got {group} with {order:,}; all "
            f"pairs and irreps take about {needed}; task.large: true allows it, --yes in commands"
        )
