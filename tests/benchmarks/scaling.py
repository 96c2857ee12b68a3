"""What a million runs cost on 1, 8 and 64 workers, and what the head of 64 workers has to do.

``python -m tests.benchmarks.scaling`` simulates 100,000 cells on 64 workers of the Ray executor:
session, executor, claims, records and tables are the real ones and take their real time; only the
workers' time is simulated (``simulated_ray``). It measures besides what a cell costs through a real
Ray on this machine, and the rate of one worker. ``--gpu gpu.json`` takes rates of a card from what
``tests.benchmarks.gpu`` wrote. The page is ``tests/benchmarks/results/scaling.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import torch

from interp.analysis.sweeps.row import measure
from interp.training.sweep.executors.machine import Machine
from interp.training.sweep.executors.work import Work
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.plan.grid import Grid
from interp.training.sweep.plan.manifest import cells_of
from interp.training.sweep.sweep import Sweep, run_sweep
from interp.training.sweep.table.outcome import CellOutcome
from tests.benchmarks.coexistence import coexistence_config
from tests.benchmarks.cost import COHORTS, page
from tests.benchmarks.memory import peak_megabytes
from tests.benchmarks.simulated_ray import Clock, SimulatedRay, simulated
from tests.benchmarks.sweeps import MANY
from tests.benchmarks.timing import alternate
from tests.benchmarks.trainer import Trainer

RESULT = Path(__file__).parent / "results" / "scaling.md"


class Nothing(Work):
    """A cell's work that is none."""

    def __call__(self, cells: Sequence[Cell]) -> list[CellOutcome]:
        return [CellOutcome(cell, "done", row={"state": "none"}, seconds=0.0) for cell in cells]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scaling")
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10.0, help="of a cell, on average")
    parser.add_argument("--gpu", type=Path, help="gpu.json of a card")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(sweep(arguments.cells, arguments.workers, arguments.seconds)))
        return
    torch.set_num_threads(1)
    found = in_new_process(arguments)
    ray, rates = through_ray(), {"a core of this machine": core_rate()}
    text = page(found, ray, {**rates, **card_rates(arguments.gpu)})
    arguments.out.write_text(text, encoding="utf-8")
    print(text, end="")


def in_new_process(arguments: argparse.Namespace) -> dict[str, Any]:
    """The simulation, in a process whose memory is that of a head."""
    own = ["--cells", arguments.cells, "--workers", arguments.workers]
    options = [str(one) for one in (*own, "--seconds", arguments.seconds, "--child")]
    command = [sys.executable, "-m", "tests.benchmarks.scaling", *options]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def sweep(count: int, workers: int, seconds: float) -> dict[str, Any]:
    """A whole sweep of simulated workers: what it took, and the most memory."""
    before, synced = peak_megabytes(), 0.0
    original, clock = os.fsync, Clock(counts_head=True)
    cluster = SimulatedRay(workers, durations(seconds), clock, dies=now_and_then)

    def fsync(file: int) -> None:
        nonlocal synced
        began = time.perf_counter()
        original(file)
        synced += time.perf_counter() - began

    with TemporaryDirectory() as folder, simulated(cluster), patch.object(os, "fsync", fsync):
        asked = Sweep(grid_of(count), Path(folder) / "sweep", keep="scores")
        results = run_sweep(asked, Machine("ray", workers, device="cpu"), measure)
        total, efficiency = clock.monotonic(), cluster.efficiency
    return {
        "cells": len(results),
        "workers": workers,
        "seconds": seconds,
        "efficiency": efficiency,
        "head": (total - clock.waited) / len(results),
        "synced": synced / len(results),
        "died": cluster.started - workers,
        "load": os.getloadavg()[2],
        "imports": before,
        "peak": peak_megabytes(),
    }


def durations(seconds: float) -> Any:
    """Half to one and a half of the mean, by the cell's hash."""
    return lambda cell: seconds * (0.5 + random.Random(cell.hash).random())


def now_and_then(cell: Cell, tries: int) -> bool:
    """One cell in a thousand ends its worker, once."""
    return tries == 0 and int(cell.hash, 16) % 1000 == 0


def grid_of(count: int) -> Grid:
    """The first so many cells of the grid of 100,000, to whole seeds."""
    places = 50 * 50 * 8
    if count % places == 0:
        return Grid(MANY.base, MANY.axes, seeds=tuple(range(count // places)))
    return Grid(MANY.base, seeds=tuple(range(count)))


def through_ray(cells: int = 2000) -> float:
    """Seconds a cell of a real Ray on this machine, where two actors have nothing to do.

    All of it is taken for the head's, though the actors share its cores here.
    """
    work = Nothing(measure, Path(), None)
    chosen = cells_of(grid_of(cells))
    with closing(Machine("ray", 2, device="cpu").make_executor()) as executor:
        for part in (chosen[:20], chosen[20:]):  # the first starts the actors
            started = time.perf_counter()
            with closing(executor.run(iter(part), work)) as outcomes:
                assert all(one.status == "done" for one in outcomes)
    return (time.perf_counter() - started) / (cells - 20)


def core_rate() -> float:
    """Steps a second of the paper's network (p 97, N 500, α .5) on one thread."""
    trainer = Trainer(coexistence_config(1), torch.device("cpu"))
    return 1 / alternate({"": trainer.step}, 15)[""].median


def card_rates(file: Path | None) -> dict[str, float]:
    """Rates of a card: a run at a time, as the Ray executor trains, and the fastest cohort."""
    if file is None:
        return {}
    results = json.loads(file.read_text(encoding="utf-8"))
    if results["toy"] or results["device"] != "cuda":
        raise SystemExit(f"{file}: expected rates of a card, got {results['title']}")
    card = results["environment"]["gpu"]
    (row,) = [one for one in results["rows"] if one["what"] == "cohorts: p 97, N 500"]
    fastest = row["values"]["fastest at"]
    return {
        f"{card}, {words}": row["values"][f"{size} runs, runs·steps/s"]
        for words, size in (("a run at a time", 1), (f"{COHORTS} {fastest}", fastest))
    }


if __name__ == "__main__":
    main()
