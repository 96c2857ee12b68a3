"""Where a sweep keeps what it has: a folder, or any place that fsspec reaches."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from interp.training.lines import one_line
from interp.training.runs.files import make_folder, write_bytes
from interp.training.untrusted import read_regular

# What a sweep keeps in its store: files, a folder of records, a folder of run folders.
PLAN, MANIFEST, RESULTS = "sweep.json", "manifest.parquet", "results.parquet"
RECORDS, RUNS = "cells", "runs"
GIVEN = "given"  # datasets and weights that its cells begin with

_MOST_TABLE = 2**30  # bytes of a file of a sweep; a million cells are a fifth of that

# Where a put replaces an object in one step; elsewhere a file is written aside and moved.
_ATOMIC = {"memory", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oci"}


@runtime_checkable
class Store(Protocol):
    """Named files; each appears whole or not at all.

    Attributes:
        url: as it was given.
        folder: the folder, if the store is one on this machine.
    """

    @property
    def url(self) -> str:
        """As it was given."""

    @property
    def folder(self) -> Path | None:
        """The folder, if the store is one on this machine."""

    def read(self, name: str) -> bytes:
        """Content of a file.

        Raises:
            FileNotFoundError: if there is none.
        """

    def write(self, name: str, content: bytes) -> None:
        """Makes or replaces a file."""

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder; none if there is no such folder."""

    def remove(self, name: str) -> None:
        """Removes a file, if it is there."""

    def put(self, place: Path, name: str) -> None:
        """Copies a folder of this machine to a new folder of the store."""

    def locked(self) -> Any:
        """A context in which no other process rewrites the tables."""


def open_store(place: Path | str) -> Store:
    """The store at a path or an fsspec URL; nothing is made yet.

    Raises:
        ValueError: if the path is a file, or no file system is known for the URL.
    """
    text = str(place)
    if text.startswith("file://"):
        text = text.removeprefix("file://")
    if "://" in text:
        return RemoteStore(text)
    path = Path(text)
    if path.exists() and not path.is_dir():
        raise ValueError(f"{path}: expected a folder, that is a file")
    return FolderStore(path)


class FolderStore:
    """A folder on this machine, which several processes may share."""

    def __init__(self, folder: Path) -> None:
        self.folder: Path | None = folder
        self._folder = folder
        self.url = str(folder)

    def read(self, name: str) -> bytes:
        """Content of a file.

        Raises:
            FileNotFoundError: if there is none.
            ValueError: if it is too long for a file of a sweep, or a pipe or a device.
        """
        return read_regular(self._folder / name, _MOST_TABLE)

    def write(self, name: str, content: bytes) -> None:
        """Makes or replaces a file."""
        path = self._folder / name
        make_folder(path.parent)
        write_bytes(path, content)

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder, without those that are still being written."""
        try:
            with os.scandir(self._folder / folder) as entries:
                return [entry.name for entry in entries if not entry.name.startswith(".")]
        except FileNotFoundError:
            return []

    def remove(self, name: str) -> None:
        """Removes a file, if it is there."""
        (self._folder / name).unlink(missing_ok=True)

    def put(self, place: Path, name: str) -> None:
        """Moves a folder in."""
        target = self._folder / name
        make_folder(target.parent)
        os.replace(place, target)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Waits until no other process is in such a context; ends with the process."""
        make_folder(self._folder)
        with (self._folder / ".lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class RemoteStore:
    """Any place that fsspec reaches. It knows no locks: one sweep at a time, or shards."""

    folder: Path | None = None

    def __init__(self, url: str) -> None:
        import fsspec

        self.url = url.rstrip("/")
        try:
            self._fs, self._root = fsspec.core.url_to_fs(self.url)
        except Exception as error:  # of a package that is absent or fails
            raise ValueError(
                f"{url}: no file system for this address ({one_line(error)})"
            ) from None
        self._atomic = url.partition("://")[0] in _ATOMIC

    def read(self, name: str) -> bytes:
        """Content of a file."""
        content: bytes = self._fs.cat_file(f"{self._root}/{name}")
        return content

    def write(self, name: str, content: bytes) -> None:
        """Makes or replaces a file."""
        path = f"{self._root}/{name}"
        parent, _, last = path.rpartition("/")
        self._fs.makedirs(parent, exist_ok=True)
        aside = path if self._atomic else f"{parent}/.{last}.{os.getpid()}"
        self._fs.pipe_file(aside, content)
        if aside != path:
            self._fs.mv(aside, path)

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder, without those that are still being written."""
        path = f"{self._root}/{folder}".rstrip("/")
        try:
            self._fs.invalidate_cache(path)
            found = self._fs.ls(path, detail=False)
        except FileNotFoundError:
            return []
        names = [str(one).rstrip("/").rpartition("/")[2] for one in found]
        return [name for name in names if not name.startswith(".")]

    def remove(self, name: str) -> None:
        """Removes a file, if it is there."""
        path = f"{self._root}/{name}"
        if self._fs.exists(path):
            self._fs.rm(path)

    def put(self, place: Path, name: str) -> None:
        """Copies a folder in; DONE last, so that half a copy is no finished run."""
        target = f"{self._root}/{name}"
        files = sorted(path for path in place.rglob("*") if path.is_file())
        for path in sorted(files, key=lambda one: one.name == "DONE"):
            part = path.relative_to(place).as_posix()
            self._fs.makedirs(f"{target}/{part}".rpartition("/")[0], exist_ok=True)
            self._fs.pipe_file(f"{target}/{part}", path.read_bytes())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """There is no lock to be had."""
        yield
