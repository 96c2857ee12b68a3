"""Sweeps: which cells a grid has, that each is done once, and what is written of it."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import numpy as np
import pyarrow.parquet as pq
import pytest
import safetensors.numpy

from interp.analysis.neurons.read import neuron_table
from interp.analysis.phases.phase import phase
from interp.analysis.phases.settled import settled
from interp.analysis.sweeps import estimate
from interp.analysis.sweeps.estimate import make_plan
from interp.analysis.sweeps.options import axes_of_plane, parse_shard, values_of
from interp.analysis.sweeps.row import measure
from interp.analysis.sweeps.sweep import collect, read, sweep
from interp.cli.app import main
from interp.training.config.run_config import RunConfig, parse_config
from interp.training.runs.folder import checkpoint_path
from interp.training.runs.run import Run, load
from interp.training.sweep.executors.machine import Machine
from interp.training.sweep.plan import cost
from interp.training.sweep.plan.cell import content_hash
from interp.training.sweep.plan.cost import Probe, run_bytes, step_work
from interp.training.sweep.plan.grid import Grid, parse_grid, read_grid
from interp.training.sweep.plan.manifest import cells_of, expand, read_manifest
from interp.training.sweep.store import open_store
from interp.training.sweep.sweep import Shard, share_of
from interp.training.sweep.table.results import Results
from interp.training.sweep.table.status import sweep_status
from interp.training.trainer.loop import train

from .sweep_cases import BASE, CORRUPTIONS, FRACTIONS, GRID, grid_file, rows, runs, written


def run_serially(grid: Any, out: Path | str, **options: Any) -> Results:
    return sweep(grid, out, machine={"executor": "serial", "device": "cpu"}, **options)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished sweep of eight cells that no test may change."""
    out = tmp_path_factory.mktemp("sweeps") / "whole"
    run_serially({**GRID, "seeds": 2}, out)
    return out


@pytest.fixture()
def copied(swept, tmp_path) -> Path:
    """The finished sweep as the test's own."""
    return shutil.copytree(swept, tmp_path / "copied")


# Grids


def overrides(**values: Any) -> list[dict[str, Any]]:
    return list(parse_grid(values).overrides())


def test_axes_are_multiplied_in_the_order_of_the_file():
    found = overrides(axes={"data.fraction": [0.1, 0.2], "task.p": [5, 7]}, seeds=2)
    assert found == [
        {"data.fraction": 0.1, "task.p": 5, "seed": 0},
        {"data.fraction": 0.1, "task.p": 5, "seed": 1},
        {"data.fraction": 0.1, "task.p": 7, "seed": 0},
        {"data.fraction": 0.1, "task.p": 7, "seed": 1},
        {"data.fraction": 0.2, "task.p": 5, "seed": 0},
        {"data.fraction": 0.2, "task.p": 5, "seed": 1},
        {"data.fraction": 0.2, "task.p": 7, "seed": 0},
        {"data.fraction": 0.2, "task.p": 7, "seed": 1},
    ]


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ({"linspace": [0.1, 0.5, 5]}, [0.1, 0.2, 0.3, 0.4, 0.5]),
        ({"linspace": [0, 1, 1]}, [0.0]),
        ({"linspace": [3, 1, 3]}, [3.0, 2.0, 1.0]),
        ({"geomspace": [0.001, 1, 4]}, [0.001, 0.01, 0.1, 1.0]),
        ({"geomspace": [-8, -2, 3]}, [-8.0, -4.0, -2.0]),
        ([0.3, 0.7], [0.3, 0.7]),
    ],
)
def test_values_of_an_axis(given, values):
    """Exactly the decimal numbers that are meant, so that two spellings are one cell."""
    found = parse_grid({"axes": {"optimizer.lr": given}})
    assert found.axes == {"optimizer.lr": tuple(values)}
    assert found.count == len(values)


@pytest.mark.parametrize(
    ("given", "seeds"),
    [(1, [0]), (3, [0, 1, 2]), ([7], [7]), ([5, 2], [5, 2]), (None, [0])],
)
def test_seeds_as_a_number_and_as_a_list(given, seeds):
    values = {"base": {}} if given is None else {"seeds": given}
    assert [cell["seed"] for cell in overrides(**values)] == seeds


