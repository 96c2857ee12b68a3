"""Alternated medians: contenders take turns, so that a slow moment of the machine hits them all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

# Seconds before each side: OpenMP's idle threads go on spinning after their work, on the cores
# of whoever is next, which would slow the side that follows torch and no other.
REST = 0.02


@dataclass(frozen=True)
class Spread:
    """Median and range over the rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        return cls(median(values), min(values), max(values))

    def times(self, factor: float) -> Spread:
        """The same in another unit."""
        return Spread(self.median * factor, self.low * factor, self.high * factor)


@dataclass(frozen=True)
class Timings:
    """Seconds per run of each contender, one value a round."""

    seconds: Mapping[str, list[float]]

    def __getitem__(self, name: str) -> Spread:
        return Spread.of(self.seconds[name])

    def ratio(self, over: str, under: str, factor: float = 1) -> Spread:
        """Spread of the ratio within each round, times ``factor``."""
        rounds = zip(self.seconds[over], self.seconds[under], strict=True)
        return Spread.of([factor * a / b for a, b in rounds])


def alternate(
    contenders: Mapping[str, Callable[[], object]], rounds: int, runs: int = 1
) -> Timings:
    """Times each contender ``runs`` times in turn, for so many rounds, after one unmeasured run.

    Each begins after a rest, in which the threads of the one before fall asleep.
    """
    for run in contenders.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            time.sleep(REST)
            started = time.perf_counter()
            for _ in range(runs):
                run()
            seconds[name].append((time.perf_counter() - started) / runs)
    return Timings(seconds)
