"""The price of a measure of one's own: one file of 30 lines, and it is everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import interp
from interp.analysis.sweeps.sweep import sweep
from interp.cli.app import main
from interp.training.runs.run import load
from interp.training.sweep.executors.machine import Machine
from tests.plugins import SPEED, growth
from tests.plugins import plugins as plugins
from tests.sweep_cases import BASE, grid_file

ROOT = Path(__file__).parent.parent
BROKEN = "raise RuntimeError('no rain\\nfor weeks')\n"
OTHER = SPEED.replace("Speed", "Pace")  # another figure, a measure of the same name


def shell(*commands: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Commands of one fresh process."""
    code = "import sys, json\nfrom interp.cli.app import main\n"
    code += "for command in json.loads(sys.argv[1]):\n    main(command)\n"
    return subprocess.run(
        [sys.executable, "-c", code, json.dumps(commands)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )


def test_is_about_thirty_lines():
    lines = [line for line in SPEED.splitlines() if line.strip()]
    assert len(lines) <= 30


def test_in_python(plugins, tiny_run):
    plugins.write(speedy=SPEED)
    assert "speed" in interp.measures
    found = interp.measures["speed"](tiny_run.path, factor=3)
    assert found.values() == {"speed": 3 * growth(tiny_run)["speed"], "steps": 30}
    assert found.caption == "tiny · seed 0 · step 30"
    assert repr(found).startswith("<Speed: speed ")
    assert found.plot().layout.title.text == "Speed · tiny · seed 0 · step 30"
    with pytest.raises(ValueError, match=r"got 'speeed'; nearest is speed$"):
        interp.measures["speeed"]


def test_in_the_shell(plugins, tiny_run):
    """Beside a plug-in that fails at import, which is named on stderr and in the list."""
    plugins.write(speedy=SPEED, broken=BROKEN)
    of = ["measure", "speed", str(tiny_run.path), "--factor", "2", "--json"]
    done = shell(of, ["measure", "--json"], ["measure", "speed", "--help"])
    assert done.returncode == 0, done.stderr
    values, listed, *told = done.stdout.splitlines()
    found = json.loads(values)
    assert found["values"] == {"speed": 2 * growth(tiny_run)["speed"], "steps": 30}
    assert (found["measure"], found["run"]) == ("speed(factor=2.0)", str(tiny_run.path))
    broken = str(plugins.folder / "broken.py")
    note = f"interp: note: plug-in {broken} failed: RuntimeError: no rain for weeks"
    assert done.stderr.splitlines() == [note]
    every = json.loads(listed)
    assert every["problems"] == {broken: "RuntimeError: no rain for weeks"}
    (row,) = [one for one in every["measures"] if one["name"] == "speed"]
    assert row == {
        "name": "speed",
        "reads": "run",
        "what": "How fast the weight norm grows, for every step.",
        "source": "nobody, 2026",
        "options": {"factor": 1.0},
    }
    assert any("that it is multiplied by" in line for line in told)


def test_in_a_sweep_of_two_processes(plugins, tmp_path, capsys):
    plugins.write(speedy=SPEED)
    plugins.calls()
    grid = {"base": BASE, "axes": {"data.fraction": [0.4, 0.8]}, "measures": {"speed": {}}}
    out = tmp_path / "sweep"
    found = sweep(grid_file(tmp_path, grid), out, Machine("processes", workers=2))
    table = found.to_pandas().set_index("hash")
    assert len(table) == 2
    for name, row in table.iterrows():
        expected = growth(load(out / "runs" / name))
        assert row["speed.speed"] == expected["speed"]
        assert row["speed.steps"] == expected["steps"]
    assert sorted(plugins.calls()) == sorted(table.index)


@pytest.mark.filterwarnings("ignore::interp.analysis.neurons.classify.NotBimodalWarning")
def test_in_a_report(plugins, tiny_run, tmp_path):
    plugins.write(speedy=SPEED)
    out = tmp_path / "report.html"
    interp.report(tiny_run, out, measures=[{"speed": {"factor": 2}}])
    page = out.read_text()
    assert "How fast the weight norm grows, for every step <code>speed(factor=2.0)</code>" in page
    assert f"<td>{2 * growth(tiny_run)['speed']:.4g}</td>" in page
    assert "nobody, 2026" in page


def test_in_a_recipe(plugins, tmp_path):
    text = """
name: speeding
kind: claim
number: 1
title: Networks speed
source: nobody, 2026
claim: The weights grow.
grid: {base: {task: {p: 11}, steps: 30}, axes: {data.fraction: [0.4]}}
measures: {speed: {factor: 2}}
figures: [{kind: measures, measures: {speed: speed}}, {kind: measure, measure: speed}]
criteria: [{says: they grow, measure: speed, at_least: -1}]
"""
    plugins.write(speedy=SPEED)
    path = tmp_path / "speeding.yaml"
    path.write_text(text)
    found = interp.reproduce(path, tmp_path, seeds=2, machine="serial")
    runs = [load(one) for one in (tmp_path / "networks/runs").iterdir()]
    expected = {run.config.seed: 2 * growth(run)["speed"] for run in runs}
    assert found.judged[0].values == expected
    assert found.word == "holds"


def test_two_of_one_name_are_refused_and_both_are_named(plugins, capsys):
    plugins.write(speedy=SPEED, slow=OTHER)
    assert interp.measures["speed"].compute.__module__ == "interp_plugin_speedy"
    assert "needed" in interp.measures
    note = capsys.readouterr().err
    assert note.count("\n") == 1
    assert f"plug-in {plugins.folder / 'slow.py'} failed: ValueError: measure 'speed' " in note
    assert "is there already, from interp_plugin_speedy.speed" in note
    assert "interp_plugin_slow.speed needs another name" in note
    main(["measure", "--json"])
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert list(problems) == [str(plugins.folder / "slow.py")]


def test_a_name_of_the_projects_is_not_taken(plugins, capsys):
    plugins.write(speedy=SPEED.replace('"speed", reads', '"needed", reads'))
    assert interp.measures["needed"].compute.__module__.startswith("interp.")
    assert "nothing" not in interp.measures, "now the plug-ins are looked at"
    note = capsys.readouterr().err
    assert "measure 'needed' is there already, from interp itself; " in note
    assert "interp_plugin_speedy.speed needs another name" in note


def test_two_files_of_one_name(plugins, tmp_path, capsys, monkeypatch):
    plugins.write(speedy=SPEED)
    other = tmp_path / "other" / "speedy.py"
    other.parent.mkdir()
    other.write_text(OTHER)
    first = plugins.folder / "speedy.py"
    monkeypatch.setenv("INTERP_PLUGINS", f"{first}{os.pathsep}{other}{os.pathsep}{first}")
    assert interp.measures["speed"].compute.__module__ == "interp_plugin_speedy"
    problem = f"expected a plug-in with a file name of its own; {first} has it"
    assert capsys.readouterr().err == (
        f"interp: note: plug-in {other} failed: ValueError: {other}: {problem}\n"
    )


def test_one_that_fails_leaves_the_rest(plugins, tiny_run, capsys):
    plugins.write(broken=BROKEN, missing="", speedy=SPEED)
    (plugins.folder / "missing.py").unlink()
    assert interp.measures["speed"](tiny_run).values() == growth(tiny_run)
    first, second = capsys.readouterr().err.splitlines()
    assert f"plug-in {plugins.folder / 'broken.py'} failed: RuntimeError: no rain for" in first
    assert f"plug-in {plugins.folder / 'missing.py'} failed: ValueError: " in second
    main(["measure"])
    told = capsys.readouterr()
    assert "speed" in told.out
    assert "no rain for weeks" in told.out + told.err
