"""Measures that a grid asks for: their columns, and that nothing is measured twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import types
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interp.analysis.measure import Measure
from interp.analysis.measures import MEASURES
from interp.analysis.sweeps.sweep import collect, sweep
from interp.training.runs.measured import read_measured, write_measured
from interp.training.runs.run import load
from interp.training.sweep.executors.machine import Machine
from tests.plugins import SPEED, growth
from tests.plugins import plugins as plugins
from tests.sweep_cases import BASE, grid_file, rows, weights, written

ROOT = Path(__file__).parent.parent
AXES = {"data.fraction": [0.4, 0.8]}

# Two measures of every run; the second stays at its third call where the environment says so.
SLOW = (
    SPEED
    + """

@measure("slow", reads="run")
def slow(run):
    with open(os.environ["CALLS"] + ".slow", "a") as file:
        file.write(f"{run.name}\\n")
    import pathlib, time
    third = len(pathlib.Path(os.environ["CALLS"] + ".slow").read_text().splitlines()) == 3
    if third and os.environ.get("STAY"):
        time.sleep(60)
    return {"x": 1}
"""
)


def grid(measures: dict[str, Any], axes: dict[str, Any] = AXES, **base: Any) -> dict[str, Any]:
    return {"base": {**BASE, **base}, "axes": axes, "measures": measures}


@pytest.mark.filterwarnings("ignore::interp.analysis.neurons.classify.NotBimodalWarning")
def test_columns_are_what_the_measures_say_of_each_run(tmp_path):
    """Of checkpoints and of runs, with options and without, defined and not."""
    measures = {"needed": {"accuracy": 0.05}, "norms": {}, "phase": {}, "grok": {"level": 0.5}}
    asked = {**grid(measures, {"model.norm": ["none", "batch"]}), "seeds": 2}
    found = sweep(asked, tmp_path, "serial").to_pandas().set_index("hash")
    assert len(found) == 4
    labels = {"needed(accuracy=0.05)": "needed", "phase": "phase", "grok(level=0.5)": "grok"}
    for name, row in found.iterrows():
        run = load(tmp_path / "runs" / name)
        for label, measure in labels.items():
            expected = MEASURES[measure](run, **measures[measure]).values()
            seen = {key: row[f"{label}.{key}"] for key in expected}
            assert seen == pytest.approx(expected, nan_ok=True)
        problem = "measure norms: expected a network with a norm on its neurons, got none"
        if run.config.model.norm == "none":
            assert row["norms.problem"] == problem
            assert row["norms.norm_rho"] != row["norms.norm_rho"]
        else:
            assert not isinstance(row["norms.problem"], str)
            assert row["norms.norm_rho"] == MEASURES["norms"](run).values()["norm_rho"]


def test_nothing_is_measured_twice(plugins, tmp_path):
    plugins.write(speedy=SPEED)
    plugins.calls()
    asked, out = grid({"speed": {}}), tmp_path / "sweep"
    first = sweep(asked, out, "serial")
    files = written(out)
    assert Counter(plugins.calls()) == dict.fromkeys(first.table["hash"].to_pylist(), 1)
    again = sweep(asked, out, "serial")
    assert rows(again) == rows(first)
    assert len(plugins.calls()) == 2
    assert written(out) == files
    results, problems = collect(out, machine="serial")
    assert rows(results) == rows(first)
    assert (problems, len(plugins.calls())) == ({}, 2)
    for record in (out / "cells").iterdir():  # then it is taken from what lies beside the run
        record.unlink()
    assert rows(sweep(asked, out, "serial")) == rows(first)
    assert len(plugins.calls()) == 2


def test_what_was_kept_is_not_taken_for_other_weights(tiny_folder):
    write_measured(tiny_folder, "digest", {"x": 1})
    assert read_measured(tiny_folder, "digest") == {"x": 1}
    assert read_measured(tiny_folder, "other") is None
    first, *_, last = sorted((tiny_folder / "checkpoints").iterdir())
    (last / "model.safetensors").write_bytes((first / "model.safetensors").read_bytes())
    assert read_measured(tiny_folder, "digest") is None


def test_what_was_kept_and_is_damaged_is_as_nothing(plugins, tmp_path):
    plugins.write(speedy=SPEED)
    plugins.calls()
    asked, out = grid({"speed": {}}, {"data.fraction": [0.4]}), tmp_path / "sweep"
    first = sweep(asked, out, "serial")
    (kept,) = out.glob("runs/*/measures/*.json")
    whole = kept.read_text()
    for damaged in (whole[:-20], whole.replace("speed", "sleep"), whole.replace('"of', '"off')):
        assert damaged != whole
        for record in (out / "cells").iterdir():
            record.unlink()
        kept.write_text(damaged)
        before = len(plugins.calls())
        assert rows(sweep(asked, out, "serial")) == rows(first)
        assert len(plugins.calls()) == before + 1


def test_more_measures_of_runs_that_are_done(plugins, tmp_path):
    """Another option is another column, and no run is trained again."""
    plugins.write(speedy=SPEED)
    plugins.calls()
    sweep(grid({"speed": {}}), tmp_path / "sweep", "serial")
    before = weights(tmp_path / "sweep")
    stamps = {k: v for k, v in written(tmp_path / "sweep").items() if "checkpoints" in k}
    for measures in ({"speed": {"factor": 3}}, {"speed": {"factor": 3}, "weights": {}}):
        found = sweep(grid(measures), tmp_path / "sweep", "serial").to_pandas()
        assert len(plugins.calls()) == 4
    assert found["speed(factor=3.0).speed"].tolist() == pytest.approx(
        (3 * found["speed.speed"]).tolist()
    )
    assert found["weights.norm_left"].between(0, 1).all()
    assert weights(tmp_path / "sweep") == before
    assert {k: v for k, v in written(tmp_path / "sweep").items() if k in stamps} == stamps


def test_another_formula_is_measured_again(plugins, tmp_path):
    """Of a plug-in: its text; the rest of the file does not matter."""
    plugins.write(speedy=SPEED)
    plugins.calls()
    asked, out = grid({"speed": {}}), tmp_path / "sweep"
    first = sweep(asked, out, "serial").to_pandas()
    plugins.write(speedy=SPEED.replace("How fast the weights move.", "How fast."))
    assert sweep(asked, out, "serial").to_pandas()["speed.speed"].equals(first["speed.speed"])
    assert len(plugins.calls()) == 2
    plugins.write(speedy=SPEED.replace("factor * change", "-factor * change"))
    found = sweep(asked, out, "serial").to_pandas()
    assert len(plugins.calls()) == 4
    assert found["speed.speed"].tolist() == (-first["speed.speed"]).tolist()


def test_another_version_is_measured_again(tmp_path, monkeypatch):
    """Of a row of the table: the number that is raised when its formula changes."""
    own, calls = MEASURES["weights"], []

    def counted(run):
        calls.append(run.name)
        return {"x": float(len(calls))}

    def version(number: int) -> None:
        changed = replace(own, compute=counted, version=number)
        monkeypatch.setitem(MEASURES._rows, "weights", changed)

    asked = grid({"weights": {}}, {"data.fraction": [0.4]})
    seen = []
    for number in (1, 1, 2, 2, 1):
        version(number)
        seen += sweep(asked, tmp_path, "serial").to_pandas()["weights.x"].tolist()
    assert seen == [1.0, 1.0, 2.0, 2.0, 1.0], "the first is still beside the run"


def test_a_sweep_that_is_killed_while_it_measures(plugins, tmp_path):
    plugins.write(speedy=SLOW)
    plugins.calls()
    calls = Path(os.environ["CALLS"])
    axes = {"data.fraction": [0.4, 0.5, 0.6, 0.7]}
    asked, out = grid({"speed": {}, "slow": {}}, axes), tmp_path / "sweep"
    file = grid_file(tmp_path, asked)
    code = f"import interp\ninterp.sweep({str(file)!r}, {str(out)!r}, 'serial')"
    environment = {**os.environ, "STAY": "1", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment)
    slow = calls.with_name("calls.txt.slow")
    until = time.monotonic() + 60
    while not (slow.exists() and len(slow.read_text().splitlines()) == 3):
        assert process.poll() is None, "it ended by itself"
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    third = slow.read_text().splitlines()[2]
    assert len(plugins.calls()) == 3
    found = sweep(asked, out, "serial").to_pandas().set_index("hash")
    assert len(found) == 4
    assert Counter(plugins.calls()) == dict.fromkeys(found.index, 1)
    assert Counter(slow.read_text().splitlines()) == {**dict.fromkeys(found.index, 1), third: 2}
    for name, row in found.iterrows():
        assert row["speed.speed"] == growth(load(out / "runs" / name))["speed"]
        assert row["slow.x"] == 1


def test_a_fault_is_tried_again_and_tells_why(plugins, tmp_path):
    broken = SPEED.replace("    first, last", '    raise OSError("no\\n  disk")\n    first, last')
    plugins.write(speedy=broken)
    plugins.calls()
    asked, out = grid({"speed": {}, "weights": {}}), tmp_path / "sweep"
    found = sweep(asked, out, "serial").to_pandas()
    assert found["speed.problem"].tolist() == ["OSError: no disk"] * 2
    assert found["weights.norm_left"].notna().all()
    sweep(asked, out, "serial")
    assert len(plugins.calls()) == 4
    plugins.write(speedy=SPEED)
    found = sweep(asked, out, "serial").to_pandas()
    assert found["speed.speed"].notna().all()


def refused(tmp_path: Path, message: str, **measures: Any) -> None:
    """Refused before anything is trained or written."""
    with pytest.raises(ValueError, match=message):
        sweep(grid(measures), tmp_path / "sweep", Machine("processes", workers=2))
    assert not (tmp_path / "sweep").exists()


def test_refused_before_training(tmp_path):
    refused(tmp_path, r"^measure: expected .*, got 'need'; nearest is needed$", need={})
    message = r"^measure needed: unknown option 'layer'; its options are accuracy$"
    refused(tmp_path, message, needed={"layer": 1})
    refused(tmp_path, r"^measure needed: accuracy: .*, got 'high'$", needed={"accuracy": "high"})
    message = r"^measures: boundary reads a whole sweep, not a run of it$"
    refused(tmp_path, message, boundary={})


def test_a_measure_of_a_notebook_is_not_sent_to_other_processes(tmp_path, monkeypatch):
    def doubled(run):
        return {"steps": 2 * run.config.steps}

    doubled.__module__ = "__main__"
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
    monkeypatch.setitem(MEASURES._rows, "doubled", Measure("doubled", "run", "", doubled))
    message = (
        "^measure doubled is defined in this session, which other processes do not see; "
        "put it in a file, or use machine 'serial'$"
    )
    refused(tmp_path, message, doubled={})
    found = sweep(grid({"doubled": {}}), tmp_path / "sweep", "serial").to_pandas()
    assert found["doubled.steps"].tolist() == [60, 60]
