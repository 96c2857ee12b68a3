"""The sweep: every cell of a grid once, by any executor, resumable at any moment."""

from __future__ import annotations

import errno
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from training.sweep.cell import Cell, content_hash
from training.sweep.claims import Claims
from training.sweep.collection import RESULTS, fold
from training.sweep.cost import longest_first
from training.sweep.executors import Executor
from training.sweep.grid import Grid
from training.sweep.manifest import (
    MANIFEST,
    Manifest,
    add_grid,
    expand,
    is_written,
    read_manifest,
    read_plan,
    write_manifest,
)
from training.sweep.outcome import CellOutcome
from training.sweep.record import (
    FOLDER,
    RUNS,
    Record,
    is_whole,
    read_record,
    recorded,
    write_record,
)
from training.sweep.results import Results
from training.sweep.store import Store, open_store
from training.sweep.work import Keep, Measure, Work, set_aside

# What can be different next time: another worker, more memory, a larger disk.
_TRANSIENT = "failed"
_OWN = {RUNS, FOLDER, RESULTS, MANIFEST}  # what a sweep can go on with when its plan is lost
_FOLDING = 10.0  # seconds between two writings of the table of results, at least


@dataclass
class Tally:
    """How far a sweep is.

    Attributes:
        total: cells that were asked for.
        before: of these, done before this sweep began.
        status: cells by status, those from before included.
        states: cells by state, such as their phase.
        elsewhere: cells that another process is working on.
        started: time at which this sweep began.
    """

    total: int
    before: int = 0
    status: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    elsewhere: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> int:
        """Cells without an outcome."""
        return self.total - sum(self.status.values())

    @property
    def rate(self) -> float:
        """Cells a second, of those that this sweep has done."""
        seconds = time.monotonic() - self.started
        return (sum(self.status.values()) - self.before) / seconds if seconds else 0.0

    def add(self, record: Record) -> None:
        """Counts a record."""
        self.status[record.status] += 1
        failed = record.status != "done"
        self.states["failed" if failed else str(record.row.get("state", "done"))] += 1


Watch = Callable[[Tally], None]


@dataclass(frozen=True)
class Shard:
    """The i-th of n parts of a sweep, counted from 0."""

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if self.count < 1 or not 0 <= self.index < self.count:
            raise ValueError(
                f"shard: expected i/n with i from 0 to n − 1, got {self.index}/{self.count}"
            )


def run_sweep(
    grid: Grid,
    out: Path | str,
    executor: Executor,
    measure: Measure,
    keep: Keep = "runs",
    shard: Shard = Shard(),
    device: str = "cpu",
    threads: int = 1,
    watch: Watch | None = None,
) -> Results:
    """Does every cell of a grid that has not been done, here or in an earlier sweep.

    Args:
        grid: which cells.
        out: folder or fsspec URL. Several sweeps may share it, one after the other or at once.
        executor: who runs them; closed at the end.
        measure: what is measured of a finished run; importable by its name.
        keep: ``runs``: run folders, or ``scores``: rows of the table only.
        shard: which part of the cells.
        device: where to train.
        threads: of a worker.
        watch: called after every cell.

    Returns:
        The results of all cells in ``out``, those of earlier sweeps included.

    Raises:
        ValueError: if ``out`` holds something else, or no cell of the grid can be run.
        OSError: if nothing more can be written.
        KeyboardInterrupt: after Ctrl-C; what was done is recorded.
    """
    with closing(executor):
        store = open_store(out)
        manifest, cells = prepare(store, grid)
        cells = share_of(cells, shard)
        session = _Session(store, manifest, measure, keep, watch)
        try:
            session.take_stock(cells)
            work = session.work(device, threads)
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


def prepare(store: Store, grid: Grid) -> tuple[Manifest, list[Cell]]:
    """Enters a grid into a folder's plan; gives the manifest of the plan, and the grid's cells.

    Raises:
        ValueError: if the store holds something else, or no cell of the grid can be run.
    """
    if not read_plan(store) and set(store.names("")) - _OWN:
        raise ValueError(f"{store.url}: expected a new folder or one of a sweep, it has contents")
    own = expand([grid])
    cells = own.cells()
    errors = [cell.error for cell in cells if cell.error]
    if len(errors) == len(cells):
        raise ValueError(f"grid: no cell can be run: {errors[0]}")
    before = read_plan(store)
    add_grid(store, grid)
    with store.locked():
        plan = read_plan(store)
        manifest = read_manifest(store) if plan == before else None
        if manifest is None or not is_written(store):
            manifest = own if plan == [grid] else expand(plan)
            write_manifest(store, manifest)
    return manifest, cells


def share_of(cells: list[Cell], shard: Shard) -> list[Cell]:
    """The cells of a shard, longest first."""
    order = longest_first([c.work for c in cells], [c.hash for c in cells])
    return [cells[i] for i in order][shard.index :: shard.count]


