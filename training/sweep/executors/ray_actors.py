"""Cells on a Ray cluster: one cell an actor at a time."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator

from interp.training.sweep.executors.machine import ExecutorKind, Machine
from interp.training.sweep.executors.processes import TRIES
from interp.training.sweep.executors.ray_cluster import connect, load_ray, slots
from interp.training.sweep.executors.ray_worker import RayWorker, reason
from interp.training.sweep.executors.work import Work
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.table.outcome import CellOutcome

_TURN = 1.0  # seconds after which the cluster is asked again whether it has room
_GROWING = 300.0  # seconds in which a cluster gets a node for us
_STOPPING = 60.0  # seconds in which a stopped actor saves a checkpoint
_WHOLE_CLUSTER = 10**6  # workers: a cluster knows itself how many it has room for


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

    def again(self, cell: Cell, why: str) -> CellOutcome | None:
        """Puts back the cell of a worker that died, unless that was its last try."""
        self._tries[cell.hash] = self._tries.get(cell.hash, 0) + 1
        if self._tries[cell.hash] >= TRIES:
            return CellOutcome(cell, "failed", f"its worker died {TRIES} times ({why})")
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
        self._workers: list[RayWorker] = []
        self._kind = ("cpu", threads)  # what the workers are made for: device and threads
        self._pause = 0.0  # until when none is started, because that failed
        self._failures = 0  # of starts, since the last success
        self._heard = 0.0  # when a worker last was a success
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
        self._heard = time.monotonic()

    def _hand_out(self, queue: _Queue, work: Work) -> None:
        """Gives a cell to everyone who is idle; starts workers while there are cells."""
        for worker in self._workers:
            if worker.task is None:
                cell = queue.take()
                if cell is None:
                    return
                worker.give(cell, work)
        if queue.empty or len(self._workers) >= self._count or time.monotonic() < self._pause:
            return
        room = self._room()
        while len(self._workers) < min(self._count, room):
            self._workers.append(RayWorker(*self._kind, self._threads))

    def _room(self) -> int:
        """Workers that fit; at least one, so that a cluster that can grow knows of us."""
        room = slots(self._threads, self._kind[0])
        own = self._connected and self._address is None  # which does not grow
        if not room and (own or time.monotonic() - self._heard > _GROWING):
            wanted = "a GPU" if self._kind[0] == "cuda" else f"at least {self._threads} CPUs"
            raise ValueError(f"ray: expected a node with {wanted}, the cluster has none")
        return max(room, 1)

    def _next(self, queue: _Queue) -> CellOutcome | None:
        """What the next worker to say something has to say, if it is of a cell."""
        tasks = {worker.task: worker for worker in self._workers if worker.task is not None}
        if not tasks:
            time.sleep(_TURN)
            return None
        ended, _ = load_ray().wait(list(tasks), timeout=_TURN)
        if not ended:
            return None
        worker = tasks[ended[0]]
        cell = worker.cell
        try:
            outcome = worker.result()
        except load_ray().exceptions.RayError as error:
            self._workers.remove(worker)
            worker.kill()
            if cell is not None:
                return queue.again(cell, reason(error))
            self._start_failed(reason(error))
            return None
        self._heard, self._failures = time.monotonic(), 0
        return outcome

    def _start_failed(self, why: str) -> None:
        """Waits a while before the next start; gives up when none succeeds."""
        if time.monotonic() < self._pause:  # those that fail together count once
            return
        self._failures += 1
        self._pause = time.monotonic() + 2.0 ** min(self._failures, 6)
        if self._failures >= TRIES and all(one.task and not one.cell for one in self._workers):
            raise ValueError(f"ray: expected workers to start, {TRIES} times none did: {why}")

    def _stop(self) -> None:
        """Asks the workers to save a checkpoint, and ends them."""
        try:
            busy = [worker for worker in self._workers if worker.cell is not None]
            for worker in busy:
                worker.interrupt()
            if busy:
                tasks = [worker.task for worker in busy]
                load_ray().wait(tasks, num_returns=len(tasks), timeout=_STOPPING)
        finally:
            self.close()

    def close(self) -> None:
        """Ends the workers, those at work too, and Ray if it was started for them."""
        self._end_workers()
        if self._connected:
            load_ray().shutdown()
            self._connected = False

    def _end_workers(self) -> None:
        for worker in self._workers:
            worker.kill()
        self._workers.clear()


def _make(machine: Machine) -> RayActors:
    whole = machine.address is not None and machine.workers is None
    workers = _WHOLE_CLUSTER if whole else machine.at_once
    return RayActors(workers, machine.threads, machine.address)


KIND = ExecutorKind(_make, apart=True, joins=True)
