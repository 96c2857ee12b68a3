"""Results of a sweep that was never run: a formula says what came of each cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import Any

import pyarrow as pa

from interp.training.sweep.table.results import Results

SCHEMA = pa.schema(
    [
        ("hash", pa.string()),
        ("seed", pa.int64()),
        ("status", pa.string()),
        ("error", pa.string()),
        ("state", pa.string()),
        ("phase", pa.string()),
        ("settled", pa.bool_()),
        ("train_accuracy", pa.float64()),
        ("test_accuracy", pa.float64()),
        ("corrupted_accuracy", pa.float64()),
        ("mean_ipr", pa.float64()),
        ("ipr_convention", pa.string()),
        ("grok_first_by", pa.int64()),
        ("config", pa.string()),
    ]
)


def made(
    axes: Mapping[str, Iterable[Any]],
    seeds: int,
    outcome: Callable[..., str | dict[str, Any]],
) -> Results:
    """One row a cell of the product of the axes.

    ``outcome(*values, seed)`` is a phase, or the columns that are not null.
    """
    places = [(*values, seed) for values in product(*axes.values()) for seed in range(seeds)]
    return from_rows(tuple(axes), [(place, outcome(*place)) for place in places])


def from_rows(
    axes: tuple[str, ...], rows: Iterable[tuple[tuple[Any, ...], str | dict[str, Any]]]
) -> Results:
    """One row a pair of a place (values of the axes, then the seed) and what came of it."""
    filled = []
    for place, outcome in rows:
        columns = {"state": outcome, "phase": outcome} if isinstance(outcome, str) else outcome
        if isinstance(outcome, str) and outcome == "failed":
            columns = {"status": "failed", "state": "failed"}
        name = ",".join(map(str, place))
        row = {"status": "done", "hash": name, "config": "{}", **columns}
        filled.append({**row, **dict(zip((*axes, "seed"), place, strict=True))})
    sample = filled[0] if filled else {}
    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    axis_fields = [pa.field(axis, kinds[type(sample.get(axis, 0.0))]) for axis in axes]
    schema = pa.schema([*axis_fields, *SCHEMA])
    return Results(pa.Table.from_pylist(filled, schema), axes)
