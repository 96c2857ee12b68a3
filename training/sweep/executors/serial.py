"""Cells in this process, one after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from interp.training.sweep.executors.executors import with_threads
from interp.training.sweep.executors.machine import ExecutorKind
from interp.training.sweep.executors.work import Work
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.table.outcome import CellOutcome


class Serial:
    """One cell after the other, in this process."""

    def run(self, cells: Iterator[Cell], work: Work) -> Generator[CellOutcome]:
        """Outcomes of the cells, in their order."""
        for cell in cells:
            yield from with_threads(work, [cell])

    def close(self) -> None:
        """Has no workers."""


KIND = ExecutorKind(lambda machine: Serial())
