"""Ray in particular: clusters that lose a node, have no room, or cannot be reached."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import pytest

from interp.training.sweep.executors import ray_actors, ray_cluster, ray_worker
from interp.training.sweep.executors.machine import Machine
from interp.training.sweep.executors.work import Work
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.plan.grid import parse_grid
from interp.training.sweep.plan.manifest import cells_of
from tests.sweep_probe import probe

from .contracts.test_executors import BASE, is_alive, processes_of, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture()
def work(tmp_path: Path) -> Work:
    (tmp_path / "runs").mkdir()
    return Work(probe, tmp_path / "runs", str(tmp_path))


def cells(count: int) -> list[Cell]:
    return cells_of(parse_grid({"base": BASE, "seeds": count}))


# No cluster is there


def test_ray_of_its_own_leaves_nothing_behind(work):
    import ray

    before = signal.getsignal(signal.SIGTERM)
    resource_tracker.ensure_running()  # of Python's, which stays until the end
    there = descendants()  # of tests before this one, such as a browser or a server of forks
    executor = Machine("ray", 1, threads=2).make_executor()
    assert list(executor.run(iter([]), work)) == [] and not ray.is_initialized()
    (outcome,) = executor.run(iter(cells(1)), replace(work, threads=2))
    assert outcome.status == "done" and outcome.row["threads"] == 2
    found = descendants(there)
    assert signal.getsignal(signal.SIGTERM) is before  # by which the command saves checkpoints
    assert len(found) > 3 and set(processes_of(work, outcome.cell)) <= found
    executor.close()
    assert not ray.is_initialized()
    wait_until(lambda: not any(map(is_alive, found)))


def descendants(apart: Collection[int] = ()) -> set[int]:
    """Processes that this one has started, and theirs.

    Args:
        apart: those that are left out with all that they start, as a browser may at any time.
    """
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
    found = {os.getpid()}
    while more := {child for child, parent in parents.items() if parent in found}.difference(
        found, apart
    ):
        found |= more
    return found - {os.getpid()}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("127.0.0.1:{closed}", r"\[Errno 111\] Connection refused"),
        ("ray://127.0.0.1:{closed}", r"\[Errno 111\] Connection refused"),
        ("127.0.0.1:{silent}", "no answer as Ray's within 4 s"),
        ("cluster", "ValueError: Invalid address format: cluster"),
    ],
)
def test_an_address_without_a_cluster(given, reason, monkeypatch):
    monkeypatch.setattr(ray_cluster, "_REACHING", 4.0 if "silent" in given else 15.0)
    # The closed port is held, so that nobody else listens there meanwhile.
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        ports = {"closed": closed.getsockname()[1], "silent": silent.getsockname()[1]}
        address = given.format(**ports)
        began = time.monotonic()
        with pytest.raises(ValueError, match=refusal(address, reason)):
            Machine("ray", 2, address=address).make_executor()
    assert time.monotonic() - began < 30


def refusal(address: str, reason: str) -> str:
    return (
        rf"^ray: expected a running cluster at '{address}' \(host:port as `ray start --head` "
        rf"prints it, or auto on a machine of the cluster\), found none: {reason}$"
    )


def test_auto_is_what_the_environment_says(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(ValueError, match=refusal("127.0.0.1:1", r"\[Errno 111\] .*")):
        Machine("ray", 2, address="auto").make_executor()


def test_ray_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    message = "the executor ray needs ray, not installed: pip install interp[ray]"
    with pytest.raises(ValueError, match=re.escape(message)):
        Machine("ray", 2).make_executor()


# A cluster is there


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """One node with one CPU, to which this process is connected; more come and go."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray.cluster_utils import Cluster

    settings = {"worker_niceness": 0}  # else other tests starve the actors
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "_system_config": settings})
    ray.init(made.address, log_to_driver=False, logging_level="ERROR")
    yield made
    ray.shutdown()
    made.shutdown()


def tries(work: Work, cell: Cell) -> int:
    beside = work.scratch / f"{cell.hash}.tries"
    return len(processes_of(work, cell)) if beside.exists() else 0


def meanwhile(act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def test_a_lost_node_costs_its_cell_a_try(cluster, work):
    second = cluster.add_node(num_cpus=1)
    given = cells(6)
    for cell in given[:2]:
        (work.scratch / f"{cell.hash}.order").write_text("wait")

    def lose() -> None:
        wait_until(lambda: tries(work, given[0]) == tries(work, given[1]) == 1)
        workers = [process for cell in given[:2] for process in processes_of(work, cell)]
        cluster.remove_node(second, allow_graceful=False)
        wait_until(lambda: not all(map(is_alive, workers)))
        for cell in given[:2]:
            (work.scratch / f"{cell.hash}.go").touch()

    losing = meanwhile(lose)
    executor = Machine("ray", 2).make_executor()
    outcomes = list(executor.run(iter(given), work))
    executor.close()
    losing.join()
    assert sorted(o.cell.hash for o in outcomes) == sorted(cell.hash for cell in given)
    assert {o.status for o in outcomes} == {"done"}
    assert sorted(tries(work, cell) for cell in given[:2]) == [1, 2]
    assert [tries(work, cell) for cell in given[2:]] == [1] * 4


def is_asked_for() -> bool:
    """Whether an actor waits for room."""
    from ray._private.state import actors

    return any(one["State"] == "PENDING_CREATION" for one in actors().values())


def test_without_room_a_sweep_waits_for_a_node(cluster, work):
    executor = Machine("ray", 1, threads=2).make_executor()
    (cell,), outcomes = cells(1), []
    running = meanwhile(
        lambda: outcomes.extend(executor.run(iter([cell]), replace(work, threads=2)))
    )
    wait_until(is_asked_for)
    assert tries(work, cell) == 0
    node = cluster.add_node(num_cpus=2)
    running.join(120)
    executor.close()
    cluster.remove_node(node)
    (outcome,) = outcomes
    assert outcome.status == "done"
    assert outcome.row["threads"] == 2


def test_a_cluster_that_never_has_room(cluster, work, monkeypatch):
    monkeypatch.setattr(ray_actors, "_GROWING", 0.0)
    for device, threads, wanted in (("cuda", 1, "a GPU"), ("cpu", 99, "at least 99 CPUs")):
        executor = Machine("ray", 1, threads).make_executor()
        message = f"^ray: expected a node with {wanted}, the cluster has none$"
        with pytest.raises(ValueError, match=message):
            list(executor.run(iter(cells(1)), replace(work, device=device, threads=threads)))
        executor.close()


class Broken:
    """An actor on a machine that lacks something."""

    def __init__(self, threads: int) -> None:
        raise ModuleNotFoundError("No module named 'torch'")

    def place(self) -> None:
        raise AssertionError


def test_actors_that_cannot_start(cluster, work, monkeypatch):
    monkeypatch.setattr(ray_worker, "_Actor", Broken)
    executor = Machine("ray", 1).make_executor()
    message = (
        "^ray: expected workers to start, 3 times none did: "
        "ModuleNotFoundError: No module named 'torch'$"
    )
    with pytest.raises(ValueError, match=message):
        list(executor.run(iter(cells(1)), work))
    executor.close()
