"""A line of the table, and the check that comes before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.benchmarks.timing import Spread


class MismatchError(Exception):
    """Both sides of a comparison do not compute the same thing."""


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        what: what is measured, and what each side includes.
        ours, other: in ``unit``; other is None where there is nothing to compare with.
        other_name: what the other side is.
        ratio: within rounds; None where there is no other side.
        limit: the greatest ratio (or, with ``limits_ours``, value) that meets the target.
        target: the limit in words.
    """

    what: str
    unit: str
    ours: Spread
    other: Spread | None = None
    other_name: str = ""
    ratio: Spread | None = None
    limit: float | None = None
    target: str = ""
    limits_ours: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the median meets the target; None where there is none."""
        if self.limit is None:
            return None
        measured = self.ours if self.limits_ours else self.ratio
        assert measured is not None
        return measured.median <= self.limit


def require_close(what: str, ours: np.ndarray, theirs: np.ndarray, tolerance: float) -> None:
    difference = float(np.abs(ours - theirs).max())
    if not difference <= tolerance:
        raise MismatchError(f"{what}: sides differ by {difference:.2g}, allowed is {tolerance:g}")
