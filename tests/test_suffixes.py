"""The ending of a file's name says its kind, whether in small letters or in large ones."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch

import interp
from interp.analysis.neurons.read import neuron_table
from interp.analysis.sweeps.sweep import write_results
from interp.cli.neurons import _write_neurons
from interp.cli.parameters import write_table
from interp.exchange.foreign_data import named_values
from interp.exchange.foreign_file import read_foreign
from interp.exchange.plain import write_state
from interp.reproduction.recipe import find_recipe
from interp.training.array_file import read_array
from interp.training.config.start_file import digest_of, filled
from interp.training.runs.folder import checkpoint_path
from interp.training.tasks.table_file import is_table_file
from tests.sweep_results import made
from tests.test_reproduce import OWN

VALUES = np.arange(6.0).reshape(2, 3)
CSV = "0,1,2\n3,4,5\n"


def test_arrays_are_read(tmp_path):
    np.save(tmp_path / "a.npy", VALUES)
    shutil.move(tmp_path / "a.npy", tmp_path / "A.NPY")
    with (tmp_path / "B.NPZ").open("wb") as file:
        np.savez(file, one=VALUES)
    (tmp_path / "C.CSV").write_text(CSV)
    (tmp_path / "D.Json").write_text(json.dumps(VALUES.tolist()))
    for name in ("A.NPY", "B.NPZ", "C.CSV", "D.Json"):
        np.testing.assert_array_equal(read_array(tmp_path / name), VALUES)
        assert is_table_file(str(tmp_path / name))
    np.testing.assert_array_equal(named_values(tmp_path / "B.NPZ")["one"], VALUES)


@pytest.mark.parametrize("suffix", [".SAFETENSORS", ".PTH", ".NPZ"])
def test_weights_are_written_and_read(suffix, tiny_run, tmp_path):
    """Each in its own format, which another reader knows."""
    place = tmp_path / f"A{suffix}"
    state = write_state(tiny_run.network(), place)
    read = {
        ".SAFETENSORS": safetensors.torch.load_file,
        ".PTH": lambda path: torch.load(path, weights_only=True),
        ".NPZ": lambda path: {n: torch.from_numpy(a) for n, a in np.load(path).items()},
    }[suffix]
    ((_, found),) = read_foreign(place).states
    for one in (read(place), found):
        torch.testing.assert_close(one, state, rtol=0, atol=0)


def test_a_run_may_start_there(tiny_run, tmp_path):
    assert tiny_run.path is not None
    shutil.copy(checkpoint_path(tiny_run.path, 30), tmp_path / "A.SAFETENSORS")
    found = filled({"run": str(tmp_path / "A.SAFETENSORS")})
    assert found["digest"] == digest_of(tiny_run.weights[30])


def test_tables_are_written(tiny_run, tmp_path):
    frame = pd.DataFrame({"a": [1, 2]})
    results = made({"data.fraction": [0.5]}, 1, lambda *_: "confusion")
    table = neuron_table(tiny_run)
    write_table(frame, tmp_path / "A.CSV")
    write_table(frame, tmp_path / "A.PARQUET")
    write_results(results, tmp_path / "B.CSV")
    write_results(results, tmp_path / "B.PARQUET")
    _write_neurons(table, interp.classify(table, 0.5), tmp_path / "C.PARQUET")
    for name in "ABC":
        assert len(pd.read_parquet(tmp_path / f"{name}.PARQUET"))
    assert pd.read_csv(tmp_path / "A.CSV")["a"].tolist() == [1, 2]
    assert pd.read_csv(tmp_path / "B.CSV")["state"].tolist() == ["confusion"]


def test_figures_are_written(tiny_run, tmp_path):
    figure = interp.figures.ipr_histogram(neuron_table(tiny_run))
    interp.figures.save(figure, tmp_path / "A.HTML")
    assert (tmp_path / "A.HTML").read_text().startswith("<!doctype html>")
    written = interp.figures.save_all([figure, figure], tmp_path / "B.HTML", "two")
    assert written == [tmp_path / "B.HTML"]


def test_a_recipe_is_read(tmp_path):
    (tmp_path / "MINE.YAML").write_text(OWN.replace("MEASURED", "train_accuracy"))
    assert find_recipe(str(tmp_path / "MINE.YAML")).name == "mine"
