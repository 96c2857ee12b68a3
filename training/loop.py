"""The trainer: from a configuration to a run, resumable at any moment."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
import torch

from training.checkpoint import load_weights, read_tensors
from training.config import RunConfig
from training.data import Dataset, make_dataset
from training.evaluation import Evaluation
from training.folder import (
    Measurement,
    Weights,
    checkpoint_path,
    finish_run,
    optimizer_path,
    weight_norm,
)
from training.gradients import MLPGradients
from training.models.mlp import initial_network
from training.optimizer import make_optimizer, optimizer_tensors, restore_optimizer
from training.run import Run, load
from training.schedule import checkpoint_steps, evaluation_steps
from training.sink import FolderSink, MemorySink, Sink

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
    # Before anything is written, for a network that does not fit into memory.
    state = _State(config, dataset)
    sink: MemorySink | FolderSink = (
        MemorySink() if out is None else FolderSink.open(Path(out), config, dataset)
    )
    with closing(sink):
        if isinstance(sink, FolderSink) and sink.done:
            return load(sink.path)
        step = sink.resumable()
        if sink.path is not None and step is not None:
            state.restore(sink.path, step, sink.weights[step])
        started = time.perf_counter()
        with _stop_on_interrupt() as stop_requested:
            _advance(state, config, sink, progress, stop_requested)
        if sink.path is not None:
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

    def __init__(self, config: RunConfig, dataset: Dataset) -> None:
        self.network, self.step = initial_network(config, dataset.task), 0
        self.optimizer = make_optimizer(self.network, config.optimizer)
        train = dataset.is_train
        self.gradients = MLPGradients(
            self.network, dataset.pairs[train], dataset.given_label[train], config.loss
        )
        self.evaluation = Evaluation(dataset, config.loss)

    def restore(self, run: Path, step: int, weights: Weights) -> None:
        """Goes on from a checkpoint of a run folder."""
        load_weights(self.network, weights, checkpoint_path(run, step))
        self.step = step
        path = optimizer_path(run, step)
        arrays, _ = read_tensors(path)
        if step > 0:
            tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
            restore_optimizer(self.network, self.optimizer, tensors, path)

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
    sink: Sink,
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
            sink.save(state.step, state.network, config, state.optimizer_arrays())
        if progress is not None:
            progress(state.step, latest)
        if state.step >= config.steps:
            return
        if stopping:
            raise Interrupted(
                f"stopped at step {state.step} of {config.steps}; "
                + ("the same command resumes" if sink.path is not None else "nothing saved")
            )
        loss = state.gradients()
        _require_finite(float(loss), state.step, sink)
        state.optimizer.step()
        state.step += 1


def _require_finite(value: float, step: int, sink: Sink) -> None:
    if not np.isfinite(value):
        kept = f"; the checkpoint of step {max(sink.weights)} is kept" if sink.weights else ""
        raise DivergenceError(f"loss is no longer finite at step {step}{kept}")


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
