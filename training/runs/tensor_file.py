"""Tensor files: safetensors with a digest, checked when read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from interp.training.models.arrays import as_array
from interp.training.runs.files import FORMAT, check_format, write_bytes
from interp.training.untrusted import open_regular, read_tensor_file, tensor_header

if TYPE_CHECKING:
    from torch import Tensor

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
        raw, header = read_tensor_file(path)
    except FileNotFoundError:
        raise ValueError(f"{path}: expected a safetensors file, found none") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        arrays = safetensors.numpy.load(raw)
        metadata: Metadata = dict(header.get("__metadata__", {}))
    except (SafetensorError, ValueError, KeyError, TypeError):
        raise ValueError(
            f"{path}: not a complete safetensors file ({len(raw)} bytes); truncated or altered"
        ) from None
    check_format(metadata.get("format"), path)
    digest = metadata.pop("sha256", None)
    if digest != _digest(arrays, metadata):
        raise ValueError(f"{path}: contents do not match their digest; the file was altered")
    return arrays, metadata


def read_digest(path: Path) -> str | None:
    """The digest that a tensor file says it has, from its header alone; None if it has none."""
    try:
        with open_regular(path) as file:
            header = tensor_header(file)
        found: str | None = header.get("__metadata__", {}).get("sha256")
        return found
    except (OSError, ValueError, AttributeError):
        return None


class Place(NamedTuple):
    """What fits into a network's tensor: arrays of its shape, of its precision or less."""

    shape: tuple[int, ...]
    dtype: str
    bytes_each: int


def check_arrays(places: Mapping[str, Place], arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """Refuses arrays that are not a network's weights and running statistics.

    Raises:
        ValueError: naming the first tensor that is missing, unknown, of a wrong shape or type, or
            not finite.
    """
    for name in sorted(places.keys() ^ arrays.keys()):
        problem = "is missing" if name in places else "is unknown to this network"
        raise ValueError(f"{path}: tensor {name} {problem}; expected {', '.join(places)}")
    for name, place in places.items():
        array = arrays[name]
        if array.shape != place.shape:
            raise ValueError(
                f"{path}: tensor {name}: expected shape {place.shape}, got {array.shape}"
            )
        # A narrower type fits in; in a wider one are digits that the network has no room for.
        is_mask = array.dtype == bool and place.dtype == "bool"
        if not is_mask and (array.dtype.kind != "f" or array.itemsize > place.bytes_each):
            raise ValueError(f"{path}: tensor {name}: expected {place.dtype}, got {array.dtype}")
        if not np.isfinite(array).all():
            raise ValueError(f"{path}: tensor {name}: expected finite numbers, got NaN or inf")


@runtime_checkable
class Stateful(Protocol):
    """Anything with parameters and running statistics."""

    def state_dict(self) -> Mapping[str, Tensor]:
        """Its tensors by name."""


def load_weights(network: Stateful, arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """Copies arrays into a network's weights and running statistics, in its precision.

    Raises:
        ValueError: naming the first tensor that is missing, unknown, of a wrong shape or type, or
            not finite.
    """
    import torch

    weights = network.state_dict()
    places = {
        name: Place(tuple(one.shape), str(one.dtype).removeprefix("torch."), one.element_size())
        for name, one in weights.items()
    }
    check_arrays(places, arrays, path)
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(torch.from_numpy(arrays[name]))


def _array(tensor: Tensor | np.ndarray) -> np.ndarray:
    # Unlike ascontiguousarray, it leaves a scalar a scalar.
    return np.asarray(as_array(tensor), order="C")


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
