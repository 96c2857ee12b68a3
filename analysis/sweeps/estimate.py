"""What a sweep would do, and what it would cost, before it is begun."""

from __future__ import annotations

import math
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interp.analysis.sweeps.row import measure
from interp.training.sweep.executors.machine import Machine
from interp.training.sweep.executors.work import check_keep
from interp.training.sweep.plan.cost import Probe, probe, run_bytes
from interp.training.sweep.plan.grid import Grid
from interp.training.sweep.plan.manifest import cells_of
from interp.training.sweep.store import open_store
from interp.training.sweep.sweep import Shard, share_of
from interp.training.sweep.table.record import read_record, recorded, without_run

_RECORD = 4000  # bytes of a record and its row


@dataclass(frozen=True)
class Plan:
    """What a sweep would do.

    Attributes:
        axes: the values of each axis, each once, in the order of the grid.
        seeds: the seeds.
        every: distinct cells of the whole grid.
        cells: distinct cells of the shard.
        invalid: reasons of the cells that cannot be run.
        done: cells that are done already.
        shared: cells that others train, which are counted with those.
        seconds: estimated time of the others on all workers together; None if there is none.
        disk: estimated bytes of the others.
        workers: cells at once.
        probe: times of the cell that was measured.
        problem: why it could not be measured.
    """

    axes: dict[str, list[Any]]
    seeds: list[int]
    every: int
    cells: int
    invalid: list[str]
    done: int
    shared: int
    seconds: float | None
    disk: int
    workers: int
    probe: Probe | None
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "axes": {path: len(values) for path, values in self.axes.items()},
            "values": {path: [_plain(v) for v in values] for path, values in self.axes.items()},
            "seeds": len(self.seeds),
            "cells": self.cells,
            "invalid": len(self.invalid),
            "done": self.done,
            "shared": self.shared,
            "seconds": self.seconds,
            "bytes": self.disk,
            "workers": self.workers,
        }


def make_plan(
    grid: Grid,
    out: Path | str | None,
    machine: Machine,
    keep: str = "runs",
    shard: Shard = Shard(),
    elsewhere: Set[str] = frozenset(),
) -> Plan:
    """Expands a grid, and measures its median cell for a few seconds.

    Args:
        grid: which cells.
        out: of the sweep, where some may be done; None for a new one.
        machine: who would run them.
        keep: as for the sweep.
        shard: which part of the cells.
        elsewhere: hashes of cells that others train, which cost nothing here.
    """
    check_keep(keep)
    every = cells_of(grid)
    cells = share_of(every, shard)
    done = _done(out, keep) if out is not None else set()
    left = [cell for cell in cells if not cell.error and cell.hash not in done | elsewhere]
    found, seconds, disk, problem = None, None, 0, None
    if left:
        typical = left[len(left) // 2]
        config = typical.parsed()
        disk = len(left) * (_RECORD + (run_bytes(config) if keep == "runs" else 0))
        try:
            found = probe(config, measure, machine.threads)
        except (ArithmeticError, ValueError) as error:  # a sweep would record it, and go on
            problem = str(error)
    if found is not None:
        total = sum(cell.work for cell in left) / max(typical.work, 1e-12)
        seconds = total * found.seconds(config) / min(machine.at_once, len(left))
    return Plan(
        axes={p: list({repr(v): v for v in values}.values()) for p, values in grid.values.items()},
        seeds=list(grid.seeds),
        every=len(every),
        cells=len(cells),
        invalid=[cell.error for cell in cells if cell.error],
        done=sum(cell.hash in done for cell in cells),
        shared=sum(cell.hash in elsewhere - done for cell in cells),
        seconds=seconds,
        disk=disk,
        workers=machine.at_once,
        probe=found,
        problem=problem,
    )


def _plain(value: Any) -> Any:
    """A value of an axis, as JSON has it."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _done(out: Path | str, keep: str) -> set[str]:
    store = open_store(out)
    lacks_run = without_run(store, keep)
    records = (read_record(store, hash_) for hash_ in recorded(store))
    return {one.hash for one in records if one and one.final and not lacks_run(one)}
