"""What anybody may have written: regular files only, of a size and depth that are no attack."""

from __future__ import annotations

import json
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from errno import EISDIR
from pathlib import Path
from typing import IO, Any

import yaml

MOST_BYTES = 2**26  # of a file of text
MOST_UNPACKED = 2**30  # of an archive; a few megabytes of zip may hold terabytes of zeros
_MOST_NODES = 100_000  # of a YAML document, every alias counted as what it stands for
_DEEPEST = 100  # levels of a YAML document; what people write has a dozen


def read_regular(path: Path, most: int | None = None) -> bytes:
    """The content of a regular file; a pipe or a device, which may never end, is refused unread.

    Args:
        path: links are followed.
        most: bytes; None for any number.

    Raises:
        ValueError: if it is no regular file, or longer.
        OSError: if it cannot be read.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if most is not None and size > most:
            raise ValueError(f"{path}: expected at most {most} bytes, got {size}")
        return file.read()


def open_regular(path: Path) -> IO[bytes]:
    """A regular file, opened to be read; errors as of :func:`read_regular`."""
    # Without the flag, a pipe that nobody writes to would wait for somebody.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(path))
    raise ValueError(f"{path}: expected a regular file, got a pipe or a device")


def read_tensor_file(path: Path) -> tuple[bytes, dict[str, Any]]:
    """A safetensors file with its header, read once it is known to be as long as that says.

    Raises:
        ValueError: naming the file, if it is none, or too short or long.
        OSError: if it cannot be read.
    """
    with open_regular(path) as file:
        try:
            header = tensor_header(file)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        file.seek(0)
        return file.read(), header


def tensor_header(file: IO[bytes]) -> dict[str, Any]:
    """The header of a safetensors file, which tells where its tensors stand; they are not read.

    Raises:
        ValueError: if there is none, or the file is not as long as it says.
    """
    size, start = os.fstat(file.fileno()).st_size, file.read(9)
    for mark, kind in ((b"\x80", "a pickle"), (b"PK", "a zip archive (torch.save)")):
        if start.startswith(mark) and start[8:] != b"{":
            raise ValueError(f"expected a safetensors file, got {kind}; refused unread")
    length = int.from_bytes(start[:8], "little")
    try:
        if not 0 < length <= min(size - 8, MOST_BYTES):
            raise ValueError  # it goes on behind the end of the file
        header: dict[str, Any] = parse_json(start[8:] + file.read(length - 1))
        ends = [one["data_offsets"][1] for name, one in header.items() if name != "__metadata__"]
        if size != 8 + length + max(ends, default=0):
            raise ValueError  # its tensors end elsewhere
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ValueError(
            f"not a complete safetensors file ({size} bytes); truncated or altered"
        ) from None
    return header


def check_unpacked(path: Path) -> None:
    """Refuses a zip archive that holds far more than its own size; another file is none of it.

    Raises:
        ValueError: saying how much it would be.
    """
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            size = sum(one.file_size for one in archive.infolist())
            most = max(MOST_UNPACKED, os.fstat(file.fileno()).st_size)
    except (zipfile.BadZipFile, NotImplementedError, struct.error, OSError):
        return
    if size > most:
        raise ValueError(f"{path}: expected at most {most} bytes unpacked, got {size}")


def read_text(path: Path) -> str:
    """A regular file of UTF-8 text.

    Raises:
        ValueError: if it is none, or too long.
        OSError: if it cannot be read.
    """
    return read_regular(path, MOST_BYTES).decode("utf-8")


def parse_json(text: str | bytes) -> Any:
    """What JSON describes.

    Raises:
        ValueError: if it is none, or nested too deeply.
    """
    return _bounded(lambda: json.loads(text))


def parse_yaml(text: str) -> Any:
    """What YAML describes; a key that is there twice is an error.

    Raises:
        ValueError: if it is none, nested too deeply, or aliases make more of it than its text.
        yaml.YAMLError: if it is no YAML.
    """
    return _bounded(lambda: _construct(text))


def _bounded(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except RecursionError:
        raise ValueError("nested too deeply") from None


class _Loader(yaml.SafeLoader):
    """YAML as its specification has it: a key that is there twice is an error, not the last one.

    Depth has a limit of its own: the interpreter's comes late, and differs from one to another.
    """

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise RecursionError
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for place, key in enumerate(keys):
            if key in keys[:place]:
                mark = node.value[place][0].start_mark
                raise yaml.MarkedYAMLError(problem=f"{key!r} is there twice", problem_mark=mark)
        return super().construct_mapping(node, deep)


def _construct(text: str) -> Any:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > _MOST_NODES:
            raise ValueError(f"aliases make more than {_MOST_NODES} entries of it")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Entries of a document with its aliases written out; one inside itself has no end."""
    if id(node) not in known:
        known[id(node)] = _MOST_NODES + 1  # in force while what it holds is counted
        known[id(node)] = 1 + sum(_size(inner, known) for inner in _held(node))
    return known[id(node)]


def _held(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
