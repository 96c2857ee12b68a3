"""The manifest: every cell of a folder's sweeps, made from the grids that were asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from interp.training.config.plain_data import flattened, with_overrides
from interp.training.config.run_config import RunConfig
from interp.training.runs.files import FORMAT, check_format
from interp.training.sweep.parquet_file import axes_of, axes_told, read_parquet
from interp.training.sweep.plan.cell import Cell, CellMaker, plain
from interp.training.sweep.plan.grid import Grid, parse_grid
from interp.training.sweep.store import MANIFEST, PLAN, Store
from interp.training.untrusted import parse_json

_TEXT = ("hash", "status", "error", "config")  # columns of text

WAITING = "waiting"


@dataclass(frozen=True)
class Manifest:
    """Every cell of a folder's sweeps, one row each.

    Attributes:
        table: ``hash``, a column an axis, ``seed``, ``status`` and ``error`` when it was
            written, relative ``work``, ``config`` as JSON.
        axes: dotted paths of all axes.
    """

    table: pa.Table
    axes: tuple[str, ...]

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def cells(self) -> list[Cell]:
        """The cells, in order."""
        names = ("hash", "config", "error", "work", "status")
        columns = [self.table[name].to_pylist() for name in names]
        return [
            Cell(hash_, config, error if status == "invalid" else None, work)
            for hash_, config, error, work, status in zip(*columns, strict=True)
        ]

    def with_status(self, status: dict[str, tuple[str, str | None]]) -> Manifest:
        """The same cells with the status and error of those that are given by hash."""
        hashes = self.table["hash"].to_pylist()
        old = zip(self.table["status"].to_pylist(), self.table["error"].to_pylist(), strict=True)
        new = [status.get(hash_, before) for hash_, before in zip(hashes, old, strict=True)]
        table = self.table
        for place, name in enumerate(("status", "error")):
            column = pa.array([pair[place] for pair in new], pa.string())
            table = table.set_column(table.schema.get_field_index(name), name, column)
        return Manifest(table, self.axes)


def expand(grids: Sequence[Grid]) -> Manifest:
    """The cells of all grids; one that several ask for is there once."""
    maker = CellMaker()
    axes = tuple(dict.fromkeys(path for grid in grids for path in grid.paths))
    cells: dict[str, Cell] = {}
    places: list[list[Any]] = []
    for grid in grids:
        for overrides in grid.overrides():
            values = with_overrides(grid.base, overrides)
            cell, config = maker(values)
            if cell.hash not in cells:
                cells[cell.hash] = cell
                flat = flattened(values) if config is None else None
                places.append([_value(path, config, flat) for path in (*axes, "seed")])
    return Manifest(_table(list(cells.values()), (*axes, "seed"), places), axes)


def _value(path: str, config: RunConfig | None, asked: dict[str, Any] | None) -> Any:
    """A cell's value at a dotted path; of an invalid cell what was asked for."""
    if config is None:
        return (asked or {}).get(path)
    section, _, key = path.rpartition(".")
    value = getattr(getattr(config, section) if section else config, key)
    return list(value) if isinstance(value, tuple) else value


def cells_of(grid: Grid) -> list[Cell]:
    """The distinct cells of one grid, in its order."""
    return expand([grid]).cells()


def _table(cells: list[Cell], paths: tuple[str, ...], places: list[list[Any]]) -> pa.Table:
    errors = [cell.error for cell in cells]
    columns = {"hash": pa.array([cell.hash for cell in cells], pa.string())}
    columns.update(
        (path, _column(list(values)))
        for path, values in zip(paths, zip(*places, strict=True), strict=True)
    )
    columns["status"] = pa.array(["invalid" if e else WAITING for e in errors], pa.string())
    columns["error"] = pa.array(errors, pa.string())
    columns["work"] = pa.array([cell.work for cell in cells], pa.float64())
    columns["config"] = pa.array([cell.config for cell in cells], pa.string())
    return pa.table(columns)


