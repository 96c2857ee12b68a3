"""A Ray cluster whose workers only pass time, and a clock on which it passes at once.

The executor, the session and the records are the real ones. The clock jumps while the head waits;
what the head itself does takes as long as it takes, or a fixed time a cell.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from interp.training.sweep import session
from interp.training.sweep.executors import ray_actors, ray_cluster, ray_worker
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.table.outcome import CellOutcome


class Clock:
    """Seconds of the simulation.

    Args:
        counts_head: whether the time that this process really takes is part of it.
    """

    def __init__(self, counts_head: bool) -> None:
        self._counts, self._now, self._seen = counts_head, 0.0, time.perf_counter()
        self.waited = 0.0  # by the head, for its workers

    def monotonic(self) -> float:
        if self._counts:
            seen = time.perf_counter()
            self._now += seen - self._seen
            self._seen = seen
        return self._now

    def until(self, moment: float) -> None:
        """Jumps to a moment, unless it is over."""
        gap = moment - self.monotonic()
        if gap > 0:
            self._now += gap
            self.waited += gap

    def sleep(self, seconds: float) -> None:
        self.until(self.monotonic() + seconds)

    def charge(self, seconds: float) -> None:
        """The head is busy for so long."""
        self._now += seconds


class RayError(Exception):
    """Of an actor that died."""


class RayTaskError(RayError):
    """Of a task that failed."""


@dataclass(eq=False)
class _Task:
    actor: _Actor
    cell: Cell | None


@dataclass(eq=False)
class _Actor:
    """A worker: its first task is to start."""

    cluster: SimulatedRay
    alive: bool = True
    place: Any = field(init=False)
    run: Any = field(init=False)

    def __post_init__(self) -> None:
        begin, seconds = self.cluster.begin, self.cluster.seconds
        self.place = SimpleNamespace(remote=lambda: begin(self, None, self.cluster.start))
        self.run = SimpleNamespace(remote=lambda _, cell: begin(self, cell, seconds(cell)))


class SimulatedRay:
    """Stands in for the package, as far as the executor uses it.

    Args:
        workers: CPUs of the cluster.
        seconds: that a cell takes.
        clock: on which they pass.
        start: seconds until an actor is there.
        head: seconds that the head is busy with each outcome, beside what the clock counts.
        dies: whether an actor dies over a cell, when it is tried the so-manieth time, from 0.
    """

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def __init__(
        self,
        workers: int,
        seconds: Callable[[Cell], float],
        clock: Clock,
        start: float = 10.0,
        head: float = 0.0,
        dies: Callable[[Cell, int], bool] = lambda cell, tries: False,
    ) -> None:
        self.workers, self.seconds, self.clock = workers, seconds, clock
        self.start, self.head, self._dies = start, head, dies
        self.started = self.done = self.most_at_once = 0
        self.worked = 0.0  # seconds of all workers over cells that came to an end
        self._running: list[tuple[float, int, _Task]] = []
        self._tries: dict[str, int] = {}
        self._given = 0

    def begin(self, actor: _Actor, cell: Cell | None, seconds: float) -> _Task:
        task = _Task(actor, cell)
        self._given += 1
        heapq.heappush(self._running, (self.clock.monotonic() + seconds, self._given, task))
        self.most_at_once = max(self.most_at_once, len(self._running))
        return task

    def remote(self, **share: Any) -> Callable[[type], Any]:
        return lambda _: SimpleNamespace(remote=self._actor)

    def _actor(self, threads: int) -> _Actor:
        self.started += 1
        return _Actor(self)

    def wait(
        self, tasks: list[_Task], num_returns: int = 1, timeout: float = 0.0
    ) -> tuple[list[_Task], list[_Task]]:
        """The next task to end, once the clock is there; none if that is too late."""
        while self._running and not self._running[0][2].actor.alive:
            heapq.heappop(self._running)
        until = self.clock.monotonic() + timeout
        if not self._running or self._running[0][0] > until:
            self.clock.until(until)
            return [], tasks
        moment, _, task = heapq.heappop(self._running)
        self.clock.until(moment)
        return [task], []

    def get(self, task: _Task) -> object:
        cell = task.cell
        if cell is None:
            return "node", 1
        self.clock.charge(self.head)
        tries = self._tries.pop(cell.hash, 0)
        if self._dies(cell, tries):
            self._tries[cell.hash] = tries + 1
            raise RayError("killed")
        seconds = self.seconds(cell)
        self.done += 1
        self.worked += seconds
        row = {"state": "memorization", **{f"score_{i}": 0.1 * i for i in range(40)}}
        return CellOutcome(cell, "done", row=row, seconds=seconds)

    def kill(self, actor: _Actor) -> None:
        actor.alive = False

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": float(self.workers)}}]

    def is_initialized(self) -> bool:
        return True

    @property
    def efficiency(self) -> float:
        """Share of all workers' time, from the first moment to now, spent on cells that ended."""
        return self.worked / (self.workers * self.clock.monotonic())


@contextmanager
def simulated(cluster: SimulatedRay) -> Iterator[SimulatedRay]:
    """Ray, and the time of executor and session, are the simulation's inside the block."""
    places = (ray_actors, ray_cluster, ray_worker)
    with (
        patch.object(ray_actors, "time", cluster.clock),
        patch.object(session, "time", cluster.clock),
    ):
        patches = [patch.object(place, "load_ray", lambda: cluster) for place in places]
        for one in patches:
            one.start()
        try:
            yield cluster
        finally:
            for one in patches:
                one.stop()
