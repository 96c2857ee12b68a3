"""Cells on a Ray cluster: one cell an actor at a time."""

from __future__ import annotations

import os
import signal
import textwrap
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from training.sweep.cell import Cell
from training.sweep.outcome import CellOutcome
from training.sweep.processes import TRIES
from training.sweep.ray_cluster import connect, load_ray, slots
from training.sweep.work import Work

_TURN = 1.0  # seconds after which the cluster is asked again whether it has room
_GROWING = 300.0  # seconds in which a cluster gets a node for us
_STOPPING = 60.0  # seconds in which a stopped actor saves a checkpoint
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass
class _Worker:
    """An actor: it starts (a task without a cell), is at work (with one), or idle (no task)."""

    actor: Any
    task: Any
    cell: Cell | None = None
    node: str = ""
    process: int = 0


class _Queue:
    """Cells to be done: those to be tried again, then new ones."""

    def __init__(self, first: Cell, cells: Iterator[Cell]) -> None:
        self._cells, self._again = cells, [first]
        self._tries: dict[str, int] = {}
        self.empty = False

    def take(self) -> Cell | None:
        cell = self._again.pop() if self._again else next(self._cells, None)
        self.empty = cell is None
        return cell

    def again(self, cell: Cell, reason: str) -> CellOutcome | None:
        """Puts back the cell of a worker that died, unless that was its last try."""
        self._tries[cell.hash] = self._tries.get(cell.hash, 0) + 1
        if self._tries[cell.hash] >= TRIES:
            return CellOutcome(cell, "failed", f"its worker died {TRIES} times ({reason})")
        self._again.append(cell)
        self.empty = False
        return None