def test_the_seed_of_the_base_is_used_unless_the_grid_has_seeds():
    assert overrides(base={"seed": 4}) == [{"seed": 4}]
    assert overrides(base={"seed": 4}, seeds=2) == [{"seed": 0}, {"seed": 1}]


def test_zipped_axes_move_together():
    zipped = {"data.fraction": [0.1, 0.2], "steps": [5, 6]}
    expected = [
        {"data.kind": kind, "data.fraction": fraction, "steps": steps, "seed": 0}
        for kind in ("uniform", "wrong")
        for fraction, steps in ((0.1, 5), (0.2, 6))
    ]
    axes = {"data.kind": ["uniform", "wrong"]}
    assert overrides(axes=axes, zip=zipped) == expected
    assert overrides(axes=axes, zip=[zipped]) == expected
    both = parse_grid({"zip": [zipped, {"task.p": [5, 7], "model.width": [8, 9]}], "seeds": 3})
    assert both.count == len(list(both.overrides())) == 2 * 2 * 3
    assert {(c["task.p"], c["model.width"]) for c in both.overrides()} == {(5, 8), (7, 9)}


def test_points_are_places_of_their_own():
    points = [{"data.fraction": 0.1, "steps": 5}, {"data.fraction": 0.7}]
    assert overrides(points=points, seeds=[3]) == [
        {"data.fraction": 0.1, "steps": 5, "seed": 3},
        {"data.fraction": 0.7, "seed": 3},
    ]
    grid = parse_grid({"points": points, "axes": {"task.p": [5, 7]}})
    assert grid.count == 4
    assert grid.paths == ("task.p", "data.fraction", "steps")
    assert grid.values == {"task.p": [5, 7], "data.fraction": [0.1, 0.7], "steps": [5]}


def test_grid_file_with_the_base_in_another_file(tmp_path):
    grid_file(tmp_path, BASE, "base.yaml")
    there = grid_file(tmp_path, {**GRID, "base": "base.yaml"})
    whole = grid_file(tmp_path, GRID, "whole.yaml")
    assert read_grid(there) == read_grid(whole) == parse_grid(GRID)


def test_a_grid_is_read_as_it_was_written():
    zipped = [{"task.p": [5, 7], "steps": [5, 6]}]
    values = {**GRID, "zip": zipped, "points": [{"model.width": 8}], "seeds": [3, 1]}
    assert parse_grid(json.loads(json.dumps(parse_grid(values).to_dict()))) == parse_grid(values)
    assert list(parse_grid(parse_grid(values).to_dict()).axes) == list(values["axes"])


# Cells


def hashes(values: dict[str, Any]) -> list[str]:
    return [cell.hash for cell in cells_of(parse_grid(values))]


def test_a_cell_is_the_configuration_that_its_file_would_be():
    changes = [{"data": {"fraction": f, "corruption": c}} for f, c in product([0.4, 0.8], [0, 0.5])]
    configs = [parse_config({**BASE, **change}) for change in changes]
    cells = cells_of(parse_grid(GRID))
    assert [cell.parsed() for cell in cells] == configs
    assert [cell.hash for cell in cells] == [content_hash(c.identity()) for c in configs]


# The paper's MLP as it was written before fields were added; its hash named folders of old sweeps.
OLD = """{"task":{"operation":"x + y","p":97},"data":{"fraction":0.5,"corruption":0.0,
"kind":"uniform"},"model":{"kind":"mlp","width":500,"depth":2,"activation":null,"norm":"none",
"norm_at":"post","dropout":0.0,"dropout_at":"pre","bias":false,"init":"auto","d_model":128,
"n_heads":4,"n_layers":1,"d_mlp":512,"equals_token":false,"attention":"bidirectional",
"tied":false},"optimizer":{"name":"adamw","lr":0.01,"weight_decay":0.0,"decayed":["*.W_*"],
"betas":[0.9,0.98],"eps":1e-8,"momentum":0.0,"batch_size":null,"warmup":0,
"lr_schedule":"constant"},"loss":"mse","dtype":"float32","precision":"highest","steps":1000,
"seed":0,"seeds":{"split":null,"corruption":null,"weights":null,"batches":null,"dropout":null},
"schedule":{"evaluations":120,"checkpoints":12,"checkpoint_steps":[]}}"""


