"""One process at work on a sweep: what it has done and is doing."""

from __future__ import annotations

import errno
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from interp.training.sweep.claims import Claims
from interp.training.sweep.executors.asked import Asked
from interp.training.sweep.executors.executors import Executor
from interp.training.sweep.executors.machine import Machine
from interp.training.sweep.executors.work import Keep, Measure, Work, set_aside
from interp.training.sweep.parquet_file import read_parquet
from interp.training.sweep.plan.cell import Cell, Known, content_hash
from interp.training.sweep.plan.manifest import Manifest, read_manifest, write_manifest
from interp.training.sweep.store import RESULTS, RUNS, Store
from interp.training.sweep.table.collection import fold
from interp.training.sweep.table.outcome import CellOutcome
from interp.training.sweep.table.record import (
    Record,
    is_whole,
    read_record,
    recorded,
    remove_record,
    without_run,
    write_record,
)
from interp.training.sweep.table.results import Results
from interp.training.sweep.table.tally import Tally, Watch

_FOLDING = 10.0  # seconds between two writings of the table of results, at least


@dataclass(frozen=True)
class Measuring:
    """What is measured of every run: its row, and what was asked for beyond it."""

    row: Measure
    asked: tuple[Asked, ...] = ()


class Session:
    """One process at work on a store: what it has done and is doing."""

    def __init__(
        self,
        store: Store,
        manifest: Manifest,
        measuring: Measuring,
        keep: Keep,
        watch: Watch | None,
    ) -> None:
        self._store, self._manifest, self._measuring, self._keep = store, manifest, measuring, keep
        self._watch = watch or (lambda tally: None)
        self._claims = Claims(store.folder)
        self._new: list[Record] = []
        self._folded, self._patience = time.monotonic(), _FOLDING
        self._tally = Tally(0)
        self._have: set[str] = set()
        self._rows: dict[str, float] = {}
        self._lacks_run = without_run(store, keep)
        self.elsewhere: list[Cell] = []

    def work(self, machine: Machine) -> Work:
        """What each worker is to do."""
        folder = self._store.folder
        if folder is not None:
            scratch = folder.absolute() / (RUNS if self._keep == "runs" else ".scratch")
        else:  # always the same, so that a cut-off run is found again
            scratch = Path(tempfile.gettempdir()) / f"interp-{content_hash(self._store.url)}"
        url = str(folder.absolute()) if folder is not None else self._store.url
        store = url if self._keep == "runs" else None
        own = self._measuring
        return Work(own.row, scratch, store, machine.device, machine.threads, own.asked)

    def take_stock(self, cells: list[Cell]) -> None:
        """Finds the cells that are done, and their outcomes whole."""
        self._tally = Tally(len(cells))
        self._rows = self._table_rows()
        for hash_ in {cell.hash for cell in cells} & recorded(self._store):
            self._count_if_done(hash_)
        self._tally.before = sum(self._tally.status.values())
        self._watch(self._tally)

    def _count_if_done(self, hash_: str) -> bool:
        record = read_record(self._store, hash_)
        if record is None or not record.final:
            return False
        folder = self._store.folder
        if folder is not None and not is_whole(folder / RUNS / hash_, record):
            return False
        if self._lacks_run(record):
            return False
        if record.status == "done" and not self._measured(record):
            return False
        if self._rows.get(hash_, record.finished) != record.finished:
            self._new.append(record)  # a session that was killed had not yet written it there
        self._have.add(hash_)
        self._tally.add(record)
        return True

    def _table_rows(self) -> dict[str, float]:
        """When the cells finished, as the table has it."""
        names = ("hash", "finished")
        table = read_parquet(self._store, RESULTS, names, text=("hash",))
        if table is None or "finished" not in table.column_names:
            return {}
        return dict(zip(*(table[name].to_pylist() for name in names), strict=True))

    def _measured(self, record: Record) -> bool:
        """Whether everything that was asked for is recorded."""
        return all(one.is_in(record.measured) for one in self._measuring.asked)

    def _with_known(self, cell: Cell) -> Cell:
        """The cell with what was measured of it, if it is done but for some measures."""
        record = read_record(self._store, cell.hash)
        if record is None or record.status != "done":
            return cell
        return replace(cell, known=Known(record.row, record.seconds, record.measured))

    def _set_aside_damage(self, hash_: str) -> None:
        """Makes room for a cell that is done anew; it must be claimed, or a worker is in there."""
        folder, record = self._store.folder, read_record(self._store, hash_)
        if folder is None or record is None or is_whole(folder / RUNS / hash_, record):
            return
        set_aside(folder / RUNS / hash_)
        remove_record(self._store, hash_)  # or a cut-off run would look damaged too

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
                yield self._with_known(cell)
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