class _Session:
    """One process at work on a store: what it has done and is doing."""

    def __init__(
        self, store: Store, manifest: Manifest, measure: Measure, keep: Keep, watch: Watch | None
    ) -> None:
        self._store, self._manifest, self._measure, self._keep = store, manifest, measure, keep
        self._watch = watch or (lambda tally: None)
        self._claims = Claims(store.folder)
        self._new: list[Record] = []
        self._folded, self._patience = time.monotonic(), _FOLDING
        self._tally = Tally(0)
        self._have: set[str] = set()
        self.elsewhere: list[Cell] = []

    def work(self, device: str, threads: int) -> Work:
        """What each worker is to do."""
        folder = self._store.folder
        if folder is not None:
            scratch = folder.absolute() / (RUNS if self._keep == "runs" else ".scratch")
        else:  # always the same, so that a cut-off run is found again
            scratch = Path(tempfile.gettempdir()) / f"interp-{content_hash(self._store.url)}"
        url = str(folder.absolute()) if folder is not None else self._store.url
        store = url if self._keep == "runs" else None
        return Work(self._measure, scratch, store, device, threads)

    def take_stock(self, cells: list[Cell]) -> None:
        """Finds the cells that are done, and their outcomes whole."""
        self._tally = Tally(len(cells))
        for hash_ in {cell.hash for cell in cells} & recorded(self._store):
            self._count_if_done(hash_)
        self._tally.before = sum(self._tally.status.values())
        self._watch(self._tally)

    def _count_if_done(self, hash_: str) -> bool:
        record = read_record(self._store, hash_)
        if record is None or record.status == _TRANSIENT:
            return False
        folder = self._store.folder
        if folder is not None and not is_whole(folder / RUNS / hash_, record):
            return False
        self._have.add(hash_)
        self._tally.add(record)
        return True

    def _set_aside_damage(self, hash_: str) -> None:
        """Makes room for a cell that is done anew; it must be claimed, or a worker is in there."""
        folder, record = self._store.folder, read_record(self._store, hash_)
        if folder is None or record is None or is_whole(folder / RUNS / hash_, record):
            return
        set_aside(folder / RUNS / hash_)
        self._store.remove(f"{FOLDER}/{hash_}.json")  # or a cut-off run would look damaged too

    def claimed(self, cells: list[Cell]) -> Iterator[Cell]:
        """Takes the cells that are not done, one by one as they are asked for."""
        for cell in cells:
            if cell.hash in self._have:
                continue
            if not self._claims.take(cell.hash):
                self.elsewhere.append(cell)
            elif self._count_if_done(cell.hash):  # by another process, since we looked
                self._claims.give_back(cell.hash)
                self._tally.before += 1
            elif cell.error is not None:
                self._record(CellOutcome(cell, "invalid", cell.error))
            else:
                self._set_aside_damage(cell.hash)
                yield cell
        self._tally.elsewhere = len(self.elsewhere)
        self._watch(self._tally)

    def run(self, executor: Executor, cells: Iterator[Cell], work: Work) -> None:
        """Runs cells, and records each outcome as it comes."""
        with closing(executor.run(cells, work)) as outcomes:
            for outcome in outcomes:
                if outcome.status == "stopped":
                    raise KeyboardInterrupt
                if outcome.disk_full:
                    reason = f"the sweep stopped: {outcome.error}"
                    raise OSError(errno.ENOSPC, reason, self._store.url)
                self._record(outcome)

    def _record(self, outcome: CellOutcome) -> None:
        record = write_record(self._store, outcome, self._keep == "runs")
        self._claims.give_back(outcome.cell.hash)
        self._have.add(record.hash)
        self._new.append(record)
        self._tally.add(record)
        self._watch(self._tally)
        if time.monotonic() - self._folded > self._patience:
            began = time.monotonic()
            self._fold(self._manifest.axes)
            self._folded = time.monotonic()
            self._patience = max(_FOLDING, 30 * (self._folded - began))

    def _fold(self, axes: tuple[str, ...]) -> Results:
        results = fold(self._store, axes, self._new)
        self._new.clear()
        return results

    @property
    def ended(self) -> int:
        """Cells with an outcome."""
        return sum(self._tally.status.values())

    def finish(self) -> Results:
        """Writes the table and the manifest as they are now."""
        # Another sweep may have added its axes since this one began.
        results = self._fold(read_manifest(self._store, ["hash"]).axes)
        names = ("hash", "status", "error")
        columns = [results.table[name].to_pylist() for name in names]
        status = {hash_: (s, error) for hash_, s, error in zip(*columns, strict=True)}
        with self._store.locked():
            write_manifest(self._store, read_manifest(self._store).with_status(status))
        return results

    def close(self) -> None:
        """Lets go of the claims."""
        self._claims.close()
