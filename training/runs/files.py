"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FORMAT = 1  # of run folders and of every file in them


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


def write_bytes(path: Path, content: bytes) -> None:
    """Replaces a file in one step: readers see the old content or the new, never a part.

    Raises:
        OSError: naming the file, if it cannot be written; nothing is left behind.
    """
    with naming(path):
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


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


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder that appears under its name only when the block has ended well.

    Raises:
        ValueError: if its place is not inside a folder.
        OSError: naming the folder, if it cannot be written; nothing is left behind.
    """
    with naming(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise ValueError(f"{path}: expected a place in a folder, that is a file") from None
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            os.chmod(temporary, 0o777 & ~_umask())
            yield temporary
            os.replace(temporary, path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
