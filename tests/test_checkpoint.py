"""The door to a network: what is read as a checkpoint or a run, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
import pytest
import torch

from interp.training import untrusted
from interp.training.arguments import of_kind
from interp.training.data.dataset import make_dataset
from interp.training.evaluation import scores
from interp.training.models.analytic import analytic_network
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.run import Run, load
from interp.training.runs.subject import as_checkpoint, as_run
from interp.training.tasks.task import make_task

pytestmark = pytest.mark.usefixtures("unchecked")  # sources may be anything


@pytest.fixture()
def reads(monkeypatch) -> list[str]:
    """Names of the tensor files that are read."""
    found: list[str] = []
    opened = untrusted.open_regular

    def counted(path: Path) -> IO[bytes]:
        if path.suffix == ".safetensors":
            found.append(path.parent.name)
        return opened(path)

    monkeypatch.setattr(untrusted, "open_regular", counted)
    return found


def test_is_read_once(tiny_run, reads):
    checkpoint = load(tiny_run.path).checkpoint(30)
    assert reads == ["tiny", "step-000030"], "the dataset, then the weights"
    assert checkpoint.exact is checkpoint.exact
    assert checkpoint.evaluation is checkpoint.evaluation
    assert checkpoint.scores is checkpoint.scores
    assert len(reads) == 2
    assert repr(checkpoint) == "<Checkpoint of tiny: MLP, step 30>"


def test_brings_what_its_run_knows(tiny_run):
    checkpoint = as_checkpoint(tiny_run, 0)
    assert (checkpoint.step, checkpoint.seed, checkpoint.name) == (0, 0, "tiny")
    assert checkpoint.loss == tiny_run.config.loss
    assert checkpoint.task is tiny_run.dataset.task
    recorded = tiny_run.measurement(0).scores.values()  # in float32
    assert checkpoint.scores.values() == pytest.approx(recorded, rel=1e-5)
    for name, weight in tiny_run.weights[0].items():
        np.testing.assert_array_equal(checkpoint.network.state_dict()[name].numpy(), weight)


def test_exact_is_in_float64_and_the_same_where_it_is_that_already(tiny_run):
    checkpoint = as_checkpoint(tiny_run)
    assert next(checkpoint.network.parameters()).dtype == torch.float32
    assert next(checkpoint.exact.parameters()).dtype == torch.float64
    again = as_checkpoint(checkpoint.exact)
    assert again.exact is again.network is checkpoint.exact


@pytest.mark.parametrize("kind", ["run", "folder", "text", "checkpoint", "network"])
def test_every_source_is_the_same_network(tiny_run, kind):
    sources = {
        "run": tiny_run,
        "folder": tiny_run.path,
        "text": str(tiny_run.path),
        "checkpoint": tiny_run.checkpoint(),
        "network": tiny_run.network(),
    }
    found = as_checkpoint(sources[kind], dataset=tiny_run.dataset)
    assert found.scores == tiny_run.checkpoint().scores


def test_a_checkpoint_is_itself(tiny_run):
    checkpoint = tiny_run.checkpoint(30)
    assert as_checkpoint(checkpoint) is checkpoint
    assert as_checkpoint(checkpoint, 30) is checkpoint
    with pytest.raises(ValueError, match=r"^step: expected that of the checkpoint, 30, got 0$"):
        as_checkpoint(checkpoint, 0)


def test_beside_another_dataset_or_loss(tiny_run):
    checkpoint = tiny_run.checkpoint()
    other = make_dataset(tiny_run.dataset.task, 0.3, 0.0)
    found = checkpoint.beside(other, "cross_entropy")
    assert found.network is checkpoint.network
    assert found.scores == scores(checkpoint.network, other, "cross_entropy")
    assert found.scores != checkpoint.scores
    assert checkpoint.beside(None) is checkpoint


def test_a_network_without_a_dataset_and_one_with_anothers():
    task = make_task("x + y", 11)
    network = analytic_network(task, 12)
    message = "dataset: expected one beside a network; a run brings its own"
    with pytest.raises(ValueError, match=f"^{message}$"):
        _ = as_checkpoint(network).scores
    other = make_task("x * y", 11)
    message = f"dataset: expected one of {task.name}, got one of {other.name}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        _ = as_checkpoint(network, dataset=make_dataset(other, 0.5)).scores


def test_a_step_without_a_checkpoint(tiny_run):
    steps = ", ".join(map(str, tiny_run.steps))
    message = f"no checkpoint at step 29; expected one of {steps}"
    with pytest.raises(ValueError, match=message):
        as_checkpoint(tiny_run, 29)


def test_a_run_is_itself_or_in_its_folder(tiny_run):
    assert as_run(tiny_run) is tiny_run
    for source in (tiny_run.path, str(tiny_run.path)):
        found = as_run(source)
        assert isinstance(found, Run)
        assert found.measurements == tiny_run.measurements


SAID = {
    3: "int 3",
    None: "NoneType None",
    ("a run",) * 9: "tuple",  # too long to be told
}


@pytest.mark.parametrize("source", SAID, ids=str)
def test_what_was_expected_and_what_came(source):
    with pytest.raises(TypeError) as caught:
        as_run(source)
    assert str(caught.value) == f"expected a run or its folder, got {SAID[source]}"
    with pytest.raises(TypeError) as caught:
        as_checkpoint(source)
    expected = "expected a run, its folder, a checkpoint or a network, got"
    assert str(caught.value) == f"{expected} {SAID[source]}"
    with pytest.raises(TypeError) as caught:
        of_kind(source, Run, "a run of apples")
    assert str(caught.value) == f"expected a run of apples, got {SAID[source]}"


def test_a_module_that_is_no_network_of_a_task():
    message = r"^expected a run, its folder, a checkpoint or a network, got Linear$"
    with pytest.raises(TypeError, match=message):
        as_checkpoint(torch.nn.Linear(300, 2, bias=False, dtype=torch.float64))


def test_what_is_of_a_kind_is_itself(tiny_run):
    assert of_kind(tiny_run, Run, "a run") is tiny_run


def test_replacing_a_field_forgets_what_was_computed(tiny_run):
    checkpoint = tiny_run.checkpoint()
    first = checkpoint.scores
    other = replace(checkpoint, loss="cross_entropy")
    assert isinstance(other, Checkpoint)
    assert other.scores["test"].loss != first["test"].loss
