"""What commands say of themselves: flat spectra, a step once, axes of a grid, one line a sweep."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from interp.cli import progress
from interp.cli.app import main
from interp.training.config.fields import kinds_of
from interp.training.config.run_config import RunConfig
from interp.training.runs.made import made_run
from interp.training.sweep.table.tally import Tally
from interp.training.trainer.job import dataset_of
from interp.training.trainer.loop import train

from .conftest import plain_mlp, tiny_config
from .sweep_cases import BASE, grid_file

ROOT = Path(__file__).parent.parent
P, WIDTH = 11, 40
FLAT = "No frequency stands out"


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    main([str(argument) for argument in arguments])
    return capsys.readouterr().out


# Flat spectra


def run_of(curves: np.ndarray, folder: Path) -> Path:
    config = tiny_config(task={"p": P}, model={"width": WIDTH})
    network = plain_mlp(config.make_task(), WIDTH)
    network.set_curves(curves)
    made_run(config, dataset_of(config), {1: network}, folder)
    return folder


def waves(frequencies: np.ndarray) -> np.ndarray:
    """A wave a neuron, as all three of its curves, at any phase."""
    random = np.random.default_rng(0)
    phases = random.uniform(-np.pi, np.pi, size=(3, WIDTH, 1))
    return np.cos(2 * np.pi * frequencies[:, None] * np.arange(P) / P + phases)


@pytest.mark.parametrize("kind", ["noise", "a frequency each"])
def test_a_flat_spectrum_is_told(kind, tmp_path, capsys):
    """Also of neurons that are pure: all frequencies come alike, which is what the table shows."""
    each = waves(1 + np.arange(WIDTH) % 5)
    curves = each if kind != "noise" else np.random.default_rng(1).normal(size=(3, WIDTH, P))
    run = run_of(curves, tmp_path / "run")
    shown = told(capsys, "spectrum", run)
    assert FLAT in shown
    found = json.loads(told(capsys, "spectrum", run, "--json"))
    assert found["flat"] is True
    assert found["flat_because"] in shown
    means = list(found["mean_ipr"].values())
    expected = 1 if kind != "noise" else 0.28  # one-sided shares of six, 2/(K + 1) and a little
    np.testing.assert_allclose(means, expected, atol=0.05)
    for mean in means:
        assert f"{mean:.3f}" in shown.partition("Mean IPR of single dimensions: ")[2]


def test_a_spectrum_with_a_frequency_is_not_flat(tmp_path, capsys):
    run = run_of(waves(np.full(WIDTH, 3)), tmp_path / "run")
    assert FLAT not in told(capsys, "spectrum", run)
    found = json.loads(told(capsys, "spectrum", run, "--json"))
    assert (found["flat"], found["flat_because"]) == (False, None)
    one = json.loads(told(capsys, "spectrum", run, "--neuron", "0", "--json"))
    assert "flat" not in one, "of a neuron there is no sum"
    assert FLAT not in told(capsys, "spectrum", run, "--neuron", "0")


# A step is said once

HEADS = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 8}
ONCE = [
    "ipr RUN --threshold 0.3",
    "prune RUN --count 8 --draws 2",
    "spectrum RUN",
    "spectrum RUN --neuron 3",
    "filter RUN",
    "measure bands RUN",
    "heads HEADS",
]


@pytest.fixture(scope="module")
def headed(tmp_path_factory):
    return train(tiny_config(model=HEADS), tmp_path_factory.mktemp("heads") / "tiny")


@pytest.mark.parametrize("command", ONCE)
def test_the_step_stands_once(command, tiny_run, headed, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    places = {"RUN": tiny_run.path, "HEADS": headed.path}
    shown = told(capsys, *(places.get(word, word) for word in command.split()))
    assert shown.count("step 30") == 1


def test_progress_says_the_step_of_scores_where_it_is_another(tmp_path, capsys):
    train_with = ["train", "--task.p", "7", "--model.width", "4", "--steps", "40"]
    main([*train_with, "--schedule.evaluations", "2", "--out", str(tmp_path / "run")])
    lines = capsys.readouterr().err.splitlines()
    steps = [re.match(r"step (\d+) of 40 ", line)[1] for line in lines]
    of_scores = [re.search(r"\(step (\d+)\)$", line) for line in lines]
    assert [one for one in zip(steps, of_scores, strict=True) if one[1]], "some are of before"
    assert all(found is None or found[1] != step
               for step, found in zip(steps, of_scores, strict=True))  # fmt: skip
    assert lines[-1].startswith("step 40 of 40  train ") and of_scores[-1] is None


# A grid's axes

GRID = {"axes": {"data.fraction": [0.5, 0.625], "model.width": [8, 12]}, "seeds": [3, 5, 8]}


def test_a_dry_run_shows_axes_and_no_cells(tmp_path, capsys):
    grid = grid_file(tmp_path, {"base": BASE, **GRID})
    shown = told(capsys, "sweep", grid, "--dry-run")
    assert "12 cells (data.fraction 2 × model.width 2; 3 seeds)" in shown
    rows = [line.split("│")[1:3] for line in shown.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["data.fraction", "0.5, 0.625"],
        ["model.width", "8, 12"],
        ["seed", "3, 5, 8"],
    ]
    assert "not every combination" not in shown
    found = json.loads(told(capsys, "sweep", grid, "--dry-run", "--json"))
    assert found["values"] == GRID["axes"]
    shard = told(capsys, "sweep", grid, "--dry-run", "--shard", "0/4")
    assert "3 of 12 cells (" in shard


def test_a_dry_run_of_axes_that_move_together_says_so(tmp_path, capsys):
    zipped = {"base": BASE, "zip": [GRID["axes"]]}
    shown = told(capsys, "sweep", grid_file(tmp_path, zipped), "--dry-run")
    assert "2 cells (" in shown
    assert "not every combination of these values is a cell of its own" in shown


def test_a_long_axis_is_cut_and_counted(tmp_path, capsys):
    axes = {"axes": {"data.fraction": {"linspace": [0.2, 0.8, 31]}}}
    shown = told(capsys, "sweep", grid_file(tmp_path, {"base": BASE, **axes}), "--dry-run")
    words = " ".join(shown.replace("│", " ").split())
    assert "0.2, 0.22, 0.24," in words
    assert "0.56, … 0.8 (31 values)" in words


# A sweep's progress

SWEEP = [sys.executable, "-c", "from interp.cli.app import main; main()", "sweep"]


@pytest.mark.parametrize("columns", [60, 160])
def test_a_sweep_in_a_terminal_is_one_line(tmp_path, columns):
    axes = {"data.fraction": [0.4, 0.5, 0.6, 0.7], "data.corruption": [0.1, 0.5]}
    grid = grid_file(tmp_path, {"base": BASE, "axes": axes})
    outer, inner = pty.openpty()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "COLUMNS": str(columns),
        "TERM": "xterm",
        "OMP_NUM_THREADS": "1",
    }
    words = [*SWEEP, str(grid), "--out", str(tmp_path / "out"), "--executor", "serial"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=inner, env=environment, text=True
    ) as running:
        os.close(inner)
        shown = b""
        try:
            while part := os.read(outer, 65536):
                shown += part
        except OSError:  # the other end is closed
            pass
        finally:
            os.close(outer)
        assert "8 cells of the grid have an outcome" in running.communicate()[0]
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert "8 of 8 cells done" in text
    assert text.count("\n") == 1, "the one that ends it"
    for line in re.split(r"[\r\n]+", text):
        assert len(line) <= columns
    if columns > 100:
        assert "runs/s" in text and " left" in text


@pytest.mark.parametrize(("total", "most"), [(4, 5), (40, 12), (1000, 12)])
def test_a_sweep_without_a_terminal_is_a_few_lines(total, most, capsys):
    show = progress._sweep_lines()
    for done in range(total + 1):
        show(Tally(total, status=Counter(done=done)))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) <= most
    assert lines[0].startswith(f"0 of {total} cells done")
    assert lines[-1].startswith(f"{total} of {total} cells done")


# Flags


def test_the_words_of_a_field_stand_for_its_value():
    """Each word that is shown is one that the field takes; an ellipsis says that there are more."""
    kinds = kinds_of(RunConfig)
    assert kinds["loss"] == "mse|cross_entropy"
    assert kinds["task.operation"] == "x + y|x - y|…"
    assert kinds["model.bias"] == "true|false"
    assert kinds["model.activation"].startswith("square|relu|")
    assert kinds["model.activation"].endswith("|…")
    for words in kinds.values():
        assert len(words) <= 26
    for path in ("loss", "dtype", "precision", "model.norm", "model.init"):
        for word in kinds[path].removesuffix("|…").split("|"):
            value = RunConfig().replace(path, word).to_dict()
            section, _, key = path.rpartition(".")
            assert (value[section] if section else value)[key] == word