class RayActors:
    """Actors, each with the CPUs of its threads or with a GPU, wherever there is room.

    Args:
        workers: actors at most.
        threads: CPUs of an actor.
        address: of a cluster; None starts Ray on this machine when there is a cell to be run. A
            process that is connected to a cluster stays with it.

    Raises:
        ValueError: if Ray is not installed, or no cluster answers at the address.
    """

    def __init__(self, workers: int, threads: int, address: str | None) -> None:
        self._count, self._threads, self._address = workers, threads, address
        self._workers: list[_Worker] = []
        self._kind: tuple[str, int] | None = None
        self._connected = False
        load_ray()
        if address is not None:
            self._connected = connect(workers * threads, address)

    def run(self, cells: Iterator[Cell], work: Work) -> Generator[CellOutcome]:
        """Outcomes of the cells, in the order in which they end.

        Raises:
            ValueError: if the cluster has no node that could run a cell, or no actor can start.
        """
        first = next(cells, None)
        if first is None:
            return
        self._open(work)
        queue = _Queue(first, cells)
        try:
            while True:
                self._hand_out(queue, work)
                if queue.empty and not any(worker.cell for worker in self._workers):
                    return
                outcome = self._next(queue)
                if outcome is not None:
                    yield outcome
        except (KeyboardInterrupt, GeneratorExit):
            self._stop()
            raise

    def _open(self, work: Work) -> None:
        if self._kind != (work.device, work.threads):
            self._end_workers()
        self._kind = (work.device, work.threads)
        self._connected = connect(self._count * self._threads, self._address) or self._connected
        # Since when nothing starts, for how long no actor is started, and how often that failed.
        self._still, self._pause, self._failures = time.monotonic(), 0.0, 0

    def _hand_out(self, queue: _Queue, work: Work) -> None:
        """Gives a cell to everyone who is idle; starts actors while there are cells."""
        for worker in self._workers:
            if worker.task is None:
                worker.cell = queue.take()
                if worker.cell is None:
                    return
                worker.task = worker.actor.run.remote(work, worker.cell)
        if queue.empty or len(self._workers) >= self._count or time.monotonic() < self._pause:
            return
        room = self._room()
        while len(self._workers) < min(self._count, room):
            self._start()

    def _room(self) -> int:
        """Actors that fit; at least one, so that a cluster that can grow knows of us."""
        assert self._kind is not None
        room = slots(self._threads, self._kind[0])
        own = self._connected and self._address is None  # which does not grow
        if not room and (own or time.monotonic() - self._still > _GROWING):
            wanted = "a GPU" if self._kind[0] == "cuda" else f"at least {self._threads} CPUs"
            raise ValueError(f"ray: expected a node with {wanted}, the cluster has none")
        return max(room, 1)

    def _start(self) -> None:
        assert self._kind is not None
        device, threads = self._kind
        share = {"num_gpus": 1, "num_cpus": 0} if device == "cuda" else {"num_cpus": self._threads}
        environment = {"env_vars": dict.fromkeys(_THREADS, str(threads))}
        made = load_ray().remote(**share, runtime_env=environment)(_Actor)
        actor = made.remote(threads)
        self._workers.append(_Worker(actor, actor.place.remote()))

    def _next(self, queue: _Queue) -> CellOutcome | None:
        """What the next actor to say something has to say, if it is of a cell."""
        ray = load_ray()
        tasks = [worker.task for worker in self._workers if worker.task is not None]
        if not tasks:
            time.sleep(_TURN)
            return None
        ended, _ = ray.wait(tasks, timeout=_TURN)
        for worker in [w for w in self._workers if w.task is not None and w.task in ended]:
            cell, task = worker.cell, worker.task
            worker.cell = worker.task = None
            try:
                result = ray.get(task)
            except ray.exceptions.RayError as error:
                return self._died(worker, cell, error, queue)
            self._still, self._failures = time.monotonic(), 0
            if cell is not None:
                return result
            worker.node, worker.process = result
        return None

    def _died(
        self, worker: _Worker, cell: Cell | None, error: Exception, queue: _Queue
    ) -> CellOutcome | None:
        """An actor's cell is tried again; a start that fails is, after a while."""
        alive = isinstance(error, load_ray().exceptions.RayTaskError)
        reason = _reason(error)
        if cell is not None and alive:
            return CellOutcome(cell, "failed", reason)
        self._workers.remove(worker)
        _kill(worker)
        if cell is not None:
            return queue.again(cell, reason)
        if time.monotonic() >= self._pause:  # those that fail together count once
            self._failures += 1
            self._pause = time.monotonic() + 2.0 ** min(self._failures, 6)
        if self._failures > TRIES and all(one.task and not one.cell for one in self._workers):
            raise ValueError(f"ray: expected actors to start, {TRIES} times none did: {reason}")
        return None

    def _stop(self) -> None:
        """Asks the actors to save a checkpoint, and ends them."""
        ray = load_ray()
        try:
            busy = [worker for worker in self._workers if worker.cell is not None]
            for worker in busy:
                _interrupt(worker)
            if busy:
                ray.wait([w.task for w in busy], num_returns=len(busy), timeout=_STOPPING)
        finally:
            self.close()

    def close(self) -> None:
        """Ends the actors, those at work too, and Ray if it was started for them."""
        self._end_workers()
        if self._connected:
            load_ray().shutdown()
            self._connected = False

    def _end_workers(self) -> None:
        for worker in self._workers:
            _kill(worker)
        self._workers.clear()


class _Actor:
    """A worker on some node."""

    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)

    def place(self) -> tuple[str, int]:
        """Node and process."""
        return load_ray().get_runtime_context().get_node_id(), os.getpid()

    def run(self, work: Work, cell: Cell) -> CellOutcome:
        """Trains and measures a cell."""
        (outcome,) = work([cell])
        return outcome


def _interrupt(worker: _Worker) -> None:
    """Sends the Ctrl-C to an actor, from a task on its node: an actor hears nothing at work."""
    ray = load_ray()
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(worker.node, soft=False)
    with suppress(ray.exceptions.RayError):
        task = ray.remote(num_cpus=0, max_retries=0, scheduling_strategy=there)(os.kill)
        task.remote(worker.process, int(signal.SIGINT))


def _kill(worker: _Worker) -> None:
    ray = load_ray()
    with suppress(ray.exceptions.RayError, ValueError):
        ray.kill(worker.actor)


def _reason(error: Exception) -> str:
    """What Ray says, in one line: its account of a death is the last of many."""
    text = str(getattr(error, "cause", None) or error).strip()
    return textwrap.shorten(text.splitlines()[-1].rpartition("exit detail: ")[2], 200)
