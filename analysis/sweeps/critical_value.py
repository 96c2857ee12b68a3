"""The value of an axis up to which runs are inside a phase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CriticalValue:
    """The value of y up to which runs at one x are inside, over the seeds.

    Attributes:
        panel: value of the third axis; None without one.
        x: value of the first axis.
        value: median over the counted seeds of the middle of each one's bracket; −inf if it lies
            below the grid, +inf if above, None if no seed counts.
        low: lower end of the bootstrap interval; None with fewer than two seeds.
        high: its upper end.
        bracket_low: median of the last values of y inside, −inf below the grid.
        bracket_high: median of the first values of y outside, +inf above the grid.
        seeds: number of seeds that count.
        left_out: number of seeds with a cell that is missing or has no phase before their exit.
        below: number of counted seeds that are outside at the lowest y.
        above: number of counted seeds that are inside up to the highest y.
        censored: "below the grid", "above the grid", "no seed", or "" for a value on the grid.
    """

    panel: Any
    x: Any
    value: float | None
    low: float | None
    high: float | None
    bracket_low: float | None
    bracket_high: float | None
    seeds: int
    left_out: int
    below: int
    above: int
    censored: str
