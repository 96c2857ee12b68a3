"""Runs that begin where another one ended, or with some weights held."""

from __future__ import annotations

import json

import numpy as np
import pytest

import interp
from interp.training.config import start_file
from interp.training.config.run_config import parse_config
from interp.training.runs.run import load
from interp.training.sweep.plan.cell import CellMaker
from interp.training.trainer.loop import train, train_many

from .conftest import tiny_config
from .test_errors import refused

W_IN, W_U = "blocks.0.mlp.W_in", "unembed.W_U"


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    return train(tiny_config(), tmp_path_factory.mktemp("runs") / "parent")


def equal(one, other):
    assert one.keys() == other.keys()
    for name, weight in one.items():
        np.testing.assert_array_equal(other[name], weight)


def child(run, **start):
    return tiny_config(start={"run": run, **start}, seed=3)


def test_a_run_begins_with_the_newest_weights_of_its_parent(parent, tmp_path):
    run = train(child(str(parent.path)), tmp_path / "run")
    equal(parent.weights[30], run.weights[0])
    assert run.config.start.step == 30
    assert (
        "It started from the weights of step 30 of parent." in (run.path / "README.md").read_text()
    )
    from interp.words.story import story

    assert "It started from the weights of step 30 of parent." in story(run)


@pytest.mark.parametrize("form", ["run", "checkpoint", "network", "as section"])
def test_objects_are_the_same_start(form, parent, tmp_path):
    step = parent.steps[1]
    objects = {
        "run": {"run": parent, "step": step},
        "checkpoint": parent.checkpoint(step),
        "network": parent.network(step),
        "as section": {"run": parent.path, "step": step},
    }
    run = train(tiny_config(start=objects[form], seed=3))
    equal(parent.weights[step], run.weights[0])
    path = train(child(str(parent.path), step=step))
    equal(path.weights[30], run.weights[30])
    assert run.config.start.digest == path.config.start.digest


def test_the_optimizer_begins_anew(parent):
    """Adam's first step is lr · sign(gradient), whatever was before; no decay here."""
    run = train(tiny_config(start=parent, steps=1, schedule={"checkpoint_steps": [1]}))
    moved = np.abs(run.weights[1][W_U] - run.weights[0][W_U])
    # epsilon, and float32
    assert np.median(moved) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("run_axis", [False, True])
@pytest.mark.parametrize("batch_size", [None, 16])
def test_frozen_weights_stay(run_axis, batch_size, parent):
    changes = {"optimizer": {"batch_size": batch_size, "weight_decay": 1.0}}
    configs = [
        tiny_config(start={"run": parent, "freeze": ["unembed.*"]}, seed=seed, **changes)
        for seed in range(2)
    ]
    for run in train_many(configs, run_axis=run_axis):
        np.testing.assert_array_equal(run.weights[30][W_U], parent.weights[30][W_U])
        assert (run.weights[30][W_IN] != parent.weights[30][W_IN]).any()


def test_weights_that_are_drawn_can_be_frozen_too():
    run = train(tiny_config(start={"freeze": [W_IN]}))
    np.testing.assert_array_equal(run.weights[30][W_IN], run.weights[0][W_IN])
    equal(train(tiny_config()).weights[0], run.weights[0])


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({"freeze": ["W_E"]}, "start.freeze: pattern 'W_E' fits none of blocks.0.mlp.W_in, unem"),
        ({"freeze": ["*"]}, "start.freeze: expected a parameter that is trained, all are frozen"),
    ],
)
def test_what_cannot_be_frozen(start, message):
    with refused(message):
        train(tiny_config(start=start))


def test_weights_that_do_not_fit_name_the_tensor(parent):
    config = tiny_config(start=parent, model={"width": 8})
    with refused("tensor blocks.0.mlp.W_in: expected shape (22, 8), got (22, 16)"):
        train(config)
    with refused("start: tensor blocks.0.mlp.b_in is missing"):
        train(tiny_config(start=parent, model={"width": 16, "bias": True}))


def test_what_is_no_start(parent, tmp_path):
    with refused("start.step: "):
        child(str(parent.path), step=7)
    with refused("expected one of 0, 1, 3, 10, 30, got 7"):
        child(str(parent.path), step=7)
    with refused("start.step: expected one of [0, 1, 3, 10, 30], got 7"):
        child(parent, step=7)
    with refused(f"start.run: expected a run folder with checkpoints, got {tmp_path}"):
        child(str(tmp_path))
    with refused("start.run: expected the run of weights 0, got none"):
        train(tiny_config(start={"digest": "0"}))
    with pytest.raises(TypeError, match="start: expected a run, a checkpoint or a network, got"):
        tiny_config(start=3)
    (tmp_path / "a.safetensors").write_text("text")
    with refused("a.safetensors: expected a safetensors file; truncated or altered"):
        child(str(tmp_path / "a.safetensors"))
    with refused("none.safetensors: cannot be read (No such file or directory)"):
        child(str(tmp_path / "none.safetensors"))


def test_another_parent_is_another_run(parent, tmp_path):
    values = child(str(parent.path)).to_dict()
    values["start"]["digest"] = "0123456789abcdef"
    with refused("start.digest: expected weights 0123456789abcdef, but"):
        parse_config(values)
    train(child(str(parent.path)), tmp_path / "run")
    with refused("holds another run's configuration: start."):
        train(child(str(parent.path), step=0), tmp_path / "run")


def test_a_run_folder_needs_its_parent_no_more(tmp_path, monkeypatch):
    parent = train(tiny_config(), tmp_path / "parent")
    run = train(child(str(parent.path)), tmp_path / "run")
    parent.path.rename(tmp_path / "gone")
    monkeypatch.setattr(start_file, "_KNOWN", {})
    found = load(run.path)
    equal(run.weights[0], found.config.start.weights())
    assert found.config.start.name == "parent"
    assert str(tmp_path) not in (run.path / "config.json").read_text()
    again = train(found.config, tmp_path / "again")
    equal(run.weights[30], again.weights[30])


def test_cells_of_a_parent_are_named_by_its_weights(parent, tmp_path):
    make = CellMaker()
    base = {"task": {"p": 11}, "model": {"width": 16}, "steps": 30}
    cells = [make({**base, "start": {"run": str(parent.path), "step": s}})[0] for s in (3, 30)]
    newest = make({**base, "start": {"run": str(parent.path)}})[0]
    assert newest.hash == cells[1].hash != cells[0].hash
    assert make({**base, "start": {"run": parent}})[0].error == (
        "start.run: expected a file in a sweep, got an array"
    )
    grid = {"base": {**base, "start": {"run": str(parent.path)}}, "seeds": 2}
    results = interp.sweep(grid, tmp_path / "sweep", interp.Machine("serial"))
    assert results.to_pandas()["status"].tolist() == ["done", "done"]


def test_a_configuration_file_names_its_parent_beside_it(parent, tmp_path):
    from interp.training.config.plain_data import read_config

    (parent.path.parent / "child.yaml").write_text("start: {run: parent}\ntask: {p: 11}\n")
    config = parse_config(read_config(parent.path.parent / "child.yaml"))
    assert config.start.digest == start_file.digest_of(parent.weights[30])
    assert json.loads(config.model_dump_json())["start"]["run"] == str(parent.path)
