"""Large folders for the load tests: ``python -m tests.chaos.making KIND PLACE``.

Without the tests' checks of types, and without waiting for the disk after every file.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import interp
from interp.analysis.sweeps.row import measure
from interp.training.sweep.plan.grid import Grid
from interp.training.sweep.plan.manifest import cells_of
from interp.training.sweep.store import open_store
from interp.training.sweep.sweep import prepare
from interp.training.sweep.table.outcome import CellOutcome
from interp.training.sweep.table.record import write_record

CHECKPOINTS = 2000
CELLS = 20_000


def checkpoints(place: Path) -> None:
    """A run of p 47 with a checkpoint at each of its 2,000 steps."""
    config = interp.RunConfig(
        task={"p": 47},
        data={"fraction": 0.5, "corruption": 0.3},
        model={"width": 128},
        steps=CHECKPOINTS - 1,
        schedule={"checkpoint_steps": tuple(range(CHECKPOINTS))},
    )
    assert len(interp.train(config, out=place).steps) == CHECKPOINTS


def wide(place: Path) -> None:
    """A run of p 97 and width 5000 with eight checkpoints."""
    config = interp.RunConfig(
        task={"p": 97},
        data={"fraction": 0.5, "corruption": 0.35},
        model={"width": 5000},
        steps=30,
        schedule={"evaluations": 10, "checkpoint_steps": (0, 1, 2, 5, 10, 15, 20, 30)},
    )
    interp.train(config, out=place)


def few(place: Path) -> None:
    """Two small runs and a sweep of four cells, side by side."""
    config = interp.RunConfig(task={"p": 11}, model={"width": 32}, steps=100)
    for seed in range(2):
        interp.train(config.replace("seed", seed), out=place / f"run-{seed}")
    axes = {"data.fraction": [0.4, 0.8], "data.corruption": [0.0, 0.5]}
    base = config.replace("steps", 4).to_dict()
    interp.sweep({"base": base, "axes": axes}, place / "sweep", machine="serial")


def records(place: Path) -> None:
    """A sweep whose 20,000 cells have a record each, as workers leave them; none was trained."""
    base = {"task": {"p": 11}, "model": {"width": 16}, "steps": 30}
    axes = {
        "data.fraction": tuple(0.1 + 0.8 * i / 49 for i in range(50)),
        "data.corruption": tuple(0.9 * i / 49 for i in range(50)),
        "optimizer.weight_decay": (0, 5, 10, 20),
    }
    grid = Grid(base, axes, seeds=(0, 1))
    store = open_store(place)
    prepare(store, grid)
    row = measure(interp.train(interp.RunConfig(**base)))
    cells = cells_of(grid)
    assert len(cells) == CELLS
    states = ("memorization", "coexistence", "full inversion", "confusion")
    for cell in cells:
        state = states[int(cell.hash[:2], 16) % 4]
        told = {**row, "state": state, "phase": state}
        write_record(store, CellOutcome(cell, "done", row=told, seconds=1.0), keeps_runs=False)


MAKERS = {one.__name__: one for one in (checkpoints, wide, few, records)}


def main() -> None:
    os.fsync = lambda handle: None
    MAKERS[sys.argv[1]](Path(sys.argv[2]))


if __name__ == "__main__":
    main()
