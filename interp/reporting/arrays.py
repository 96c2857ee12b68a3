"""Numbers of the report in as few characters as a browser can read back."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping
from typing import Any

import numpy as np

_ALIGNMENT = 8  # bytes; a typed array of a browser must start at a multiple of its item's size


def packed(arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], str]:
    """Where each array lies, and all of them as one base64 text of gzipped little-endian bytes."""
    places: dict[str, Any] = {}
    blob = bytearray()
    for name, array in arrays.items():
        plain = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<")))
        places[name] = {
            "type": array.dtype.name,
            "shape": list(array.shape),
            "at": len(blob),
        }
        blob += plain.tobytes()
        blob += bytes(-len(blob) % _ALIGNMENT)
    return places, compressed(bytes(blob))


def compressed(content: bytes) -> str:
    """Gzipped, without a time, and as base64 text."""
    return base64.b64encode(gzip.compress(content, compresslevel=6, mtime=0)).decode()


def quantized(values: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Integers of 8 or 16 bits and, for each row, the value of the largest integer.

    ``values`` is ``integers * scale / (2**(bits − 1) − 1)`` to half a step.
    """
    kind: type[np.signedinteger] = np.int8 if bits == 8 else np.int16
    top = np.iinfo(kind).max
    scale = np.abs(values).max(axis=-1)
    share = np.divide(
        values, scale[..., None], out=np.zeros(values.shape), where=scale[..., None] > 0
    )
    return np.rint(share * top).astype(kind), scale.astype(np.float32)


def share16(values: np.ndarray) -> np.ndarray:
    """Numbers in [0, 1] as 16 bits; 65535 stands for NaN."""
    return np.where(np.isfinite(values), np.rint(np.nan_to_num(values) * 65534), 65535).astype(
        np.uint16
    )
