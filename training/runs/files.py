"""Files and folders that appear whole or not at all: whatever is written is written here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from interp.training.runs.unfinished import Unfinished, write

FORMAT = 1  # of run folders and of every file in them

# What waits for its name until everything that is written together is written.
_WAITING: ContextVar[list[Unfinished] | None] = ContextVar("waiting", default=None)


def check_format(found: object, path: Path | str) -> None:
    """Refuses a file that a newer version of the toolkit has written."""
    try:
        number = int(str(found))
    except ValueError:
        raise ValueError(f"{path}: expected a format number, got {found!r}") from None
    if number > FORMAT:
        raise ValueError(
            f"{path}: written in format {number}; this version reads up to {FORMAT}, update interp"
        )


def check_place(what: str, path: Path, *suffixes: str) -> None:
    """Refuses a place for a file of which nothing is computed yet.

    Raises:
        ValueError: if the name has none of the suffixes, the folder does not exist, or the
            place is a folder itself.
    """
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"{what} {path}: expected a name that ends in {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise ValueError(f"{what} {path}: expected an existing folder, {path.parent} is none")
    if path.is_dir():
        raise ValueError(f"{what} {path}: expected a file, that is a folder")


def is_vacant(path: Path) -> bool:
    """Whether a run folder can be made there: nothing, or an empty folder."""
    return not path.exists() or (path.is_dir() and not any(path.iterdir()))


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Makes errors of the disk name the file that was asked for, not a temporary one or none."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        reason = os.strerror(error.errno)
        raise OSError(error.errno, f"cannot be written ({reason})", str(path)) from None


def write_bytes(path: Path, content: bytes) -> None:
    """Replaces a file in one step: readers see the old content or the new, never a part.

    Raises:
        OSError: naming the file, if it cannot be written; nothing is left behind.
    """
    with naming(path):
        unfinished = Unfinished(path, is_folder=False)
        try:
            write(unfinished.handle, content)
            os.fsync(unfinished.handle)
        except BaseException:
            unfinished.discard()
            raise
        _appear(unfinished)


def append_bytes(path: Path, content: bytes) -> None:
    """Adds to the end of a file; if the process is killed or the disk full, perhaps a part only.

    Raises:
        OSError: naming the file, if it is not there or cannot be written.
    """
    with naming(path):
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            write(handle, content)
        finally:
            os.close(handle)


@contextmanager
def new_folder(path: Path, parents: bool = True) -> Iterator[Path]:
    """A folder that appears under its name only when the block has ended well.

    Args:
        path: nothing, or an empty folder.
        parents: whether the folder that it is in may be made too.

    Raises:
        ValueError: if its place is not inside a folder.
        OSError: naming the folder, if it cannot be written; nothing is left behind.
    """
    with naming(path):
        if parents:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError):
                raise ValueError(f"{path}: expected a place in a folder, that is a file") from None
        unfinished = Unfinished(path, is_folder=True)
        at_once = _WAITING.set(None)  # what is written into it is there to be read in the block
        try:
            yield unfinished.place
        except BaseException:
            unfinished.discard()
            raise
        finally:
            _WAITING.reset(at_once)
        _appear(unfinished)


def make_folder(path: Path, parents: bool = True) -> None:
    """Makes a folder to write into, unless it is there.

    Args:
        path: of the folder.
        parents: whether the folders that it is in may be made too.

    Raises:
        ValueError: if a file is there, or where a folder would have to be.
        OSError: naming the folder, if it cannot be made.
    """
    try:
        with naming(path):
            path.mkdir(parents=parents, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(f"{path}: expected a folder, or a place for one; found a file") from None


def remove_folder(path: Path) -> None:
    """Removes a folder, if it is there; whoever looks sees the whole of it or nothing."""
    if not path.exists():
        return
    with suppress(OSError):
        unfinished = Unfinished(path, is_folder=True)
        try:
            os.replace(path, unfinished.place)
        finally:
            unfinished.discard()


@contextmanager
def together() -> Iterator[None]:
    """What is written in the block appears when all of it is written, and nothing if one fails.

    Raises:
        OSError: as the writing does.
    """
    waiting: list[Unfinished] = []
    outside = _WAITING.set(waiting)
    try:
        try:
            yield
        finally:
            _WAITING.reset(outside)
        while waiting:
            _appear(waiting.pop(0))
    except BaseException:
        for one in waiting:
            one.discard()
        raise


def _appear(unfinished: Unfinished) -> None:
    """Gives something its name, now or with all that is written together."""
    waiting = _WAITING.get()
    if waiting is not None:
        waiting.append(unfinished)
        return
    with naming(unfinished.path):
        unfinished.appear()
