"""A call in a process of its own, that ends when it takes too long or too much memory."""

from __future__ import annotations

import io
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MOST_SECONDS = 30.0
MOST_BYTES = 3 * 2**30
_ROOM = 5 * 2**30  # of addresses, beyond those that the parent has; so the machine is spared


@dataclass(frozen=True)
class Ended:
    """How a forked call ended.

    Attributes:
        value: that it gave; None if it gave none.
        seconds: that it took.
        bytes: the most memory that it kept.
        problem: why it gave none, in words.
    """

    value: Any
    seconds: float
    bytes: int
    problem: str | None


def forked(call: Callable[[], Any], most_seconds: float = MOST_SECONDS) -> Ended:
    """The call's plain value, made in a fork of this process, which must have no threads."""
    ours, theirs = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(ours)
        os.setsid()
        _child(call, theirs)
    os.close(theirs)
    said, in_time = _said(ours, began + most_seconds)
    os.close(ours)
    if not in_time:
        os.killpg(child, signal.SIGKILL)
    _, status, used = os.wait4(child, 0)
    seconds = time.monotonic() - began
    problem = None if in_time else f"not done after {most_seconds:g} s"
    if problem is None and not said:
        problem = f"ended by signal {os.waitstatus_to_exitcode(status)}"
    return Ended(json.loads(said) if said else None, seconds, used.ru_maxrss * 1024, problem)


def _said(pipe: int, until: float) -> tuple[bytes, bool]:
    found = b""
    while (left := until - time.monotonic()) > 0:
        if select.select([pipe], [], [], left)[0]:
            part = os.read(pipe, 2**16)
            if not part:
                return found, True
            found += part
    return b"", False


def _child(call: Callable[[], Any], answer: int) -> None:
    try:
        room = _addresses() + _ROOM
        resource.setrlimit(resource.RLIMIT_AS, (room, room))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        content = json.dumps(call()).encode()
        while content:
            content = content[os.write(answer, content) :]
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    os._exit(0)


def _addresses() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Said:
    """What a command said."""

    code: int
    out: str
    err: str
    escaped: str | None  # the last lines of an exception that left the command


def command(arguments: list[str]) -> Said:
    """A command line in this process, with what it wrote."""
    from interp.cli.app import main

    before = sys.stdout, sys.stderr
    out, err = io.StringIO(), io.StringIO()
    sys.stdout, sys.stderr = out, err
    code, escaped = 0, None
    try:
        main(arguments)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1 if ended.code else 0
    except BaseException:
        escaped = "".join(traceback.format_exc().splitlines(keepends=True)[-12:])
    finally:
        sys.stdout, sys.stderr = before
    return Said(code, out.getvalue(), err.getvalue(), escaped)