def test_cells_keep_their_names_when_fields_are_added():
    text = OLD.replace("\n", "")
    assert RunConfig().identity() == text
    assert hashes({"base": {}}) == [content_hash(text)] == ["8ed7813e614a893b"]
    known = RunConfig().to_dict()["model"]
    assert known["output_scale"] == 1.0, "the whole configuration has every field"
    changed = {"axes": {"model.output_scale": [1, 2.0, 3.0]}}
    assert hashes(changed)[0] == "8ed7813e614a893b"
    assert len(set(hashes(changed))) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"axes": {"optimizer.weight_decay": [5]}}, {"axes": {"optimizer.weight_decay": [5.0]}}),
        ({"axes": {"steps": [30]}}, {"base": {"steps": 30.0}}),
        ({"axes": {"data.fraction": [0.5]}}, {"base": {"data": {"fraction": 5e-1}}}),
        ({"axes": {"optimizer.betas": [[0, 0.9]]}}, {"points": [{"optimizer.betas": [0.0, 0.9]}]}),
        ({"base": {"data": {"fraction": 0.5}}}, {"base": {"model": {}, "data": {"fraction": 0.5}}}),
        ({"axes": {"steps": [1000]}}, {"base": {"seed": 0}}),
    ],
)  # fmt: skip
def test_hashes_do_not_depend_on_how_a_configuration_is_written(one, other):
    assert hashes(one) == hashes(other)
    assert len(hashes(one)) == 1


def test_equal_cells_are_one():
    for twice in ({"axes": {"optimizer.weight_decay": [5, 5.0, 0]}}, {"seeds": [1, 1]}):
        with pytest.raises(ValueError, match="expected each value once"):
            parse_grid(twice)
    two = [parse_grid({"axes": {"steps": [5, 6]}}), parse_grid({"axes": {"steps": [6, 7]}})]
    assert expand(two).table["steps"].to_pylist() == [5, 6, 7]


def test_cells_that_differ_are_several():
    varied = {"data.fraction": [0.5, 0.50001], "steps": [30, 31], "model.bias": [True, False]}
    assert len(set(hashes({"axes": varied, "seeds": 2}))) == 16


def test_longest_cells_come_first():
    cells = cells_of(
        parse_grid({"base": BASE, "axes": {"steps": [50, 5000, 500], "task.p": [7, 13]}})
    )
    order = [(c.parsed().steps, c.parsed().task.p) for c in share_of(cells, Shard())]
    assert order == [(5000, 13), (5000, 7), (500, 13), (500, 7), (50, 13), (50, 7)]


@pytest.mark.parametrize("count", [1, 3, 7, 50])
def test_shards_are_disjoint_and_together_the_whole(count):
    cells = cells_of(parse_grid({"axes": {"data.fraction": {"linspace": [0.1, 0.9, 20]}}}))
    parts = [share_of(cells, Shard(index, count)) for index in range(count)]
    assert sorted(c.hash for part in parts for c in part) == sorted(c.hash for c in cells)
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    assert parse_shard("2/3") == Shard(2, 3)


# The sweep


def test_manifest_is_a_row_a_cell(swept):
    manifest = read_manifest(open_store(swept))
    table = pq.read_table(swept / "manifest.parquet")
    assert manifest.axes == ("data.fraction", "data.corruption")
    expected = [(f, c, s) for f, c, s in product(FRACTIONS, CORRUPTIONS, (0, 1))]
    places = zip(*(table[name].to_pylist() for name in (*manifest.axes, "seed")), strict=True)
    assert list(places) == expected
    assert set(table["status"].to_pylist()) == {"done"}
    for hash_, config in zip(table["hash"].to_pylist(), table["config"].to_pylist(), strict=True):
        assert content_hash(parse_config(json.loads(config)).identity()) == hash_
        assert load(swept / "runs" / hash_).config == parse_config(json.loads(config))


