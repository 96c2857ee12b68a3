"""What a run will cost: relative work of configurations, and time measured on one of them."""

from __future__ import annotations

import contextlib
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interp.training.trainer.schedule import save_and_score_steps

if TYPE_CHECKING:
    from interp.training.config.run_config import RunConfig
    from interp.training.runs.metadata import Measurement
    from interp.training.runs.run import Run


@dataclass(frozen=True)
class Probe:
    """Times of one cell on a worker's threads, in seconds; medians.

    Attributes:
        start: from the configuration to the first step.
        step: one update.
        evaluation: scoring all splits.
        measure: what is measured of the finished run.
        work: relative work of the cell's step.
    """

    start: float
    step: float
    evaluation: float
    measure: float
    work: float

    def seconds(self, config: RunConfig) -> float:
        """Estimated time of a whole run; others scale with the relative work of their step."""
        scale = step_work(config) / self.work
        _, scored = save_and_score_steps(config)
        return (
            self.start
            + self.measure
            + scale * (self.step * config.steps + self.evaluation * len(scored))
        )


_TOGETHER = 16  # steps


class _Enough(Exception):
    """The probe has seen what it wanted."""


def probe(
    config: RunConfig, measure: Callable[[Run], Any], threads: int = 1, seconds: float = 3.0
) -> Probe:
    """Trains a cell for a few seconds, in memory, and takes the time of each part."""
    from interp.training.trainer.device import using_threads

    with using_threads(threads):
        return _timed(config, measure, seconds)


class _Watch:
    """Takes the time while a run trains, for a while."""

    def __init__(self, seconds: float) -> None:
        self.stamps: list[tuple[int, float]] = []
        self._seconds = seconds

    def wants(self, step: int) -> bool:
        """Seldom: a step that is made among others is faster than one alone."""
        return step % _TOGETHER == 0

    def __call__(self, step: int, latest: Measurement | None) -> None:
        """Notes the time.

        Raises:
            _Enough: after so many seconds.
        """
        del latest
        self.stamps.append((step, time.perf_counter()))
        if self.stamps[-1][1] - self.stamps[0][1] > self._seconds and len(self.stamps) > 3:
            raise _Enough


def _timed(config: RunConfig, measure: Callable[[Run], Any], seconds: float) -> Probe:
    from interp.training.trainer.loop import train

    _, scored = save_and_score_steps(config)
    began = time.perf_counter()
    watch = _Watch(seconds)
    with contextlib.suppress(_Enough):
        train(config, progress=watch, device="cpu")
    # Between two stamps are updates and, where the second one's step is scored, one evaluation.
    gaps = [(n, m - n, b - a) for (n, a), (m, b) in itertools.pairwise(watch.stamps)]
    each = [gap / count for _, count, gap in gaps]
    plain = [gap / count for n, count, gap in gaps if n + count not in scored]
    step = statistics.median(plain or each)
    full = [gap - count * step for n, count, gap in gaps if n + count in scored]
    evaluation = max(0.0, statistics.median(full)) if plain and full else 0.0
    one = {"steps": 1, "optimizer.warmup": 0, "schedule.checkpoint_steps": []}
    short = train(config.replace(one), device="cpu")
    started = time.perf_counter()
    measure(short)
    measured = time.perf_counter() - started
    return Probe(watch.stamps[0][1] - began, step, evaluation, measured, step_work(config))


def step_work(config: RunConfig) -> float:
    """Multiplications of one update, to a constant factor: for comparing configurations."""
    model, p = config.model, config.task.p
    each = model.row.step_work(model, p)
    examples = config.data.fraction * p * p
    return each * min(examples, config.optimizer.batch_size or examples)


def run_work(config: RunConfig) -> float:
    """Multiplications of a whole run, to a constant factor."""
    passes = config.task.p**2 / max(config.data.fraction * config.task.p**2, 1.0) / 3
    return step_work(config) * (config.steps + passes * config.schedule.evaluations)


def run_bytes(config: RunConfig) -> int:
    """Bytes of a run folder, to a few percent: weights, optimizer states and the dataset."""
    from interp.training.models.kinds import empty_network

    task = config.make_task()
    network = empty_network(config, task)
    weights = sum(w.numel() * w.element_size() for w in network.state_dict().values())
    saves, scored = save_and_score_steps(config)
    history = 1200 * len(scored)  # a line of scores
    moments = 2 * weights * min(len(saves), 2)
    return len(saves) * weights + moments + len(task.pairs) * 10 + history


def longest_first(work: Sequence[float], names: Sequence[str]) -> list[int]:
    """Places of the cells in the order to run them, the same on every machine."""
    return sorted(range(len(work)), key=lambda i: (-work[i], names[i]))
