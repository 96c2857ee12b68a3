"""A Ray cluster: one that is there, or one that is started on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import suppress
from typing import Any

_REACHING = 20.0  # seconds in which a cluster answers
_OBJECTS = 10**8  # bytes of the store of shared objects, which only outcomes pass through
_PROBE = "import ray, sys; ray.init(sys.argv[1], log_to_driver=False, logging_level='ERROR')"


def load_ray() -> Any:
    """The package, its usage statistics off.

    Raises:
        ValueError: if it is not installed.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ImportError:
        raise ValueError("ray: expected to be installed; pip install interp[ray]") from None
    return ray


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
        ray.init("local", num_cpus=cpus, **own, **quiet)
    else:
        check_address(address)
        ray.init(address, **quiet)
    # Deaths of workers, which are printed to stdout no matter what; outcomes tell of them.
    with suppress(AttributeError):
        ray._private.worker._worker_logs_enabled = False
    return True


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
        done = subprocess.run(command, capture_output=True, text=True, timeout=_REACHING)
    except subprocess.TimeoutExpired:
        return f"what is there did not answer as Ray does within {_REACHING:.0f} s"
    lines = done.stderr.strip().splitlines()
    return (lines[-1] if lines else f"exit code {done.returncode}") if done.returncode else None


def slots(threads: int, device: str) -> int:
    """How many workers the nodes of the cluster have room for when nothing else runs."""
    resource, size = ("GPU", 1) if device == "cuda" else ("CPU", threads)
    nodes = [node for node in load_ray().nodes() if node["Alive"]]
    return sum(int(node["Resources"].get(resource, 0) // size) for node in nodes)
