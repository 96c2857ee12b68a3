"""Sweeps as people ask for them: a grid in, a table of results out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from interp.analysis.sweeps.measured import asked_of, check_elsewhere
from interp.analysis.sweeps.options import as_grid, axes_of_plane, parse_shard
from interp.analysis.sweeps.refine import refine as points_between
from interp.analysis.sweeps.row import measure
from interp.training.arguments import as_function, as_path, whole
from interp.training.runs.files import write_bytes
from interp.training.sweep.executors.machine import Machine, MachineLike, as_machine
from interp.training.sweep.executors.work import Keep
from interp.training.sweep.plan.grid import Grid
from interp.training.sweep.plan.manifest import cells_of, parquet, read_manifest, read_plan
from interp.training.sweep.rebuild import rebuild
from interp.training.sweep.session import Measuring
from interp.training.sweep.store import Store, open_store
from interp.training.sweep.sweep import Sweep, run_sweep
from interp.training.sweep.table.collection import gathered, read_results
from interp.training.sweep.table.results import Results

if TYPE_CHECKING:
    from interp.training.sweep.table.tally import Tally


def sweep(
    grid: Grid | Mapping[str, Any] | Path | str,
    out: Path | str,
    machine: MachineLike = "auto",
    keep: Keep = "runs",
    shard: str | None = None,
    refine: int = 0,
    watch: Callable[[Tally], None] | None = None,
) -> Results:
    """Trains every cell of a grid once, measures each, and gives one tidy table.

    A sweep can be killed at any moment and started again; what is done is never done twice, in
    this sweep or another one with the same ``out``.

    Args:
        grid: a grid file, or what stands in one.
        out: folder, or an fsspec URL such as ``s3://bucket/sweep``.
        machine: where and how: a :class:`interp.Machine`, its fields in a mapping, or the name of
            an executor alone, such as ``serial``.
        keep: ``runs`` keeps every run folder, ``scores`` the rows of the table only.
        shard: ``"i/n"``: the i-th of n parts, counted from 0.
        refine: rounds of new cells between neighbours whose states differ, each half as far
            apart as the last.
        watch: called after every cell with a :class:`interp.training.sweep.table.tally.Tally`.

    Returns:
        The results of the cells of the grid, the refined ones included.

    Raises:
        ValueError: in one line, if the grid or an option is not as expected, or ``out`` holds
            something that is no sweep.
    """
    as_path(out, "a folder, or the URL of one")
    as_function(watch, "watch")
    whole = as_grid(grid)
    asked = Sweep(whole, out, keep, parse_shard(shard), asked_of(whole))
    chosen = as_machine(machine).chosen
    _check(asked, chosen, refine)
    axes = axes_of_plane(asked.grid) if refine else ("", "")
    grids, found = [asked.grid], run_sweep(asked, chosen, measure, watch)
    for _ in range(refine):
        done = results_of(found, grids)
        points = points_between(done, *axes, base=asked.grid.values)
        if not points:
            break
        grids.append(replace(whole, axes={}, zips=(), points=tuple(points)))
        found = run_sweep(replace(asked, grid=grids[-1]), chosen, measure, watch)
    return results_of(found, grids)


def _check(asked: Sweep, machine: Machine, refine: int) -> None:
    """Refuses what cannot be asked for together."""
    if whole(refine, "refine") and asked.shard.count > 1:
        raise ValueError("refine: expected the whole sweep, got a shard; refine when all are done")
    if str(asked.out).startswith("memory://") and machine.is_apart and asked.keep == "runs":
        raise ValueError(
            f"{asked.out}: memory is seen by one process only; use executor serial, or keep scores"
        )
    if machine.is_apart:
        check_elsewhere([asked.grid])


def collect(
    place: Path | str,
    again: bool = False,
    machine: MachineLike = "auto",
    watch: Callable[[Tally], None] | None = None,
) -> tuple[Results, dict[str, str]]:
    """Makes the table of results anew, from run folders alone if need be.

    Args:
        place: folder of a sweep, or any folder of run folders; or the URL of a sweep.
        again: measures every run folder, also those that were measured.
        machine: where and how, as for :func:`sweep`; ``auto`` is a process a core.
        watch: called after every run.

    Returns:
        The results, and why some run folders are left out.

    Raises:
        ValueError: if there is no such folder, or nothing in it to collect.
    """
    store = existing(place)
    grids = read_plan(store)
    asked = {one.label: one for grid in grids for one in asked_of(grid)}
    measuring = Measuring(measure, tuple(asked.values()))
    return rebuild(store, _measuring(as_machine(machine)), measuring, again, watch)


def _measuring(machine: Machine) -> Machine:
    """The machine that measures finished runs, for which no GPU is used."""
    if machine.device == "cuda":
        raise ValueError("device: expected cpu or auto where nothing is trained, got 'cuda'")
    if machine.executor != "auto":
        return machine
    return replace(machine, executor="processes" if machine.at_once > 1 else "serial")


def read(place: Path | str) -> Results:
    """The results of a sweep as far as it is; also while it runs.

    Raises:
        ValueError: if the place is no sweep, or nothing is done yet.
    """
    store = existing(place)
    written = read_results(store)
    if read_plan(store):
        written = gathered(store, read_manifest(store, ["hash"]).axes)
    if written is None or not len(written):
        raise ValueError(f"{place}: expected a sweep with results, found none")
    return written


def write_results(results: Results, path: Path) -> None:
    """Writes the table of results as .parquet or .csv, in one step."""
    if path.suffix.lower() == ".parquet":
        write_bytes(path, parquet(results.table))
    else:
        write_bytes(path, results.to_pandas().to_csv(index=False).encode())


def existing(place: Path | str) -> Store:
    """The store at a place where there is something.

    Raises:
        ValueError: if there is nothing.
    """
    store = open_store(place)
    if not store.names(""):
        raise ValueError(f"{place}: expected a folder of a sweep, found none")
    return store


def results_of(results: Results, grids: list[Grid]) -> Results:
    """The rows that belong to some grids, of a folder that may hold more."""
    hashes = {cell.hash for grid in grids for cell in cells_of(grid)}
    axes = tuple(dict.fromkeys(path for grid in grids for path in grid.paths))
    mask = pc.is_in(results.table["hash"], value_set=pa.array(sorted(hashes)))
    other = [path for path in results.axes if path not in axes]
    return Results(results.table.filter(mask).drop_columns(other), axes)
