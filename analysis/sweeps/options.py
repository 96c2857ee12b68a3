"""What people ask of a sweep, checked: grid, shard, executor, workers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from interp.training.sweep.executors.executors import ExecutorName
from interp.training.sweep.executors.work import Keep
from interp.training.sweep.plan.grid import Grid, parse_grid, read_grid
from interp.training.sweep.sweep import Shard
from interp.training.trainer.device import find_device

MANY = 1_000_000  # cells that nobody starts by mistake


def check_options(
    executor: str = "auto", workers: int | None = None, threads: int = 1, keep: str = "runs"
) -> None:
    """Refuses options that are misspelt or out of range, before anything is done.

    Raises:
        ValueError: naming the option, what was expected and what came.
    """
    for option, value, known in (
        ("executor", executor, get_args(ExecutorName)),
        ("keep", keep, get_args(Keep)),
    ):
        if value not in known:
            raise ValueError(f"{option}: expected {' or '.join(known)}, got {value!r}")
    for option, number in (("workers", workers), ("threads", threads)):
        if number is not None and number < 1:
            raise ValueError(f"{option}: expected at least 1, got {number}")


def at_once(executor: str, workers: int | None) -> int:
    """How many cells an executor runs at once on this machine."""
    return 1 if executor == "serial" else workers or cores()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def as_grid(grid: Grid | Mapping[str, Any] | Path | str) -> Grid:
    """The grid of a file, of plain data, or itself."""
    if isinstance(grid, Grid):
        return grid
    return parse_grid(grid) if isinstance(grid, Mapping) else read_grid(grid)


def parse_shard(text: str | None) -> Shard:
    """The part that ``i/n`` names.

    Raises:
        ValueError: if it is none, or i is not among 0 … n − 1.
    """
    if text is None:
        return Shard()
    index, _, count = text.partition("/")
    try:
        numbers = int(index), int(count)
    except ValueError:
        raise ValueError(f"shard: expected i/n such as 0/4, got {text!r}") from None
    return Shard(*numbers)


def choose(executor: str, device: str) -> tuple[str, Literal["cpu", "cuda"]]:
    """The executor and device that ``auto`` stands for on this machine."""
    where: Literal["cpu", "cuda"] = "cuda" if find_device(device).type == "cuda" else "cpu"
    if executor == "auto":
        executor = "cohorts" if where == "cuda" else "processes"
    return executor, where


def axes_of_plane(grid: Grid) -> tuple[str, str]:
    """The two axes that a phase diagram of a grid spans: α and ξ, or the first two of numbers.

    Raises:
        ValueError: if there are no two.
    """
    values = grid.values
    numbers = [
        path
        for path, one in values.items()
        if len(one) > 1 and all(isinstance(v, int | float) for v in one)
    ]
    usual = [path for path in ("data.fraction", "data.corruption") if path in numbers]
    chosen = [*usual, *(path for path in numbers if path not in usual)][:2]
    if len(chosen) < 2:
        raise ValueError(
            f"grid: expected two axes of numbers to span a plane, got {', '.join(chosen) or 'none'}"
        )
    return chosen[0], chosen[1]


def values_of(texts: Sequence[str]) -> dict[str, Any]:
    """Axes that are held fixed, from texts such as ``optimizer.lr=0.01``.

    Raises:
        ValueError: if a text is not of that form.
    """
    fixed = {}
    for text in texts:
        path, equals, value = text.partition("=")
        if not (path and equals and value):
            raise ValueError(f"where: expected path=value such as optimizer.lr=0.01, got {text!r}")
        fixed[path] = yaml.safe_load(value)
    return fixed