def test_table_of_results_is_what_the_run_folders_hold(swept):
    table = pq.read_table(swept / "results.parquet").to_pylist()
    assert len(table) == 8 == len(runs(swept))
    assert [(r["data.fraction"], r["data.corruption"], r["seed"]) for r in table] == list(
        product(FRACTIONS, CORRUPTIONS, (0, 1))
    )
    for row in table:
        folder = swept / "runs" / row["hash"]
        config = json.loads((folder / "config.json").read_text())
        assert row["data.fraction"] == config["data"]["fraction"]
        assert row["data.corruption"] == config["data"]["corruption"]
        assert row["seed"] == config["seed"]
        last = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
        assert (row["step"], row["weight_norm"]) == (30, last["weight_norm"])
        for split, score in last["scores"].items():
            assert row[f"{split}_accuracy"] == score["accuracy"]
            assert row[f"{split}_loss"] == score["loss"]
        arrays = safetensors.numpy.load_file(checkpoint_path(folder, 30))
        squares = {name: float((a.astype(np.float64) ** 2).sum()) for name, a in arrays.items()}
        for name, square in squares.items():
            assert math.isclose(row[f"norm.{name}"], math.sqrt(square), rel_tol=1e-6)
        assert math.isclose(row["weight_norm"], math.sqrt(sum(squares.values())), rel_tol=1e-5)
        run = load(folder)
        neurons = neuron_table(run)
        np.testing.assert_allclose(row["mean_ipr"], neurons.ipr[~neurons.dead].mean(), rtol=1e-12)
        assert row["generalizing"] + row["memorizing"] + row["dead"] == 16
        assert row["phase"] == phase(run).name
        assert row["state"] == (row["phase"] if settled(run) else "budget too short")
        assert row["settled"] == settled(run)
        assert row["seconds"] == json.loads((folder / "DONE").read_text())["seconds"]
        assert (row["status"], row["error"]) == ("done", None)
        assert parse_config(json.loads(row["config"])) == run.config


def test_a_run_of_a_sweep_is_the_run_that_train_makes(swept, tmp_path):
    main(["train", str(grid_file(tmp_path, BASE)), "--out", str(tmp_path / "run"), "--device=cpu",
          "--data.fraction=0.4", "--data.corruption=0.5", "--seed=1"])  # fmt: skip
    own = checkpoint_path(tmp_path / "run", 30).read_bytes()
    hash_ = content_hash(load(tmp_path / "run").config.identity())
    ours = safetensors.numpy.load_file(checkpoint_path(swept / "runs" / hash_, 30))
    for name, array in safetensors.numpy.load(own).items():
        np.testing.assert_allclose(array, ours[name], rtol=1e-4, atol=1e-6)  # other threads


def test_sweeping_twice_repeats_nothing(copied):
    before, table = written(copied), rows(read(copied))
    again = run_serially({**GRID, "seeds": 2}, copied)
    assert written(copied) == before
    assert rows(again) == table


def test_a_failed_record_is_the_only_one_that_is_tried_again(tmp_path, monkeypatch):
    def broken(run: Run) -> dict[str, Any]:
        if run.config.data.fraction == 0.8:
            raise RuntimeError("not\ntoday")
        return measure(run)

    with monkeypatch.context() as patched:
        patched.setattr("interp.analysis.sweeps.sweep.measure", broken)
        first = run_serially(GRID, tmp_path / "out")
    told = dict(zip(first.table["data.fraction"].to_pylist(), rows(first), strict=False))
    assert [row["status"] for row in rows(first)] == ["done", "done", "failed", "failed"]
    assert told[0.8]["error"] == "RuntimeError: not today"
    assert told[0.8]["state"] == "failed"
    assert told[0.8]["train_accuracy"] is None
    before = written(tmp_path / "out")
    second = run_serially(GRID, tmp_path / "out")
    assert [row["status"] for row in rows(second)] == ["done"] * 4
    after = written(tmp_path / "out")
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {f"cells/{r['hash']}.json" for r in rows(second)[2:]}, "no run is repeated"
    assert [r[0] for r in zip(rows(second)[:2], rows(first)[:2], strict=True) if r[0] != r[1]] == []


