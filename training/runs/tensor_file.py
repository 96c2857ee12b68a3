"""Tensor files: safetensors with a digest, checked when read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import safetensors.numpy
import torch
from safetensors import SafetensorError
from torch import Tensor

from interp.training.runs.files import FORMAT, check_format, write_bytes
from interp.training.untrusted import open_regular, read_tensor_file, tensor_header

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
    weights = network.state_dict()
    for name in sorted(weights.keys() ^ arrays.keys()):
        problem = "is missing" if name in weights else "is unknown to this network"
        raise ValueError(f"{path}: tensor {name} {problem}; expected {', '.join(weights)}")
    for name, weight in weights.items():
        array, shape = arrays[name], tuple(weight.shape)
        if array.shape != shape:
            raise ValueError(f"{path}: tensor {name}: expected shape {shape}, got {array.shape}")
        # A narrower type fits in; in a wider one are digits that the network has no room for.
        is_mask = array.dtype == bool and weight.dtype == torch.bool
        if not is_mask and (array.dtype.kind != "f" or array.itemsize > weight.element_size()):
            expected = str(weight.dtype).removeprefix("torch.")
            raise ValueError(f"{path}: tensor {name}: expected {expected}, got {array.dtype}")
        if not np.isfinite(array).all():
            raise ValueError(f"{path}: tensor {name}: expected finite numbers, got NaN or inf")
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