def axis_columns(configs: Iterable[dict[str, Any]], paths: Sequence[str]) -> dict[str, pa.Array]:
    """The values of some dotted paths in many configurations, a column each."""
    columns: dict[str, list[Any]] = {path: [] for path in paths}
    for config in configs:
        flat = flattened(config)
        for path in paths:
            columns[path].append(flat.get(path))
    return {path: _column(values) for path, values in columns.items()}


def _column(values: list[Any]) -> pa.Array:
    """One type a column: lists and mixtures, which Parquet has no type for, become text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and kinds:
        return pa.array(values, pa.float64() if float in kinds else pa.int64())
    if kinds == {str} or kinds == {bool}:
        return pa.array(values)
    texts = [None if value is None else json.dumps(value) for value in values]
    return pa.array(texts, pa.string())


# The plan is the truth of which cells there are; the manifest is made from it, and again if it
# is damaged or of an older plan.


def read_plan(store: Store) -> list[Grid]:
    """The grids that were asked for in a folder, in order; none if there is no plan.

    Raises:
        ValueError: if the plan is damaged or of a newer format.
    """
    try:
        raw = store.read(PLAN)
    except (FileNotFoundError, NotADirectoryError):
        return []
    try:
        content = parse_json(raw)
        number, plan = content["format"], [dict(one) for one in content["grids"]]
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{store.url}/{PLAN}: not a plan of a sweep; truncated or altered"
        ) from None
    check_format(number, f"{store.url}/{PLAN}")
    try:
        return [parse_grid(one) for one in plan]
    except ValueError as error:
        raise ValueError(f"{store.url}/{PLAN}: {error}") from None


def add_grid(store: Store, grid: Grid) -> None:
    """Adds a grid to the plan, unless it is there."""
    with store.locked():
        plan = [one.to_dict() for one in read_plan(store)]
        asked = plain(grid.to_dict())
        if asked not in plan:
            plan.append(asked)
            content = {"format": FORMAT, "grids": plan}
            store.write(PLAN, (json.dumps(content, indent=1) + "\n").encode())


def read_manifest(store: Store, columns: list[str] | None = None) -> Manifest:
    """The manifest of a folder; made anew where it is missing, damaged or out of date.

    Args:
        store: of the sweep.
        columns: to read only some.

    Raises:
        ValueError: if the folder is no sweep.
    """
    written = written_manifest(store, columns)
    if written is not None:
        return written
    grids = read_plan(store)
    if not grids:
        raise ValueError(f"{store.url}: expected a folder of a sweep (with {PLAN}), found none")
    made = expand(grids)
    return Manifest(made.table.select(columns), made.axes) if columns else made


def written_manifest(store: Store, columns: list[str] | None = None) -> Manifest | None:
    """The manifest as it was written; None if it cannot be read, or is of another plan."""
    try:
        plan = store.read(PLAN)
    except (OSError, ValueError):
        return None
    text = [name for name in _TEXT if columns is None or name in columns]
    table = read_parquet(store, MANIFEST, columns, text)
    if table is None or (table.schema.metadata or {}).get(b"plan") != _digest(plan):
        return None
    if columns is None and "work" not in table.column_names:
        return None
    axes = axes_of(table) if columns is None else axes_told(table)
    return None if axes is None else Manifest(table, axes)


def write_manifest(store: Store, manifest: Manifest) -> None:
    """Writes the manifest of the plan that is in force; readers see the old one or the new."""
    about = {"plan": _digest(store.read(PLAN)), "axes": json.dumps(manifest.axes)}
    table = manifest.table.replace_schema_metadata(about)
    store.write(MANIFEST, parquet(table))


def parquet(table: pa.Table) -> bytes:
    """A table as the bytes of a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _digest(plan: bytes) -> bytes:
    return hashlib.sha256(plan).hexdigest().encode()
