"""Which process works on which cell, so that sweeps in one folder share the work."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from interp.training.runs.files import make_folder, naming


class Claims:
    """Locks on single bytes of one empty file, a byte a cell.

    The system gives them back when the process ends, however it ends, so that no claim outlives
    its owner. They hold between processes, on this machine and over NFS. A folder that several
    machines cannot lock is for one sweep at a time, or for shards.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file: IO[bytes] | None = None
        self._alive: IO[bytes] | None = None
        if folder is not None:
            make_folder(folder)
            with naming(folder):
                self._file = (folder / ".claims").open("ab")
                self._alive = (folder / ".alive").open("ab")
            fcntl.flock(self._alive, fcntl.LOCK_SH)

    def take(self, cell: str) -> bool:
        """Takes a cell, unless another process has it."""
        if self._file is None:
            return True
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _byte(cell), os.SEEK_SET)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def give_back(self, cell: str) -> None:
        """Lets another process have it."""
        if self._file is not None:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _byte(cell), os.SEEK_SET)

    def close(self) -> None:
        """Gives everything back."""
        for file in (self._file, self._alive):
            if file is not None:
                file.close()


def is_running(folder: Path | None) -> bool | None:
    """Whether a sweep is at work in a folder; None if that cannot be known."""
    if folder is None:
        return None
    try:
        with (folder / ".alive").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _byte(cell: str) -> int:
    return int(cell[:12], 16)  # below 2^48: every file system counts further
