"""Stands between the code and the system, and lets something happen at the n-th call that writes.

A call counts when it changes something below a folder. A write counts twice: before its first byte,
and when half of its bytes are written.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest import mock

WRITING = ("open", "write", "ftruncate", "fsync", "replace", "mkdir", "unlink", "rmdir")
NEEDS_SPACE = {"open", "write", "fsync", "replace", "mkdir"}
_REAL = {name: getattr(os, name) for name in WRITING}


class Killed(BaseException):
    """The process is dead: nothing that it does reaches the disk any more."""


class Shim:
    """Counts the calls that write below a folder; at one of them something happens.

    Attributes:
        calls: the name of each call so far, ``half`` where half of a write is done.
    """

    def __init__(self, root: Path, at: int = 0, happens: Callable[[str], None] | None = None):
        self._root, self._at, self._happens = str(root), at, happens
        self.calls: list[str] = []

    @contextmanager
    def between(self) -> Iterator[Shim]:
        """While the block runs."""
        own = {name: self._standing_in(name) for name in WRITING}
        with mock.patch.multiple(os, **own):
            yield self

    def _standing_in(self, name: str) -> Callable[..., Any]:
        real = _REAL[name]

        def call(*arguments: Any, **options: Any) -> Any:
            if self._counts(name, arguments, options):
                self._pass(name)
                if name == "write":
                    handle, content = arguments
                    half = len(content) // 2
                    done = real(handle, content[:half]) if half else 0
                    self._pass("half")
                    return done + real(handle, content[done:])
            return real(*arguments, **options)

        return call

    def _counts(self, name: str, arguments: Any, options: Any) -> bool:
        if name == "open" and not arguments[1] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return False
        where = arguments[0]
        if options.get("dir_fd") is not None:
            where = options["dir_fd"]
        if isinstance(where, int):
            with suppress(OSError):
                return os.readlink(f"/proc/self/fd/{where}").startswith(self._root)
            return False
        return os.path.abspath(os.fspath(where)).startswith(self._root)

    def _pass(self, name: str) -> None:
        self.calls.append(name)
        if self._happens is not None and len(self.calls) >= self._at > 0:
            self._happens(name)


def really_killed(root: Path, at: int) -> Shim:
    """The process is killed at a call."""
    return Shim(root, at, lambda name: os.kill(os.getpid(), signal.SIGKILL))


def full_disk(root: Path, at: int) -> Shim:
    """From a call on there is no space left; half of a write still finds some."""

    def refuse(name: str) -> None:
        if name in NEEDS_SPACE or name == "half":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return Shim(root, at, refuse)


@contextmanager
def killed(root: Path, at: int) -> Iterator[None]:
    """The block dies at a call as a killed process does: nothing is tidied up, no lock stays."""

    def die(name: str) -> None:
        raise Killed

    with suppress(Killed), Shim(root, at, die).between():
        yield
    for handle in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            if os.readlink(f"/proc/self/fd/{handle}").startswith(str(root)):
                os.close(int(handle))


def leftovers(root: Path) -> list[Path]:
    """What has only a hidden name, as it is not finished."""
    return sorted(root.rglob(".*.part*"))
