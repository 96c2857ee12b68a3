"""A Ray cluster: one that is there, or one that is started on this machine."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from interp.training.optional import failed, part

_REACHING = 15.0  # seconds in which a cluster answers
_OBJECTS = 10**8  # bytes of the store of shared objects, which only outcomes pass through
_PROBE = "import ray, sys; ray.init(sys.argv[1], log_to_driver=False, logging_level='ERROR')"


def load_ray() -> Any:
    """The package, its usage statistics off.

    Raises:
        PartError: if it is not installed or cannot be imported.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    return part("ray", "ray", "the executor ray")


def connect(cpus: int, address: str | None) -> bool:
    """Connects this process to a cluster, unless it is connected.

    Args:
        cpus: of the cluster that is started on this machine if there is no address.
        address: ``host:port``, ``ray://host:port`` or ``auto``.

    Returns:
        Whether the connection is new, so that whoever asked for it is to end it.

    Raises:
        ValueError: if there is no Ray, or no cluster at the address.
    """
    ray = load_ray()
    if ray.is_initialized():
        return False
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None:
        own = {"include_dashboard": False, "object_store_memory": _OBJECTS}
        _start(ray, "local", num_cpus=cpus, **own, **quiet)
    else:
        check_address(address)
        _start(ray, address, **quiet)
    # Deaths of workers, which are printed to stdout no matter what; outcomes tell of them.
    with suppress(AttributeError):
        ray._private.worker._worker_logs_enabled = False
    return True


def _start(ray: Any, address: str, **options: Any) -> None:
    """Starts Ray on this machine, or joins a cluster that answers.

    Raises:
        PartError: saying why Ray cannot.
    """
    try:
        with _keeping_sigterm():
            ray.init(address, **options)
    except Exception as error:
        where = "be started on this machine" if address == "local" else f"join {address!r}"
        advice = "try `ray start --head`, or another executor, such as processes"
        raise failed("ray", f"cannot {where}", error, advice) from error


@contextmanager
def _keeping_sigterm() -> Iterator[None]:
    """Ray makes SIGTERM end the process at once, without a checkpoint."""
    previous = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread() and previous is not None:
        signal.signal(signal.SIGTERM, previous)


def check_address(address: str) -> None:
    """Makes sure that a cluster answers.

    Ray itself waits for minutes and then ends the process, so another one tries.

    Raises:
        ValueError: if none does.
    """
    where = os.environ.get("RAY_ADDRESS") or address if address == "auto" else address
    reason = _refusal(where) or _failure(where)
    if reason:
        raise ValueError(
            f"ray: expected a running cluster at {where!r} (host:port as `ray start --head` prints "
            f"it, or auto on a machine of the cluster), found none: {reason}"
        )


def _refusal(address: str) -> str | None:
    """Why nothing can be reached under ``host:port``; None if something can."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not port.isdecimal():
        return None
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except (OSError, OverflowError) as error:
        return str(error)
    return None


def _failure(address: str) -> str | None:
    """Why Ray cannot connect; None if it can."""
    command = [sys.executable, "-c", _PROBE, address]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_REACHING)
    except subprocess.TimeoutExpired as error:
        return f"no answer as Ray's within {_REACHING:.0f} s{_last(error.stderr, '; ')}"
    return _last(done.stderr) or f"exit code {done.returncode}" if done.returncode else None


def _last(written: bytes | None, before: str = "") -> str:
    """The last line of what was written, without time and place in Ray."""
    lines = (written or b"").decode(errors="replace").strip().splitlines()
    return before + re.sub(r"^\[.*?\] \S+: ", "", lines[-1]) if lines else ""


def slots(threads: int, device: str) -> int:
    """How many workers the nodes of the cluster have room for when nothing else runs."""
    resource, size = ("GPU", 1) if device == "cuda" else ("CPU", threads)
    nodes = [node for node in load_ray().nodes() if node["Alive"]]
    return sum(int(node["Resources"].get(resource, 0) // size) for node in nodes)
