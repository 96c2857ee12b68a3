"""How far a sweep is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from interp.training.sweep.table.record import Record


@dataclass
class Tally:
    """How far a sweep is.

    Attributes:
        total: cells that were asked for.
        before: of these, done before this sweep began.
        status: cells by status, those from before included.
        states: cells by state, such as their phase.
        elsewhere: cells that another process is working on.
        started: time at which this sweep began.
    """

    total: int
    before: int = 0
    status: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    elsewhere: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> int:
        """Cells without an outcome."""
        return self.total - sum(self.status.values())

    @property
    def rate(self) -> float:
        """Cells a second, of those that this sweep has done."""
        seconds = time.monotonic() - self.started
        return (sum(self.status.values()) - self.before) / seconds if seconds else 0.0

    def add(self, record: Record) -> None:
        """Counts a record."""
        self.status[record.status] += 1
        self.states[record.state] += 1


Watch = Callable[[Tally], None]
