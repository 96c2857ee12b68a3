"""Where and how the cells of a sweep are run, in one checked value."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from interp.training.arguments import shown, some, whole
from interp.training.registry import Registry
from interp.training.sweep.executors.executors import Executor
from interp.training.trainer.device import check_device, find_device

AUTO = "auto"


@dataclass(frozen=True)
class ExecutorKind:
    """A row of the table of executors.

    Attributes:
        make: the executor of a machine; raises ValueError if it cannot be had there.
        apart: whether cells run in several processes at once, beside this one.
        joins: whether it can join a cluster at an address.
    """

    make: Callable[[Machine], Executor]
    apart: bool = False
    joins: bool = False


_HOME = "interp.training.sweep.executors"
EXECUTORS: Registry[ExecutorKind] = Registry(
    "executor",
    {
        "serial": f"{_HOME}.serial:KIND",
        "processes": f"{_HOME}.processes:KIND",
        "cohorts": f"{_HOME}.cohorts:KIND",
        "ray": f"{_HOME}.ray_actors:KIND",
    },
)


@dataclass(frozen=True)
class Machine:
    """Where and how cells are run.

    Attributes:
        executor: ``serial``, ``processes``, ``cohorts`` (cells of equal shapes together, on a
            GPU) or ``ray``; ``auto``: cohorts where there is a GPU, else processes.
        workers: cells at once; None: one a core, and on a cluster with an address as many as it
            has room for. Cohorts have none.
        threads: of a worker.
        device: where to train: ``cpu``, ``cuda`` or ``auto``.
        address: of a Ray cluster, ``host:port``; None starts Ray on this machine.

    Raises:
        ValueError: in one line, if an option is misspelt, out of range, or without a meaning
            beside the executor.
    """

    executor: str = AUTO
    workers: int | None = None
    threads: int = 1
    device: str = AUTO
    address: str | None = None

    def __post_init__(self) -> None:
        kind = _kind(self.executor)
        check_device(self.device)
        if self.workers is not None:
            whole(self.workers, "workers", least=1)
        whole(self.threads, "threads", least=1)
        some(self.address, str, "address as text, host:port")
        if self.address is not None and not (kind and kind.joins):
            raise ValueError(
                f"address: expected with an executor that joins a cluster, such as ray; "
                f"got {self.address!r} with {self.executor}"
            )
        if (self.workers or 1) > 1 and kind and not kind.apart:
            raise ValueError(
                f"workers: expected with an executor of several processes; "
                f"got {self.workers} with {self.executor}"
            )

    @property
    def chosen(self) -> Machine:
        """What ``auto`` stands for here: the same with an executor and a device, cpu or cuda.

        Raises:
            ValueError: for ``cuda`` without a GPU.
        """
        device = "cuda" if find_device(self.device).type == "cuda" else "cpu"
        if self.executor != AUTO:
            return replace(self, device=device)
        if device == "cuda":
            return replace(self, executor="cohorts", device=device, workers=None)
        return replace(self, executor="processes", device=device)

    @property
    def at_once(self) -> int:
        """How many cells are run at once on this machine."""
        kind = _kind(self.executor)
        return self.workers or (cores() if kind is None or kind.apart else 1)

    @property
    def is_apart(self) -> bool:
        """Whether cells run in other processes than this one."""
        kind = _kind(self.chosen.executor)
        return kind is not None and kind.apart

    def make_executor(self) -> Executor:
        """Who runs the cells; to be closed at the end.

        Raises:
            ValueError: for Ray that is not installed or does not answer, or ``cuda`` without a GPU.
        """
        chosen = self.chosen
        return EXECUTORS[chosen.executor].make(chosen)


MachineLike = Machine | Mapping[str, Any] | str


def as_machine(given: MachineLike) -> Machine:
    """The machine that an executor's name or a mapping of fields means, or itself.

    Raises:
        ValueError: if it is none of these, or an option is not as expected.
    """
    if isinstance(given, Machine):
        return given
    if isinstance(given, str):
        return Machine(given)
    if not isinstance(given, Mapping):
        raise ValueError(f"machine: expected an executor's name or a Machine, got {shown(given)}")
    known = [field.name for field in fields(Machine)]
    for name in given:
        if name not in known:
            raise ValueError(f"machine: expected {_one_of(known, name)}")
    return Machine(**given)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _kind(name: str) -> ExecutorKind | None:
    """The row of an executor; None for ``auto``, which may be any."""
    if isinstance(name, str) and name == AUTO:
        return None
    if not isinstance(name, str) or name not in EXECUTORS:
        raise ValueError(f"executor: expected {_one_of([AUTO, *EXECUTORS], name)}")
    return EXECUTORS[name]


def _one_of(names: Iterable[str], got: object) -> str:
    near = difflib.get_close_matches(str(got), list(names), n=1)
    hint = f"; nearest is {near[0]}" if near else ""
    return f"{' or '.join(names)}, got {shown(got)}{hint}"
