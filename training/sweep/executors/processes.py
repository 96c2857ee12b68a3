"""Cells in processes of this machine: one cell a worker at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from interp.training.lines import noted
from interp.training.sweep.executors.machine import ExecutorKind
from interp.training.sweep.executors.work import THREAD_VARIABLES, Work
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.table.outcome import CellOutcome

TRIES = 3  # of a cell whose worker dies
_STOPPING = 60.0  # seconds in which a stopped worker saves a checkpoint


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    cell: Cell | None = None


class Processes:
    """Spawned workers, each with a pipe of its own, so that one that is killed harms no other.

    Args:
        workers: how many.
    """

    def __init__(self, workers: int) -> None:
        self._count = workers
        self._workers: list[_Worker] = []
        self._work: Work | None = None

    def run(self, cells: Iterator[Cell], work: Work) -> Generator[CellOutcome]:
        """Outcomes of the cells, in the order in which they end."""
        if self._work != work:
            self.close()
        self._work = work
        tries: dict[str, int] = {}
        again: list[Cell] = []
        try:
            while True:
                self._hand_out(cells, again)
                busy = [worker for worker in self._workers if worker.cell is not None]
                if not busy:
                    return
                wait([part for w in busy for part in (w.pipe, w.process.sentinel)])
                for worker in busy:
                    outcome = self._result(worker, tries, again)
                    if outcome is not None:
                        yield outcome
        except (KeyboardInterrupt, GeneratorExit):
            self._stop()
            raise

    def _hand_out(self, cells: Iterator[Cell], again: list[Cell]) -> None:
        """Gives a cell to everyone who is idle; starts workers while there are cells."""
        while True:
            idle = next((w for w in self._workers if w.cell is None), None)
            if idle is None and len(self._workers) >= self._count:
                return
            cell = again.pop() if again else next(cells, None)
            if cell is None:
                return
            worker = idle or self._start()
            worker.cell = cell
            with suppress(OSError):  # one that has died is seen by its sentinel
                worker.pipe.send(cell)

    def _start(self) -> _Worker:
        assert self._work is not None
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._work), daemon=True)
        worker = _Worker(process, ours)
        with _threads_in_environment(self._work.threads), _without_interrupt():
            process.start()
            theirs.close()
            self._workers.append(worker)
        return worker

    def _result(
        self, worker: _Worker, tries: dict[str, int], again: list[Cell]
    ) -> CellOutcome | None:
        """What a worker has to say, if anything; a dead one's cell is tried again."""
        cell = worker.cell
        assert cell is not None
        try:
            if worker.pipe.poll():
                outcome: CellOutcome = worker.pipe.recv()
                worker.cell = None
                return outcome
        except (EOFError, OSError):
            worker.process.join(_STOPPING)
        if worker.process.is_alive():
            return None
        self._workers.remove(worker)
        worker.pipe.close()
        tries[cell.hash] = tries.get(cell.hash, 0) + 1
        if tries[cell.hash] < TRIES:
            again.append(cell)
            return None
        reason = f"its worker died {TRIES} times ({_death(worker.process.exitcode)})"
        return CellOutcome(cell, "failed", reason)

    def _stop(self) -> None:
        """Asks the workers to save a checkpoint and end."""
        for worker in self._workers:
            if worker.cell is not None and worker.process.is_alive():
                with suppress(OSError):
                    os.kill(worker.process.pid, signal.SIGINT)
        for worker in self._workers:
            worker.pipe.close()
            worker.process.join(_STOPPING)
        self.close()

    def close(self) -> None:
        """Ends the workers; those at work are killed."""
        for worker in self._workers:
            worker.pipe.close()
            if worker.cell is not None:
                worker.process.kill()
        for worker in self._workers:
            worker.process.join(5)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers.clear()


def _serve(pipe: Connection, work: Work) -> None:
    """A worker: cells in, outcomes out, until the pipe is closed or the parent is gone."""
    import torch

    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Ctrl-C in the terminal and a scheduler's SIGTERM are for the sweep, which stops its workers
    # once and waits for their checkpoints.
    with suppress(OSError):
        os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    torch.set_num_threads(work.threads)
    warnings.showwarning = noted
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        while True:
            (outcome,) = work([pipe.recv()])
            pipe.send(outcome)
    except (EOFError, OSError, KeyboardInterrupt):
        return


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}; was there enough memory?"
    return f"exit code {code}"


@contextmanager
def _without_interrupt() -> Iterator[None]:
    """Ctrl-C waits until a worker is started; the worker takes none until it lets it through."""
    resource_tracker.ensure_running()  # starting it later would let Ctrl-C through again
    noted: list[int] = []
    previous = signal.getsignal(signal.SIGINT)
    ours = threading.current_thread() is threading.main_thread() and callable(previous)
    if ours:  # another thread may be given the signal, but this one has to handle it
        signal.signal(signal.SIGINT, lambda number, frame: noted.append(number))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if ours:
            signal.signal(signal.SIGINT, previous)
    if noted:
        signal.raise_signal(signal.SIGINT)


@contextmanager
def _threads_in_environment(threads: int) -> Iterator[None]:
    """Number of threads for the libraries that read it when they are loaded."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


KIND = ExecutorKind(lambda machine: Processes(machine.at_once), apart=True)
