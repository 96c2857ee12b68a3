"""Sweeps that are killed, interrupted, damaged or out of disk, and two in one folder at once.

Whatever happens, starting again ends where an undisturbed sweep ends, to the bit.
"""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import interp.training.sweep.executors.work
from interp.analysis.sweeps.sweep import read, sweep
from interp.cli.app import main
from interp.training.runs.run import load
from interp.training.sweep.plan.grid import parse_grid
from interp.training.sweep.plan.manifest import add_grid, cells_of, read_manifest, read_plan
from interp.training.sweep.store import FolderStore, open_store
from interp.training.sweep.sweep import check_store
from interp.training.sweep.table.record import read_record, recorded
from interp.training.sweep.table.status import sweep_status
from interp.training.sweep.table.tally import Tally
from interp.training.trainer.loop import train_many

from .sweep_cases import BASE, GRID, grid_file, rows, runs, weights, written

ROOT = Path(__file__).parent.parent
START = "from interp.cli.app import main; main()"
SERIAL = ("--executor", "serial", "--device", "cpu")
# Long enough to be met in the middle of a cell.
LONGER = {
    "base": {**BASE, "steps": 1500, "schedule": {"evaluations": 30, "checkpoints": 8}},
    "axes": {"data.fraction": [0.4, 0.6, 0.8]},
}


def run_serially(grid: Any, out: Path, **options: Any) -> list[dict[str, Any]]:
    """Rows of a sweep in this process."""
    return rows(sweep(grid, out, machine={"executor": "serial", "device": "cpu"}, **options))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The longer sweep, in one go; no test may change it."""
    out = tmp_path_factory.mktemp("undisturbed") / "longer"
    run_serially(LONGER, out)
    return out


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny sweep, in one go; no test may change it."""
    out = tmp_path_factory.mktemp("undisturbed") / "tiny"
    run_serially(GRID, out)
    return out


@pytest.fixture()
def copied(tiny, tmp_path) -> Path:
    return shutil.copytree(tiny, tmp_path / "copied")


def until(condition: Callable[[], Any], what: str) -> None:
    """Waits, at most as long as a busy machine may need."""
    end = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)


def is_mid_cell(out: Path, done: int) -> bool:
    """Whether so many cells are done, and the next one has a few checkpoints."""
    ended = {path.stem for path in out.glob("cells/*.json")}
    under_way = [folder for folder in out.glob("runs/*") if folder.name not in ended]
    saved = [len(list(folder.glob("checkpoints/step-*/model.safetensors"))) for folder in under_way]
    return len(ended) >= done and any(3 <= count < 8 for count in saved)


# The command as users start it, in processes of its own


def workers_of(process: subprocess.Popen) -> list[int]:
    """The processes that a sweep trains in: its children that load the worker."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in command_line(int(pid))]


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@pytest.fixture()
def started(tmp_path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts ``interp sweep`` with one worker; ends what is left of it."""
    begun: list[subprocess.Popen] = []

    def start(out: Path) -> subprocess.Popen:
        grid = grid_file(tmp_path, LONGER)
        options = ["--out", str(out), "--executor", "processes", "--workers", "1", "--device=cpu"]
        begun.append(
            subprocess.Popen(
                [sys.executable, "-c", START, "sweep", str(grid), *options],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                start_new_session=True,
            )
        )
        return begun[-1]

    yield start
    for process in begun:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def complaints(process: subprocess.Popen) -> list[str]:
    """What a command that has ended wrote to standard error, without its progress."""
    assert process.stderr is not None
    lines = process.stderr.read().splitlines()
    return [line for line in lines if " cells done" not in line or line.startswith("interp")]


