"""Folders that go away, clocks that jump, workers that die, and many commands in one folder."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from interp.analysis.sweeps.sweep import collect, read, sweep
from interp.explorer.catalog import Catalog
from interp.training.sweep.table.status import sweep_status
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.shim import leftovers
from tests.sweep_cases import BASE, GRID, grid_file, rows, runs, weights
from tests.test_sweep_faults import LONGER, complaints, is_mid_cell, started, until, workers_of
from tests.writing_commands import contents, run_quietly

ROOT = Path(__file__).parent.parent.parent
SERIAL = {"executor": "serial", "device": "cpu"}
START = "from interp.cli.app import main; main()"
__all__ = ["started"]  # the fixture


@pytest.fixture(scope="module")
def tiny_sweep(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "sweep"
    sweep(GRID, out, machine=SERIAL)
    return out


def same(out: Path, expected: Path) -> None:
    assert rows(read(out)) == rows(read(expected))
    assert weights(out) == weights(expected)
    assert runs(out) == runs(expected)
    assert leftovers(out) == []


# Folders


@pytest.mark.parametrize("replaced", [False, True])
def test_a_run_folder_that_goes_away_at_any_step(tmp_path, tiny_run, replaced):
    other = tiny_config(seed=1)
    alone = train(other, tmp_path / "alone" / "tiny")
    for at in range(31):
        folder = tmp_path / str(at) / "tiny"

        def remove(step: int, _: object, at: int = at, folder: Path = folder) -> None:
            if step == at:
                shutil.rmtree(folder)
                if replaced:
                    train(other, folder)

        with pytest.raises(OSError, match="the run folder was removed or replaced during trainin"):
            train(tiny_config(), folder, remove)
        if replaced:
            assert contents(folder) == contents(alone.path)
            shutil.rmtree(folder)
        assert os.listdir(folder.parent) == []
        train(tiny_config(), folder)
        assert contents(folder) == contents(tiny_run.path)


@pytest.mark.parametrize("what", ["runs", "cells", "results.parquet", "manifest.parquet", "."])
@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_a_sweep_of_which_something_goes_away(tmp_path, tiny_sweep, what, at):
    """It ends, in one line if not well; the same sweep again makes what is missing."""
    out = tmp_path / "out"

    def remove(tally: object) -> None:
        if sum(tally.status.values()) == at and not gone:
            gone.append(what)
            place = out / what
            shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)

    gone: list[str] = []
    with contextlib.suppress(OSError, ValueError):
        sweep(GRID, out, machine=SERIAL, watch=remove)
    assert gone
    sweep(GRID, out, machine=SERIAL)
    same(out, tiny_sweep)


# Clocks


@pytest.fixture()
def jumping_clock(monkeypatch) -> None:
    """The time of day goes a year forwards or back whenever it is looked at."""
    chance, real = random.Random(0), time.time
    monkeypatch.setattr(time, "time", lambda: real() + chance.uniform(-1, 1) * 3.2e7)


def test_clocks_that_jump(tmp_path, tiny_run, tiny_sweep, jumping_clock):
    train(tiny_config(), tmp_path / "tiny")
    assert contents(tmp_path / "tiny") == contents(tiny_run.path)
    sweep(GRID, tmp_path / "sweep", machine=SERIAL)
    found = sweep_status(tmp_path / "sweep")
    assert (found.status, found.left) == ({"done": 4}, 0)
    assert found.rate is None or found.rate > 0
    shutil.rmtree(tmp_path / "sweep" / "cells")
    results, problems = collect(tmp_path / "sweep", machine=SERIAL)
    assert problems == {}
    assert rows(results) == rows(read(tiny_sweep))
    same(tmp_path / "sweep", tiny_sweep)


def test_files_from_the_future_and_the_past(tmp_path, tiny_sweep):
    """What is new is told by more than when it was written."""
    out = shutil.copytree(tiny_sweep, tmp_path / "out")
    catalog = Catalog(tmp_path)
    before = catalog.contents()
    for place in [*out.rglob("*"), out]:
        moment = time.time() + random.Random(str(place)).uniform(-1, 1) * 1e9
        os.utime(place, (moment, moment))
    assert catalog.contents().sweeps.keys() == before.sweeps.keys() == {"out"}
    sweep(GRID, out, machine=SERIAL)
    same(out, tiny_sweep)


# Processes


def test_a_worker_that_is_killed_in_every_cell(tmp_path, started):
    expected = tmp_path / "expected"
    sweep(LONGER, expected, machine=SERIAL)
    out, killed = tmp_path / "out", set()
    process = started(out)
    while process.poll() is None and len(killed) < 3:
        until(lambda: process.poll() is not None or is_mid_cell(out, len(killed)), "a cell")
        for worker in workers_of(process) if process.poll() is None else ():
            if worker not in killed:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
                killed.add(worker)
    assert process.wait(240) == 0
    assert complaints(process) == []
    assert len(killed) == 3
    same(out, expected)


def command(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", START, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@contextlib.contextmanager
def looking(folder: Path, seen: list[int], wrong: list[str]) -> Iterator[None]:
    """What the explorer lists, over and over."""
    catalog, end = Catalog(folder), threading.Event()

    def look() -> None:
        while not end.is_set():
            found = catalog.contents()
            seen.append(len(found.runs))
            wrong.extend(one.error for one in found.runs.values() if one.error)
            wrong.extend(name for name in found.runs if ".part" in name)
            time.sleep(0.01)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def test_everything_at_once(tmp_path):
    """Two sweeps, their tables, phases, status, a report of each run, and the explorer's list."""
    grid = {"base": {**BASE, "steps": 300}, "axes": {"data.fraction": [0.4, 0.5, 0.6, 0.7, 0.8]}}
    grid["axes"]["data.corruption"] = [0.0, 0.3, 0.5]
    expected, out = tmp_path / "expected", tmp_path / "there" / "out"
    sweep(grid, expected, machine=SERIAL)
    place, seen, wrong, codes = grid_file(tmp_path, grid), [], [], []
    with looking(out.parent, seen, wrong):
        sweeps = [command("sweep", place, "--out", out, "--executor", "serial") for _ in range(2)]
        until(lambda: list(out.glob("cells/*.json")), "the first cell")
        while any(one.poll() is None for one in sweeps):
            (out / "runs").mkdir(exist_ok=True)
            for words in (
                ("collect", out, "--workers", "1"),
                ("phases", out, "--figure", tmp_path / "phases.html"),
                ("sweep", "status", out),
                *(
                    ("report", run, "--threshold", "0.3", "--draws", "2")
                    for run in list(out.glob("runs/[!.]*"))[:2]
                    if (run / "DONE").exists()
                ),
            ):
                codes.append(run_quietly(list(map(str, words))))
    told = [one.communicate()[0] for one in sweeps]
    assert [one.returncode for one in sweeps] == [0, 0], told
    assert "Traceback" not in "".join(told)
    assert [code for code, _ in codes if code] == [], codes
    assert len(codes) >= 4
    assert wrong == []
    assert max(seen) > 0
    for page in out.glob("runs/*/report.html"):
        page.unlink()
    same(out, expected)
