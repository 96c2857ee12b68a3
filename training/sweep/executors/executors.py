"""How the cells of a sweep are run: one contract, several ways."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Protocol, runtime_checkable

from interp.training.sweep.executors.work import Work
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.table.outcome import CellOutcome
from interp.training.trainer.device import using_threads


@runtime_checkable
class Executor(Protocol):
    """Runs cells, and says what came of each as soon as it is known.

    A cell is taken from the iterator only when there is somebody to run it. What becomes of one
    cell never stops another; a worker that dies is replaced and its cell tried again.
    """

    def run(self, cells: Iterator[Cell], work: Work) -> Generator[CellOutcome]:
        """Outcomes of the cells, in the order in which they end."""

    def close(self) -> None:
        """Ends the workers; those at work are stopped."""


def with_threads(work: Work, cells: list[Cell]) -> list[CellOutcome]:
    """Runs cells in this process on the sweep's number of threads."""
    with using_threads(work.threads):
        return work(cells)
