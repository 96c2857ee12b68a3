"""Tables of a sweep's store, which are made anew where they cannot be read."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from interp.training.sweep.store import Store
from interp.training.untrusted import parse_json

_MOST_ENTRIES = 2**27  # of all columns; a few kilobytes of Parquet may hold billions


def read_parquet(
    store: Store, name: str, columns: Sequence[str] | None = None, text: Sequence[str] = ()
) -> pa.Table | None:
    """A table of a store; None if there is none, or it is damaged or endless.

    Args:
        store: of a sweep.
        name: of the file.
        columns: to read only some.
        text: columns that a table without them, or with other things in them, is damaged.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(store.read(name)))  # read_table imports 0.2 s more
        if file.metadata.num_rows * max(file.metadata.num_columns, 1) > _MOST_ENTRIES:
            return None
        table = file.read(columns=None if columns is None else list(columns))
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return None
    kinds = dict(zip(table.column_names, table.schema.types, strict=True))
    fine = len(kinds) == table.num_columns and all(kinds.get(one) == pa.string() for one in text)
    return table if fine else None


def axes_of(table: pa.Table) -> tuple[str, ...] | None:
    """The axes of a whole table; None if it says none, or lacks the column of one."""
    axes = axes_told(table)
    if axes is None or (table.num_rows and not {*axes, "seed"} <= set(table.column_names)):
        return None
    return axes


def axes_told(table: pa.Table) -> tuple[str, ...] | None:
    """The axes that a table says it has; None if it says none."""
    try:
        axes = parse_json((table.schema.metadata or {})[b"axes"])
    except (ValueError, KeyError):
        return None
    fine = isinstance(axes, list) and all(isinstance(one, str) for one in axes)
    return tuple(axes) if fine else None