@pytest.mark.slow
def test_killed_sweep_repeats_nothing_and_ends_as_if_nothing_had_been(
    tmp_path, undisturbed, started
):
    out = tmp_path / "out"
    process = started(out)
    until(lambda: is_mid_cell(out, 1), "the second cell")
    status = sweep_status(out)
    assert status.running, "seen from another process"
    assert (status.total, status.status["done"] + status.left) == (3, 3)
    assert status.status["done"] >= 1
    workers = workers_of(process)
    assert len(workers) == 1
    process.kill()
    process.wait()
    assert not sweep_status(out).running
    until(lambda: not command_line(workers[0]), "the orphan to end")
    ended = {path.stem for path in out.glob("cells/*.json")}
    before = {name: at for name, at in written(out).items() if any(cell in name for cell in ended)}
    assert 0 < len(ended) < 3
    again = run_serially(LONGER, out)
    assert {name: at for name, at in written(out).items() if name in before} == before
    assert again == rows(read(undisturbed))
    assert weights(out) == weights(undisturbed)
    assert runs(out) == runs(undisturbed), "nothing was set aside"


@pytest.mark.slow
@pytest.mark.parametrize("when", ["while the worker starts", "in the second cell"])
def test_interrupted_sweep_says_so_in_one_line_and_goes_on(tmp_path, undisturbed, started, when):
    out = tmp_path / "out"
    process = started(out)
    if when == "in the second cell":
        until(lambda: is_mid_cell(out, 1), "the second cell")
    else:
        until(lambda: workers_of(process), "a worker")
    workers = workers_of(process)
    os.killpg(process.pid, signal.SIGINT)  # as the terminal does
    assert process.wait(240) == 130
    done = len(recorded(open_store(out)))
    assert complaints(process) == [
        f"interp: stopped with {done} of 3 cells done; the same command goes on"
    ]
    assert done < 3
    assert not any(command_line(pid) for pid in workers)
    before = {name: at for name, at in written(out).items() if name.startswith("cells")}
    again = run_serially(LONGER, out)
    assert {name: at for name, at in written(out).items() if name in before} == before
    # A run that was stopped has one more checkpoint and one more line of scores.
    own, theirs = weights(out), weights(undisturbed)
    assert {name: own[name] for name in theirs} == theirs
    for row, expected in zip(again, rows(read(undisturbed)), strict=True):
        assert {k: v for k, v in row.items() if "grok" not in k} == {
            k: v for k, v in expected.items() if "grok" not in k
        }


@pytest.mark.slow
def test_a_worker_killed_in_its_cell_is_replaced(tmp_path, undisturbed, started):
    out = tmp_path / "out"
    process = started(out)
    until(lambda: is_mid_cell(out, 0), "the first cell")
    (worker,) = workers_of(process)
    os.kill(worker, signal.SIGKILL)
    assert process.wait(240) == 0
    assert complaints(process) == []
    assert rows(read(out)) == rows(read(undisturbed))
    assert weights(out) == weights(undisturbed)
    assert sweep_status(out).status == {"done": 3}


# Commands in processes that have loaded everything. A fork server costs only a fork for each; it
# has started no thread that a fork would lose.


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [
            "tests.test_sweep_faults",
            "torch._dynamo",
            "interp.analysis.sweeps.row",
            "interp.training.sweep.table.status",
        ]
    )
    return context


def _command(place: Path, arguments: tuple[str, ...], prepare: Callable[[], None] | None) -> None:
    """Runs a command and leaves what it says beside."""
    with place.open("w") as told:
        sys.stdout = sys.stderr = told
        if prepare is not None:
            prepare()
        main(arguments)


def command(
    processes: Any, folder: Path, *arguments: object, prepare: Callable[[], None] | None = None
) -> tuple[int, list[str]]:
    """Exit code and lines of a command, without its progress."""
    place = folder / "told.txt"
    process = processes.Process(target=_command, args=(place, tuple(map(str, arguments)), prepare))
    process.start()
    process.join()
    lines = place.read_text().splitlines()
    return process.exitcode, [line for line in lines if " cells done" not in line]


