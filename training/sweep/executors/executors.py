"""How the cells of a sweep are run: one contract, several ways."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Literal, Protocol, get_args, runtime_checkable

from interp.training.sweep.executors.work import Work
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.table.outcome import CellOutcome
from interp.training.trainer.device import using_threads

ExecutorName = Literal["auto", "serial", "processes", "cohorts", "ray"]


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


class Serial:
    """One cell after the other, in this process."""

    def run(self, cells: Iterator[Cell], work: Work) -> Generator[CellOutcome]:
        """Outcomes of the cells, in their order."""
        for cell in cells:
            yield from with_threads(work, [cell])

    def close(self) -> None:
        """Has no workers."""


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
    from interp.training.trainer.cohort import shape_key

    try:
        return shape_key(cell.parsed())
    except ValueError:  # which is what becomes of this cell, and of no other
        return None


def with_threads(work: Work, cells: list[Cell]) -> list[CellOutcome]:
    """Runs cells in this process on the sweep's number of threads."""
    with using_threads(work.threads):
        return work(cells)


def make_executor(
    name: str, workers: int, threads: int = 1, address: str | None = None
) -> Executor:
    """The executor of a name.

    Args:
        name: ``serial``, ``processes``, ``cohorts`` or ``ray``.
        workers: how many cells at once.
        threads: of a worker.
        address: of a Ray cluster; None starts one on this machine.

    Raises:
        ValueError: for an unknown name, fewer than one worker, or Ray that is not there.
    """
    if workers < 1:
        raise ValueError(f"workers: expected at least 1, got {workers}")
    made: dict[str, Callable[[], Executor]] = {
        "serial": Serial,
        "processes": lambda: _processes(workers),
        "cohorts": Cohorts,
        "ray": lambda: _ray(workers, threads, address),
    }
    if name not in made:
        raise ValueError(f"executor: expected {', '.join(get_args(ExecutorName))}, got {name!r}")
    return made[name]()


def _processes(workers: int) -> Executor:
    from interp.training.sweep.executors.processes import Processes

    return Processes(workers)


def _ray(workers: int, threads: int, address: str | None) -> Executor:
    from interp.training.sweep.executors.ray_actors import RayActors

    return RayActors(workers, threads, address)
