"""One run of a cohort: where it comes from, where it goes and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from interp.training.config.run_config import RunConfig
from interp.training.data.dataset import Dataset
from interp.training.models.network import Network
from interp.training.runs.folder import Weights
from interp.training.runs.metadata import Measurement
from interp.training.runs.run import Run, load
from interp.training.trainer.callbacks import (
    Callback,
    CallbackError,
    begin_all,
    call_all,
    is_wanted,
)
from interp.training.trainer.schedule import save_and_score_steps
from interp.training.trainer.sink import FolderSink, MemorySink

# What came of one of several runs: the run, or why there is none.
Outcome = Run | Exception


class DivergenceError(ArithmeticError):
    """The loss became NaN or infinite; the last good checkpoint is kept."""


def dataset_of(config: RunConfig) -> Dataset:
    """The dataset that a configuration describes."""
    return config.data.make_dataset(
        config.make_task(), config.seed_of("split"), config.seed_of("corruption")
    )


class Job:
    """One run of a cohort: where it comes from, where it goes and what became of it."""

    def __init__(
        self,
        number: int,
        config: RunConfig,
        out: Path | None,
        device: torch.device,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.number, self.config, self.out, self.device = number, config, out, device
        self.dataset = dataset_of(config)
        self.sink: MemorySink | FolderSink = MemorySink()
        self.outcome: Outcome | None = None
        self.stopped: str | None = None
        self._callbacks = callbacks
        _, self._scored = save_and_score_steps(config)

    def wants(self, step: int) -> bool:
        """Whether a callback is to be called at a step."""
        return any(is_wanted(one, step) for one in self._callbacks)

    def open(self) -> None:
        """Makes or takes up the run folder; one that is finished is the outcome."""
        empty = [s for s in self.config.stop.splits if not self.dataset.members(s).any()]
        if empty:
            self.outcome = ValueError(f"stop: expected a split with examples, {empty[0]} has none")
        if empty:
            return
        try:
            if self.out is not None:
                self.sink = sink = FolderSink.open(self.out, self.config, self.dataset)
                if sink.done:
                    self.outcome = load(self.out)
                    return
            begin_all(self._callbacks, self._so_far())
        except (ValueError, OSError, CallbackError) as error:
            self.outcome = error

    def _so_far(self) -> Run:
        """The run as it is before its first step, or where it goes on."""
        rows, sink = tuple(self.sink.measurements), self.sink
        return Run(self.config, self.dataset, rows, sink.weights, sink.path, finished=False)

    def record(self, measurement: Measurement) -> None:
        """Adds scores, unless they show that the run has diverged."""
        self.check(measurement.weight_norm + sum(_losses(measurement)), measurement.step)
        self._unless_over(lambda: self.sink.record(measurement))

    def save(self, step: int, network: Network, optimizer: Weights) -> None:
        """Adds a checkpoint."""
        self._unless_over(lambda: self.sink.save(step, network, self.config, optimizer))

    def watch(self, step: int, is_scored: bool, network: Network) -> None:
        """Calls the callbacks, and sees whether the run is to end here."""
        if self.outcome is not None:
            return
        if is_scored and self._is_enough():
            self.stopped = self.config.stop.words
        try:
            scores = self.sink.measurements[-1].scores if is_scored else None
            asked = call_all(self._callbacks, step, scores, network)
        except CallbackError as error:
            self.outcome = error
        else:
            self.stopped = self.stopped or asked

    def _is_enough(self) -> bool:
        """Whether the last scores are those that the run is to stop at."""
        stop = self.config.stop
        if not stop.limits:
            return False
        # An interrupted run has scores of other steps too, which another one would not count.
        rows = (row for row in reversed(self.sink.measurements) if row.step in self._scored)
        last = [row.scores.values() for row in islice(rows, stop.in_a_row)]
        return stop.holds(last[::-1])

    def _unless_over(self, write: Callable[[], None]) -> None:
        """Writes while the run goes on; a disk that refuses ends this run only."""
        if self.outcome is None:
            try:
                write()
            except OSError as error:
                self.outcome = error

    def check(self, value: float, step: int) -> None:
        """Ends the run if a value is not finite."""
        if self.outcome is None and not np.isfinite(value):
            kept = max(self.sink.weights, default=None)
            note = "" if kept is None else f"; the checkpoint of step {kept} is kept"
            self.outcome = DivergenceError(f"loss is no longer finite at step {step}{note}")

    def finish(self, seconds: float) -> None:
        """Marks the run as complete."""
        if self.outcome is not None:
            return
        sink = self.sink
        if isinstance(sink, MemorySink):
            self.outcome = replace(self._so_far(), finished=True, stopped=self.stopped)
            return
        saves, scored = save_and_score_steps(self.config)
        self._unless_over(lambda: sink.forget_others(saves, scored))
        self._unless_over(lambda: sink.finish(self.config, seconds, self.stopped))
        if self.outcome is None:
            self.outcome = load(sink.path)


def _losses(measurement: Measurement) -> list[float]:
    return [score.loss for score in measurement.scores.by_split.values() if score.loss is not None]
