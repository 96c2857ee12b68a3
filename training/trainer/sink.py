"""Where a run in training keeps its scores and checkpoints: in memory or in a run folder."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO

from interp.training.config.options import first_difference
from interp.training.config.run_config import RunConfig
from interp.training.data.dataset import Dataset
from interp.training.models.network import Network
from interp.training.runs.files import is_vacant, remove_folder
from interp.training.runs.folder import (
    CheckpointFolder,
    Weights,
    checkpoint_path,
    create_run,
    drop_old_optimizer_states,
    finish_run,
    read_dataset,
    resumable_steps,
    write_checkpoint,
)
from interp.training.runs.metadata import (
    Measurement,
    append_measurement,
    read_measurements,
    read_run_config,
    write_measurements,
)

_REPLACED = "the run folder was removed or replaced during training; the run has ended"


class BusyError(ValueError):
    """Another process is training in the run folder."""


class MemorySink:
    """Keeps a run's checkpoints and scores in memory."""

    def __init__(self) -> None:
        self.path = None
        self.measurements: list[Measurement] = []
        self._weights: dict[int, Weights] = {}

    @property
    def weights(self) -> Mapping[int, Weights]:
        """Checkpoints by step."""
        return self._weights

    def resumable(self) -> int | None:
        """Nothing: what is in memory ends with the process."""
        return None

    def record(self, measurement: Measurement) -> None:
        """Adds scores, once a step."""
        if not self.measurements or self.measurements[-1].step < measurement.step:
            self.measurements.append(measurement)

    def save(self, step: int, network: Network, config: RunConfig, optimizer: Weights) -> None:
        """Adds a copy of the weights and running statistics."""
        del config, optimizer  # what a resume would need
        self._weights[step] = {
            name: weight.detach().cpu().numpy().copy()
            for name, weight in network.state_dict().items()
        }

    def close(self) -> None:
        """Holds nothing."""


class FolderSink:
    """Keeps a run's checkpoints and scores in a run folder, which it locks while open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.measurements: list[Measurement] = []
        self._lock = None if self.done else _exclusive(path)

    @classmethod
    def open(cls, path: Path, config: RunConfig, dataset: Dataset) -> FolderSink:
        """Makes the folder, or takes up one with the same configuration where it left off."""
        if is_vacant(path):
            create_run(path, config, dataset)
        if not (path / "config.json").is_file():
            raise ValueError(f"{path}: expected a new folder or a run, it holds something else")
        difference = first_difference(config, read_run_config(path))
        if difference:
            raise ValueError(f"{path}: holds another run's configuration: {difference}")
        read_dataset(path, config)  # a damaged one is refused before any work is done
        folder = cls(path)
        try:
            if not folder.done:
                folder._take_up()
        except BaseException:
            folder.close()
            raise
        return folder

    def _take_up(self) -> None:
        """Clears away what a killed process left, and goes back to the newest checkpoint."""
        for unfinished in (self.path / "checkpoints").glob(".step-*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        for name in ("metrics.jsonl", "README.md", "DONE"):
            for unfinished in self.path.glob(f".{name}.*"):
                unfinished.unlink(missing_ok=True)
        step = self.resumable()
        rows = read_measurements(self.path)
        self.measurements = [row for row in rows if step is not None and row.step <= step]
        write_measurements(self.path, tuple(self.measurements))

    @property
    def done(self) -> bool:
        """Whether the run has reached its last step."""
        return (self.path / "DONE").exists()

    @property
    def weights(self) -> Mapping[int, Weights]:
        """Checkpoints by step, read when asked for."""
        return CheckpointFolder(self.path)

    def resumable(self) -> int | None:
        """The newest step whose optimizer state is kept."""
        return max(resumable_steps(self.path), default=None)

    def record(self, measurement: Measurement) -> None:
        """Adds scores; a resumed run has those of its first step already."""
        if not self.measurements or self.measurements[-1].step < measurement.step:
            self._check_place()
            self.measurements.append(measurement)
            append_measurement(self.path, measurement)

    def save(self, step: int, network: Network, config: RunConfig, optimizer: Weights) -> None:
        """Adds a checkpoint, whole or not at all."""
        self._check_place()
        write_checkpoint(self.path, step, network, config, optimizer)
        drop_old_optimizer_states(self.path)

    def forget_others(self, saves: Collection[int], scored: Collection[int]) -> None:
        """Drops what an interruption left between the steps of the schedule, but for the last.

        A run that was resumed then has the scores and weights that it would have had.
        """
        last = self.measurements[-1].step
        rows = [row for row in self.measurements if row.step in scored or row.step == last]
        if len(rows) < len(self.measurements):
            self._check_place()
            self.measurements = rows
            write_measurements(self.path, tuple(rows))
        for step in [one for one in self.weights if one not in saves and one != last]:
            self._check_place()
            remove_folder(checkpoint_path(self.path, step).parent)

    def finish(self, config: RunConfig, seconds: float, stopped: str | None) -> None:
        """Marks the run as complete."""
        self._check_place()
        finish_run(self.path, config, self.measurements[-1], seconds, stopped=stopped)

    def _check_place(self) -> None:
        """Refuses to write into another folder than the one that was opened.

        Raises:
            OSError: if the run folder was removed, or another stands in its place.
        """
        try:
            found = os.stat(self.path / "config.json")
            same = self._lock is not None and os.path.samestat(found, os.fstat(self._lock.fileno()))
        except OSError:
            same = False
        if not same:
            raise OSError(errno.ESTALE, _REPLACED, str(self.path))

    def close(self) -> None:
        """Lets another process train in the folder."""
        if self._lock is not None:
            self._lock.close()


def _exclusive(path: Path) -> IO[bytes]:
    """A lock on a run folder that lasts as long as the returned file stays open.

    Raises:
        BusyError: if another process is training in the folder.
    """
    lock = (path / "config.json").open("rb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise BusyError(f"{path}: another process is training in this folder") from None
    return lock
