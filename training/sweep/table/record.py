"""One small file a cell: what came of it, readable by itself and checked when read."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interp.training.config.places import COPIES
from interp.training.runs.files import FORMAT
from interp.training.sweep.store import RECORDS, RUNS, Store
from interp.training.sweep.table.outcome import CellOutcome
from interp.training.untrusted import parse_json

FAILED = "failed"  # the state of every cell that is not done


@dataclass(frozen=True)
class Record:
    """What came of a cell.

    Attributes:
        hash: of its configuration.
        status: done, diverged, invalid or failed.
        error: in one line, for all but done.
        config: the whole configuration.
        row: what was measured.
        seconds: of training.
        finished: when, in seconds since 1970.
        sizes: bytes of the files of its run folder, by which damage is noticed.
        measured: what came of each further measure, by its label: ``digest``, ``values`` and
            ``problem``, the reason where there are none.
    """

    hash: str
    status: str
    error: str | None
    config: dict[str, Any]
    row: dict[str, Any]
    seconds: float | None
    finished: float
    sizes: dict[str, int]
    measured: dict[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """What became of the cell in a word, such as its phase."""
        return str(self.row.get("state", "done")) if self.status == "done" else FAILED

    @property
    def final(self) -> bool:
        """Whether it would end so again; what failed may find more memory or a larger disk."""
        return self.status != "failed"


def without_run(store: Store, keep: str) -> Callable[[Record], bool]:
    """Tells of a record whether its run is to be kept, and is not there.

    So it is where a sweep that kept the scores alone did the cell.
    """
    if keep != "runs":
        return lambda record: False
    if store.folder is not None:
        return lambda record: record.status == "done" and not record.sizes
    kept = set(store.names(RUNS))
    return lambda record: record.status == "done" and record.hash not in kept


def remove_record(store: Store, cell: str) -> None:
    """Forgets what came of a cell, so that the next sweep does it anew."""
    store.remove(f"{RECORDS}/{cell}.json")


def write_record(store: Store, outcome: CellOutcome, keeps_runs: bool) -> Record:
    """Records what came of a cell, in one step."""
    cell = outcome.cell
    run = store.folder / RUNS / cell.hash if store.folder and keeps_runs else None
    record = Record(
        hash=cell.hash,
        status=outcome.status,
        error=outcome.error,
        config=json.loads(cell.config),
        row=outcome.row,
        seconds=outcome.seconds,
        finished=round(time.time(), 3),
        sizes=file_sizes(run) if run and outcome.status == "done" else {},
        measured={**(cell.known.measured if cell.known else {}), **outcome.measured},
    )
    # Infinite values stand for events that never came; Python reads back what it writes of them.
    text = json.dumps(vars(record))
    content = {"format": FORMAT, "sha256": _digest(text), "record": text}
    store.write(f"{RECORDS}/{cell.hash}.json", json.dumps(content).encode())
    return record


def read_record(store: Store, cell: str) -> Record | None:
    """The record of a cell; None if there is none, or a damaged one, which is as good as none."""
    try:
        content = parse_json(store.read(f"{RECORDS}/{cell}.json"))
        text = content["record"]
        if content["sha256"] != _digest(text):
            return None
        record = Record(**parse_json(text))
        return record if record.hash == cell and _is_plain(record) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _is_plain(record: Record) -> bool:
    """Whether everything in it is of the kind that is written there."""
    texts = (record.status, record.error or "")
    numbers = (record.finished, record.seconds or 0.0, *record.sizes.values())
    parts = (record.config, record.row, *record.measured.values())
    return (
        all(isinstance(one, str) for one in texts)
        and all(isinstance(one, int | float) for one in numbers)
        and all(isinstance(one, dict) for one in parts)
        and all(isinstance(one["values"], dict) for one in record.measured.values())
        and all(isinstance(one["problem"], str | None) for one in record.measured.values())
    )


def recorded(store: Store) -> set[str]:
    """Hashes of the cells that have a record."""
    return {name[:-5] for name in store.names(RECORDS) if name.endswith(".json")}


def file_sizes(run: Path) -> dict[str, int]:
    """Bytes of the files of a run folder that a finished run cannot do without, by path within."""
    names = ("config.json", "dataset.safetensors", "metrics.jsonl", "DONE")
    copies = [run / str(name) for name in COPIES.values() if name and (run / name).exists()]
    files = [
        *(run / name for name in names),
        *copies,
        *run.glob("checkpoints/step-*/model.safetensors"),
    ]
    return {path.relative_to(run).as_posix(): path.stat().st_size for path in sorted(files)}


def is_whole(run: Path, record: Record) -> bool:
    """Whether the files of a recorded run folder are there and of the recorded sizes."""
    try:
        return all((run / name).stat().st_size == size for name, size in record.sizes.items())
    except OSError:
        return False


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
