"""The sweep: every cell of a grid once, by any executor, resumable at any moment."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from interp.training.arguments import is_whole
from interp.training.sweep.executors.asked import Asked
from interp.training.sweep.executors.machine import Machine
from interp.training.sweep.executors.work import Keep, Measure, check_keep
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.plan.cost import longest_first
from interp.training.sweep.plan.grid import Grid
from interp.training.sweep.plan.manifest import (
    Manifest,
    add_grid,
    expand,
    read_plan,
    write_manifest,
    written_manifest,
)
from interp.training.sweep.session import Measuring, Session
from interp.training.sweep.store import (
    GIVEN,
    MANIFEST,
    RECORDS,
    RESULTS,
    RUNS,
    Store,
    open_store,
)
from interp.training.sweep.table.results import Results
from interp.training.sweep.table.tally import Watch

_OWN = {
    RUNS,
    RECORDS,
    RESULTS,
    MANIFEST,
    GIVEN,
}  # what a sweep can go on with when its plan is lost


@dataclass(frozen=True)
class Shard:
    """The i-th of n parts of a sweep, counted from 0."""

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        whole_ = is_whole(self.index) and is_whole(self.count)
        if not whole_ or not 0 <= self.index < self.count:
            raise ValueError(
                f"shard: expected i/n with i from 0 to n − 1, got {self.index!r}/{self.count!r}"
            )


@dataclass(frozen=True)
class Sweep:
    """Which cells are done, and what is kept of them.

    Attributes:
        grid: which cells.
        out: folder or fsspec URL. Several sweeps may share it, one after the other or at once.
        keep: ``runs``: run folders, or ``scores``: rows of the table only.
        shard: which part of the cells.
        asked: what is measured beyond the row.
    """

    grid: Grid
    out: Path | str
    keep: Keep = "runs"
    shard: Shard = Shard()
    asked: tuple[Asked, ...] = ()

    def __post_init__(self) -> None:
        check_keep(self.keep)


def run_sweep(
    sweep: Sweep, machine: Machine, measure: Measure, watch: Watch | None = None
) -> Results:
    """Does every cell of a grid that has not been done, here or in an earlier sweep.

    Args:
        sweep: which cells, and where to.
        machine: who runs them.
        measure: what is measured of a finished run; importable by its name.
        watch: called after every cell.

    Returns:
        The results of all cells in ``out``, those of earlier sweeps included.

    Raises:
        ValueError: if ``out`` holds something else, or no cell of the grid can be run.
        OSError: if nothing more can be written.
        KeyboardInterrupt: after Ctrl-C; what was done is recorded.
    """
    machine = machine.chosen
    with closing(machine.make_executor()) as executor:
        store = open_store(sweep.out)
        manifest, cells = prepare(store, sweep.grid)
        cells = share_of(cells, sweep.shard)
        session = Session(store, manifest, Measuring(measure, sweep.asked), sweep.keep, watch)
        try:
            session.take_stock(cells)
            work = session.work(machine)
            session.run(executor, session.claimed(cells), work)
            while session.elsewhere:
                time.sleep(0.5)
                waiting, session.elsewhere = session.elsewhere, []
                session.run(executor, session.claimed(waiting), work)
            return session.finish()
        except KeyboardInterrupt:
            with suppress(OSError):
                session.finish()
            raise KeyboardInterrupt(
                f"stopped with {session.ended} of {len(cells)} cells done; the same command goes on"
            ) from None
        finally:
            session.close()


def check_store(store: Store) -> None:
    """Refuses a store that holds something else than a sweep.

    Raises:
        ValueError: naming it.
    """
    # Listed before it is read: a sweep that begins beside this one may write its plan meanwhile.
    contents = set(store.names("")) - _OWN
    if contents and not read_plan(store):
        raise ValueError(f"{store.url}: expected a new folder or one of a sweep, it has contents")


def prepare(store: Store, grid: Grid) -> tuple[Manifest, list[Cell]]:
    """Enters a grid into a folder's plan; gives the manifest of the plan, and the grid's cells.

    Raises:
        ValueError: if the store holds something else, or no cell of the grid can be run.
    """
    check_store(store)
    own = expand([grid])
    cells = own.cells()
    errors = [cell.error for cell in cells if cell.error]
    if len(errors) == len(cells):
        raise ValueError(f"grid: no cell can be run: {errors[0]}")
    add_grid(store, grid)
    with store.locked():
        manifest = written_manifest(store)
        if manifest is None:
            plan = read_plan(store)
            manifest = own if plan == [grid] else expand(plan)
            write_manifest(store, manifest)
    return manifest, cells


def share_of(cells: list[Cell], shard: Shard) -> list[Cell]:
    """The cells of a shard, longest first."""
    order = longest_first([c.work for c in cells], [c.hash for c in cells])
    return [cells[i] for i in order][shard.index :: shard.count]
