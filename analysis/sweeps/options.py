"""What people ask of a sweep, checked: grid, shard, plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from interp.training.arguments import as_path, shown
from interp.training.config.plain_data import with_overrides
from interp.training.sweep.plan.grid import Grid, parse_grid, read_grid
from interp.training.sweep.sweep import Shard
from interp.training.untrusted import parse_yaml

MANY = 1_000_000  # cells that nobody starts by mistake


def as_grid(grid: Grid | Mapping[str, Any] | Path | str) -> Grid:
    """The grid of a file, of plain data, or itself."""
    if isinstance(grid, Grid):
        return grid
    if isinstance(grid, Mapping):
        return parse_grid(grid)
    return read_grid(as_path(grid, "a grid: a file, plain data or a Grid"))


def allowing_large(grid: Grid) -> Grid:
    """The grid with leave for groups of more than 1,000 elements, if all of its cells have a group.

    The names of cells in smaller groups do not change.
    """
    task = grid.base.get("task")
    of_base = task.get("group") if isinstance(task, Mapping) else None
    varied = grid.values.get("task.group", [])
    if any("task.group" not in point for point in grid.points) or not varied:
        varied = [*varied, of_base]
    if any(group is None for group in varied):
        return grid
    return replace(grid, base=with_overrides(grid.base, {"task.large": True}))


def parse_shard(text: str | None) -> Shard:
    """The part that ``i/n`` names.

    Raises:
        ValueError: if it is none, or i is not among 0 … n − 1.
    """
    if text is None:
        return Shard()
    index, _, count = text.partition("/") if isinstance(text, str) else ("", "", "")
    try:
        numbers = int(index), int(count)
    except ValueError:
        raise ValueError(f"shard: expected i/n such as 0/4, got {shown(text)}") from None
    return Shard(*numbers)


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
        fixed[path] = parse_yaml(value)
    return fixed
