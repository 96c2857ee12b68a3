"""Tensor files: safetensors with a digest, written aside and renamed, checked when read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch
from safetensors import SafetensorError
from torch import Tensor

FORMAT = 1  # of run folders and of every file in them

Metadata = dict[str, str]


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor | np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Writes a tensor file whose every bit is covered by a digest.

    Raises:
        OSError: if it cannot be written; nothing is left behind.
    """
    arrays = {name: _array(tensor) for name, tensor in sorted(tensors.items())}
    covered = {**metadata, "format": str(FORMAT)}
    digest = _digest(arrays, covered)
    content = safetensors.numpy.save(arrays, metadata={**covered, "sha256": digest})
    write_bytes(path, _ordered(content))


def read_tensors(path: Path) -> tuple[dict[str, np.ndarray], Metadata]:
    """Arrays and metadata of a tensor file.

    Raises:
        ValueError: if the file is missing, no safetensors file (a pickle is refused unread),
            truncated, altered, or of a newer format.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ValueError(f"{path}: expected a safetensors file, found none") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    for start, kind in ((b"\x80", "a pickle"), (b"PK", "a zip archive (torch.save)")):
        if raw.startswith(start) and raw[8:9] != b"{":
            raise ValueError(f"{path}: expected a safetensors file, got {kind}; refused unread")
    try:
        arrays = safetensors.numpy.load(raw)
        length = int.from_bytes(raw[:8], "little")
        metadata: Metadata = json.loads(raw[8 : 8 + length]).get("__metadata__", {})
    except (SafetensorError, ValueError, KeyError, TypeError):
        raise ValueError(
            f"{path}: not a complete safetensors file ({len(raw)} bytes); truncated or altered"
        ) from None
    check_format(metadata.get("format"), path)
    digest = metadata.pop("sha256", None)
    if digest != _digest(arrays, metadata):
        raise ValueError(f"{path}: contents do not match their digest; the file was altered")
    return arrays, metadata


def check_format(found: object, path: Path) -> None:
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


def load_weights(network: torch.nn.Module, arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """Copies arrays into a network's weights and running statistics, in its precision.

    Raises:
        ValueError: naming the first tensor that is missing, unknown or of a wrong shape.
    """
    weights = network.state_dict()
    for name in sorted(weights.keys() ^ arrays.keys()):
        problem = "is missing" if name in weights else "is unknown to this network"
        raise ValueError(f"{path}: tensor {name} {problem}; expected {', '.join(weights)}")
    for name, weight in weights.items():
        if tuple(weight.shape) != arrays[name].shape:
            raise ValueError(
                f"{path}: tensor {name}: expected shape {tuple(weight.shape)}, "
                f"got {arrays[name].shape}"
            )
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(torch.from_numpy(arrays[name]))


def _array(tensor: Tensor | np.ndarray) -> np.ndarray:
    array = tensor.detach().cpu().numpy() if isinstance(tensor, Tensor) else tensor
    return np.asarray(array, order="C")  # unlike ascontiguousarray, it leaves a scalar a scalar


def _ordered(content: bytes) -> bytes:
    """The same file with its header sorted, which safetensors leaves in an order of chance.

    Equal tensors and metadata then make equal files.
    """
    length = int.from_bytes(content[:8], "little")
    entries = json.loads(content[8 : 8 + length])
    header = json.dumps(entries, sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[8 + length :]


def _digest(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(dict(metadata), sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}:{array.dtype}:{array.shape};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
