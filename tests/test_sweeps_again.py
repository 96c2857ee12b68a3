"""A sweep after another: what was measured since, what was kept, what was away for a while."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

import interp
from interp.analysis.sweeps.estimate import make_plan
from interp.training.sweep.executors.machine import Machine
from interp.training.sweep.executors.work import Work
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.plan.grid import parse_grid
from interp.training.sweep.plan.manifest import cells_of
from interp.training.sweep.store import FolderStore, open_store
from interp.training.sweep.table.collection import fold, read_results
from interp.training.sweep.table.outcome import CellOutcome
from interp.training.sweep.table.record import read_record, write_record
from tests.conftest import tiny_config

GRID = {
    "base": {"task": {"p": 5}, "model": {"width": 4}, "steps": 3, "schedule": {"evaluations": 2}},
    "axes": {"data.corruption": [0.0, 0.3]},
}


def swept(place, keep="scores", **changes):
    grid = json.loads(json.dumps(GRID)) | changes
    return interp.sweep(grid, out=place, keep=keep, machine="serial")


def test_what_was_recorded_after_the_table_is_in_the_next_one(tmp_path):
    """Between a record and the table that it is written into, a process was killed."""
    place = tmp_path / "sweep"
    first = swept(place)
    assert not [name for name in first.table.column_names if name.startswith("classes")]
    table = (place / "results.parquet").read_bytes()
    measured = swept(place, measures={"classes": {"threshold": 0.3}})
    names = [name for name in measured.table.column_names if name.startswith("classes")]
    assert names
    (place / "results.parquet").write_bytes(table)  # as it was when the process was killed
    again = swept(place, measures={"classes": {"threshold": 0.3}})
    assert [name for name in again.table.column_names if name.startswith("classes")] == names
    for name in names:
        assert again.table[name].to_pylist() == measured.table[name].to_pylist()


def test_a_session_with_an_older_record_does_not_undo_a_newer_one(tmp_path):
    store = FolderStore(tmp_path / "sweep")
    cell = Cell("0" * 16, tiny_config().model_dump_json())
    one = {"digest": "d", "values": {"v": 1.0}, "problem": None}
    row = {"state": "confusion", "mean_ipr": 0.5}

    def outcome(*names):
        measured = dict.fromkeys(names, one)
        return CellOutcome(cell, "done", row=row, seconds=1.0, measured=measured)

    older = write_record(store, outcome("m1"), keeps_runs=False)
    write_record(store, outcome("m1", "m2"), keeps_runs=False)
    newer = read_record(store, cell.hash)
    assert newer.finished >= older.finished
    fold(store, ("data.fraction",), [replace(older, finished=newer.finished - 1)])
    assert {"m1.v", "m2.v"} <= set(read_results(store).table.column_names)


def test_runs_are_kept_where_scores_alone_were(tmp_path):
    place = tmp_path / "sweep"
    scores = swept(place)
    assert not (place / "runs").exists()
    kept = swept(place, keep="runs")
    folders = sorted(one.name for one in (place / "runs").iterdir())
    assert folders == sorted(kept.table["hash"].to_pylist())
    for one in ("train_accuracy", "mean_ipr"):
        assert kept.table[one].to_pylist() == scores.table[one].to_pylist()
    assert all(interp.load(place / "runs" / name).finished for name in folders)
    before = {name: (place / "runs" / name / "DONE").stat().st_mtime_ns for name in folders}
    swept(place)  # which has all that it asks for
    swept(place, keep="runs")
    assert before == {n: (place / "runs" / n / "DONE").stat().st_mtime_ns for n in folders}


def test_what_was_measured_is_kept_where_runs_are_made_anew(tmp_path):
    place = tmp_path / "sweep"
    asked = {"classes": {"threshold": 0.3}}
    before = swept(place, measures=asked)
    names = [name for name in before.table.column_names if name.startswith("classes")]
    plan = make_plan(parse_grid(GRID), place, Machine("serial"), "runs")
    assert (plan.cells, plan.done) == (2, 0)
    assert make_plan(parse_grid(GRID), place, Machine("serial"), "scores").done == 2
    after = swept(place, keep="runs")
    assert len(list((place / "runs").iterdir())) == 2
    for name in names:
        assert after.table[name].to_pylist() == before.table[name].to_pylist()
    assert make_plan(parse_grid(GRID), place, Machine("serial"), "runs").done == 2


def test_runs_come_to_a_store_elsewhere_too():
    url = "memory://sweeps-again"
    swept(url)
    store = open_store(url)
    assert store.names("runs") == []
    hashes = swept(url, keep="runs").table["hash"].to_pylist()
    assert sorted(store.names("runs")) == sorted(hashes)
    records = {one: store.read(f"cells/{one}.json") for one in hashes}
    swept(url, keep="runs")
    assert records == {one: store.read(f"cells/{one}.json") for one in hashes}


def test_a_file_that_goes_while_it_is_read_takes_no_other_cell_along(tmp_path):
    file = tmp_path / "labels.npz"
    m, n = np.indices((5, 5)).reshape(2, -1)
    np.savez(file, pairs=np.stack([m, n], axis=1), labels=(m + n) % 5, is_train=m < 3)
    base = {**GRID["base"], "data": {"kind": "given", "file": str(file)}}
    (cell,) = cells_of(parse_grid({"base": base}))
    other = cells_of(parse_grid(GRID))[0]

    def gone(*_):
        file.unlink(missing_ok=True)
        return [ValueError("gone"), ValueError("none")]

    work = Work(dict, tmp_path, None)
    work.__dict__["_train"] = gone
    first, second = work([cell, other])
    assert (first.status, second.status) == ("failed", "invalid")


def test_a_file_that_was_away_for_a_while_is_tried_again(tmp_path, monkeypatch):
    file = tmp_path / "labels.npz"
    m, n = np.indices((5, 5)).reshape(2, -1)
    mask = np.arange(25) % 2 == 0
    np.savez(file, pairs=np.stack([m, n], axis=1), labels=(m + n) % 5, is_train=mask)
    base = {**GRID["base"], "data": {"kind": "given", "file": str(file)}}
    whole = Work.__call__

    def without(self, cells):
        file.rename(tmp_path / "away.npz")
        try:
            return whole(self, cells)
        finally:
            (tmp_path / "away.npz").rename(file)

    monkeypatch.setattr(Work, "__call__", without)
    first = interp.sweep({"base": base}, out=tmp_path / "sweep", machine="serial")
    assert first.table["status"].to_pylist() == ["failed"]
    monkeypatch.setattr(Work, "__call__", whole)
    again = interp.sweep({"base": base}, out=tmp_path / "sweep", machine="serial")
    assert again.table["status"].to_pylist() == ["done"]