def test_cells_that_cannot_be_or_diverge_stop_no_other(tmp_path, processes):
    zipped = {
        "data.fraction": [0.4, 0.6, 0.8, 0.8],
        "optimizer.lr": [0.01, 0.01, 0.01, 1e30],
        "optimizer.name": ["sgd"] * 4,
    }
    base = {**BASE, "optimizer": {"batch_size": 60}}
    grid, out = grid_file(tmp_path, {"base": base, "zip": zipped}), tmp_path / "out"
    code, lines = command(processes, tmp_path, "sweep", grid, "--out", out, *SERIAL)
    assert (code, lines[0].split(":")[0]) == (0, "4 cells of the grid have an outcome")
    assert "2 failed" in lines[0]
    found = {(row["data.fraction"], row["optimizer.lr"]): row for row in rows(read(out))}
    assert {place: row["status"] for place, row in found.items()} == {
        (0.4, 0.01): "invalid",
        (0.6, 0.01): "done",
        (0.8, 0.01): "done",
        (0.8, 1e30): "diverged",
    }
    reasons = {
        (0.4, 0.01): "optimizer.batch_size: expected at most the 48 training examples, got 60",
        (0.8, 1e30): "loss is no longer finite at step 1; the checkpoint of step 0 is kept",
    }
    for place, reason in reasons.items():
        assert found[place]["error"] == reason
        assert found[place]["state"] == "failed"
        assert found[place]["test_accuracy"] is None
    assert read_manifest(open_store(out)).table["status"].to_pylist() == [
        "invalid", "done", "done", "diverged",
    ]  # fmt: skip
    code, lines = command(processes, tmp_path, "sweep", "status", out)
    assert code == 0
    assert "4 cells" not in lines[0]
    text = "\n".join(lines)
    for place, reason in reasons.items():
        assert f"  {found[place]['hash']}: {reason}" in text
    before = written(out)
    assert command(processes, tmp_path, "sweep", grid, "--out", out, *SERIAL)[0] == 0
    assert written(out) == before, "what cannot be is not tried again"


def test_values_that_json_does_not_know(tmp_path):
    """NaN and infinity in a grid file are cells that cannot be run, and no more than that."""
    grid = {"base": BASE, "axes": {"data.fraction": [0.5, float("nan"), float("inf")]}}
    for _ in range(2):
        found = run_serially(grid, tmp_path / "out")
        assert Counter(row["status"] for row in found) == {"done": 1, "invalid": 2}
        assert len(read_plan(open_store(tmp_path / "out"))) == 1
    json.loads((tmp_path / "out" / "sweep.json").read_text(), parse_constant=pytest.fail)


# A full disk


class FullAfter:
    """Lets so many files be written; the next one, and all after it, find no space."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __call__(self) -> None:
        real = os.fsync

        def fsync(descriptor: int) -> None:
            self.count -= 1
            if self.count < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(descriptor)

        os.fsync = fsync  # type: ignore[assignment]


class SmallFiles:
    """Lets no file grow beyond a size."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def __call__(self) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.limit, hard))


def everything_is_whole(out: Path) -> None:
    """Whatever has a name can be read."""
    store = open_store(out)
    read_plan(store)
    for name in recorded(store):
        assert read_record(store, name) is not None
    for name in runs(out):
        run = load(out / "runs" / name)
        for step in run.steps:
            run.network(step)


