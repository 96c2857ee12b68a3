"""What is being written, beside the place where it is to be, under a hidden name.

The name is always the same, and a lock keeps it for one process. A killed process leaves what it
had written there, unlocked: the same command uses it again, so nothing that was begun stays behind.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

_HIDDEN = (".{}.part", ".{}.part-2", ".{}.part-3")  # for as many who write the same at once


class Unfinished:
    """A file or folder under its hidden name.

    Attributes:
        path: the name that it is to have.
        place: where it is.
        handle: of the file or folder, locked.
    """

    def __init__(self, path: Path, is_folder: bool) -> None:
        self.path, self._is_folder = path, is_folder
        self.place, self.handle = self._taken()
        try:
            self._empty()
        except BaseException:
            self.discard()
            raise

    def _empty(self) -> None:
        """Clears away what a killed process left in it."""
        if self._is_folder:
            for one in list(os.scandir(self.place)):
                _remove(Path(one.path), one.is_dir(follow_symlinks=False))
        elif os.fstat(self.handle).st_size:
            os.ftruncate(self.handle, 0)

    def _taken(self) -> tuple[Path, int]:
        """The first hidden name that nobody is at; then one of its own."""
        places = [self.path.with_name(name.format(self.path.name)) for name in _HIDDEN]
        for number, place in enumerate(places):
            handle = _held(place, self._is_folder)
            if handle is not None:
                for other in places[number + 1 :]:
                    _clear(other, self._is_folder)
                return place, handle
        own = places[0].with_name(f"{places[0].name}-{secrets.token_hex(4)}")
        return own, _opened(own, self._is_folder)

    def appear(self) -> None:
        """Gives it its name; removes it if that cannot be."""
        try:
            os.replace(self.place, self.path)
        except BaseException:
            self.discard()
            raise
        os.close(self.handle)

    def discard(self) -> None:
        """Removes it."""
        _remove(self.place, self._is_folder)
        os.close(self.handle)


def write(handle: int, content: bytes) -> None:
    """Writes all of it, in as many parts as the system makes of it."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _held(place: Path, is_folder: bool) -> int | None:
    """The file or folder at a place, made if need be and locked; None if that cannot be had."""
    handle = None
    try:
        handle = _opened(place, is_folder)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever held it may have given it its name in the meantime.
        if os.path.samestat(os.lstat(place), os.fstat(handle)):
            return handle
    except OSError:  # if it is the disk, the last place says so
        pass
    if handle is not None:
        os.close(handle)
    return None


def _opened(place: Path, is_folder: bool) -> int:
    """Opens a file or folder, made if it is not there; never through a link."""
    flags = os.O_NOFOLLOW | os.O_CLOEXEC
    if not is_folder:
        return os.open(place, flags | os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, 0o666)
    with suppress(FileExistsError):
        os.mkdir(place)
    return os.open(place, flags | os.O_RDONLY | os.O_DIRECTORY)


def _clear(place: Path, is_folder: bool) -> None:
    """Removes what is left of a killed process at a place, if anything."""
    if os.path.lexists(place) and (handle := _held(place, is_folder)) is not None:
        _remove(place, is_folder)
        os.close(handle)


def _remove(place: Path, is_folder: bool) -> None:
    if is_folder:
        shutil.rmtree(place, ignore_errors=True)
    else:
        with suppress(OSError):
            os.unlink(place)
