"""How far a sweep is, from another process, in a moment: nothing heavy is imported here."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interp.training.sweep.claims import is_running
from interp.training.sweep.parquet_file import read_parquet
from interp.training.sweep.store import MANIFEST, PLAN, RESULTS, Store, open_store
from interp.training.sweep.table.record import Record, read_record, recorded

_RECENT = 600.0  # seconds of the sweep that its rate is taken from


@dataclass(frozen=True)
class SweepStatus:
    """How far the sweeps of a folder are.

    Attributes:
        total: cells of all grids of the folder.
        status: cells by status: done, diverged, invalid, failed.
        states: cells by state: their phase, or why they have none.
        running: whether a sweep is at work; None if that cannot be known.
        rate: cells a second, over the last ten minutes of work; None before the second cell.
        errors: the last few cells that are not done: hash and reason.
    """

    total: int
    status: Counter[str]
    states: Counter[str]
    running: bool | None
    rate: float | None
    errors: list[tuple[str, str]]

    @property
    def left(self) -> int:
        """Cells without an outcome."""
        return self.total - sum(self.status.values())

    @property
    def seconds_left(self) -> float | None:
        """Time until the last cell is done at the present rate."""
        return self.left / self.rate if self.rate else None

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "cells": self.total,
            "left": self.left,
            "status": dict(self.status),
            "states": dict(self.states),
            "running": self.running,
            "cells_per_second": self.rate,
            "seconds_left": self.seconds_left,
            "errors": [{"hash": cell, "error": error} for cell, error in self.errors],
        }


def sweep_status(place: Path | str) -> SweepStatus:
    """How far the sweeps of a folder or URL are; also while they run.

    Raises:
        ValueError: if the place is no sweep.
    """
    store = open_store(place)
    cells = _cells(store)
    table = _rows(store, cells)
    # A cell that failed may have been done since the table was written.
    done = table.filter(pc.equal(table["status"], "done"))
    fresh = recorded(store).difference(done["hash"].to_pylist())
    if fresh:
        table = _refreshed(store, table, fresh & set(cells.to_pylist()))
    failed = table.filter(pc.is_valid(table["error"])).sort_by("finished").to_pylist()
    return SweepStatus(
        total=len(cells),
        status=_counts(table["status"]),
        states=_counts(table["state"]),
        running=is_running(store.folder),
        rate=_rate(table["finished"].to_numpy()),
        errors=[(row["hash"], row["error"]) for row in failed[-5:]],
    )


_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("hash", "status", "state", "error")]
    + [("finished", pa.float64())]
)


def _cells(store: Store) -> pa.ChunkedArray:
    """Hashes of all cells: of the manifest if it belongs to the plan, else of the plan."""
    try:
        plan = hashlib.sha256(store.read(PLAN)).hexdigest().encode()
    except (OSError, ValueError):
        plan = b""
    table = read_parquet(store, MANIFEST, ["hash"], ["hash"]) if plan else None
    if table is not None and (table.schema.metadata or {}).get(b"plan") == plan:
        return table["hash"]
    from interp.training.sweep.plan.manifest import read_manifest

    return read_manifest(store).table["hash"]


def _rows(store: Store, cells: pa.ChunkedArray) -> pa.Table:
    """The table of results as last written: what is told here, of these cells."""
    found = read_parquet(store, RESULTS, _SCHEMA.names)
    try:
        table = _SCHEMA.empty_table() if found is None else found.cast(_SCHEMA)
    except (pa.ArrowException, ValueError):
        return _SCHEMA.empty_table()
    return table.filter(pc.is_in(table["hash"], value_set=cells.combine_chunks()))


def _refreshed(store: Store, table: pa.Table, cells: set[str]) -> pa.Table:
    """The table with the records of some cells in place of their rows."""
    records = [record for cell in cells if (record := read_record(store, cell)) is not None]
    old = pc.is_in(table["hash"], value_set=pa.array([r.hash for r in records], pa.string()))
    new = pa.Table.from_pylist([_row(record) for record in records], _SCHEMA)
    return pa.concat_tables([table.filter(pc.invert(old)), new])


def _row(record: Record) -> dict[str, Any]:
    row = vars(record) | {"state": record.state}
    return {name: row[name] for name in _SCHEMA.names}


def _counts(column: pa.ChunkedArray) -> Counter[str]:
    return Counter({one["values"]: one["counts"] for one in column.value_counts().to_pylist()})


def _rate(finished: np.ndarray) -> float | None:
    if len(finished) < 2:
        return None
    last = float(finished.max())
    recent = finished[finished > last - _RECENT]
    # A sweep that stands still gets slower by the moment, but an old one keeps its rate.
    now = time.time()
    span = (now if now - last < _RECENT else last) - float(recent.min())
    return (len(recent) - 1) / span if span > 0 else None