def test_scores_are_there_whatever_came_of_the_first_cell(tmp_path):
    """A cell that failed has no scores, and others have weights that the first one lacks."""
    grid = {
        "base": {**BASE, "optimizer": {"name": "sgd"}},
        "zip": {
            "optimizer.lr": [1e30, 0.1, 0.1],
            "model.depth": [2, 2, 3],
            "steps": [3000, 30, 30],  # the longest, and so the first
        },
    }
    kept = [rows(run_serially(grid, tmp_path / keep, keep=keep)) for keep in ("runs", "scores")]
    for found in kept:
        by_depth = {(row["optimizer.lr"], row["model.depth"]): row for row in found}
        assert by_depth[1e30, 2]["status"] == "diverged"
        assert by_depth[1e30, 2]["train_accuracy"] is None
        assert by_depth[0.1, 2]["norm.blocks.1.mlp.W_in"] is None
        for depth in (2, 3):
            row = by_depth[0.1, depth]
            run = load(tmp_path / "runs" / "runs" / row["hash"])
            assert row["train_accuracy"] == run.measurement().scores["train"].accuracy
        norm = np.linalg.norm(run.weights[30]["blocks.1.mlp.W_in"].astype(np.float64))
        assert row["norm.blocks.1.mlp.W_in"] == pytest.approx(norm, rel=1e-6)


def test_a_second_grid_runs_only_what_is_new(copied):
    before = written(copied)
    second = {**GRID, "axes": {"data.fraction": [0.4, 0.6], "optimizer.weight_decay": [0, 1]}}
    found = run_serially(second, copied)
    new = set(hashes(second)) - set(hashes({**GRID, "seeds": 2}))
    assert len(new) == 3, "fraction 0.4 without weight decay was there"
    assert {
        name.split("/")[1] for name in written(copied).keys() - before.keys() if "runs" in name
    } == new
    assert {name: at for name, at in written(copied).items() if name in before} == before
    assert sorted(found.table["hash"].to_pylist()) == sorted(hashes(second))
    assert found.axes == ("data.fraction", "optimizer.weight_decay")
    whole = read(copied)
    assert len(whole) == 8 + 3 == pq.read_table(copied / "results.parquet").num_rows
    assert whole.axes == ("data.fraction", "data.corruption", "optimizer.weight_decay")
    assert read_manifest(open_store(copied)).axes == whole.axes
    assert None not in whole.table["optimizer.weight_decay"].to_pylist()


def test_an_axis_may_change_its_type_from_one_sweep_to_the_next(tmp_path):
    """No batch size, then a number, then a list beside text: the column fits all of them."""
    for batch in ([None], [None, 8], [8, 16]):
        run_serially({"base": BASE, "axes": {"optimizer.batch_size": batch}}, tmp_path / "a")
    sizes = read(tmp_path / "a").table["optimizer.batch_size"]
    assert (sizes.to_pylist(), str(sizes.type)) == ([8, 16, None], "int64")
    for betas in ([0.9, 0.98], [0.9, 0.99]):
        run_serially({"base": BASE, "points": [{"optimizer.betas": betas}]}, tmp_path / "b")
    assert read(tmp_path / "b").table["optimizer.betas"].to_pylist() == [
        "[0.9, 0.98]",
        "[0.9, 0.99]",
    ]


def test_shards_end_as_the_whole_sweep(swept, tmp_path):
    grid, done = {**GRID, "seeds": 2}, 0
    for index in range(3):
        found = run_serially(grid, tmp_path / "out", shard=f"{index}/3")
        assert done < len(found) == len(runs(tmp_path / "out"))
        done = len(found)
    assert rows(found) == rows(read(swept))


def test_refinement_adds_cells_between_neighbours_that_differ(tmp_path, monkeypatch):
    """A boundary at fraction 0.33: found between 0.2 and 0.4, then between 0.3 and 0.4."""

    def by_formula(run: Run) -> dict[str, Any]:
        state = "memorization" if run.config.data.fraction < 0.33 else "coexistence"
        return {"state": state, "phase": state, "test_accuracy": 0.5}

    monkeypatch.setattr("interp.analysis.sweeps.sweep.measure", by_formula)
    axes = {"data.fraction": [0.2, 0.4, 0.6, 0.8], "data.corruption": [0.0, 0.5]}
    grid = {"base": {**BASE, "steps": 2}, "axes": axes, "seeds": 2}
    once = run_serially(grid, tmp_path / "out", refine=1)
    places = set(zip(*(once.table[name].to_pylist() for name in once.axes), strict=True))
    assert places == set(product([0.2, 0.3, 0.4, 0.6, 0.8], [0.0, 0.5]))
    twice = run_serially(grid, tmp_path / "out", refine=2)
    places = set(zip(*(twice.table[name].to_pylist() for name in twice.axes), strict=True))
    assert places == set(product([0.2, 0.3, 0.35, 0.4, 0.6, 0.8], [0.0, 0.5]))
    assert len(twice) == 24
    before = written(tmp_path / "out")
    assert rows(run_serially(grid, tmp_path / "out", refine=2)) == rows(twice)
    assert written(tmp_path / "out") == before
    assert len(run_serially(grid, tmp_path / "out")) == 16, "the grid alone"


