"""An operation as a table: given by an array, a file or a function; with its number of answers."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
import torch

import interp
from interp.analysis.neurons.table import NeuronTable
from interp.training.config.run_config import RunConfig, parse_config
from interp.training.runs.run import load
from interp.training.sweep.plan.cell import CellMaker, content_hash
from interp.training.tasks.table import make_table
from interp.training.tasks.table_file import table_name
from interp.training.tasks.task import make_task, table_task
from interp.training.trainer.cohort import shape_key

from .conftest import tiny_config
from .test_errors import refused

# Sixteen neurons that have learned little are not two classes.
QUIET = "ignore::interp.analysis.neurons.classify.NotBimodalWarning"
P, Q = 11, 5
X, Y = np.indices((P, P))
TABLE = (X * X + 3 * Y) % Q  # 11×11 → 5: no operation mod 11


@pytest.fixture()
def file(tmp_path):
    np.save(tmp_path / "mine.npy", TABLE)
    return tmp_path / "mine.npy"


def config_of(file, **changes):
    return tiny_config(task={"table": str(file)}, **changes)


def test_hashes_of_configurations_without_new_fields_are_those_of_before():
    """Literal: what the program before these fields computed."""
    assert content_hash(RunConfig().identity()) == "8ed7813e614a893b"
    small = {
        "task": {"p": 11},
        "data": {"fraction": 0.6, "corruption": 0.3, "kind": "wrong"},
        "model": {"width": 16},
        "steps": 30,
        "schedule": {"evaluations": 10, "checkpoints": 4},
        "seeds": {"split": 3},
    }
    assert CellMaker()(small)[0].hash == "584213db3dff12fd"
    other = {
        "task": {"p": 11},
        "model": {"kind": "transformer", "d_model": 16},
        "optimizer": {"lr": 0.001},
    }
    assert CellMaker()(other)[0].hash == "8c40d60fcaf8c07a"


@pytest.mark.parametrize("form", ["array", "list", "npy", "npz", "csv", "json"])
def test_every_form_is_the_same_task(form, tmp_path):
    given = {"array": TABLE, "list": TABLE.tolist()}.get(form, tmp_path / f"mine.{form}")
    if form == "npy":
        np.save(given, TABLE)
    elif form == "npz":
        np.savez(given, answers=TABLE)
    elif form == "csv":
        np.savetxt(given, TABLE, delimiter=",", fmt="%d")
    elif form == "json":
        given.write_text(json.dumps(TABLE.tolist()))
    task = make_task(given)
    assert (task.p, task.n_answers, task.digest) == (P, Q, make_table(TABLE).digest)
    np.testing.assert_array_equal(task.answers.reshape(P, P), TABLE)
    name = "own table" if form in ("array", "list") else f"own table (mine.{form})"
    assert task.name == f"{name} of 11×11 → 5"


def test_a_function_is_called_with_all_pairs_and_modulus():
    task = make_task(lambda x, y, p: (x * x + 3 * y + p - P) % Q, P)
    assert task.key == ("own operation (<lambda>) of 11×11 → 5", make_table(TABLE).digest)


def test_pairs_without_an_answer_are_no_pairs():
    partial = TABLE.astype(float)
    partial[Y == 0] = np.nan
    task = make_task(partial)
    assert len(task.pairs) == P * (P - 1)
    assert (task.pairs[:, 1] > 0).all()
    np.testing.assert_array_equal(task.answers, TABLE[Y != 0])
    minus = np.where(Y == 0, -1, TABLE)
    assert make_task(minus).digest == task.digest
    assert make_task([[0, None], [1, 0]]).pairs.tolist() == [[0, 0], [1, 0], [1, 1]]


def test_an_unknown_operation_is_a_table_with_that_name():
    task = table_task(make_table(TABLE, n_answers=P), "unknown operation")
    assert task.name == "unknown operation of 11×11 → 11"
    assert task.operation.second_sign is None


def test_more_answers_than_the_largest():
    assert make_task(TABLE, n_answers=7).n_answers == 7
    assert make_task(TABLE, n_answers=7).digest != make_task(TABLE).digest


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: make_task([[0, 1, 2], [1, 2, 0]]),
            "table: expected as many rows as columns, 2 to 2048, got shape 2×3",
        ),
        (lambda: make_task([[0, 1], [1]]), "table: expected an array of numbers"),
        (lambda: make_task([["a", "b"], ["c", "d"]]), "expected an array of numbers, got one of"),
        (
            lambda: make_task([[0.5, 1], [1, 0]]),
            "table: expected whole numbers from 0, or −1 for a pair without answer, got 0.5",
        ),
        (lambda: make_task([[-2, 1], [1, 0]]), "got -2"),
        (
            lambda: make_task([[-1, -1], [-1, -1]]),
            "table: expected at least one pair with an answer, got none",
        ),
        (
            lambda: make_task(TABLE, n_answers=4),
            "n_answers: expected at least 5 for a table whose largest answer is 4, got 4",
        ),
        (lambda: make_task(TABLE, 13), "task.p: expected 11, of a table of 11×11, got 13"),
        (lambda: make_task("x + y", 11, n_answers=3), "task.n_answers: expected none beside"),
        (lambda: make_task("x + y", 11, name="a"), "task.name: expected none beside"),
        (lambda: make_task("x + y"), "task.p: expected a whole number of at least 2, got None"),
        (lambda: make_task(lambda x, y, p: x), "task.p: expected a whole number of at least 2"),
        (
            lambda: make_task(lambda x, y, p: 3, 5),
            "task.operation: expected an answer for each of 25 pairs, got shape ()",
        ),
        (lambda: make_task("nothing.npy"), "nothing.npy: no such file"),
        (
            lambda: parse_config({"task": {"digest": "0123456789abcdef"}}),
            "task.table: expected the file of table 0123456789abcdef, got none",
        ),
        (lambda: parse_config({"task": {"n_answers": 5}}), "task.n_answers: expected none beside"),
        (
            lambda: parse_config(
                {
                    "task": {"table": TABLE.tolist()},
                    "model": {"kind": "transformer", "tied": True},
                }
            ),
            "model.tied: expected false for 5 answers to 11 operands, which are other tokens",
        ),
    ],
)
def test_what_is_no_table_is_refused(make, message, unchecked):
    with refused(message):
        make()


def test_what_is_no_operation_at_all(unchecked):
    message = (
        "expected an operation's name or a polynomial, such as 'x + y', a table or a function, got"
    )
    with pytest.raises(TypeError, match=re.escape(message)):
        make_task(3, 11)


def test_files_that_are_no_table(tmp_path):
    for name, content in {"a.csv": "0,x\n1,0\n", "a.json": "[[0, 1]", "a.npy": "text"}.items():
        (tmp_path / name).write_text(content)
        with refused(f"{tmp_path / name}: cannot be read as arrays of numbers"):
            make_task(tmp_path / name)
    with refused("'x' is no number"):
        make_task(tmp_path / "a.csv")
    np.savez(tmp_path / "two.npz", a=TABLE, b=TABLE)
    with refused("two.npz: expected one array, got a, b"):
        make_task(tmp_path / "two.npz")
    (tmp_path / "a.txt").write_text("0 1")
    with refused("a.txt: expected a file .npy, .npz, .csv or .json"):
        make_task(tmp_path / "a.txt")


def test_a_configuration_fills_in_what_follows_from_its_table(file):
    task = config_of(file).task
    assert (task.p, task.n_answers) == (P, Q)
    assert task.digest == make_table(TABLE).digest
    assert task.title == "own table (mine.npy) of 11×11 → 5"
    assert parse_config(config_of(file).to_dict()) == config_of(file)


def test_a_file_that_has_changed_is_refused(file):
    values = config_of(file).to_dict()
    np.save(file, (TABLE + 1) % Q)
    with refused("task.digest: expected table"):
        parse_config(values)


def test_a_sweep_knows_a_cell_wherever_its_table_lies(file, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    other = shutil.copy(file, tmp_path / "elsewhere" / "mine.npy")
    make = CellMaker()
    first, second = (make({"task": {"table": str(one)}})[0] for one in (file, other))
    assert first.error is None
    assert first.hash == second.hash
    assert first.parsed().task.table == str(file)
    assert shape_key(first.parsed()) == shape_key(second.parsed())
    cell, _ = make({"task": {"table": TABLE.tolist()}})
    assert cell.error == "task.table: expected a file in a sweep, got an array"


def test_a_table_beside_a_configuration_file_is_found_from_everywhere(file, tmp_path):
    from interp.training.config.plain_data import read_config
    from interp.training.sweep.plan.grid import read_grid

    (tmp_path / "run.yaml").write_text("task: {table: mine.npy}\nsteps: 5\n")
    assert parse_config(read_config(tmp_path / "run.yaml")).task.table == str(file)
    (tmp_path / "grid.yaml").write_text("base: {steps: 5}\naxes: {task.table: [mine.npy]}\n")
    assert read_grid(tmp_path / "grid.yaml").axes["task.table"] == (str(file),)


def test_a_run_folder_has_its_own_copy(file, tmp_path):
    run = interp.train(config_of(file), tmp_path / "run")
    file.unlink()
    moved = shutil.move(tmp_path / "run", tmp_path / "moved")
    found = load(moved)
    np.testing.assert_array_equal(np.load(tmp_path / "moved" / "table.npy"), TABLE)
    assert found.dataset.task.key == run.dataset.task.key
    assert str(tmp_path) not in (tmp_path / "moved" / "config.json").read_text()
    assert "own table (mine.npy) of 11×11 → 5" in (tmp_path / "moved" / "README.md").read_text()
    np.save(tmp_path / "moved" / "table.npy", (TABLE + 1) % Q)
    with refused("task.digest: expected table"):
        load(moved)


def test_a_run_of_an_array_is_resumed_and_another_table_refused(tmp_path):
    config = tiny_config(task={"table": TABLE})
    assert table_name(None) == config.task.operation
    interp.train(config, tmp_path / "run")
    interp.train(tiny_config(task={"table": TABLE.tolist()}), tmp_path / "run")
    with refused("holds another run's configuration: task.digest"):
        interp.train(tiny_config(task={"table": (TABLE + 1) % Q}), tmp_path / "run")


@pytest.mark.parametrize("kind", ["uniform", "wrong", "symmetric"])
def test_redrawn_labels_are_answers(kind):
    data = interp.make_dataset(make_task(TABLE), 1.0, 1.0, kind)
    labels = data.given_label[data.is_redrawn]
    assert set(labels.tolist()) == set(range(Q))
    if kind == "wrong":
        assert (labels != data.true_label[data.is_redrawn]).all()


MODELS = {
    "MLP": {"width": 12},
    "three layers": {"width": 12, "depth": 3, "bias": True},
    "batch norm": {"width": 12, "norm": "batch"},
    "Transformer": {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12},
}


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_networks_of_every_kind_learn_a_table(model, loss):
    config = tiny_config(task={"table": TABLE}, model=model, loss=loss)
    run = interp.train(config)
    network, data = run.network(), run.dataset
    logits = network(torch.as_tensor(data.pairs)).detach().double().numpy()
    assert logits.shape == (P * P, Q)
    labels, train = data.given_label, data.is_train
    if loss == "mse":
        each = ((logits - np.eye(Q)[labels]) ** 2).mean(axis=1)
    else:
        each = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]
    found = interp.scores(run)["train"]
    # float32 weights, evaluated in float64 there and in float32 here
    np.testing.assert_allclose(found.loss, each[train].mean(), rtol=1e-5)
    right = (logits.argmax(axis=1) == labels)[train].mean()
    np.testing.assert_allclose(found.accuracy, right)
    curve = interp.pruning_curve(run)["IPR", "lowest"]
    np.testing.assert_allclose(curve.loss["train"][0], found.loss, rtol=1e-5)
    assert curve.accuracy["train"][0] == found.accuracy


@pytest.mark.parametrize("model", ["MLP", "Transformer"])
def test_a_table_of_as_many_answers_trains_as_the_operation_it_is(model):
    shared = {"model": MODELS[model]}
    own = interp.train(tiny_config(task={"table": (X + Y) % P}, **shared))
    named = interp.train(tiny_config(**shared))
    for name, weight in named.weights[30].items():
        np.testing.assert_array_equal(own.weights[30][name], weight)
    assert interp.neuron_table(own).mean_ipr == interp.neuron_table(named).mean_ipr


def one_sided(curve):
    """Power at each frequency, by the sum itself."""
    n = len(curve)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(n // 2 + 1), np.arange(n)) / n)
    return np.abs(waves @ curve) ** 2


def test_answer_curves_are_read_in_the_group_of_the_answers():
    run = interp.train(tiny_config(task={"table": TABLE}))
    table = interp.neuron_table(run)
    weights = run.weights[30]
    w_in = weights["blocks.0.mlp.W_in"].astype(float)
    curves = w_in[:P].T, w_in[P:].T, weights["unembed.W_U"].astype(float)
    for neuron in range(len(table)):
        powers = [one_sided(curve[neuron]) for curve in curves]
        each = [(power**2).sum() / power.sum() ** 2 for power in powers]
        np.testing.assert_allclose(table.curve_ipr[:, neuron], each, rtol=1e-9)
        np.testing.assert_allclose(table.ipr[neuron], np.mean(each), rtol=1e-9)
        shares = np.mean([power / power.sum() for power in powers[:2]], axis=0)
        np.testing.assert_allclose(table.shares[neuron], shares, rtol=1e-9)
        assert table.frequency[neuron] == 1 + shares[1:].argmax()
        assert table.frequencies[2, neuron] == 1 + powers[2][1:].argmax()
    assert (
        "curves over 11 operands and 5 answers, each with frequencies of its own" in table.caption
    )
    assert table.phase_error is None
    assert len(table.to_pandas()) == len(table)


def test_the_null_of_curves_of_two_lengths():
    """Without the constant, shares of odd lengths are Dirichlet: mean IPR 2/(K + 1)."""
    curves = (np.ones((1, P)), np.ones((1, P)), np.ones((1, Q)))
    null = NeuronTable(make_task(TABLE), curves, "cyclic", "one-sided-no-constant").null
    np.testing.assert_allclose(null.mean, (2 / 6 + 2 / 6 + 2 / 3) / 3)
    # standard error of 20 000 draws of a standard deviation of 0.1: 0.0007
    assert abs(null.samples.mean() - null.mean) < 0.004


@pytest.mark.filterwarnings(QUIET)
def test_every_measure_is_defined_or_refused_in_one_line():
    from interp.analysis.measures import MEASURES

    run = interp.train(tiny_config(task={"table": TABLE}))
    refused_ones = []
    for name in MEASURES:
        row = MEASURES[name]
        if row.reads == "sweep":
            continue
        try:
            result = row(run)
        except ValueError as error:
            assert "\n" not in str(error)
            refused_ones.append(name)
            continue
        result.to_pandas(), result.to_dict(), result._repr_html_()
    none_in_an_mlp = ["norms", "attention_constancy", "gradient_symmetricity", "heads"]
    no_group = ["distance_irrelevance", "activation_swap", "coherence", "filtration", "progress"]
    of_groups = ["characters", "cosets"]
    known = [*none_in_an_mlp, *no_group, *of_groups, "recorded"]
    assert sorted(refused_ones) == sorted(known)
    with refused("analytic network: expected x + y, x - y, x * y or x / y, got 'own table'"):
        interp.analytic_network(make_task(TABLE))


@pytest.mark.filterwarnings(QUIET)
def test_pages_and_files_of_a_table_run(file, tmp_path):
    from interp import figures
    from interp.cli.app import main

    run = interp.train(config_of(file), tmp_path / "run")
    page = interp.report(run, tmp_path / "report.html").read_text()
    assert "own table (mine.npy) of 11×11 → 5" in page
    table = interp.neuron_table(run)
    bars = [t for t in figures.neuron_curves(table, 3).data if t.type == "bar"]
    assert [len(bar.y) for bar in bars] == [P // 2 + 1, P // 2 + 1, Q // 2 + 1]
    assert "curves over operands" in figures.spectra_heatmap(table).layout.xaxis.title.text
    flat = [line.name for line in interp.embedding_table(run).plot().layout.shapes]
    assert flat == ["flat spectrum of 3 frequencies", "flat spectrum of 6 frequencies"]
    folder = str(tmp_path / "run")
    for words in (["spectrum", folder], ["spectrum", folder, "--neuron", "3"], ["ipr", folder]):
        main(words)
        main([*words, "--json"])
