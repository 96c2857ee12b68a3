"""Tables beside the rows: what a step of the two-layer network costs, alone and in a cohort."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from interp.training.config.run_config import parse_config
from interp.training.data.dataset import training_size
from interp.training.trainer.cohort import Cohort
from interp.training.trainer.device import keep_freed_memory
from interp.training.trainer.loop import dataset_of
from tests.benchmarks.timing import Spread, alternate

STEPS = 3
# What the ways to train a cohort are called, and whether they have a run axis.
WAYS = {"one program": True, "one run after the other": False}


@dataclass(frozen=True)
class Size:
    """Modulus, neurons and data fraction of a run."""

    p: int = 97
    width: int = 500
    fraction: float = 0.5


SIZES = (
    Size(),
    Size(p=53),
    Size(p=149),
    Size(width=250),
    Size(width=1000),
    Size(fraction=0.3),
    Size(fraction=0.8),
)
# Runs of a cohort, its sizes, and how many steps are timed together.
COHORTS = ((Size(23, 64), (1, 2, 4, 8, 16, 32), 10), (Size(), (1, 2, 4), STEPS))


@dataclass(frozen=True)
class Table:
    """A table of its own: settings and measured values, as its columns name them."""

    title: str
    columns: tuple[str, ...]
    lines: list[tuple[float | Spread, ...]]


def tables(rounds: int, device: torch.device) -> Iterator[Table]:
    """Cost of a step by size, and throughput by size of the cohort."""
    keep_freed_memory()
    yield cost_of_a_step(rounds, device)
    for size, members, steps in COHORTS:
        yield throughput(size, members, steps, rounds, device)


def cost_of_a_step(rounds: int, device: torch.device) -> Table:
    """Milliseconds of a full-batch step; one setting differs at a time from the first line's."""
    contenders = {str(size): several(cohort(size, 1, device), STEPS) for size in SIZES}
    timings = alternate(contenders, rounds)
    lines: list[tuple[float | Spread, ...]] = []
    for size in SIZES:
        pairs = training_size(size.fraction, size.p**2)
        cost = timings[str(size)].times(1e3 / STEPS)
        lines.append((size.p, size.width, size.fraction, pairs, cost))
    columns = ("p", "N", "α", "training pairs", "ms")
    return Table("Cost of a training step, full batch", columns, lines)


def throughput(
    size: Size, members: tuple[int, ...], steps: int, rounds: int, device: torch.device
) -> Table:
    """Runs times steps per second, with and without a run axis."""
    # Without a run axis there is no training on a GPU.
    ways = {name: axis for name, axis in WAYS.items() if axis or device.type == "cpu"}
    lines: list[tuple[float | Spread, ...]] = []
    for runs in members:
        contenders = {
            name: several(cohort(size, runs, device, axis), steps) for name, axis in ways.items()
        }
        seconds = alternate(contenders, rounds).seconds
        rates = [Spread.of([runs * steps / one for one in seconds[name]]) for name in ways]
        lines.append((runs, *rates))
    title = (
        f"Runs × steps per second against cohort size: p {size.p}, {size.width} neurons, "
        f"α {size.fraction}, full batch"
    )
    return Table(title, ("runs", *ways), lines)


def cohort(size: Size, runs: int, device: torch.device, run_axis: bool | None = None) -> Cohort:
    """Runs of a size that differ in their seed."""
    configs = [
        parse_config(
            {
                "task": {"operation": "x + y", "p": size.p},
                "data": {"fraction": size.fraction, "corruption": 0.35},
                "model": {"width": size.width},
                "dtype": "float32",
                "steps": 1000,
                "seed": seed,
            }
        )
        for seed in range(runs)
    ]
    return Cohort(configs, [dataset_of(config) for config in configs], device, run_axis)


def several(trained: Cohort, steps: int) -> Callable[[], list[float]]:
    """So many steps, waited for at the end; returns the losses before the last."""

    def run() -> list[float]:
        left = steps
        while left > 0:
            some = min(left, trained.at_once)
            losses, left = trained.advance_by(some)[-1], left - some
        return losses.tolist()

    return run
