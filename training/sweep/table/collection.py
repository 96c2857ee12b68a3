"""From records to the table of results, and from run folders to records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from interp.training.sweep.parquet_file import axes_of, read_parquet
from interp.training.sweep.plan.manifest import axis_columns, parquet
from interp.training.sweep.store import RESULTS, Store
from interp.training.sweep.table.record import FAILED, Record, read_record, recorded
from interp.training.sweep.table.results import Results
from interp.training.untrusted import parse_json

_UNITED: Any = {"promote_options": "permissive"}  # a column that one part lacks is null there


def fold(
    store: Store, axes: Sequence[str], records: Sequence[Record] = (), anew: bool = False
) -> Results:
    """Brings the table of results up to date with the records, and writes it in one step.

    Args:
        store: of the sweep.
        axes: dotted paths that get a column each.
        records: that are known already, and newer than what the table has.
        anew: forgets what the table has.
    """
    with store.locked():
        results = gathered(store, axes, records, anew)
        store.write(RESULTS, parquet(_described(results)))
    return results


def gathered(
    store: Store, axes: Sequence[str], records: Sequence[Record] = (), anew: bool = False
) -> Results:
    """What :func:`fold` writes."""
    table = None if anew else _written(store)
    known = {record.hash: _newest(store, record) for record in records}
    if table is not None:
        # What failed may have been done since.
        fine = zip(table["hash"].to_pylist(), table["status"].to_pylist(), strict=True)
        kept = [hash_ not in known and status == "done" for hash_, status in fine]
        table = table.filter(pa.array(kept, pa.bool_()))
    have = set() if table is None else set(table["hash"].to_pylist())
    for cell in recorded(store) - have - known.keys():
        record = read_record(store, cell)
        if record is not None:
            known[cell] = record
    try:
        return Results(_joined(table, list(known.values()), axes), tuple(axes))
    except (pa.ArrowException, KeyError):  # the table is not one of these records
        if table is None:
            raise
        return gathered(store, axes, records, anew=True)


def _newest(store: Store, record: Record) -> Record:
    """The record as it is now: another session may have measured more since."""
    found = read_record(store, record.hash)
    return record if found is None or found.finished < record.finished else found


def read_results(store: Store) -> Results | None:
    """The table of results as it was last written; None if there is none, or a damaged one."""
    table = _written(store)
    if table is None:
        return None
    return Results(table.replace_schema_metadata(None), axes_of(table) or ())


def _written(store: Store) -> pa.Table | None:
    table = read_parquet(store, RESULTS, text=("hash", "status", "config"))
    return None if table is None or axes_of(table) is None else table


def _described(results: Results) -> pa.Table:
    return results.table.replace_schema_metadata({"axes": json.dumps(results.axes)})


def _joined(old: pa.Table | None, new: list[Record], axes: Sequence[str]) -> pa.Table:
    """One table of old rows and new records, in the order of axes and seed."""
    paths = (*axes, "seed")
    parts = []
    if old is not None and old.num_rows:
        known = axes_of(old) or ()
        old = old.replace_schema_metadata(None)
        parts.append(old if known == tuple(axes) else _with_axes(old, known, paths))
    if new:
        parts.append(_with_axes(_rows(new), (), paths))
    if not parts:
        names = ("hash", "status", "error", "state", "config")
        return pa.table({name: pa.array([], pa.string()) for name in names})
    if len({part.select(paths).schema for part in parts}) > 1:  # a column has one type in all
        whole = pa.concat_tables([part.drop_columns(paths) for part in parts], **_UNITED)
        parts = [_with_axes(whole, (), paths)]
    table = pa.concat_tables(parts, **_UNITED)
    first, last = ("hash", *paths), ("seconds", "finished", "config")
    middle = [name for name in table.column_names if name not in {*first, *last}]
    table = table.select([*first, *middle, *last])
    return table.sort_by([(name, "ascending") for name in (*paths, "hash")])


def _with_axes(table: pa.Table, known: Sequence[str], paths: Sequence[str]) -> pa.Table:
    """The table with a column for each axis, and none for axes that were."""
    table = table.drop_columns([name for name in (*known, "seed") if name in table.column_names])
    configs = (parse_json(text) for text in table["config"].to_pylist())
    for path, column in axis_columns(configs, paths).items():
        table = table.append_column(path, column)
    return table


def _rows(records: list[Record]) -> pa.Table:
    """A row a record, a column for whatever any of them has."""
    rows = [_row(record) for record in records]
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names})


def _column(values: list[Any]) -> pa.Array:
    """One type a column; what no type holds becomes text."""
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError):
        texts = [None if value is None else json.dumps(value) for value in values]
        return pa.array(texts, pa.string())


def _measured(record: Record) -> dict[str, Any]:
    """A column a value of each further measure, and one for the reason where there are none."""
    found: dict[str, Any] = {}
    for label, one in record.measured.items():
        found |= {f"{label}.{name}": value for name, value in one["values"].items()}
        if one["problem"]:
            found[f"{label}.problem"] = one["problem"]
    return found


def _row(record: Record) -> dict[str, Any]:
    state = {} if record.status == "done" else {"state": FAILED}
    return {
        "hash": record.hash,
        "status": record.status,
        "error": record.error,
        **record.row,
        **state,
        **_measured(record),
        "seconds": record.seconds,
        "finished": record.finished,
        "config": json.dumps(record.config),
    }
