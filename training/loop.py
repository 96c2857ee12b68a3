"""The trainer: from a configuration to a run, resumable at any moment."""

from __future__ import annotations

import fcntl
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

import numpy as np
import torch

from training.checkpoint import load_weights, read_tensors
from training.config import RunConfig, first_difference
from training.data import Dataset, make_dataset
from training.evaluation import Evaluation
from training.gradients import MLPGradients
from training.models.mlp import MLP, empty_network, initial_network
from training.optimizer import make_optimizer, optimizer_tensors, restore_optimizer
from training.run import (
    CheckpointFolder,
    Measurement,
    Run,
    Weights,
    append_measurement,
    checkpoint_path,
    create_run,
    drop_old_optimizer_states,
    finish_run,
    load,
    optimizer_path,
    read_run_config,
    resumable_steps,
    weight_norm,
    write_checkpoint,
    write_measurements,
)
from training.schedule import checkpoint_steps, evaluation_steps

# Called as (step, last measurement or None); must not change anything it is given.
Progress = Callable[[int, Measurement | None], None]


class DivergenceError(ArithmeticError):
    """The loss became NaN or infinite; the last good checkpoint is kept."""


class Interrupted(KeyboardInterrupt):
    """Training was asked to stop, and has saved where it was."""


def train(
    config: RunConfig, out: Path | str | None = None, progress: Progress | None = None
) -> Run:
    """Trains a network, or goes on with a run that was cut off.

    Args:
        config: everything that determines the run.
        out: run folder, made or resumed; None keeps the run in memory. A finished one is loaded.
        progress: called after every step.

    Returns:
        The run. A resumed run is bit-identical to an uninterrupted one on the same machine with
        the same number of threads.

    Raises:
        ValueError: if ``out`` holds another configuration or something that is no run.
        DivergenceError: if the loss becomes NaN or infinite.
        Interrupted: after Ctrl-C, with a checkpoint saved.
    """
    dataset = dataset_of(config)
    sink: _Memory | _Folder = _Memory() if out is None else _Folder.open(Path(out), config, dataset)
    with closing(sink):
        if isinstance(sink, _Folder) and sink.done:
            return load(sink.path)
        state = _State.at(config, dataset, sink)
        started = time.perf_counter()
        with _stop_on_interrupt() as stop_requested:
            _advance(state, config, sink, progress, stop_requested)
        if isinstance(sink, _Folder):
            finish_run(sink.path, config, sink.measurements[-1], time.perf_counter() - started)
            return load(sink.path)
    return Run(config, dataset, tuple(sink.measurements), sink.weights)


def dataset_of(config: RunConfig) -> Dataset:
    """The dataset that a configuration describes."""
    return make_dataset(
        config.make_task(),
        config.data.fraction,
        config.data.corruption,
        config.data.kind,
        config.seed_of("split"),
        config.seed_of("corruption"),
    )


class _State:
    """Network, optimizer and what they are trained and scored on, at a step."""

    def __init__(self, config: RunConfig, dataset: Dataset, network: MLP, step: int) -> None:
        self.network, self.step = network, step
        self.optimizer = make_optimizer(network, config.optimizer)
        train = dataset.is_train
        self.gradients = MLPGradients(
            network, dataset.pairs[train], dataset.given_label[train], config.loss
        )
        self.evaluation = Evaluation(dataset, config.loss)

    @classmethod
    def at(cls, config: RunConfig, dataset: Dataset, sink: _Memory | _Folder) -> _State:
        """The state to go on from: the newest resumable checkpoint, or step 0."""
        step = sink.resumable()
        if step is None or isinstance(sink, _Memory):
            return cls(config, dataset, initial_network(config, dataset.task), 0)
        path = checkpoint_path(sink.path, step)
        network = empty_network(config, dataset.task)
        load_weights(network, read_tensors(path)[0], path)
        state = cls(config, dataset, network, step)
        path = optimizer_path(sink.path, step)
        arrays, _ = read_tensors(path)
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        if step > 0:
            restore_optimizer(network, state.optimizer, tensors, path)
        return state

    def measure(self) -> Measurement:
        with torch.no_grad():
            scores = self.evaluation(self.network(self.evaluation.pairs))
        return Measurement(self.step, scores, weight_norm(self.network))

    def optimizer_arrays(self) -> Weights:
        tensors = optimizer_tensors(self.network, self.optimizer)
        return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}


