"""The steps of a cohort from where it is to its end, with all that is to happen in between."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence

from interp.training.runs.metadata import Measurement
from interp.training.trainer.callbacks import is_wanted
from interp.training.trainer.cohort import Cohort
from interp.training.trainer.interrupt import Interrupted
from interp.training.trainer.job import Job
from interp.training.trainer.schedule import save_and_score_steps

# Called as (step, last measurement or None); must not change anything it is given. One with a
# method ``wants(step)`` lets steps pass for which that is false where several are made at once.
Progress = Callable[[int, Measurement | None], None]


def advance(
    cohort: Cohort,
    jobs: list[Job],
    progress: Progress | None,
    stop_requested: threading.Event,
) -> None:
    """Trains a cohort to its end; scores, saves and watches its runs where their schedule says so.

    Raises:
        Interrupted: once a stop is requested and every run saved.
    """
    config = jobs[0].config
    saves, scored = save_and_score_steps(config)
    ends = sorted(scored)
    rows = jobs[0].sink.measurements
    latest = rows[-1] if rows else None
    started, waits = time.perf_counter(), jobs[0].device.type == "cpu"
    while True:
        stopping, is_scored = stop_requested.is_set(), cohort.step in scored
        if is_scored or stopping:
            measured = cohort.measure()
            for job, row in zip(jobs, measured, strict=True):
                job.record(row)
            latest = measured[0]
        for run, job in enumerate(jobs):
            if cohort.step in saves or stopping:
                job.save(cohort.step, cohort.networks[run], cohort.optimizer_arrays(run))
            job.watch(cohort.step, is_scored, cohort.networks[run])
            if job.stopped is not None and job.outcome is None:
                _end_here(cohort, run, job, time.perf_counter() - started)
        if progress is not None:
            progress(cohort.step, latest)
        if cohort.step >= config.steps or all(job.outcome is not None for job in jobs):
            return
        if stopping:
            raise Interrupted(_where_it_stopped(jobs[0], cohort.step))
        began = cohort.step
        losses = cohort.advance_by(_stride(cohort, jobs, ends, progress))
        if waits:  # on a GPU the evaluations see it, without a stop in between
            for step, row in enumerate(losses.tolist(), start=began):
                for job, loss in zip(jobs, row, strict=True):
                    job.check(loss, step)


def _stride(
    cohort: Cohort, jobs: Sequence[Job], ends: Sequence[int], progress: Progress | None
) -> int:
    """How many steps nobody looks at, up to the next of ``ends``."""
    began = cohort.step
    last = min(began + cohort.at_once, ends[bisect_right(ends, began)])
    for step in range(began + 1, last):
        if any(job.wants(step) for job in jobs) or (progress and is_wanted(progress, step)):
            return step - began
    return last - began


def _end_here(cohort: Cohort, run: int, job: Job, seconds: float) -> None:
    """Ends a run at a step that need not be one of its schedule's."""
    job.record(cohort.measure()[run])
    job.save(cohort.step, cohort.networks[run], cohort.optimizer_arrays(run))
    job.finish(seconds)


def _where_it_stopped(job: Job, step: int) -> str:
    saved = job.sink.path is not None
    return f"stopped at step {step} of {job.config.steps}; " + (
        "the same command resumes" if saved else "nothing saved"
    )
