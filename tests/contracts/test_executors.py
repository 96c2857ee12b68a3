"""One contract for every executor: what comes of cells does not depend on who runs them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from interp.training.runs.run import load
from interp.training.sweep.executors.executors import Executor
from interp.training.sweep.executors.machine import EXECUTORS, Machine
from interp.training.sweep.executors.serial import Serial
from interp.training.sweep.executors.work import Work
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.plan.grid import parse_grid
from interp.training.sweep.plan.manifest import cells_of
from interp.training.sweep.sweep import Sweep, run_sweep
from interp.training.sweep.table.outcome import CellOutcome
from tests.sweep_probe import probe

BASE: dict[str, Any] = {
    "task": {"p": 11},
    "data": {"fraction": 0.6, "corruption": 0.3},
    "model": {"width": 16},
    "steps": 30,
    "schedule": {"evaluations": 10, "checkpoints": 4},
}
WORKERS = 2
IN_GROUPS = [{"group": "S4"}, {"group": "D12", "operation": "x * y * x^-1"}]


def marked(names: Iterable[str]) -> list[Any]:
    """Executors by name; those that start a cluster take long."""
    slow = pytest.mark.slow
    return [pytest.param(n, marks=slow if EXECUTORS[n].joins else ()) for n in names]


EVERY = marked(EXECUTORS)
APART = marked(name for name, kind in EXECUTORS.items() if kind.apart)
ONE_BY_ONE = marked(name for name in EXECUTORS if name != "cohorts")  # which takes many at once


def machine_of(name: str) -> Machine:
    """Two workers, where there are workers."""
    return Machine(name, WORKERS if EXECUTORS[name].apart else None, device="cpu")


def cells(*seeds: int, **changes: Any) -> list[Cell]:
    return cells_of(parse_grid({"base": {**BASE, **changes}, "seeds": list(seeds)}))


@pytest.fixture(scope="module")
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    """Started once for all tests; Ray beside them, so that a closed executor leaves it."""
    if request.param == "ray":
        start_ray()
    made = machine_of(request.param).make_executor()
    yield made
    made.close()
    if request.param == "ray":
        import ray

        ray.shutdown()


def start_ray() -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    ray.init(
        "local",
        num_cpus=WORKERS,
        num_gpus=0,
        include_dashboard=False,
        object_store_memory=10**8,
        log_to_driver=False,
        logging_level="ERROR",
        _system_config={"worker_niceness": 0},  # else other tests starve the actors
    )


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Executor], Work]:
    """The work of an executor: the same in all tests, so that its workers stay."""
    made: dict[int, Work] = {}

    def work(executor: Executor) -> Work:
        if id(executor) not in made:
            store = tmp_path_factory.mktemp("sweep")
            made[id(executor)] = Work(probe, store / "runs", str(store))
            made[id(executor)].scratch.mkdir()
        return made[id(executor)]

    return work


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Cell], tuple[Any, Path]]:
    """Row and run folder of a cell that is run alone, in this process."""
    store = tmp_path_factory.mktemp("alone")
    work = Work(probe, store / "runs", str(store))
    known: dict[str, CellOutcome] = {}

    def run(cell: Cell) -> tuple[Any, Path]:
        if cell.hash not in known:
            (known[cell.hash],) = Serial().run(iter([cell]), work)
        return known[cell.hash].row, work.place(cell)

    return run


def order(work: Work, cell: Cell, text: str) -> None:
    """Has the probe do something else than measure."""
    (work.scratch / f"{cell.hash}.order").write_text(text)


def processes_of(work: Work, cell: Cell) -> list[int]:
    """Process of each try of a cell."""
    return [int(line) for line in (work.scratch / f"{cell.hash}.tries").read_text().split()]


def assert_same_run(path: Path, other: Path, tolerance: float) -> None:
    """Weights of every checkpoint; a tolerance of 0 is the same bits."""
    run, alone = load(path), load(other)
    assert run.steps == alone.steps
    for step in run.steps:
        weights = alone.network(step).state_dict()
        for name, value in run.network(step).state_dict().items():
            torch.testing.assert_close(value, weights[name], rtol=tolerance, atol=tolerance)


def wait_until(true: Callable[[], bool], seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


def is_alive(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("executor", EVERY, indirect=True)
def test_the_same_comes_of_cells_whoever_runs_them(executor, works, expected, request):
    # Cohorts add up in another order: rounding of float32 over 30 steps of a smooth descent.
    tolerance = 1e-5 if "cohorts" in request.node.name else 0
    given = [*cells(*range(5)), *(one for task in IN_GROUPS for one in cells(0, task=task))]
    work = works(executor)
    outcomes = list(executor.run(iter(given), work))
    assert sorted(o.cell.hash for o in outcomes) == sorted(cell.hash for cell in given)
    for outcome in outcomes:
        row, place = expected(outcome.cell)
        assert outcome.status == "done" and outcome.error is None
        assert outcome.row == pytest.approx(row, rel=10 * tolerance, abs=0)
        assert_same_run(work.place(outcome.cell), place, tolerance)


@pytest.mark.parametrize("executor", ONE_BY_ONE, indirect=True)
def test_a_cell_is_taken_only_when_somebody_is_idle(executor, works, request):
    workers = machine_of(request.node.callspec.params["executor"]).at_once
    taken = 0

    def counted() -> Iterator[Cell]:
        nonlocal taken
        for cell in cells(*range(10, 16)):
            taken += 1
            yield cell

    ahead = []
    for ended, _ in enumerate(executor.run(counted(), works(executor))):
        ahead.append(taken - ended)  # this one had not ended when the last was taken
    assert taken == len(ahead) == 6
    assert max(ahead) == workers


@pytest.mark.parametrize("executor", EVERY, indirect=True)
def test_what_becomes_of_one_cell_never_stops_another(executor, works):
    work = works(executor)
    fine, mute, last = cells(20, 21, 22)
    (wild,) = cells(23, optimizer={"name": "sgd", "lr": 1e30})
    unknown = Cell("0" * 16, '{"task": {"p": 1}}')
    order(work, mute, "raise")
    given = [fine, unknown, mute, wild, last]
    outcomes = {o.cell.hash: o for o in executor.run(iter(given), work)}
    told = [(outcomes[cell.hash].status, outcomes[cell.hash].error) for cell in given]
    assert told == [
        ("done", None),
        ("invalid", "task.p: expected a number ≥ 2 and ≤ 2048, got 1"),
        ("failed", "RuntimeError: nothing can be measured here"),
        ("diverged", "loss is no longer finite at step 1; the checkpoint of step 0 is kept"),
        ("done", None),
    ]
    assert not outcomes[mute.hash].row and not outcomes[wild.hash].row


@pytest.mark.parametrize("executor", APART, indirect=True)
def test_the_cell_of_a_killed_worker_is_tried_again(executor, works, expected):
    work = works(executor)
    once, always, *others = given = cells(*range(30, 35))
    order(work, once, "die once")
    order(work, always, "die always")
    outcomes = {o.cell.hash: o for o in executor.run(iter(given), work)}
    assert len(outcomes) == len(given)
    row, place = expected(once)
    assert outcomes[once.hash].status == "done" and outcomes[once.hash].row == row
    assert_same_run(work.place(once), place, 0)
    assert len(set(processes_of(work, once))) == 2
    assert outcomes[always.hash].status == "failed"
    assert outcomes[always.hash].error.startswith("its worker died 3 times (")
    assert "\n" not in outcomes[always.hash].error
    assert len(set(processes_of(work, always))) == 3
    assert [outcomes[cell.hash].status for cell in others] == ["done"] * 3


@pytest.mark.parametrize("executor", APART, indirect=True)
def test_a_closed_executor_has_no_process(executor, works):
    work = works(executor)
    given = cells(60, 61)
    assert [o.status for o in executor.run(iter(given), work)] == ["done"] * 2
    found = {process for cell in given for process in processes_of(work, cell)}
    assert all(map(is_alive, found)) and os.getpid() not in found
    executor.close()
    wait_until(lambda: not any(map(is_alive, found)), 20)


@pytest.mark.parametrize("executor", APART, indirect=True)
def test_whoever_stops_listening_finds_checkpoints_and_no_process(executor, works):
    work = works(executor)
    # A network that makes a step a call: others stop at the end of a call, where one may be saved.
    quick, (long,) = cells(40), cells(41, steps=10**7, model={"width": 8, "norm": "layer"})
    outcomes = executor.run(iter([long, *quick]), work)
    assert next(outcomes).cell == quick[0]
    regular = {0, 1}
    checkpoints = work.place(long) / "checkpoints"
    wait_until(lambda: len(list(checkpoints.glob("step-*"))) >= len(regular))
    outcomes.close()
    steps = load(work.place(long)).steps
    # The next regular one is of step 215.
    assert len(steps) > len(regular) and steps[-1] not in (0, 1, 215, 46416, 10**7)
    wait_until(lambda: not any(map(is_alive, processes_of(work, quick[0]))), 20)


@pytest.mark.parametrize("executor", EVERY, indirect=True)
def test_scores_are_the_same_without_run_folders(executor, tmp_path, request):
    grid = parse_grid({"base": BASE, "seeds": [50]})
    machine = machine_of(request.node.callspec.params["executor"])
    runs = run_sweep(Sweep(grid, tmp_path / "runs"), Machine("serial", device="cpu"), probe)
    scores = run_sweep(Sweep(grid, tmp_path / "scores", "scores"), machine, probe)
    known = [r.table.drop_columns(["seconds", "finished"]) for r in (runs, scores)]
    assert known[0].num_rows == 1 and known[0]["status"].to_pylist() == ["done"]
    assert known[0].equals(known[1])
    assert list((tmp_path / "runs").rglob("DONE"))
    assert not list((tmp_path / "scores").rglob("DONE"))
