"""Given data: labels, training sets and redrawn labels of one's own, from arrays and files."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import interp
from interp.training.config.run_config import parse_config
from interp.training.data import given_file
from interp.training.data.given import digest_of, given
from interp.training.runs.run import load
from interp.training.sweep.plan.cell import CellMaker
from interp.training.tasks.task import make_task
from interp.training.trainer.cohort import shape_key
from interp.training.trainer.loop import dataset_of

from .conftest import tiny_config
from .test_errors import refused

P = 11
TASK = make_task("x + y", P)
TRUE = (TASK.pairs[:, 0] + TASK.pairs[:, 1]) % P
MASK = np.random.default_rng(0).random(P * P) < 0.6
LABELS = np.where(np.arange(P * P) % 7 == 0, (TRUE + 1) % P, TRUE)
PAIRS = TASK.pairs[MASK]
INDICES = np.flatnonzero(MASK)


def own():
    return interp.given_dataset(TASK, labels=LABELS, is_train=MASK)


FORMS = {
    "mask": MASK,
    "square mask": MASK.reshape(P, P),
    "list of truth values": MASK.tolist(),
    "indices": INDICES,
    "index list": INDICES.tolist(),
    "tensor": torch.as_tensor(INDICES),
    "pairs": PAIRS,
    "list of pairs": [tuple(pair) for pair in PAIRS.tolist()],
    "operands": PAIRS.T,
    "two arrays": (PAIRS[:, 0], PAIRS[:, 1]),
    "tuple of tensors": tuple(torch.as_tensor(PAIRS.T)),
    "with token": np.column_stack([PAIRS, np.full(len(PAIRS), P)]),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_the_training_set(form):
    data = interp.given_dataset(TASK, labels=LABELS, is_train=form)
    np.testing.assert_array_equal(data.is_train, MASK)
    np.testing.assert_array_equal(data.given_label[MASK], LABELS[MASK])
    np.testing.assert_array_equal(data.given_label[~MASK], TRUE[~MASK])
    np.testing.assert_array_equal(data.is_redrawn, MASK & (LABELS != TRUE))
    np.testing.assert_array_equal(data.true_label, TRUE)


def test_labels_stand_beside_their_pairs_in_any_order():
    order = np.random.default_rng(1).permutation(len(INDICES))
    data = interp.given_dataset(TASK, LABELS[INDICES][order], INDICES[order])
    assert digest_of(data) == digest_of(own())
    three = np.column_stack([PAIRS, LABELS[MASK]])
    assert digest_of(interp.given_dataset(TASK, is_train=three)) == digest_of(own())
    both = (torch.as_tensor(PAIRS), torch.as_tensor(LABELS[MASK]))
    assert digest_of(interp.given_dataset(TASK, is_train=both)) == digest_of(own())
    square = interp.given_dataset(TASK, LABELS.reshape(P, P), MASK)
    assert digest_of(square) == digest_of(own())


def test_a_redrawn_label_may_be_the_true_one():
    redrawn = MASK & (np.arange(P * P) % 7 < 2)
    data = interp.given_dataset(TASK, LABELS, MASK, redrawn)
    np.testing.assert_array_equal(data.is_redrawn, redrawn)
    assert digest_of(data) != digest_of(own())


def test_without_a_training_set_all_pairs_are_trained_on():
    assert interp.given_dataset(TASK, LABELS).is_train.all()


def test_what_was_taken_for_granted_is_told():
    assert given(TASK, {"labels": LABELS, "is_train": MASK}, "here").assumed == (
        "redrawn labels are those that differ from the true answer",
    )
    three = given(TASK, {"is_train": np.column_stack([PAIRS, TRUE[MASK]])}, "here")
    assert three.assumed == ("the third column of the training pairs is their label",)
    assert three.labelled
    assert not given(TASK, {"is_train": MASK}, "here").labelled


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"is_train": [0, 0]}, "is_train: expected every pair once, got one twice"),
        ({"is_train": []}, "is_train: expected at least one training pair, got none"),
        ({"is_train": [121]}, "is_train: expected indices m·p + n of pairs of x + y mod 11"),
        ({"is_train": [[3, 11]]}, "is_train: expected operands from 0 to 10, got 3 to 11"),
        ({"is_train": [[1, 2, 3], [1]]}, "expected indices or pairs, got rows of several lengths"),
        ({"is_train": np.zeros((2, 2, 2), int)}, "expected indices or pairs, got an array of"),
        ({"is_train": [0.5]}, "is_train: expected whole numbers, got float64"),
        ({"is_train": MASK[:-1]}, "is_train: expected a mask over 121 pairs, got shape (120,)"),
        ({"is_train": [[0, 0, 1], [0, 1, 12]]}, "expected a third column of labels from 0 to 10"),
        (
            {"labels": TRUE[:5]},
            "labels of the training pairs or 121 of all pairs, got an array of shape (5,)",
        ),
        ({"labels": TRUE + 1}, "labels: expected answers from 0 to 10, got 1 to 11"),
        (
            {"labels": LABELS, "is_redrawn": [1]},
            "is_redrawn: expected training pairs, all with a wrong label among them; 18 wrong",
        ),
        (
            {"is_train": np.column_stack([PAIRS, TRUE[MASK]]), "labels": (TRUE + 1) % P},
            "labels: expected those that stand in is_train, got others",
        ),
    ],
)
def test_what_is_no_dataset_is_refused(values, message, unchecked):
    with refused(message):
        interp.given_dataset(TASK, **values)


@pytest.fixture()
def file(tmp_path):
    np.savez(tmp_path / "data.npz", is_train=MASK, labels=LABELS)
    return tmp_path / "data.npz"


def config_of(file, **changes):
    return tiny_config(data={"kind": "given", "file": str(file)}, **changes)


@pytest.mark.parametrize("form", ["npz", "json", "indices.npy", "pairs.csv"])
def test_every_kind_of_file(form, tmp_path):
    path = tmp_path / f"mine.{form}"
    if form == "npz":
        np.savez(path, train_indices=INDICES, labels=LABELS)
    elif form == "json":
        path.write_text(json.dumps({"train_pairs": PAIRS.tolist(), "labels": LABELS.tolist()}))
    elif form == "indices.npy":
        np.save(path, INDICES)
    else:
        np.savetxt(path, np.column_stack([PAIRS, LABELS[MASK]]), delimiter=",", fmt="%d")
    data = dataset_of(config_of(path))
    np.testing.assert_array_equal(data.is_train, MASK)
    labels = TRUE if form == "indices.npy" else LABELS
    np.testing.assert_array_equal(data.given_label[MASK], labels[MASK])


def test_shares_are_those_of_the_arrays(file):
    data = config_of(file).data
    assert data.fraction == MASK.sum() / 121
    assert data.corruption == (MASK & (LABELS != TRUE)).sum() / MASK.sum()
    assert data.digest == digest_of(own())
    assert config_of(file) == parse_config(config_of(file).to_dict())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"kind": "given"},
            "data.file: expected the file of a given dataset; in Python also data=…, an "
            "interp.given_dataset, got None",
        ),
        ({"kind": "given", "fraction": 0.5}, "data.fraction: follows from the given dataset, 0.52"),
        ({"kind": "given", "corruption": 0.5}, "data.corruption: follows from the given dataset"),
        ({"kind": "wrong", "file": "a.npz"}, "data.file: expected none for kind wrong, got"),
        ({"digest": "0"}, "data.digest: expected none for kind uniform, got '0'"),
        (
            {"kind": "given", "digest": "0", "fraction": 0.5, "corruption": 0.1},
            "data.file: expected the file of dataset 0, got none",
        ),
    ],
)
def test_what_a_configuration_cannot_have(values, message, file):
    if values.keys() & {"fraction", "corruption"} and "digest" not in values:
        values = {**values, "file": str(file)}
    with refused(message):
        dataset_of(tiny_config(data=values))


def test_files_that_have_no_dataset_or_another_one(file, tmp_path):
    values = config_of(file).to_dict()
    np.savez(file, is_train=MASK, labels=TRUE)
    with refused("data.digest: expected dataset"):
        parse_config(values)
    np.savez(tmp_path / "else.npz", mine=MASK)
    with refused("else.npz: expected one of is_train, train_indices"):
        config_of(tmp_path / "else.npz")
    other = interp.given_dataset(make_task("x - y", P), is_train=MASK)
    with refused("data: expected a dataset of x + y mod 11, got one of x - y mod 11"):
        tiny_config(data=other)


def test_a_task_that_cannot_be_is_told_first(file):
    with refused("task.p: expected a number ≥ 2 and ≤ 2048, got 1"):
        parse_config({"task": {"p": 1}, "data": {"kind": "given", "file": str(file)}})


def test_training_on_arrays_is_training_on_that_dataset(tmp_path):
    """A drawn dataset, given as arrays, trains bit by bit as the one that was drawn."""
    drawn = interp.train(tiny_config())
    data = drawn.dataset
    again = interp.given_dataset(data.task, data.given_label, data.is_train, data.is_redrawn)
    run = interp.train(tiny_config(data=again), tmp_path / "run")
    for name, weight in drawn.weights[30].items():
        np.testing.assert_array_equal(run.weights[30][name], weight)
    assert run.measurement().scores == drawn.measurement().scores
    assert "redrawn (as given)" in (tmp_path / "run" / "README.md").read_text()


def test_the_dataset_brings_its_task():
    task = make_task(lambda x, y, p: x * y % 5, P)
    config = interp.RunConfig(data=interp.given_dataset(task, is_train=MASK), steps=1)
    assert config.make_task().key == task.key
    assert interp.RunConfig(task=task).make_task().key == task.key
    assert interp.RunConfig(task=TASK).task.p == P


def test_a_run_folder_is_complete(file, tmp_path):
    run = interp.train(config_of(file, steps=5), tmp_path / "run")
    file.unlink()
    found = load(tmp_path / "run")
    np.testing.assert_array_equal(found.dataset.given_label, run.dataset.given_label)
    assert str(tmp_path) not in (tmp_path / "run" / "config.json").read_text()
    interp.train(found.config, tmp_path / "run")
    with refused("holds another run's configuration: data."):
        interp.train(tiny_config(data=interp.given_dataset(TASK, TRUE, MASK), steps=5), run.path)


def test_an_altered_dataset_is_refused(file, tmp_path):
    interp.train(config_of(file, steps=5), tmp_path / "run")
    other = interp.given_dataset(TASK, (LABELS + 1) % P, MASK)
    interp.train(tiny_config(data=other, steps=5), tmp_path / "other")
    (tmp_path / "other" / "dataset.safetensors").rename(tmp_path / "run" / "dataset.safetensors")
    with refused("dataset.safetensors: expected dataset"):
        load(tmp_path / "run")


def test_sweeps_over_seeds_work_and_over_shares_are_refused(file):
    make = CellMaker()
    base = {"task": {"p": P}, "model": {"width": 4}, "steps": 3}
    data = {"kind": "given", "file": str(file)}
    cells = [make({**base, "data": data, "seed": seed})[0] for seed in range(3)]
    assert [cell.error for cell in cells] == [None] * 3
    assert len({cell.hash for cell in cells}) == 3
    assert len({shape_key(cell.parsed()) for cell in cells}) == 1
    cell, _ = make({**base, "data": {**data, "fraction": 0.25}})
    assert "data.fraction: follows from the given dataset" in str(cell.error)


def test_runs_of_different_data_are_a_cohort_when_they_are_as_many(file):
    first, second = (
        tiny_config(data=interp.given_dataset(TASK, labels, MASK)) for labels in (LABELS, TRUE)
    )
    assert first.data.digest != second.data.digest
    pair = interp.train_many([first, second], run_axis=True)
    for run, config in zip(pair, (first, second), strict=True):
        alone = interp.train(config).weights[30]["unembed.W_U"]
        # float32, summed in another order
        np.testing.assert_allclose(run.weights[30]["unembed.W_U"], alone, rtol=1e-4, atol=1e-6)


def test_a_process_that_does_not_know_the_data_reads_the_file(file, tmp_path, monkeypatch):
    base = {"task": {"p": P}, "model": {"width": 4}, "steps": 3}
    cell, _ = CellMaker()({**base, "data": {"kind": "given", "file": str(file)}})
    monkeypatch.setattr(given_file, "_KNOWN", {})
    np.testing.assert_array_equal(dataset_of(cell.parsed()).is_train, MASK)
    grid = {"base": {**base, "data": {"kind": "given", "file": str(file)}}, "seeds": 2}
    results = interp.sweep(grid, tmp_path / "sweep", interp.Machine("serial"))
    assert results.to_pandas()["status"].tolist() == ["done", "done"]
