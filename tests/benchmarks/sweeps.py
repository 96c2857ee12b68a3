"""What a sweep costs beside its runs: rates of the executors, overhead, 100,000 cells.

``python -m tests.benchmarks.sweeps`` prints the table and writes it to
``tests/benchmarks/results/sweeps.md``; about half an hour on two quiet cores (``--rounds 1`` for a
third of that). Executors take turns on the same cells, after a cell each that starts their
workers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from interp.analysis.sweeps.row import measure
from interp.training.sweep.executors.executors import Executor
from interp.training.sweep.executors.machine import Machine
from interp.training.sweep.executors.work import Work
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.plan.grid import Grid
from interp.training.sweep.plan.manifest import cells_of
from interp.training.sweep.store import open_store
from interp.training.sweep.sweep import Sweep, prepare, run_sweep
from interp.training.sweep.table.outcome import CellOutcome
from interp.training.sweep.table.record import write_record
from tests.benchmarks.environment import environment
from tests.benchmarks.timing import Spread

RESULT = Path(__file__).parent / "results" / "sweeps.md"
MANY = Grid(
    {"task": {"p": 11}, "model": {"width": 16}, "steps": 30},
    {
        "data.fraction": tuple(0.1 + 0.8 * i / 49 for i in range(50)),
        "data.corruption": tuple(0.9 * i / 49 for i in range(50)),
        "optimizer.weight_decay": (0, 1, 5, 10, 15, 20, 25, 30),
    },
    seeds=(0, 1, 2, 3, 4),
)
Row = tuple[str, str, str]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sweeps")
    parser.add_argument("--cells", type=int, default=8, help="of a timed sweep")
    parser.add_argument("--steps", type=int, default=400, help="of a run; about ten seconds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=["rates", "overhead", "many"])
    arguments = parser.parse_args()
    rows: list[Row] = []
    with TemporaryDirectory() as folder:
        if "many" in arguments.only:
            rows += many_cells(Path(folder))
        if "overhead" in arguments.only:
            rows += overhead(Path(folder), arguments)
        if "rates" in arguments.only:
            rows += rates(Path(folder), arguments)
    text = page(rows)
    print(text)
    RESULT.write_text(text, encoding="utf-8")


def runs(arguments: argparse.Namespace, count: int, first_seed: int) -> Grid:
    """Runs of the paper's size, about ten seconds each on one thread."""
    base = {
        "data": {"corruption": 0.35},
        "steps": arguments.steps,
        "schedule": {"evaluations": 20, "checkpoints": 2},
    }
    return Grid(base, seeds=tuple(range(first_seed, first_seed + count)))


def rates(folder: Path, arguments: argparse.Namespace) -> list[Row]:
    """Cells a second of one worker, two processes and two Ray actors, in turns."""
    names = {"serial": 1, "processes": 2, "ray": 2}
    executors = {name: Machine(name, workers).make_executor() for name, workers in names.items()}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    short = replace(runs(arguments, 2, 10_000), base={**runs(arguments, 1, 0).base, "steps": 5})
    for executor in executors.values():
        timed(executor, cells_of(short), folder)
    for part in range(arguments.rounds):
        cells = cells_of(runs(arguments, arguments.cells, part * arguments.cells))
        for name, executor in executors.items():
            seconds[name].append(timed(executor, cells, folder))
            print(part, name, round(seconds[name][-1], 2), file=sys.stderr)
    for executor in executors.values():
        executor.close()
    return [
        ratio(
            "two processes over one worker, runs a second", seconds, "serial", "processes", "≥ 1.7"
        ),
        ratio("two Ray actors over two processes", seconds, "processes", "ray", "0.9 – 1.1"),
        (
            "runs a second: one worker, two processes, two Ray actors",
            ", ".join(f"{arguments.cells / median(values):.3f}" for values in seconds.values()),
            "",
        ),
    ]


def timed(executor: Executor, cells: list[Cell], folder: Path) -> float:
    """Seconds in which an executor does some cells; rows of scores are kept."""
    work = Work(measure, folder / "scratch", None)
    started = time.perf_counter()
    with closing(executor.run(iter(cells), work)) as outcomes:
        found = list(outcomes)
    assert [outcome.status for outcome in found] == ["done"] * len(cells), found
    return time.perf_counter() - started


def overhead(folder: Path, arguments: argparse.Namespace) -> list[Row]:
    """What a whole serial sweep takes beyond the training of its runs."""
    found = []
    for part in range(arguments.rounds + 1):
        grid = runs(arguments, 3, 1000 + 3 * part)
        started = time.perf_counter()
        results = run_sweep(
            Sweep(grid, folder / f"overhead-{part}"), Machine("serial", device="cpu"), measure
        )
        wall = time.perf_counter() - started
        trained = sum(results.table["seconds"].to_pylist())
        found.append((wall - trained, 100 * (wall - trained) / trained))
        each = trained / len(results)
        print("overhead", found[-1], "of runs of", round(each, 1), "s", file=sys.stderr)
    first, *others = found
    return [
        ("time of a sweep beyond its runs' own, percent", spread([o for _, o in others]), "≤ 5"),
        ("once in a process besides (first measurement), seconds", f"{first[0]:.2f}", ""),
    ]


def many_cells(folder: Path) -> list[Row]:
    """The manifest and the status of 100,000 cells."""
    expansions = []
    for part in range(3):
        store = open_store(folder / f"many-{part}")
        expansions.append(clock(lambda store=store: prepare(store, MANY)))
    store = open_store(folder / "many-0")
    cells = cells_of(MANY)
    row = {"state": "memorization", **{f"score_{i}": 0.1 * i for i in range(40)}}
    for cell in cells[:1000]:
        write_record(store, CellOutcome(cell, "done", row=row, seconds=1.0), keeps_runs=False)
    script = str(Path(sys.executable).with_name("interp"))
    command = [script, "sweep", "status", store.url, "--json"]
    statuses = []
    for _ in range(5):
        statuses.append(clock(lambda: subprocess.run(command, check=True, capture_output=True)))
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert told["cells"] == len(cells) and told["left"] == len(cells) - 1000, told
    return [
        ("expand and write a manifest of 100,000 cells, seconds", spread(expansions), "< 5"),
        ("`interp sweep status` of it, 1,000 done, seconds", spread(statuses), "< 1"),
    ]


def clock(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def ratio(words: str, seconds: dict[str, list[float]], over: str, under: str, bound: str) -> Row:
    parts = [a / b for a, b in zip(seconds[over], seconds[under], strict=True)]
    return words, spread(parts), bound


def spread(values: list[float]) -> str:
    found = Spread.of(values)
    return f"{found.median:.2f} ({found.low:.2f} – {found.high:.2f})"


def page(rows: list[Row]) -> str:
    about = ", ".join(
        f"{name} {value}" for name, value in environment().items() if name != "threads"
    )
    lines = [
        "# Sweeps",
        "",
        f"`python -m tests.benchmarks.sweeps` · {about} · one thread a worker",
        "",
        "| what | median (range) | wanted |",
        "|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
