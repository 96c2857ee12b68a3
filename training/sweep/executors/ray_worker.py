"""One worker on a Ray cluster: an actor, wherever there was room for it."""

from __future__ import annotations

import os
import signal
import textwrap
from contextlib import suppress
from typing import Any

from interp.training.sweep.executors.ray_cluster import load_ray
from interp.training.sweep.executors.work import THREAD_VARIABLES, Work
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.table.outcome import CellOutcome


class RayWorker:
    """An actor with the CPUs of its threads, or with a GPU.

    It starts (a task, no cell), is at work (a task and a cell) or is idle (neither).

    Args:
        device: where it trains.
        threads: of its tensor library.
        cpus: that the cluster sets aside for it, if it needs no GPU.
    """

    def __init__(self, device: str, threads: int, cpus: int) -> None:
        share = {"num_gpus": 1, "num_cpus": 0} if device == "cuda" else {"num_cpus": cpus}
        environment = {"env_vars": dict.fromkeys(THREAD_VARIABLES, str(threads))}
        actor = load_ray().remote(**share, runtime_env=environment)(_Actor)
        self._actor = actor.remote(threads)
        self._place: tuple[str, int] | None = None
        self.task: Any = self._actor.place.remote()
        self.cell: Cell | None = None

    def give(self, cell: Cell, work: Work) -> None:
        """Sets it to work."""
        self.cell, self.task = cell, self._actor.run.remote(work, cell)

    def result(self) -> CellOutcome | None:
        """The outcome of its cell, or None if it had just to start; it is idle from then on.

        Raises:
            ray.exceptions.RayError: if there is none, because it died or could not start.
        """
        cell, task = self.cell, self.task
        self.cell = self.task = None
        ray = load_ray()
        try:
            value = ray.get(task)
        except ray.exceptions.RayTaskError as error:
            if cell is None:
                raise
            return CellOutcome(cell, "failed", reason(error))  # the actor lives on
        if cell is None:
            self._place = value
            return None
        return value

    def interrupt(self) -> None:
        """Sends Ctrl-C, by a task on the same node: an actor at work hears nothing."""
        if self._place is None:
            return
        ray = load_ray()
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        node, process = self._place
        there = NodeAffinitySchedulingStrategy(node, soft=False)
        as_task = ray.remote(num_cpus=0, max_retries=0, scheduling_strategy=there)
        with suppress(ray.exceptions.RayError):
            # A lambda travels by value, and so imports nothing there.
            as_task(lambda: os.kill(process, signal.SIGINT)).remote()

    def kill(self) -> None:
        """Ends it, at work or not."""
        ray = load_ray()
        with suppress(ray.exceptions.RayError, ValueError):
            ray.kill(self._actor)


class _Actor:
    """What is on the node."""

    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        # Ray blocks it, but it is how training is asked to save a checkpoint and stop.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def place(self) -> tuple[str, int]:
        """Node and process."""
        return load_ray().get_runtime_context().get_node_id(), os.getpid()

    def run(self, work: Work, cell: Cell) -> CellOutcome:
        """Trains and measures a cell."""
        (outcome,) = work([cell])
        return outcome


def reason(error: Exception) -> str:
    """What Ray says of a death, in one line: its last, without guesses."""
    text = str(getattr(error, "cause", None) or error).strip()
    last = text.splitlines()[-1].rpartition("exit detail: ")[2].partition(" Some common causes")[0]
    return textwrap.shorten(last, 200)
