"""Who trains networks again: this process, or a sweep in a folder, which can be cut off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.numpy

from interp.analysis.sweeps.sweep import sweep
from interp.training.config.plain_data import flattened, with_overrides
from interp.training.config.run_config import RunConfig, parse_config
from interp.training.data.given import dataset_bytes
from interp.training.runs.files import make_folder, write_bytes
from interp.training.runs.run import Run, load
from interp.training.sweep.executors.machine import MachineLike
from interp.training.sweep.plan.cell import content_hash
from interp.training.sweep.plan.grid import Grid
from interp.training.sweep.store import GIVEN, RUNS, FolderStore, open_store
from interp.training.sweep.sweep import check_store
from interp.training.sweep.table.record import read_record
from interp.training.sweep.table.tally import Watch
from interp.training.trainer.loop import train_many

# Trains what is asked for; the runs come in its order.
Trainer = Callable[[Sequence[RunConfig]], list[Run]]


def in_memory(configs: Sequence[RunConfig]) -> list[Run]:
    """Trains in this process, those of one shape as a cohort; nothing is kept.

    Raises:
        Exception: that ended one of them, as a loss that is no number.
    """
    found = []
    for outcome in train_many(configs):
        if isinstance(outcome, Exception):
            raise outcome
        found.append(outcome)
    return found


@dataclass(frozen=True)
class InSweep:
    """Trains by a sweep: on any machine, resumable, with progress.

    Attributes:
        place: folder of the sweep; what was trained there is not trained again.
        machine: as for :func:`interp.sweep`.
        watch: called after every network.
    """

    place: Path | str
    machine: MachineLike = "auto"
    watch: Watch | None = None

    def __call__(self, configs: Sequence[RunConfig]) -> list[Run]:
        """Trains what is not there yet.

        Raises:
            ValueError: if the folder holds something else, or a network could not be trained.
        """
        if not configs:
            return []
        store = open_store(self.place)
        if store.folder is None:
            raise ValueError(f"{self.place}: expected a folder of this machine, got an address")
        check_store(store)
        placed = [self._placed(config) for config in configs]
        sweep(grid_of(placed), self.folder, self.machine, watch=self.watch)
        return [self._trained(config) for config in placed]

    @property
    def folder(self) -> Path:
        """The folder of the sweep."""
        return Path(self.place)

    def _placed(self, config: RunConfig) -> RunConfig:
        """The configuration with files in place of what this process alone knows."""
        values, given = config.to_dict(), self.folder / GIVEN
        data, start = config.data, config.start
        if data.digest is not None and data.file is None:
            place = given / f"{data.digest}.npz"
            dataset = data.make_dataset(config.make_task(), 0, 0)
            _write(place, lambda: dataset_bytes(dataset))
            values["data"]["file"] = str(place)
        if start.digest is not None and start.run is None:
            place = given / f"{start.digest}.safetensors"
            _write(place, lambda: safetensors.numpy.save(dict(start.weights())))
            values["start"]["run"] = str(place)
        return parse_config(values)

    def _trained(self, config: RunConfig) -> Run:
        name = content_hash(config.identity())
        record = read_record(FolderStore(self.folder), name)
        if record is None or record.status != "done":
            why = "it was not trained" if record is None else record.error or record.status
            raise ValueError(f"{self.folder}: expected every network retrained; {name}: {why}")
        return load(self.folder / RUNS / name)


def grid_of(configs: Sequence[RunConfig]) -> Grid:
    """The grid whose points are some configurations of one seed."""
    every = [flattened(config.to_dict()) for config in configs]
    first = every[0]
    # A section such as ``stop`` has other fields in other configurations.
    same = {k: v for k, v in first.items() if all(k in one and one[k] == v for one in every)}
    points = [{path: value for path, value in one.items() if path not in same} for one in every]
    base: dict[str, Any] = with_overrides({}, same)
    return Grid(base, points=tuple(points) if any(points) else (), seeds=(configs[0].seed,))


def _write(place: Path, content: Callable[[], bytes]) -> None:
    """Writes a file whose name tells its content, unless it is there, and whole."""
    wanted = content()
    if not place.exists() or place.read_bytes() != wanted:
        make_folder(place.parent)
        write_bytes(place, wanted)
