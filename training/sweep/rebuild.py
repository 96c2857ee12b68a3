"""Rebuilding the table of results from run folders, whoever made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interp.training.config.plain_data import flattened
from interp.training.config.run_config import RunConfig
from interp.training.runs.metadata import read_run_config
from interp.training.runs.run import load
from interp.training.sweep.executors.machine import Machine
from interp.training.sweep.executors.work import Work, in_one_line
from interp.training.sweep.plan.cell import Cell, content_hash
from interp.training.sweep.plan.manifest import read_manifest, read_plan
from interp.training.sweep.session import Measuring
from interp.training.sweep.store import RUNS, Store
from interp.training.sweep.table.collection import fold
from interp.training.sweep.table.outcome import CellOutcome
from interp.training.sweep.table.record import (
    is_whole,
    read_record,
    recorded,
    remove_record,
    write_record,
)
from interp.training.sweep.table.results import Results
from interp.training.sweep.table.tally import Tally, Watch


@dataclass(frozen=True)
class Remeasure(Work):
    """Measures finished run folders, and changes nothing in them.

    Attributes:
        folders: run folder of each cell, by hash.
    """

    folders: Mapping[str, Path] = field(default_factory=dict)

    def __call__(self, cells: Sequence[Cell]) -> list[CellOutcome]:
        """What each cell's run folder holds."""
        return [self._measured_folder(cell) for cell in cells]

    def _measured_folder(self, cell: Cell) -> CellOutcome:
        try:
            run = load(self.folders[cell.hash])
            self.check_end(run)
            row, measured = self.measure(run), self.further(cell, run, None)
            return CellOutcome(cell, "done", row=row, seconds=run.seconds, measured=measured)
        except Exception as error:
            return CellOutcome(cell, "failed", in_one_line(error))


def rebuild(
    store: Store,
    machine: Machine,
    measuring: Measuring,
    again: bool = False,
    watch: Watch | None = None,
) -> tuple[Results, dict[str, str]]:
    """Makes the table of results anew, from the records and the run folders without one.

    Args:
        store: of a sweep, or any folder that holds run folders.
        machine: who measures.
        measuring: what is measured of a run: its row, and what was asked for beyond it.
        again: measures every run folder, also those with a record.
        watch: called after every run.

    Returns:
        The results, and why some run folders are left out, by their name.

    Raises:
        ValueError: if there is neither a record nor a finished run.
    """
    folders, problems = _run_folders(store)
    cells = {hash_: Cell(hash_, path[1].model_dump_json()) for hash_, path in folders.items()}
    due = [cell for hash_, cell in cells.items() if again or not _has_record(store, hash_)]
    tally = Tally(len(due))
    places = {hash_: place for hash_, (place, _) in folders.items()}
    work = Remeasure(
        measuring.row,
        Path(),
        None,
        threads=machine.threads,
        asked=measuring.asked,
        folders=places,
    )
    executor = machine.make_executor()
    with closing(executor), closing(executor.run(iter(due), work)) as outcomes:
        for outcome in outcomes:
            place = folders[outcome.cell.hash][0]
            if outcome.status == "done":
                ours = store.folder is not None and place == store.folder / RUNS / outcome.cell.hash
                tally.add(write_record(store, outcome, keeps_runs=ours))
            else:
                problems[place.name] = outcome.error or outcome.status
                remove_record(store, outcome.cell.hash)
            if watch:
                watch(tally)
    if not recorded(store):
        reason = f"; {next(iter(problems.values()))}" if problems else ""
        raise ValueError(
            f"{store.url}: expected a sweep or finished run folders, found none{reason}"
        )
    return fold(store, _axes(store), anew=True), problems


def _run_folders(store: Store) -> tuple[dict[str, tuple[Path, RunConfig]], dict[str, str]]:
    """Finished run folders by the hash of their configuration, and those that cannot be read."""
    found: dict[str, tuple[Path, RunConfig]] = {}
    problems: dict[str, str] = {}
    if store.folder is None:
        return found, problems
    for place in sorted([*store.folder.glob(f"{RUNS}/*"), *store.folder.glob("*")]):
        hidden = place.name.startswith(".")  # as what is not finished is
        if hidden or not (place / "DONE").exists() or ".damaged-" in place.name:
            continue
        try:
            config = read_run_config(place)
        except ValueError as error:
            problems[place.name] = in_one_line(error)
            continue
        found.setdefault(content_hash(config.identity()), (place, config))
    return found, problems


def _has_record(store: Store, hash_: str) -> bool:
    record = read_record(store, hash_)
    if record is None or record.status != "done":
        return False
    return store.folder is None or is_whole(store.folder / RUNS / hash_, record)


def _axes(store: Store) -> tuple[str, ...]:
    """Dotted paths of the plan; without a plan, those in which the runs differ."""
    if read_plan(store):
        return read_manifest(store, ["hash"]).axes
    records = [read_record(store, hash_) for hash_ in sorted(recorded(store))]
    configs = [flattened(record.config) for record in records if record is not None]
    paths = dict.fromkeys(path for config in configs for path in config)
    values: dict[str, set[Any]] = {p: {repr(c.get(p)) for c in configs} for p in paths}
    return tuple(path for path in paths if len(values[path]) > 1 and path != "seed")
