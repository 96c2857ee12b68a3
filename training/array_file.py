"""Arrays of numbers from files of a few well-known kinds; nothing in a file is ever run."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from interp.training.arguments import detached, shown
from interp.training.lines import one_line
from interp.training.untrusted import (
    MOST_BYTES,
    check_unpacked,
    parse_json,
    read_regular,
    read_text,
)

Named = Mapping[str, np.ndarray]

_MOST_WORDS = 200  # letters of an error, which may quote a whole file

# The name of the array in a file that has no names.
UNNAMED = ""


def read_arrays(path: Path | str) -> Named:
    """The arrays of a file by name; one without names stands under :data:`UNNAMED`.

    ``.npy`` and ``.csv`` (numbers between commas, an empty cell is NaN) hold one array; ``.npz``
    several; ``.json`` a nested list (null is NaN) or a mapping of lists.

    Raises:
        ValueError: if there is no such file, its kind is unknown, or it cannot be read.
    """
    path = Path(path)
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise ValueError(f"{path}: expected a file .npy, .npz, .csv or .json")
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    try:
        return read(path)
    except Exception as error:  # numpy's readers of damaged files raise many kinds
        raise ValueError(f"{path}: cannot be read as arrays of numbers ({_line(error)})") from None


def read_array(path: Path | str) -> np.ndarray:
    """The one array of a file.

    Raises:
        ValueError: as :func:`read_arrays`, or if the file holds several.
    """
    found = read_arrays(path)
    if len(found) != 1:
        raise ValueError(f"{path}: expected one array, got {', '.join(found) or 'none'}")
    return next(iter(found.values()))


def as_array(value: object) -> np.ndarray:
    """An array of an array or of nested lists, in which None is NaN.

    Raises:
        ValueError: if it holds anything but numbers, or rows of different lengths.
    """
    value = detached(value)
    try:
        array = np.asarray(value)
        if array.dtype == object:
            array = array.astype(np.float64)
    except (ValueError, TypeError):
        raise ValueError(
            f"expected an array of numbers, with rows of one length, got {shown(value)}"
        ) from None
    if array.dtype.kind not in "biuf":
        raise ValueError(f"expected an array of numbers, got one of {array.dtype}")
    return array


def _numpy(path: Path) -> Named:
    check_unpacked(path)
    found = np.load(io.BytesIO(read_regular(path, MOST_BYTES)), allow_pickle=False)
    if isinstance(found, np.ndarray):
        return {UNNAMED: as_array(found)}
    with found:
        return {name: as_array(found[name]) for name in found.files}


def _csv(path: Path) -> Named:
    text = read_text(path).splitlines()
    array = np.genfromtxt(text, delimiter=",", ndmin=2)
    cells = [line.split(",") for line in text if line]
    for place in np.argwhere(np.isnan(array)).tolist():
        word = cells[place[0]][place[1]].strip()
        if word.lower() not in ("", "nan"):
            raise ValueError(f"{word!r} is no number")
    return {UNNAMED: array}


def _json(path: Path) -> Named:
    content: Any = parse_json(read_text(path))
    named = content if isinstance(content, Mapping) else {UNNAMED: content}
    return {str(name): as_array(one) for name, one in named.items()}


_READERS: Mapping[str, Callable[[Path], Named]] = {
    ".npy": _numpy,
    ".npz": _numpy,
    ".csv": _csv,
    ".json": _json,
}
KINDS = tuple(_READERS)


def _line(error: Exception) -> str:
    return one_line(error)[:_MOST_WORDS]