@pytest.mark.parametrize(
    ("disk", "name"),
    [
        (FullAfter(0), "OUT/sweep.json"),
        (FullAfter(1), "OUT/manifest.parquet"),
        (FullAfter(2), "OUT: the sweep stopped: OUT/runs/"),
        (FullAfter(9), "OUT: the sweep stopped: OUT/runs/"),
        (FullAfter(19), "OUT/cells/"),
        (FullAfter(25), "OUT: the sweep stopped: OUT/runs/"),
        (FullAfter(74), "OUT/results.parquet"),
        (FullAfter(75), "OUT/manifest.parquet"),
        (SmallFiles(3000), "OUT/manifest.parquet"),
    ],
    ids=lambda value: str(vars(value)) if hasattr(value, "__dict__") else "",
)
def test_a_full_disk_stops_the_sweep_and_damages_nothing(tmp_path, processes, tiny, disk, name):
    out, grid = tmp_path / "out", grid_file(tmp_path, GRID)
    code, lines = command(processes, tmp_path, "sweep", grid, "--out", out, *SERIAL, prepare=disk)
    assert code == 2
    (line,) = lines
    assert line.startswith(f"interp: {name}".replace("OUT", str(out)))
    reason = "File too large" if isinstance(disk, SmallFiles) else "No space left on device"
    assert line.endswith(f"cannot be written ({reason})")
    everything_is_whole(out)
    before = {name: at for name, at in written(out).items() if name.startswith("cells")}
    assert run_serially(GRID, out) == rows(read(tiny))
    assert weights(out) == weights(tiny)
    assert runs(out) == runs(tiny)
    assert {name: at for name, at in written(out).items() if name in before} == before


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("mount") is None, reason="only root may mount a small disk"
)
def test_a_disk_that_is_really_full(tmp_path, processes, tiny):
    disk, grid = tmp_path / "disk", grid_file(tmp_path, GRID)
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine lets not even root mount a disk")
    try:
        out = disk / "out"
        code, lines = command(processes, tmp_path, "sweep", grid, "--out", out, *SERIAL)
        assert code == 2
        (line,) = lines
        assert line.endswith("cannot be written (No space left on device)")
        everything_is_whole(out)
        enlarged = ["mount", "-o", "remount,size=16m", str(disk)]
        subprocess.run(enlarged, check=True, capture_output=True)
        assert run_serially(GRID, out) == rows(read(tiny))
        assert weights(out) == weights(tiny)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


# Two at once


def _logged_sweep(grid: dict[str, Any], out: Path, log: Path, gate: Barrier | None) -> None:
    """A sweep that leaves a line for every run that it trains."""

    def logged(configs: Any, places: list[Path], **options: Any) -> Any:
        with log.open("a") as file:
            file.write("".join(f"{place.name}\n" for place in places))
        return train_many(configs, places, **options)

    interp.training.sweep.executors.work.train_many = logged
    if gate is not None:
        gate.wait()
    sweep(grid, out, machine={"executor": "serial", "device": "cpu"})


def test_two_sweeps_in_one_folder_do_every_cell_once(tmp_path, processes, tiny):
    out, log, gate = tmp_path / "out", tmp_path / "log", processes.Barrier(2)
    pair = [processes.Process(target=_logged_sweep, args=(GRID, out, log, gate)) for _ in range(2)]
    for process in pair:
        process.start()
    for process in pair:
        process.join()
    assert [process.exitcode for process in pair] == [0, 0]
    assert sorted(log.read_text().split()) == sorted(runs(tiny)), "each trained once"
    assert rows(read(out)) == rows(read(tiny))
    assert weights(out) == weights(tiny)
    assert len(read_plan(open_store(out))) == 1
    assert set(read_manifest(open_store(out)).table["status"].to_pylist()) == {"done"}


