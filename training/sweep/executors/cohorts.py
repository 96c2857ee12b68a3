"""Cells of the same shapes in one program: how a GPU is filled."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from interp.training.sweep.executors.executors import with_threads
from interp.training.sweep.executors.machine import ExecutorKind
from interp.training.sweep.executors.work import Work
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.table.outcome import CellOutcome
from interp.training.trainer.cohort import shape_key


class Cohorts:
    """Cells of the same shapes together, as many as fit into memory: how a GPU is filled.

    Args:
        size: cells of a cohort at most.
    """

    def __init__(self, size: int = 256) -> None:
        self._size = size

    def run(self, cells: Iterator[Cell], work: Work) -> Generator[CellOutcome]:
        """Outcomes of the cells, cohort by cohort."""
        chosen: list[Cell] = []
        key = None
        for cell in cells:
            own = _shapes(cell)
            if chosen and (own != key or len(chosen) >= self._size):
                yield from with_threads(work, chosen)
                chosen = []
            key = own
            chosen.append(cell)
        if chosen:
            yield from with_threads(work, chosen)

    def close(self) -> None:
        """Has no workers."""


def _shapes(cell: Cell) -> object:
    try:
        return shape_key(cell.parsed())
    except ValueError:  # which is what becomes of this cell, and of no other
        return None


KIND = ExecutorKind(lambda machine: Cohorts())