def test_refinement_of_one_phase_adds_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("interp.analysis.sweeps.sweep.measure", lambda run: {"state": "confusion"})
    grid = {**GRID, "base": {**BASE, "steps": 2}}
    assert len(run_serially(grid, tmp_path / "out", refine=3)) == 4


# Where the results are kept


def test_scores_only_leaves_no_run_folder(swept, tmp_path):
    grid = {**GRID, "seeds": 2}
    found = run_serially(grid, tmp_path / "out", keep="scores")
    assert rows(found) == rows(read(swept))
    diverging = {"base": {**BASE, "optimizer": {"name": "sgd", "lr": 1e30}}}
    assert rows(run_serially(diverging, tmp_path / "out", keep="scores"))[0]["status"] == "diverged"
    assert not list((tmp_path / "out").rglob("*.safetensors"))
    assert not list((tmp_path / "out").rglob("config.json"))


@pytest.mark.parametrize("keep", ["runs", "scores"])
@pytest.mark.parametrize("kind", ["file", "memory"])
def test_a_url_holds_the_same_as_a_folder(swept, tmp_path, monkeypatch, kind, keep):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    url = f"file://{tmp_path}/out" if kind == "file" else f"memory://{tmp_path.name}-{keep}"
    found = run_serially({**GRID, "seeds": 2}, url, keep=keep)
    assert rows(found) == rows(read(swept))
    assert rows(read(url)) == rows(found)
    assert sweep_status(url).status == {"done": 8}
    system, root = fsspec.core.url_to_fs(url)
    kept = system.glob(f"{root}/runs/*/DONE")
    assert len(kept) == (8 if keep == "runs" else 0)
    names = [row["hash"] for row in rows(found)]
    if keep == "runs":
        for part in ("config.json", "checkpoints/step-000030/model.safetensors"):
            own = (swept / "runs" / names[0] / part).read_bytes()
            assert system.cat_file(f"{root}/runs/{names[0]}/{part}") == own
    assert not list((tmp_path / "scratch").rglob("*.safetensors"))
    with pytest.MonkeyPatch.context() as patched:  # a second time, nobody trains
        patched.setattr("interp.training.sweep.executors.work.train_many", None)
        assert rows(run_serially({**GRID, "seeds": 2}, url, keep=keep)) == rows(found)
    assert rows(collect(url, machine="serial")[0]) == rows(found)


# Collecting


def test_collect_rebuilds_the_table_from_the_run_folders_alone(copied):
    before = pq.read_table(copied / "results.parquet").drop_columns(["finished"])
    trained = {name: at for name, at in written(copied).items() if name.startswith("runs")}
    for name in ("results.parquet", "manifest.parquet"):
        (copied / name).unlink()
    shutil.rmtree(copied / "cells")
    found, problems = collect(copied, machine="serial")
    assert problems == {}
    assert found.table.drop_columns(["finished"]).equals(before.replace_schema_metadata(None))
    assert pq.read_table(copied / "results.parquet").drop_columns(["finished"]).equals(before)
    assert {n: at for n, at in written(copied).items() if n.startswith("runs")} == trained
    assert sweep_status(copied).left == 0


@pytest.mark.parametrize("under", ["", "runs"])
def test_collect_takes_any_folder_of_runs(swept, tmp_path, under):
    place = tmp_path / "mine"
    for number, hash_ in enumerate(sorted(runs(swept))):
        shutil.copytree(swept / "runs" / hash_, place / under / f"run {number}")
    (place / "notes").mkdir()
    found, problems = collect(place, machine="serial")
    assert problems == {}
    assert found.axes == ("data.fraction", "data.corruption")
    assert rows(found) == rows(read(swept))
    assert rows(read(place)) == rows(found)