def test_two_sweeps_with_different_grids_in_one_folder(tmp_path, processes):
    out, log, gate = tmp_path / "out", tmp_path / "log", processes.Barrier(2)
    grids = [
        {"base": BASE, "axes": {"data.fraction": [0.4, 0.6, 0.8]}},
        {"base": BASE, "axes": {"optimizer.weight_decay": [0, 1], "data.fraction": [0.6, 0.7]}},
    ]
    pair = [processes.Process(target=_logged_sweep, args=(grid, out, log, gate)) for grid in grids]
    for process in pair:
        process.start()
    for process in pair:
        process.join()
    assert [process.exitcode for process in pair] == [0, 0]
    cells = {cell.hash for grid in grids for cell in cells_of(parse_grid(grid))}
    assert len(cells) == 3 + 4 - 1
    assert sorted(log.read_text().split()) == sorted(cells)
    assert {json.dumps(one.to_dict()) for one in read_plan(open_store(out))} == {
        json.dumps(parse_grid(grid).to_dict()) for grid in grids
    }
    manifest = read_manifest(open_store(out))
    assert set(manifest.table["hash"].to_pylist()) == cells
    table = pq.read_table(out / "results.parquet")
    assert set(table["hash"].to_pylist()) == cells
    assert {"data.fraction", "optimizer.weight_decay"} == set(manifest.axes)
    assert set(manifest.axes) < set(table.column_names), "whoever ends last knows of both"


def test_the_sweep_that_ends_last_knows_of_axes_that_came_after_it(tmp_path):
    out, intruded = tmp_path / "out", []
    other = {"base": {**BASE, "steps": 2}, "axes": {"optimizer.weight_decay": [1]}}

    def intrude(tally: Tally) -> None:
        """Another sweep, from its start to its end, after the first cell of this one."""
        if tally.status["done"] == 1 and not intruded:
            intruded.extend([True, *run_serially(other, out)])

    run_serially(GRID, out, watch=intrude)
    assert len(intruded) == 2
    table = pq.read_table(out / "results.parquet")
    assert table["optimizer.weight_decay"].to_pylist().count(0.0) == 4
    assert table["optimizer.weight_decay"].to_pylist().count(1.0) == 1
    assert set(pq.read_table(out / "manifest.parquet")["status"].to_pylist()) == {"done"}


def test_a_damaged_cell_that_is_being_done_anew_is_left_to_who_does_it(
    tmp_path, processes, undisturbed
):
    out, log = shutil.copytree(undisturbed, tmp_path / "out"), tmp_path / "log"
    damaged = sorted(runs(out))[0]
    (out / "runs" / damaged / "DONE").unlink()
    first = processes.Process(target=_logged_sweep, args=(LONGER, out, log, None))
    first.start()
    aside = out / "runs" / f"{damaged}.damaged-1"
    place = out / "runs" / damaged
    until(lambda: aside.exists() and any(place.glob("checkpoints/step-*")), "the cell to begin")
    second = processes.Process(target=_logged_sweep, args=(LONGER, out, log, None))
    second.start()
    first.join()
    second.join()
    assert (first.exitcode, second.exitcode) == (0, 0)
    assert log.read_text().split() == [damaged]
    assert runs(out) == runs(undisturbed) | {aside.name}
    assert rows(read(out)) == rows(read(undisturbed))


# Damage


