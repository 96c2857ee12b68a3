"""A sweep on many workers, whose time is simulated: who waits for whom, and what it costs."""

from __future__ import annotations

import json
import random
from contextlib import closing
from pathlib import Path

import pytest

from interp.analysis.sweeps.row import measure
from interp.training.sweep.executors.machine import Machine
from interp.training.sweep.executors.work import Work
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.store import open_store
from interp.training.sweep.sweep import Sweep, run_sweep
from interp.training.sweep.table.record import recorded
from tests.benchmarks.cost import COHORTS, Cost, page
from tests.benchmarks.scaling import card_rates, durations, grid_of
from tests.benchmarks.simulated_ray import Clock, SimulatedRay, simulated

WORK = Work(measure, Path(), None)
# Seconds that the head is busy with a cell, as a slow disk has it: tests/benchmarks/results.
HEAD = 0.01


def cells_of(count: int) -> list[Cell]:
    return [Cell(f"{number:016x}", "{}") for number in range(count)]


def done_by(cluster: SimulatedRay, cells: list[Cell]) -> list[str]:
    """Hashes of the cells that are done, in the order in which they ended."""
    with simulated(cluster):
        executor = Machine("ray", cluster.workers, device="cpu").make_executor()
        with closing(executor), closing(executor.run(iter(cells), WORK)) as outcomes:
            return [one.cell.hash for one in outcomes if one.status == "done"]


def test_64_workers_are_busy_over_100_000_cells():
    """Cells of 5 to 15 s; one in a thousand ends its worker, the first time."""
    cells = cells_of(100_000)
    lasts = random.Random(0)
    seconds = {cell.hash: lasts.uniform(5, 15) for cell in cells}
    cluster = SimulatedRay(
        64,
        lambda cell: seconds[cell.hash],
        Clock(counts_head=False),
        head=HEAD,
        dies=lambda cell, tries: tries == 0 and int(cell.hash, 16) % 1000 == 7,
    )
    assert sorted(done_by(cluster, cells)) == [cell.hash for cell in cells]
    assert cluster.efficiency >= 0.9
    assert cluster.most_at_once == 64
    assert cluster.started == 64 + 100
    assert cluster.worked == pytest.approx(sum(seconds.values()))


def test_a_head_that_is_slower_than_its_workers_shows():
    """Ten seconds a cell over 64 workers leave the head 0.16 s for each."""
    cluster = SimulatedRay(64, lambda cell: 10.0, Clock(False), start=0.0, head=0.32)
    done_by(cluster, cells_of(2000))
    assert cluster.efficiency == pytest.approx(0.5, abs=0.02)


def test_the_simulation_by_hand():
    """Two workers start for 3 s and take 4, 4 and 2 s: 9 s, of which 10 of 18 are work."""
    cells = cells_of(3)
    lasts = dict(zip(cells, (4.0, 4.0, 2.0), strict=True))
    cluster = SimulatedRay(2, lambda cell: lasts[cell], Clock(False), start=3.0)
    assert done_by(cluster, cells) == [cell.hash for cell in cells]
    assert cluster.clock.monotonic() == pytest.approx(9)
    assert cluster.efficiency == pytest.approx(10 / 18)


def test_a_worker_that_always_dies_does_not_stop_the_others():
    cells = cells_of(20)
    cluster = SimulatedRay(4, lambda cell: 1.0, Clock(False), dies=lambda cell, _: cell == cells[3])
    assert sorted(done_by(cluster, cells)) == [c.hash for c in cells if c != cells[3]]
    assert cluster.started == 4 + 3


def test_a_whole_sweep_of_simulated_workers(tmp_path):
    """Session, claims, records and table are the real ones."""
    cells = 160
    cluster = SimulatedRay(8, durations(10.0), Clock(counts_head=False), head=HEAD)
    place = tmp_path / "sweep"
    with simulated(cluster):
        machine = Machine("ray", 8, device="cpu")
        results = run_sweep(Sweep(grid_of(cells), place, keep="scores"), machine, measure)
        assert cluster.efficiency >= 0.8  # of 20 cells a worker; it starts as long as one lasts
    assert len(results) == cluster.done == cells
    assert set(results.table["status"].to_pylist()) == {"done"}
    assert len(recorded(open_store(place))) == cells


# On paper


def test_cost_on_paper():
    """A million runs of 2000 steps at 1e6 a second are 2000 s of one worker."""
    alone = Cost(rate=1e6, head=1e-3, workers=1, start=0.0)
    assert (alone.seconds, alone.efficiency) == (2000, 1)
    assert alone.most_workers == 2  # 2 ms a run, 1 ms of the head
    many = Cost(rate=1e6, head=1e-3, workers=8, start=0.0)
    assert (many.seconds, many.efficiency) == (1000, 0.25)  # the head's own
    shards = Cost(rate=1e6, head=1e-3, workers=8, shards=True, start=5.0)
    assert shards.seconds == 5 + 250 + 125
    assert shards.efficiency == pytest.approx(250 / 380)


FOUND = {
    "cells": 1000,
    "workers": 64,
    "seconds": 10.0,
    "efficiency": 0.9512,
    "head": 0.004,
    "synced": 0.003,
    "died": 1,
    "load": 1.0,
    "imports": 300.0,
    "peak": 400.0,
}


def test_the_page_says_what_is_measured_and_what_is_not():
    text = page(FOUND, 0.001, {"a core": 20.0})
    assert "| efficiency of 64 workers, 1,000 cells | 0.951 | ≥ 0.9 |" in text
    assert "| memory a cell, kB; so for a million, GB | 102.4; 97.7 |  |" in text
    assert "| a core | 20 | 1.16e+03 days (1.00) | 145 days (1.00) | 18.1 days (1.00) |" in text
    assert "No card has been measured yet" in text
    # Five milliseconds a cell are 5,000 s of one head.
    assert "| *if* a worker made | 100,000 | 0.232 days (1.00) | 0.058 days (0.50) |" in text
    with_card = page(FOUND, 0.001, {"a core": 20.0, "Card, a run at a time": 1e3})
    assert "No card" not in with_card and "| Card, a run at a time | 1,000 |" in with_card


def test_rates_are_taken_from_a_card_only(tmp_path):
    file = tmp_path / "gpu.json"
    values = {"1 runs, runs·steps/s": 7.0, "64 runs, runs·steps/s": 90.0, "fastest at": 64}
    results = {
        "title": "a processor",
        "device": "cuda",
        "toy": False,
        "environment": {"gpu": "Card"},
        "rows": [{"what": "cohorts: p 97, N 500", "values": values}],
    }
    file.write_text(json.dumps(results))
    assert card_rates(file) == {"Card, a run at a time": 7, f"Card, {COHORTS} 64": 90}
    assert card_rates(None) == {}
    for change in ({"toy": True}, {"device": "cpu"}):
        file.write_text(json.dumps({**results, **change}))
        with pytest.raises(SystemExit, match="expected rates of a card, got a processor"):
            card_rates(file)
