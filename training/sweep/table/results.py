"""The results of a sweep: one tidy table, a row a cell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from interp.training.optional import part

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True)
class Results:
    """What came of the cells of a sweep.

    Attributes:
        table: a row a cell: hash, axes, seed, status, scores, and whatever was measured. What
            does not exist is null.
        axes: dotted paths of the options that were varied, without the seed.
    """

    table: pa.Table
    axes: tuple[str, ...]

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def to_pandas(self) -> pd.DataFrame:
        """The table as a DataFrame."""
        return self.table.to_pandas()

    def to_xarray(self) -> xr.Dataset:
        """The table as arrays over the axes and the seed.

        Dimensions are the dotted paths of the axes and ``seed``; coordinates are their values,
        sorted. Each other column is a variable, but for hash, config and error. Numbers become
        floats (a bool 0 or 1), NaN where there is no cell or the cell has none; text is ""
        there.

        Raises:
            PartError: if xarray is not installed or cannot be imported.
            ValueError: if two cells differ in no axis and not in the seed.
        """
        xarray = part("xarray", "xarray", "to_xarray")
        names = (*self.axes, "seed")
        # A table without rows may be without columns too.
        columns = {name: self.table[name].to_pylist() if len(self) else [] for name in names}
        values = {name: distinct(column) for name, column in columns.items()}
        shape = tuple(len(values[name]) for name in names)
        place = np.zeros(len(self), dtype=np.int64)
        for name, column in columns.items():
            index = {value: i for i, value in enumerate(values[name])}
            place = place * len(index) + np.array([index[v] for v in column], dtype=np.int64)
        if len(np.unique(place)) < len(place):
            raise ValueError(_repeated(columns, place, names))
        left_out = {*names, "hash", "config", "error"}
        variables = {
            name: (names, _spread(self.table[name], place, shape))
            for name in self.table.column_names
            if name not in left_out
        }
        coordinates = {name: _coordinate(found) for name, found in values.items()}
        return xarray.Dataset(variables, coords=coordinates)


def distinct(values: Iterable[Any]) -> list[Any]:
    """The different values in rising order, numbers in words by their size; None comes last."""
    return sorted(set(values), key=lambda value: (value is None, _rank(value)))


def _rank(value: Any) -> Any:
    if isinstance(value, str):
        parts = re.split(r"([0-9]+)", value)
        return [int(part) if part.isdecimal() else part for part in parts], value
    return 0 if value is None else value


def _coordinate(values: list[Any]) -> np.ndarray:
    """Values of an axis as an array; None is NaN among numbers and "" among text."""
    filler: Any = "" if any(isinstance(value, str) for value in values) else np.nan
    return np.array([filler if value is None else value for value in values])


def _repeated(columns: dict[str, list[Any]], place: np.ndarray, names: tuple[str, ...]) -> str:
    """What to say of two cells at one place."""
    places, counts = np.unique(place, return_counts=True)
    row = int(np.flatnonzero(place == places[counts > 1][0])[0])
    where = ", ".join(f"{name} = {columns[name][row]}" for name in names)
    return (
        f"expected one cell at {where}; found {counts.max()}, "
        "which differ in an option that is no axis of these results"
    )


def _spread(column: pa.ChunkedArray, place: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A column over the axes: NaN or "" where it has no value."""
    values = column.to_pylist()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        width = max((len(value) for value in values if value is not None), default=1)
        flat = np.full(int(np.prod(shape)), "", dtype=f"<U{max(width, 1)}")
        flat[place] = [value or "" for value in values]
    else:
        flat = np.full(int(np.prod(shape)), np.nan)
        flat[place] = [np.nan if value is None else float(value) for value in values]
    return flat.reshape(shape)
