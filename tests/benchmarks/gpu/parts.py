"""The parts of the command, one after the other, each in processes of its own.

An error of CUDA stays with its process, and a crash ends it; the next item is then done by a new
one, so that what goes wrong costs one line.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from tests.benchmarks.gpu import correctness, memory, phases, speed
from tests.benchmarks.gpu.item import Items, Place, Row, is_lost, row_of

# What each does, and the share of the time that it may take at most.
PARTS: Mapping[str, tuple[Callable[[], Items], float]] = {
    "correctness": (correctness.items, 0.25),
    "memory": (memory.items, 0.05),
    "speed": (speed.items, 0.25),
    "diagram": (phases.items, 1.0),  # of what is left
}
_GRACE = 30.0  # seconds beyond its time after which a process is ended


def here(part: str, place: Place, items: Items, first: int = 0) -> list[Row]:
    """Does the items of a part in this process, from the first on."""
    until, rows = time.monotonic() + place.seconds, []
    for what in list(items)[first:]:
        left = until - time.monotonic()
        rows.append(next_row(part, what, items, replace(place, seconds=left)))
    return rows


def next_row(part: str, what: str, items: Items, place: Place) -> Row:
    """Does an item, unless the time is over."""
    if place.seconds <= 0:
        return Row(part, what, "not reached", {}, "the time of the part was over")
    return row_of(part, what, items[what], place)


def apart(
    part: str, place: Place, names: list[str], folder: Path, starts: Callable[..., list[str]]
) -> list[Row]:
    """Does the items of a part in other processes, as many as it takes.

    Args:
        part: its name.
        place: where; its seconds are for all items together.
        names: of the items.
        folder: where the processes write their rows.
        starts: the command that does the items from a number on, and writes to a file.
    """
    until, rows = time.monotonic() + place.seconds, []
    file = folder / f".{part}.jsonl"
    while len(rows) < len(names):
        left = until - time.monotonic()
        file.write_text("", encoding="utf-8")
        command = starts(part, replace(place, seconds=left), len(rows), file)
        died = _died(command, max(left, 0) + _GRACE)
        rows += [Row(**json.loads(line)) for line in file.read_text("utf-8").splitlines()]
        if len(rows) < len(names) and died is not None:
            rows.append(Row(part, names[len(rows)], "error", {}, died))
    file.unlink(missing_ok=True)
    return rows


def _died(command: list[str], seconds: float) -> str | None:
    """How a process ended that did not end well; None for one that did, or lost its card."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return f"its process was ended after {seconds:.0f} s"
    said = done.stderr.strip().splitlines()
    return (
        f"its process ended with {done.returncode}: {''.join(said[-1:])}"[:500]
        * bool(done.returncode)
        or None
    )


def command_for(part: str, place: Place, first: int, file: Path) -> list[str]:
    """What does the items of a part from a number on."""
    own = ["--part", part, "--from", str(first), "--rows", str(file)]
    where = ["--device", place.device, *(["--toy"] if place.toy else [])]
    name = [sys.executable, "-m", "tests.benchmarks.gpu", "--out", str(file.parent)]
    return [*name, *where, *own, "--budget", str(place.seconds)]


def child(part: str, place: Place, first: int, file: Path) -> None:
    """Does items and writes a line for each; ends when its card can do no more."""
    items, until = PARTS[part][0](), time.monotonic() + place.seconds
    for what in list(items)[first:]:
        row = next_row(part, what, items, replace(place, seconds=until - time.monotonic()))
        with file.open("a", encoding="utf-8") as rows:
            rows.write(json.dumps(asdict(row)) + "\n")
        if is_lost(row):
            return
