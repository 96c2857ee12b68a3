"""What a sweep would do, and what it would cost, before it is begun."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interp.analysis.sweeps.row import measure
from interp.training.config.plain_data import flattened
from interp.training.sweep.executors.machine import Machine
from interp.training.sweep.executors.work import check_keep
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.plan.cost import Probe, probe, run_bytes
from interp.training.sweep.plan.grid import Grid
from interp.training.sweep.plan.manifest import cells_of
from interp.training.sweep.store import open_store
from interp.training.sweep.sweep import Shard, share_of
from interp.training.sweep.table.record import read_record, recorded

_RECORD = 4000  # bytes of a record and its row


@dataclass(frozen=True)
class Plan:
    """What a sweep would do.

    Attributes:
        axes: number of values of each axis.
        seeds: number of seeds.
        cells: distinct cells of the shard.
        places: the values of the axes and the seed of each cell, longest first.
        invalid: reasons of the cells that cannot be run.
        done: cells that are done already.
        seconds: estimated time of the others on all workers together; None if there is none.
        disk: estimated bytes of the others.
        workers: cells at once.
        probe: times of the cell that was measured.
        problem: why it could not be measured.
    """

    axes: dict[str, int]
    seeds: int
    cells: int
    places: list[dict[str, Any]]
    invalid: list[str]
    done: int
    seconds: float | None
    disk: int
    workers: int
    probe: Probe | None
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "axes": self.axes,
            "seeds": self.seeds,
            "cells": self.cells,
            "invalid": len(self.invalid),
            "done": self.done,
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
) -> Plan:
    """Expands a grid, and measures its median cell for a few seconds.

    Args:
        grid: which cells.
        out: of the sweep, where some may be done; None for a new one.
        machine: who would run them.
        keep: as for the sweep.
        shard: which part of the cells.
    """
    check_keep(keep)
    cells = share_of(cells_of(grid), shard)
    done = _done(out) if out is not None else set()
    left = [cell for cell in cells if not cell.error and cell.hash not in done]
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
        axes={path: len({repr(v) for v in values}) for path, values in grid.values.items()},
        seeds=len(grid.seeds),
        cells=len(cells),
        places=[_place(cell, (*grid.paths, "seed")) for cell in cells],
        invalid=[cell.error for cell in cells if cell.error],
        done=sum(cell.hash in done for cell in cells),
        seconds=seconds,
        disk=disk,
        workers=machine.at_once,
        probe=found,
        problem=problem,
    )


def _place(cell: Cell, paths: tuple[str, ...]) -> dict[str, Any]:
    values = flattened(json.loads(cell.config))
    return {path: values.get(path) for path in paths}


def _done(out: Path | str) -> set[str]:
    store = open_store(out)
    records = (read_record(store, hash_) for hash_ in recorded(store))
    return {record.hash for record in records if record and record.final}