def test_collect_says_which_run_folders_are_left_out(copied, capsys):
    names = sorted(runs(copied))
    (copied / "runs" / names[0] / "config.json").write_text("{")
    checkpoint_path(copied / "runs" / names[1], 30).write_bytes(b"half")
    found, problems = collect(copied, again=True, machine="serial")
    assert problems.keys() == set(names[:2])
    assert "not a JSON configuration" in problems[names[0]]
    assert "not a complete safetensors file" in problems[names[1]]
    assert names[1] not in found.table["hash"].to_pylist()
    main(["collect", str(copied), "--workers", "1", "--table", str(copied / "own.csv")])
    out = capsys.readouterr().out
    assert f"left out: {names[0]}: " in out
    assert len((copied / "own.csv").read_text().splitlines()) == 1 + len(found)


def test_a_sweep_goes_on_when_its_plan_is_lost(copied):
    before = written(copied)
    (copied / "sweep.json").unlink()
    assert len(run_serially({**GRID, "seeds": 2}, copied)) == 8
    assert written(copied) == before


# Views and commands


def test_results_as_arrays_with_named_axes(swept):
    found = read(swept)
    arrays = found.to_xarray()
    assert dict(arrays.sizes) == {"data.fraction": 2, "data.corruption": 2, "seed": 2}
    for row in rows(found):
        at = arrays.sel({name: row[name] for name in (*found.axes, "seed")})
        assert float(at["test_loss"]) == row["test_loss"]
        assert str(at["state"].values) == row["state"]
        assert bool(at["settled"]) == row["settled"]
    assert found.to_pandas()["mean_ipr"].tolist() == found.table["mean_ipr"].to_pylist()


def test_zipped_axes_have_a_column_each(tmp_path):
    zipped = {"data.fraction": [0.5, 0.7], "steps": [5, 10]}
    found = run_serially({"base": BASE, "zip": zipped, "seeds": 2}, tmp_path / "out")
    columns = [found.table[name].to_pylist() for name in ("data.fraction", "steps", "seed", "step")]
    assert list(zip(*columns, strict=True)) == [
        (0.5, 5, 0, 5),
        (0.5, 5, 1, 5),
        (0.7, 10, 0, 10),
        (0.7, 10, 1, 10),
    ]


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    main([str(argument) for argument in arguments])
    return capsys.readouterr().out


def test_commands_agree_with_the_functions(tmp_path, capsys, swept):
    grid, out = grid_file(tmp_path, {**GRID, "seeds": 2}), tmp_path / "out"
    text = told(capsys, "sweep", grid, "--out", out, "--executor", "serial", "--device", "cpu")
    assert text.startswith("8 cells of the grid have an outcome: ")
    assert rows(read(out)) == rows(read(swept))
    states = read(out).table["state"].to_pylist()
    again = json.loads(told(capsys, "sweep", grid, "--out", out, "--executor", "serial", "--json"))
    assert again["status"] == {"done": 8}
    assert again["states"] == {state: states.count(state) for state in set(states)}
    status = json.loads(told(capsys, "sweep", "status", out, "--json"))
    assert (status["cells"], status["left"], status["running"]) == (8, 0, False)
    assert status["states"] == again["states"]
    assert "8 of 8 cells done, 0 failed, 0 left" in told(capsys, "sweep", "status", out)
    assert told(capsys, "collect", out, "--workers", "1").startswith("8 cells in ")
    figure = tmp_path / "phases.html"
    assert "data.corruption" in told(capsys, "phases", out, "--figure", figure)
    assert "Plotly" in figure.read_text()
    found = json.loads(told(capsys, "phases", out, "--json"))
    places = {tuple(point[axis] for axis in (found["x"], found["y"])) for point in found["points"]}
    assert places == set(product(FRACTIONS, CORRUPTIONS))


def test_progress_is_plain_lines_without_a_terminal(tmp_path, capsys):
    grid = grid_file(tmp_path, GRID)
    main(["sweep", str(grid), "--out", str(tmp_path / "out"), "--executor", "serial"])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("0 of 4 cells done")
    assert lines[-1].startswith("4 of 4 cells done · ")
    assert "runs/s" in lines[-1] and " left" in lines[-1]


