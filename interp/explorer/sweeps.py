"""A sweep as the explorer lists it: its table of results, a row a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from interp.explorer.listing import Listed
from interp.training.config.kinds import KINDS
from interp.training.lines import one_line
from interp.training.sweep.plan.manifest import read_manifest, read_plan
from interp.training.sweep.store import RUNS, open_store
from interp.training.sweep.table.collection import gathered, read_results
from interp.training.sweep.table.results import Results
from interp.training.untrusted import parse_json
from interp.words.options import short_name


@dataclass(frozen=True)
class ListedSweep:
    """A sweep, or why it cannot be read.

    Attributes:
        name: path below the explored folder.
        results: None if there are none yet, or they cannot be read.
        rows: its cells as the table shows them.
        hashes: of the cells with an outcome.
        error: why it is broken, in one line.
    """

    name: str
    results: Results | None
    rows: tuple[Listed, ...] = ()
    hashes: frozenset[str] = frozenset()
    error: str | None = None

    def run_name(self, cell: str) -> str:
        """Name of a cell's run folder, which a sweep that keeps scores only does not have."""
        return f"{RUNS}/{cell}" if self.name == "." else f"{self.name}/{RUNS}/{cell}"


def listed_sweep(name: str, place: Path) -> ListedSweep:
    """Reads a sweep's results as far as they are; a damaged sweep is listed with its reason."""
    try:
        store = open_store(place)
        results = read_results(store)
        if read_plan(store):
            results = gathered(store, read_manifest(store, ["hash"]).axes)
    except (ValueError, OSError) as error:
        return ListedSweep(name, None, error=one_line(error))
    if results is None or not len(results):
        return ListedSweep(name, None)
    sweep = ListedSweep(name, results, hashes=frozenset(results.table["hash"].to_pylist()))
    return replace(sweep, rows=tuple(_rows(sweep, results)))


_SCORES = {"train": "train_accuracy", "test": "test_accuracy", "corrupted": "corrupted_accuracy"}


def _rows(sweep: ListedSweep, results: Results) -> list[Listed]:
    table = results.table
    wanted = {"hash", "status", "state", "error", "seed", "config", *_SCORES.values()}
    names = [name for name in table.column_names if name in wanted or name in results.axes]
    return [_row(sweep, row, results.axes) for row in table.select(names).to_pylist()]


def _row(sweep: ListedSweep, row: dict[str, Any], axes: Sequence[str]) -> Listed:
    failed = row["status"] != "done"
    return Listed(
        name=sweep.run_name(row["hash"]),
        label=cell_label({axis: row[axis] for axis in axes}, row["seed"]),
        sweep=sweep.name,
        **{**_settings(row["config"]), "seed": row["seed"]},
        state=row.get("state"),
        **{name: row.get(column) for name, column in _SCORES.items()},
        status=row["status"] if failed else "done",
        error=f"{row['status']}: {row.get('error')}" if failed else None,
    )


def cell_label(values: Mapping[str, Any], seed: int | None) -> str:
    """The setting of a cell in a few words, such as ``α 0.5 · ξ 0.2 · seed 0``."""
    parts = [f"{short_name(axis)} {_plain(value)}" for axis, value in values.items()]
    return " · ".join([*parts, *([] if seed is None else [f"seed {seed}"])])


def in_a_cell(row: Listed) -> Listed:
    """A run folder of a sweep without an outcome, whose axes nothing tells, by its setting."""
    values = {
        "data.fraction": row.fraction,
        "data.corruption": row.corruption,
        "optimizer.weight_decay": row.weight_decay,
        "model.width": row.width,
    }
    known = {path: value for path, value in values.items() if value is not None}
    return replace(row, label=cell_label(known, row.seed) if known else None)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _settings(config: str) -> dict[str, Any]:
    """Columns of a configuration; checking ten thousand of them would take seconds."""
    try:
        values = parse_json(config)
        task, data, model = values["task"], values["data"], values["model"]
        return {
            "task": task["operation"],
            "p": task["p"],
            "fraction": data["fraction"],
            "corruption": data["corruption"],
            "weight_decay": values["optimizer"]["weight_decay"],
            "model": model["kind"],
            "width": model[KINDS[model["kind"]].neurons],
            "steps": values["steps"],
        }
    except (ValueError, KeyError, TypeError):
        return {}
