"""The trainer: from configurations to runs, resumable at any moment."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from interp.training.arguments import as_function, as_path, listed, of_kind, several, truth
from interp.training.config.masks import WARNING
from interp.training.config.run_config import RunConfig
from interp.training.memory import shortage
from interp.training.runs.run import Run
from interp.training.trainer.advance import Progress as Progress
from interp.training.trainer.advance import advance
from interp.training.trainer.callbacks import Callback, callbacks_of, watching
from interp.training.trainer.cohort import Cohort, shape_key
from interp.training.trainer.device import (
    find_device,
    is_out_of_memory,
    keep_freed_memory,
    product_precision,
)
from interp.training.trainer.fits import check_fits
from interp.training.trainer.interrupt import Interrupted as Interrupted
from interp.training.trainer.interrupt import stop_on_interrupt
from interp.training.trainer.job import DivergenceError as DivergenceError
from interp.training.trainer.job import Job, Outcome
from interp.training.trainer.job import dataset_of as dataset_of

_A_CONFIG = "a run configuration, such as interp.RunConfig(steps=100)"


def train(
    config: RunConfig,
    out: Path | str | None = None,
    progress: Progress | None = None,
    device: str = "auto",
    callbacks: Callback | Sequence[Callback] = (),
) -> Run:
    """Trains a network, or goes on with a run that was cut off.

    Args:
        config: everything that determines the run.
        out: run folder, made or resumed; None keeps the run in memory. A finished one is loaded.
        progress: called after every step; less often where it has a method ``wants(step)``.
        device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.
        callbacks: functions that watch, or one: each is called after every step as (step, scores
            or None, network). The network is a copy, so nothing that they do changes the run. One
            that returns ``"stop"`` ends it; else it returns None. One with a method
            ``begin(run)`` is told the run before it starts or goes on, one with a method
            ``wants(step)`` is called only where that is true.

    Returns:
        The run. A resumed run is bit-identical to an uninterrupted one on the same machine with
        the same number of threads.

    Raises:
        ValueError: if ``out`` holds another configuration or something that is no run, or the
            device is unknown or absent.
        DivergenceError: if the loss becomes NaN or infinite.
        CallbackError: if a callback fails; it names the step, and nothing saved is lost.
        Interrupted: after Ctrl-C, with a checkpoint saved.
    """
    of_kind(config, RunConfig, _A_CONFIG)
    as_function(progress, "progress")
    (outcome,) = train_many([config], [out], progress, device, callbacks=[callbacks_of(callbacks)])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def train_many(
    configs: Sequence[RunConfig],
    outs: Sequence[Path | str | None] | None = None,
    progress: Progress | None = None,
    device: str = "auto",
    run_axis: bool | None = None,
    callbacks: Sequence[Callback | Sequence[Callback]] | None = None,
) -> list[Outcome]:
    """Trains several networks; those of the same shapes train together as a cohort.

    Corruption, dropout, learning rate, weight decay and seeds may differ inside a cohort. Each
    run comes out as it would alone, to rounding. When memory runs out, a cohort is halved.

    Args:
        configs: of the runs.
        outs: a run folder for each, or None; see :func:`train`.
        progress: called after every step of every cohort, with its first run's scores.
        device: as in :func:`train`.
        run_axis: whether a cohort's tensors hold all runs along an axis; None: if that is faster.
        callbacks: of each run, see :func:`train`.

    Returns:
        In the order of the configurations, a run or the exception that ended it. One that fails
        does not stop the others.

    Raises:
        ValueError: if the device is unknown or absent, or there are not as many folders as runs.
        Interrupted: after Ctrl-C, with a checkpoint of every run saved.
    """
    configs = several(configs, RunConfig, "several run configurations")
    every = [None] * len(configs) if outs is None else listed(outs, "outs")
    places = [None if out is None else as_path(out, "a run folder") for out in every]
    as_function(progress, "progress")
    if run_axis is not None:
        truth(run_axis, "run_axis")
    if len(places) != len(configs):
        raise ValueError(f"outs: expected {len(configs)} run folders, got {len(places)}")
    if any(config.model.dropout_masks is not None for config in configs):
        warnings.warn(WARNING, UserWarning, stacklevel=2)
    watched = watching(callbacks, len(configs))
    where = find_device(device)
    keep_freed_memory()
    outcomes: dict[int, Outcome] = {}
    waiting = _by_key(range(len(configs)), lambda run: shape_key(configs[run]))
    while waiting:
        group = waiting.pop(0)
        jobs = [Job(run, configs[run], places[run], where, watched[run]) for run in group]
        try:
            outcomes.update(_train_cohort(jobs, where, progress, run_axis))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if len(group) == 1:
                outcomes[group[0]] = MemoryError(shortage(error) or str(error))
            else:
                half = len(group) // 2
                waiting[:0] = [group[:half], group[half:]]
    return [outcomes[run] for run in range(len(configs))]


def _by_key(items: Sequence[int] | range, key: Callable[[int], object]) -> list[list[int]]:
    groups: dict[object, list[int]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def _train_cohort(
    jobs: list[Job],
    device: torch.device,
    progress: Progress | None,
    run_axis: bool | None,
) -> dict[int, Outcome]:
    """Trains jobs of the same shapes, those of the same step together."""
    # Before anything is written, for a network that does not fit into memory.
    configs = [job.config for job in jobs]
    check_fits(configs, jobs[0].dataset, device)
    try:
        whole = Cohort(configs, [j.dataset for j in jobs], device, run_axis)
    except ValueError as error:  # settings that do not fit the network, the same for all of them
        return {job.number: error for job in jobs}
    try:
        for job in jobs:
            job.open()
        live = [i for i, job in enumerate(jobs) if job.outcome is None]
        for group in _by_key(live, lambda i: jobs[i].sink.resumable() or 0):
            chosen = [jobs[i] for i in group]
            cohort = whole
            if len(chosen) < len(jobs):
                cohort = Cohort(
                    [j.config for j in chosen], [j.dataset for j in chosen], device, run_axis
                )
            _train_from_one_step(cohort, chosen, progress)
    finally:
        for job in jobs:
            job.sink.close()
    return {job.number: job.outcome for job in jobs if job.outcome is not None}


def _train_from_one_step(cohort: Cohort, jobs: list[Job], progress: Progress | None) -> None:
    for run, job in enumerate(jobs):
        step = job.sink.resumable()
        if job.sink.path is not None and step is not None:
            try:
                cohort.restore(run, job.sink.path, step, job.sink.weights[step])
            except ValueError as error:
                job.outcome = error
    if all(job.outcome is not None for job in jobs):
        return
    started = time.perf_counter()
    precision = jobs[0].config.precision
    with product_precision(precision), stop_on_interrupt() as stop_requested:
        advance(cohort, jobs, progress, stop_requested)
    for job in jobs:
        job.finish(time.perf_counter() - started)