def test_dry_run_trains_nothing_that_stays(tmp_path, capsys, swept, copied):
    grid = grid_file(tmp_path, {**GRID, "seeds": 3})
    plan = json.loads(told(capsys, "sweep", grid, "--out", copied, "--dry-run", "--json"))
    assert (plan["cells"], plan["done"], plan["invalid"]) == (12, 8, 0)
    assert plan["axes"] == {"data.fraction": 2, "data.corruption": 2}
    folders = list((swept / "runs").iterdir())
    each = sum(p.stat().st_size for one in folders for p in one.rglob("*") if p.is_file()) / 8
    # Four are left, and a record of each; of what a folder weighs, a factor is guessed.
    assert 4 * each / 2 < plan["bytes"] < 4 * (2 * each + 4000)
    assert written(copied).keys() == written(swept).keys()
    shard = ["--shard", "1/5", "--dry-run", "--json"]
    assert json.loads(told(capsys, "sweep", grid, *shard))["cells"] == 3
    text = told(capsys, "sweep", grid, "--dry-run")
    assert "12 cells (data.fraction 2 × data.corruption 2; 3 seeds)" in text
    assert not (tmp_path / "out").exists()


def test_a_probe_takes_the_time_of_each_part(monkeypatch):
    """By a clock that only training moves: 5 s to begin, half a second a step, 2 s where scores
    are taken, and 3 s for what is measured; it stops after enough of them."""
    config = parse_config({**BASE, "steps": 100})
    scored = {m.step for m in train(config).measurements}
    now, seen = 0.0, []

    def training(config, progress=None, device=None):
        nonlocal now
        now += 5
        for step in range(config.steps + 1) if progress else ():
            now += (0.5 + 2 * (step in scored)) * (step > 0)
            seen.append(step)
            progress(step, None)
        return config.steps

    def measured(run):
        nonlocal now
        now += 3 * run

    monkeypatch.setattr(cost, "time", SimpleNamespace(perf_counter=lambda: now))
    monkeypatch.setattr("interp.training.trainer.loop.train", training)
    found = cost.probe(config, measured, seconds=40)
    assert (found.start, found.step, found.evaluation, found.measure) == (5, 0.5, 2, 3)
    assert 3 < len(seen) < 100
    assert found.seconds(config) == 5 + 3 + 100 * 0.5 + len(scored) * 2


def test_seconds_of_a_sweep_are_those_of_its_cells(tmp_path, monkeypatch):
    """Two cells of 30 steps and two of 60, of which the longer are measured, with two workers."""
    times = Probe(start=0, step=1, evaluation=0, measure=0, work=1)
    monkeypatch.setattr(
        estimate, "probe", lambda config, *_: replace(times, work=step_work(config))
    )
    schedule = {"evaluations": 1, "checkpoints": 0}  # counted as two thirds of a step
    grid = {"base": {**BASE, "schedule": schedule}, "axes": {"steps": [30, 60]}, "seeds": 2}
    plan = make_plan(parse_grid(grid), None, Machine("processes", 2))
    assert plan.seconds == pytest.approx((2 * 30 + 2 * 60) / 2, rel=0.01)


def test_dry_run_of_cells_that_cannot_be_measured(tmp_path, capsys):
    base = {**BASE, "optimizer": {"name": "sgd", "lr": 1e30}}
    grid = grid_file(tmp_path, {"base": base, "axes": {"data.fraction": [0.5, 0.6, 2.0]}})
    text = told(capsys, "sweep", grid, "--dry-run")
    assert "1 cells cannot be run, the first: data.fraction: expected a number ≥ 0 and ≤ 1" in text
    assert "the time cannot be estimated; the median cell: loss is no longer finite" in text


def test_disk_is_estimated_within_a_factor(swept):
    for folder in (swept / "runs").iterdir():
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        assert 0.5 * size < run_bytes(load(folder).config) < 2 * size


def test_the_plane_of_a_grid_and_values_held_fixed():
    axes = {"optimizer.weight_decay": (0, 5), "data.corruption": (0, 1), "data.fraction": (0.1, 1)}
    assert axes_of_plane(Grid({}, axes)) == ("data.fraction", "data.corruption")
    del axes["data.fraction"]
    assert axes_of_plane(Grid({}, axes)) == ("data.corruption", "optimizer.weight_decay")
    assert values_of(["optimizer.lr=0.01", "data.kind=wrong"]) == {
        "optimizer.lr": 0.01,
        "data.kind": "wrong",
    }


def test_the_current_folder_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_serially({"base": {**BASE, "steps": 2}}, "relative/out")
    assert os.listdir(tmp_path) == ["relative"]
    assert len(runs(tmp_path / "relative" / "out")) == 1
