"""Refuses a grid in which something stands twice: an option, a value, a point, a seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from interp.training.arguments import shown

Group = Mapping[str, Any]


def check_distinct(axes: Group, zips: Sequence[Group], points: Sequence[Group]) -> None:
    """An option that is set twice has no meaning that everybody would guess."""
    seen = set()
    for group in (axes, *zips, {path: () for point in points for path in point}):
        for path in group:
            if path in seen:
                raise ValueError(f"axis {path}: expected once, it is there twice")
            if path == "seed":
                raise ValueError("axis seed: expected under `seeds`, not as an axis")
            seen.add(path)


def check_values(axes: Group, zips: Sequence[Group], *others: tuple[str, Sequence[Any]]) -> None:
    """A value that is there twice would be one cell, and read like a cell that was lost."""
    for path, values in axes.items():
        _check_once(f"axis {path}", values)
    for group in zips:
        rows = [dict(zip(group, row, strict=True)) for row in zip(*group.values(), strict=True)]
        _check_once("zip", rows)
    for what, every in others:
        _check_once(what, every)


def _check_once(what: str, values: Iterable[Any]) -> None:
    seen = set()
    for value in values:
        key = _key(value)
        if key in seen:
            raise ValueError(f"{what}: expected each value once, got {shown(value)} twice")
        seen.add(key)


def _key(value: Any) -> Any:
    """Equal for values that mean the same: 1 and 1.0, 0.5 and the text "0.5"."""
    if isinstance(value, Mapping):
        return frozenset((name, _key(one)) for name, one in value.items())
    if isinstance(value, list | tuple):
        return tuple(_key(one) for one in value)
    if isinstance(value, bool) or value is None:
        return str(value)
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return value if isinstance(value, str) else repr(value)
