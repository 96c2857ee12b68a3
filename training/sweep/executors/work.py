"""What a worker does with a cell: train, measure, and say what came of it."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from interp.training.arguments import word
from interp.training.config.places import PLACES
from interp.training.config.run_config import RunConfig
from interp.training.runs.files import make_folder, remove_folder
from interp.training.runs.run import Run
from interp.training.sweep.executors.asked import Asked
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.store import RUNS, open_store
from interp.training.sweep.table.outcome import CellOutcome, Status
from interp.training.trainer.job import DivergenceError, Outcome
from interp.training.trainer.loop import Interrupted, train_many
from interp.training.trainer.sink import BusyError

Keep = Literal["runs", "scores"]
# What is measured of a finished run: a row of plain values. Must be importable by its name.
Measure = Callable[[Run], dict[str, Any]]

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Number of threads for the libraries that read it when they are loaded.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_PATIENCE = 10.0  # seconds for a killed sweep's worker to let go of a run folder


def check_keep(keep: str) -> None:
    """Refuses what cannot be kept.

    Raises:
        ValueError: saying what can.
    """
    word(keep, get_args(Keep), "keep")


@dataclass(frozen=True)
class Work:
    """What is done with every cell; it travels to other processes and machines.

    Attributes:
        measure: called with the finished run.
        scratch: folder of this machine for runs in training; a cut-off one is taken up there.
        store: where finished run folders go; None keeps the row of scores only.
        device: where to train.
        threads: of a worker.
        asked: further measures, each kept as soon as it is known.
    """

    measure: Measure
    scratch: Path
    store: str | None
    device: str = "cpu"
    threads: int = 1
    asked: tuple[Asked, ...] = ()

    def __call__(self, cells: Sequence[Cell]) -> list[CellOutcome]:
        """Trains the cells, those of the same shapes as cohorts, and measures each."""
        outcomes: dict[str, CellOutcome] = {}
        configs: dict[str, RunConfig] = {}
        for cell in cells:
            try:
                configs[cell.hash] = cell.parsed()
            except ValueError as error:
                outcomes[cell.hash] = CellOutcome(cell, _refused(cell), in_one_line(error))
        able = [cell for cell in cells if cell.hash in configs]
        try:
            trained = self._train([configs[cell.hash] for cell in able], able)
        except Interrupted as error:
            stopped = [CellOutcome(cell, "stopped", str(error)) for cell in able]
            return [outcomes.get(outcome.cell.hash, outcome) for outcome in stopped]
        except Exception as error:  # of the machine rather than of a run
            trained = [error] * len(able)
        for cell, outcome in zip(able, trained, strict=True):
            outcomes[cell.hash] = self._finished(cell, outcome)
        return [outcomes[cell.hash] for cell in cells]

    def place(self, cell: Cell) -> Path:
        """Run folder of a cell on this machine."""
        return self.scratch / cell.hash

    def _train(self, configs: list[RunConfig], cells: Sequence[Cell]) -> list[Outcome]:
        if not configs:
            return []
        places = [self.place(cell) for cell in cells]
        make_folder(self.scratch)
        return train_many(configs, places, device=self.device)

    def _finished(self, cell: Cell, outcome: Outcome) -> CellOutcome:
        """Measures a run. A folder that cannot be read is set aside, and the cell done anew."""
        try:
            return self._measured(cell, outcome)
        except BusyError as error:
            return self._when_free(cell, error)
        except DivergenceError as error:
            self._clear(cell)
            return _failure(cell, error)
        except (ValueError, KeyError) as error:
            if not self.place(cell).exists():
                return CellOutcome(cell, _refused(cell), in_one_line(error))
            set_aside(self.place(cell))
        except Exception as error:
            return _failure(cell, error)
        try:
            (again,) = self._train([cell.parsed()], [cell])
            return self._measured(cell, again)
        except Exception as error:
            return _failure(cell, error)

    def _when_free(self, cell: Cell, busy: BusyError) -> CellOutcome:
        """The worker of a sweep that was killed may take a moment to notice."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            time.sleep(0.2)
            (outcome,) = self._train([cell.parsed()], [cell])
            if not isinstance(outcome, BusyError):
                return self._finished(cell, outcome)
        return _failure(cell, busy)

    def _measured(self, cell: Cell, outcome: Outcome) -> CellOutcome:
        if isinstance(outcome, Exception):
            raise outcome
        place = self.place(cell)
        self.check_end(outcome)
        known = cell.known
        row = self.measure(outcome) if known is None else known.row
        seconds = outcome.seconds if known is None else known.seconds
        measured = self.further(cell, outcome, place)
        if self.store is not None and open_store(self.store).folder is None:
            open_store(self.store).put(place, f"{RUNS}/{cell.hash}")
        self._clear(cell)
        return CellOutcome(cell, "done", row=row, seconds=seconds, measured=measured)

    def further(self, cell: Cell, run: Run, place: Path | None) -> dict[str, Any]:
        """What comes of the further measures that are not known of a cell yet, by label."""
        known = {} if cell.known is None else cell.known.measured
        return {one.label: one.of(run, place) for one in self.asked if not one.is_in(known)}

    def _clear(self, cell: Cell) -> None:
        """Removes a run folder that has ended and is not kept here."""
        if self.store is None or open_store(self.store).folder is None:
            remove_folder(self.place(cell))

    @staticmethod
    def check_end(run: Run) -> None:
        """Refuses a finished run whose scores have lost their end.

        Raises:
            ValueError: naming the run folder.
        """
        last = run.measurement().step
        if last != run.config.steps and run.stopped is None:
            raise ValueError(
                f"{run.path}: expected scores up to step {run.config.steps}, they end at {last}"
            )


def _failure(cell: Cell, error: Exception) -> CellOutcome:
    if isinstance(error, DivergenceError):
        return CellOutcome(cell, "diverged", in_one_line(error))
    full = isinstance(error, OSError) and error.errno in _DISK
    return CellOutcome(cell, "failed", in_one_line(error), disk_full=full)


def in_one_line(error: Exception) -> str:
    """What an error says; its class too where the words alone do not tell."""
    said = str(error)
    if isinstance(error, OSError) and error.filename is not None:
        said = f"{error.filename}: {error.strerror}"
    text = " ".join(said.split())
    clear = isinstance(error, ValueError | ArithmeticError | OSError)
    return text if clear and text else f"{type(error).__name__}: {text}"


def _refused(cell: Cell) -> Status:
    """What a cell is that was refused: invalid, or failed as a file of it is away for a while."""
    values = json.loads(cell.config)
    named = [
        (values.get(section) or {}).get(key) for section, keys in PLACES.items() for key in keys
    ]
    if any(one is not None for one in named):
        try:
            cell.parsed()
        except ValueError:
            return "failed"
    return "invalid"


def set_aside(place: Path) -> None:
    """Keeps a damaged folder under another name: nothing that was written is lost."""
    for number in range(1, 1000):
        aside = place.with_name(f"{place.name}.damaged-{number}")
        if not aside.exists():
            with suppress(FileNotFoundError):
                os.replace(place, aside)
            return
