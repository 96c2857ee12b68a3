"""How far a sweep is, from another process, in a moment: nothing heavy is imported here."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from training.sweep.claims import is_running
from training.sweep.record import read_record, recorded
from training.sweep.store import Store, open_store

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
    rows = _rows(store)
    # A cell that failed may have been done since the table was written.
    for hash_ in recorded(store) - {hash_ for hash_, row in rows.items() if row[0] == "done"}:
        record = read_record(store, hash_)
        if record is not None:
            state = str(record.row.get("state", "done"))
            state = state if record.status == "done" else "failed"
            rows[hash_] = (record.status, state, record.error, record.finished)
    found = [row for hash_, row in rows.items() if hash_ in cells]
    errors = sorted(
        (row[3], hash_, row[2]) for hash_, row in rows.items() if row[2] and hash_ in cells
    )
    return SweepStatus(
        total=len(cells),
        status=Counter(row[0] for row in found),
        states=Counter(row[1] for row in found),
        running=is_running(store.folder),
        rate=_rate([row[3] for row in found]),
        errors=[(hash_, error) for _, hash_, error in errors[-5:]],
    )


def _cells(store: Store) -> set[str]:
    """Hashes of all cells: of the manifest if it belongs to the plan, else of the plan."""
    try:
        plan = hashlib.sha256(store.read("sweep.json")).hexdigest().encode()
        source = pa.BufferReader(store.read("manifest.parquet"))
        if (pq.read_schema(source).metadata or {}).get(b"plan") == plan:
            source.seek(0)
            return set(pq.read_table(source, columns=["hash"])["hash"].to_pylist())
    except (OSError, pa.ArrowException):
        pass
    from training.sweep.manifest import read_manifest

    return set(read_manifest(store).table["hash"].to_pylist())


def _rows(store: Store) -> dict[str, tuple[str, str, str | None, float]]:
    """Status, state, error and time of the cells in the table of results as last written."""
    names = ["hash", "status", "state", "error", "finished"]
    try:
        table = pq.read_table(pa.BufferReader(store.read("results.parquet")), columns=names)
        columns = [table[name].to_pylist() for name in names]
    except (OSError, pa.ArrowException, KeyError):
        return {}
    return {hash_: tuple(row) for hash_, *row in zip(*columns, strict=True)}


def _rate(finished: list[float]) -> float | None:
    if len(finished) < 2:
        return None
    last = max(finished)
    recent = [moment for moment in finished if moment > last - _RECENT]
    # A sweep that stands still gets slower by the moment, but an old one keeps its rate.
    until = max(last, min(time.time(), last + _RECENT))
    span = (until if until - last < _RECENT else last) - min(recent)
    return (len(recent) - 1) / span if span > 0 else None