def _advance(
    state: _State,
    config: RunConfig,
    sink: _Memory | _Folder,
    progress: Progress | None,
    stop_requested: threading.Event,
) -> None:
    saves = set(
        checkpoint_steps(
            config.steps, config.schedule.checkpoints, config.schedule.checkpoint_steps
        )
    )
    # Whatever is saved is also scored, so that every checkpoint can be read beside its scores.
    scored = set(evaluation_steps(config.steps, config.schedule.evaluations)) | saves
    latest = sink.measurements[-1] if sink.measurements else None
    while True:
        stopping = stop_requested.is_set()
        if state.step in scored or stopping:
            latest = state.measure()
            # Losses too: at the last step no gradient follows that would show it.
            losses = [score.loss for score in latest.scores.values() if score.loss is not None]
            _require_finite(latest.weight_norm + sum(losses), state.step, sink)
            sink.record(latest)
        if state.step in saves or stopping:
            sink.save(state, config)
        if progress is not None:
            progress(state.step, latest)
        if state.step >= config.steps:
            return
        if stopping:
            raise Interrupted(
                f"stopped at step {state.step} of {config.steps}; "
                + ("the same command resumes" if isinstance(sink, _Folder) else "nothing saved")
            )
        loss = state.gradients()
        _require_finite(float(loss), state.step, sink)
        state.optimizer.step()
        state.step += 1


def _require_finite(value: float, step: int, sink: _Memory | _Folder) -> None:
    if not np.isfinite(value):
        kept = f"; the checkpoint of step {max(sink.weights)} is kept" if sink.weights else ""
        raise DivergenceError(f"loss is no longer finite at step {step}{kept}")


class _Memory:
    """Keeps a run's checkpoints and scores in memory."""

    def __init__(self) -> None:
        self.weights: dict[int, Weights] = {}
        self.measurements: list[Measurement] = []

    def close(self) -> None:
        """Nothing to release."""

    def resumable(self) -> int | None:
        return None

    def record(self, measurement: Measurement) -> None:
        if not self.measurements or self.measurements[-1].step < measurement.step:
            self.measurements.append(measurement)

    def save(self, state: _State, config: RunConfig) -> None:
        self.weights[state.step] = {
            name: weight.detach().cpu().numpy().copy()
            for name, weight in state.network.named_parameters()
        }


class _Folder:
    """Keeps a run's checkpoints and scores in a run folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.measurements: list[Measurement] = []
        self._lock = None if self.done else _exclusive(path)

    @classmethod
    def open(cls, path: Path, config: RunConfig, dataset: Dataset) -> _Folder:
        """Makes the folder, or takes up one with the same configuration where it left off."""
        if not path.exists() or (path.is_dir() and not any(path.iterdir())):
            create_run(path, config, dataset)
        if not (path / "config.json").is_file():
            raise ValueError(f"{path}: expected a new folder or a run, it holds something else")
        difference = first_difference(config, read_run_config(path))
        if difference:
            raise ValueError(f"{path}: holds another run's configuration: {difference}")
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
        rows = load(self.path).measurements
        self.measurements = [row for row in rows if step is not None and row.step <= step]
        write_measurements(self.path, tuple(self.measurements))

    @property
    def done(self) -> bool:
        """Whether the run has reached its last step."""
        return (self.path / "DONE").exists()

    def close(self) -> None:
        """Lets another process train in the folder."""
        if self._lock is not None:
            self._lock.close()

    @property
    def weights(self) -> list[int]:
        return list(CheckpointFolder(self.path))

    def resumable(self) -> int | None:
        return max(resumable_steps(self.path), default=None)

    def record(self, measurement: Measurement) -> None:
        if not self.measurements or self.measurements[-1].step < measurement.step:
            self.measurements.append(measurement)
            append_measurement(self.path, measurement)

    def save(self, state: _State, config: RunConfig) -> None:
        write_checkpoint(self.path, state.step, state.network, config, state.optimizer_arrays())
        drop_old_optimizer_states(self.path)


def _exclusive(path: Path) -> IO[bytes]:
    """A lock on a run folder that lasts as long as the returned file stays open.

    Raises:
        ValueError: if another process is training in the folder.
    """
    lock = (path / "config.json").open("rb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise ValueError(f"{path}: another process is training in this folder") from None
    return lock


@contextmanager
def _stop_on_interrupt() -> Iterator[threading.Event]:
    """Turns the first Ctrl-C into a request; a second one interrupts as usual."""
    requested = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield requested
        return
    previous = signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: FrameType | None) -> None:
        requested.set()
        signal.signal(signal.SIGINT, previous)

    signal.signal(signal.SIGINT, handle)
    try:
        yield requested
    finally:
        signal.signal(signal.SIGINT, previous)
