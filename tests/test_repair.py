"""The labels that a pruned network would change: counted anew, written, trained on."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch

from interp.analysis.ablation.prune import prune
from interp.analysis.measures import MEASURES
from interp.analysis.memorization.repair import Repair, Repaired, _mean
from interp.analysis.neurons.classify import two_class_cut
from interp.analysis.neurons.read import neuron_table
from interp.cli.app import main
from interp.training.runs.run import load
from interp.training.trainer.loop import train
from tests.conftest import tiny_config


def refused(message: str):
    return pytest.raises(ValueError, match=re.escape(message))


@pytest.fixture(scope="module")
def expected(tiny_run):
    """Answers of the pruned network to the training examples, by hand."""
    table, data = neuron_table(tiny_run), tiny_run.dataset
    network = prune(tiny_run, table.ipr >= two_class_cut(table.ipr))
    with torch.no_grad():
        logits = network(torch.as_tensor(data.pairs)).numpy()
    return logits.argmax(axis=1)


def test_what_would_change(tiny_run, expected):
    found = MEASURES["repair"](tiny_run, least=0)
    data, train_ = tiny_run.dataset, tiny_run.dataset.is_train
    wrong = train_ & (data.given_label != data.true_label)
    changed = train_ & (expected != data.given_label)
    values = found.values()
    assert values["changed"] == changed.sum()
    assert values["precision"] == (changed & wrong).sum() / changed.sum()
    assert values["recall"] == (changed & wrong).sum() / wrong.sum()
    assert values["repaired"] == (wrong & (expected == data.true_label)).sum() / wrong.sum()
    assert values["spoiled"] == (changed & ~wrong).sum()
    test = ~train_
    assert values["test_accuracy"] == (expected == data.true_label)[test].mean()
    frame = found.to_pandas()
    np.testing.assert_array_equal(frame[["x", "y"]], data.pairs[changed])
    np.testing.assert_array_equal(frame["answer"], expected[changed])
    assert values["changed_random"] != values["changed"]


def test_the_repaired_dataset(tiny_run, expected):
    made = MEASURES["repair"](tiny_run, least=0).repaired_dataset()
    data = tiny_run.dataset
    np.testing.assert_array_equal(made.given_label[data.is_train], expected[data.is_train])
    np.testing.assert_array_equal(
        made.given_label[~data.is_train], data.given_label[~data.is_train]
    )
    np.testing.assert_array_equal(
        made.is_redrawn, data.is_train & (made.given_label != data.true_label)
    )
    assert (tiny_run.dataset.given_label == data.given_label).all()


def test_where_nothing_can_be_told(tiny_run):
    found = MEASURES["repair"](tiny_run)
    accuracy = found.values()["test_accuracy"]
    message = (
        f"nothing can be told: the pruned network answers {accuracy:.3f} of the test examples "
        "right, expected at least 0.9"
    )
    assert found.note == f"{message} · control: mean of 5 random prunings, seed 0"
    assert not found.tells
    with refused(f"repair: {message}"):
        found.repaired_dataset()
    whole = MEASURES["repair"](train(tiny_config(data={"fraction": 1.0, "corruption": 0.3})))
    why = "nothing can be told: there are no test examples by which the pruned network is known"
    assert whole.note == f"{why} · control: mean of 5 random prunings, seed 0"


def test_without_wrong_labels_there_is_no_recall():
    found = MEASURES["repair"](train(tiny_config(data={"fraction": 0.6, "corruption": 0})))
    assert found.values()["recall"] is None
    assert isinstance(found, Repair)
    none, some = Repaired(0, None, None, None, 0), Repaired(2, 0.5, 1.0, 0.5, 1)
    assert _mean([none, some]) == Repaired(1, None, None, None, 0.5)


def test_the_command_writes_a_dataset_that_trains(tiny_run, expected, tmp_path, capsys):
    file, table = tmp_path / "data.npz", tmp_path / "changes.csv"
    main(["repair", str(tiny_run.path), "--least", "0", "--save", str(file), "--table", str(table)])
    shown = capsys.readouterr().out
    assert "changed_random" in shown
    assert len(table.read_text().splitlines()) == 1 + MEASURES["repair"](tiny_run).found.changed
    out = tmp_path / "run"
    arguments = [
        "--data.file",
        str(file),
        "--data.kind",
        "given",
        "--task.p",
        "11",
        "--steps",
        "2",
        "--out",
        str(out),
    ]
    main(["train", *arguments])
    made = load(out).dataset
    np.testing.assert_array_equal(made.is_train, tiny_run.dataset.is_train)
    np.testing.assert_array_equal(
        made.given_label[made.is_train], expected[tiny_run.dataset.is_train]
    )


def test_the_command_refuses_and_writes_nothing(tiny_run, tmp_path, capsys):
    file = tmp_path / "data.npz"
    with pytest.raises(SystemExit) as ended:
        main(["repair", str(tiny_run.path), "--save", str(file)])
    assert ended.value.code == 2
    assert "nothing can be told" in capsys.readouterr().err
    assert not file.exists()
    with pytest.raises(SystemExit):
        main(["repair", str(tiny_run.path), "--save", str(tmp_path / "data.csv")])
    assert "expected a name that ends in .npz" in capsys.readouterr().err
    main(["repair", str(tiny_run.path), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["values"]["tells"] is False