def cut(path: Path) -> None:
    """Leaves the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [cut, Path.unlink, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("name", ["manifest.parquet", "results.parquet", "cells/HASH.json"])
def test_damage_to_what_is_made_of_the_runs(copied, tiny, name, damage):
    hash_ = sorted(runs(tiny))[0]
    before = {name: at for name, at in written(copied).items() if name.startswith("runs")}
    damage(copied / name.replace("HASH", hash_))
    assert sweep_status(copied).status == {"done": 4}, "told from what is whole"
    assert run_serially(GRID, copied) == rows(read(tiny))
    assert {n: at for n, at in written(copied).items() if n.startswith("runs")} == before
    assert read_record(open_store(copied), hash_) is not None
    assert pq.read_table(copied / "results.parquet").num_rows == 4
    assert pq.read_table(copied / "manifest.parquet")["status"].to_pylist() == ["done"] * 4


FIRST, LAST = (f"checkpoints/step-{step:06d}/model.safetensors" for step in (0, 30))


@pytest.mark.parametrize(
    ("name", "with_record"),
    [
        *((name, True) for name in ("config.json", "dataset.safetensors", "metrics.jsonl", "DONE")),
        *(
            (name, False)
            for name in ("config.json", "dataset.safetensors", "metrics.jsonl", "DONE")
        ),
        (FIRST, True),
        (LAST, True),
        (LAST, False),
    ],
)
def test_a_damaged_run_folder_is_set_aside_and_done_anew(copied, tiny, name, with_record):
    """By its record at once; without one, when it is read to be measured."""
    hash_ = sorted(runs(tiny))[0]
    cut(copied / "runs" / hash_ / name)
    if not with_record:
        (copied / "cells" / f"{hash_}.json").unlink()
        (copied / "results.parquet").unlink()
    before = {n: at for n, at in written(copied).items() if hash_ not in n}
    again = run_serially(GRID, copied)
    assert {n: at for n, at in written(copied).items() if n in before} == before
    assert again == rows(read(tiny))
    harmless = not with_record and name == "DONE"  # nothing that is measured is in there
    extra = set() if harmless else {f"{hash_}.damaged-1"}
    assert runs(copied) == runs(tiny) | extra
    if not harmless:
        own = {n: content for n, content in weights(copied).items() if "damaged" not in n}
        assert own == weights(tiny)
        assert (copied / "runs" / f"{hash_}.damaged-1" / "config.json").exists()


def test_a_run_folder_that_is_gone_is_done_anew(copied, tiny):
    hash_ = sorted(runs(tiny))[0]
    shutil.rmtree(copied / "runs" / hash_)
    assert run_serially(GRID, copied) == rows(read(tiny))
    assert weights(copied) == weights(tiny)


# Killed between any two writes


def _sweep_that_dies(out: Path, count: int) -> None:
    """Dies instead of giving a file or folder its name for the n-th time."""
    real = os.replace

    def replace(*places: Any) -> None:
        nonlocal count
        count -= 1
        if count == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        real(*places)

    os.replace = replace  # type: ignore[assignment]
    sweep(GRID, out, machine={"executor": "serial", "device": "cpu"})


@pytest.fixture(scope="module")
def replacements(tmp_path_factory) -> int:
    """How many names a whole sweep gives."""
    count, real = 0, os.replace

    def replace(*places: Any) -> None:
        nonlocal count
        count += 1
        real(*places)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "replace", replace)
        run_serially(GRID, tmp_path_factory.mktemp("counted") / "out")
    return count


@pytest.mark.parametrize("at", [1, 2, 3, 8, 12, 25, 26, 27, 28, 29, -30, -5, -4, -3, -2, -1])
def test_killed_between_any_two_writes(tmp_path, processes, tiny, replacements, at):
    out = tmp_path / "out"
    count = at if at > 0 else replacements + 1 + at
    process = processes.Process(target=_sweep_that_dies, args=(out, count))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    everything_is_whole(out)
    assert list(out.parent.rglob(".*.part*")), "it had begun to write something"
    if at > 1:
        assert sweep_status(out).total == 4
    before = {name: at for name, at in written(out).items() if name.startswith("cells")}
    assert run_serially(GRID, out) == rows(read(tiny))
    assert {name: at for name, at in written(out).items() if name in before} == before
    assert weights(out) == weights(tiny)
    assert runs(out) == runs(tiny)
    assert not list(out.parent.rglob(".*.part*")), "and that has gone"


def test_a_plan_that_is_written_while_a_folder_is_checked(tmp_path):
    """Another sweep begins between the two looks at the folder."""

    class Beside(FolderStore):
        def names(self, folder):
            add_grid(FolderStore(tmp_path), parse_grid({"base": BASE, "seeds": 1}))
            return super().names(folder)

    check_store(Beside(tmp_path))
    (tmp_path / "sweep.json").unlink()
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(ValueError, match="expected a new folder or one of a sweep, it has cont"):
        check_store(FolderStore(tmp_path))
