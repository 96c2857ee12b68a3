"""What came of a cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from interp.training.sweep.plan.cell import Cell

# A cell that is stopped has nothing to record: it goes on when it is asked for again.
Status = Literal["done", "diverged", "invalid", "failed", "stopped"]


@dataclass(frozen=True)
class CellOutcome:
    """What came of a cell.

    Attributes:
        cell: which.
        status: done; diverged; invalid (no such run can be); failed (for any other reason);
            stopped (by Ctrl-C).
        error: in one line, for all but done.
        row: what was measured.
        measured: what came of each further measure, by its label.
        seconds: of training.
        disk_full: whether it failed because nothing more could be written.
    """

    cell: Cell
    status: Status
    error: str | None = None
    row: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    disk_full: bool = False
