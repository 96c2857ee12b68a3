"""Whether a cohort that does not fit into the card's memory is halved, and comes out the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch

from interp.training.config.run_config import RunConfig
from interp.training.trainer import loop
from interp.training.trainer.cohort import Cohort
from interp.training.trainer.loop import dataset_of, train_many
from tests.benchmarks.gpu.correctness import TOLERANCES, compared, run_of
from tests.benchmarks.gpu.item import Found, Items, Place
from tests.benchmarks.gpu.settings import config_of

RUNS = 8


def items() -> Items:
    return {"a cohort that does not fit is halved": halved}


def halved(place: Place) -> Found:
    """Leaves room for half a cohort; on a processor, which has no such limit, pretends to."""
    size = {} if place.toy else {"task.p": 97, "model.width": 1000}
    steps = {"steps": 3}
    configs = [config_of(place, size, steps, {"seed": s}) for s in range(RUNS)]
    expected = train_many(configs[:2], device=place.device, run_axis=True)
    sizes: list[int] = []
    limit = _limited(configs, place) if place.device == "cuda" else _pretended(RUNS // 2)
    with limit, _noted(sizes):
        found = train_many(configs, device=place.device, run_axis=True)
    runs = [run_of(one) for one in found]
    same = compared(runs[:2], [run_of(one) for one in expected], TOLERANCES["float64"], "")
    values = {"cohorts tried": sizes, **same.values}
    was_halved = sizes[0] == RUNS and max(sizes[1:], default=RUNS) < RUNS
    note = "memory of this process limited" if place.device == "cuda" else "a shortage pretended"
    return Found(values, bool(same.held) and was_halved, note)


@contextmanager
def _limited(configs: list[RunConfig], place: Place) -> Iterator[None]:
    """Between what half of the runs need and what all need."""
    half, whole = (_peak(configs[:count], place) for count in (RUNS // 2, RUNS))
    total = torch.cuda.get_device_properties(place.torch_device).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction((0.4 * half + 0.6 * whole) / total)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def _peak(configs: list[RunConfig], place: Place) -> int:
    """Bytes that are reserved at most while these train: what the limit is about."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    cohort = Cohort(configs, [dataset_of(one) for one in configs], place.torch_device)
    cohort.measure()
    cohort.advance()
    place.wait()
    return torch.cuda.max_memory_reserved()


@contextmanager
def _pretended(most: int) -> Iterator[None]:
    """Cohorts of more runs run out of memory."""

    def make(configs: list[RunConfig], *others: Any) -> Cohort:
        if len(configs) > most:
            raise torch.OutOfMemoryError("CUDA out of memory: pretended")
        return Cohort(configs, *others)

    with patch.object(loop, "Cohort", make):
        yield


@contextmanager
def _noted(sizes: list[int]) -> Iterator[None]:
    """Notes how many runs each cohort has that is tried."""
    inner = loop.Cohort

    def make(configs: list[RunConfig], *others: Any) -> Cohort:
        sizes.append(len(configs))
        return inner(configs, *others)

    with patch.object(loop, "Cohort", make):
        yield
