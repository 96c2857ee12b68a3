"""The measures that a grid asks for: checked before anything is trained, and sent to workers."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from interp.analysis.measure import Measure
from interp.analysis.measures import MEASURES
from interp.training.display import Value
from interp.training.runs.run import Run
from interp.training.sweep.executors.asked import Asked
from interp.training.sweep.plan.grid import Grid


@dataclass(frozen=True)
class ByName:
    """A measure with its options, as it travels to another process.

    Attributes:
        name: of the measure.
        options: names and values.
        home: the module that defines it.
    """

    name: str
    options: tuple[tuple[str, Any], ...]
    home: str

    def __call__(self, run: Run) -> dict[str, Value]:
        """Its values of a run: of the newest checkpoint, for a measure that reads one."""
        if self.name not in MEASURES:
            import_module(self.home)
        found = MEASURES[self.name](run, **dict(self.options)).values()
        return {name: _plain(value) for name, value in found.items()}


def asked_of(grid: Grid) -> tuple[Asked, ...]:
    """The measures of a grid, by label; see :class:`interp.training.sweep.executors.asked.Asked`.

    Raises:
        ValueError: if there is no such measure or option, or it reads a whole sweep.
    """
    return tuple(_asked(name, options) for name, options in grid.measures.items())


def _asked(name: str, options: Mapping[str, Any]) -> Asked:
    found: Measure = MEASURES[name]
    if found.reads == "sweep":
        raise ValueError(f"measures: {name} reads a whole sweep, not a run of it")
    given = tuple(sorted(found.checked(options).items()))
    home = found.compute.__module__
    return Asked(found.label(options), found.digest(options), ByName(name, given, home))


def check_elsewhere(grids: Sequence[Grid]) -> None:
    """Refuses measures that other processes cannot know: those of a notebook.

    Raises:
        ValueError: naming the measure.
    """
    main = sys.modules.get("__main__")
    for name in {name for grid in grids for name in grid.measures}:
        if MEASURES[name].compute.__module__ == "__main__" and not hasattr(main, "__file__"):
            raise ValueError(
                f"measure {name} is defined in this session, which other processes do not see; "
                "put it in a file, or use machine 'serial'"
            )


def bare_values(row: Mapping[str, Any], grid: Grid) -> dict[str, Any]:
    """The values of a grid's measures in a row of results, without their labels."""
    found: dict[str, Any] = {}
    for one in asked_of(grid):
        start = f"{one.label}."
        found |= {k.removeprefix(start): v for k, v in row.items() if k.startswith(start)}
    return found


def _plain(value: Any) -> Value:
    """A plain value; None for NaN, which is none."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and math.isnan(value) else value
