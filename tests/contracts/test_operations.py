"""One contract for every operation, against formulas written out here."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from interp.analysis.sweeps.sweep import sweep
from interp.exchange.importing import import_checkpoint
from interp.training.config.run_config import parse_config
from interp.training.data.dataset import make_dataset
from interp.training.runs.run import load
from interp.training.tasks.operations import OPERATIONS, find_operation, operation
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from tests.conftest import tiny_config

# Independent of the table: plain Python, one answer at a time.
ANSWER = {
    "x + y": lambda x, y, p: (x + y) % p,
    "x - y": lambda x, y, p: (x - y) % p,
    "x * y": lambda x, y, p: x * y % p,
    "x / y": lambda x, y, p: next(z for z in range(p) if z * y % p == x),
    "x / y if y odd else x - y": lambda x, y, p: (
        next(z for z in range(p) if z * y % p == x) if y % 2 else (x - y) % p
    ),
    "x**2 + y**2": lambda x, y, p: (x * x + y * y) % p,
    "x**2 + x*y + y**2": lambda x, y, p: (x * x + x * y + y * y) % p,
    "x**2 + x*y + y**2 + x": lambda x, y, p: (x * x + x * y + y * y + x) % p,
    "x**3 + x*y": lambda x, y, p: (x**3 + x * y) % p,
    "x**3 + x*y**2 + y": lambda x, y, p: (x**3 + x * y * y + y) % p,
    "x over the larger": lambda x, y, p: x * pow(max(x, y), -1, p) % p,
}
OUTSIDE = {
    "x / y": lambda x, y: y == 0,
    "x over the larger": lambda x, y: x == y == 0,
}
OWN = "x over the larger"
EVERY = [*OPERATIONS, OWN]


def over_the_larger(x, y, p):
    inverse = np.array([0] + [pow(z, -1, p) for z in range(1, p)])
    return x * inverse[np.maximum(x, y)] % p


@pytest.fixture(autouse=True)
def with_an_own_one(for_a_while):
    define = operation(OWN, needs_prime=True, domain=lambda x, y: (x > 0) | (y > 0))
    define(over_the_larger)


def test_the_table_holds_the_operations_of_power_et_al():
    assert {name for name in OPERATIONS if OPERATIONS.is_own(name)} == ANSWER.keys() - {OWN}


@pytest.mark.parametrize("name", ANSWER)
@pytest.mark.parametrize("p", [3, 11])
def test_answers_and_domain(name, p):
    task = make_task(name, p)
    outside = OUTSIDE.get(name, lambda x, y: False)
    expected = [(x, y) for x in range(p) for y in range(p) if not outside(x, y)]
    assert task.pairs.tolist() == [list(pair) for pair in expected]
    assert task.answers.tolist() == [ANSWER[name](x, y, p) for x, y in expected]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("p", [2, 7, 12])
def test_every_operation_is_closed_or_refused(name, p):
    row = OPERATIONS[name]
    if row.needs_prime and p == 12:
        with pytest.raises(ValueError, match=rf"task\.p: '{name}' needs a prime modulus, got 12"):
            make_task(name, p)
        return
    task = make_task(name, p)
    assert task.answers.dtype == np.int64
    assert task.answers.shape == (len(task.pairs),)
    assert set(task.answers.tolist()) <= set(range(p))
    assert task.name == f"{name} mod {p}"


@pytest.mark.parametrize("name", EVERY)
def test_a_row_is_found_by_its_name_in_any_spelling(name):
    spelled = name.replace("**2", "²").replace("-", "−").replace("*", "·").replace(" ", "  ")
    for text in (name, spelled, spelled.upper() if name == OWN else f" {spelled} "):
        assert find_operation(text) is OPERATIONS[name]


def test_an_own_operation_is_trained_kept_and_read(tmp_path):
    config = tiny_config(task={"operation": OWN, "p": 11})
    run = train(config, tmp_path / "run")
    found = load(tmp_path / "run")
    assert found.config.task.operation == OWN
    assert len(found.dataset.pairs) == 120
    np.testing.assert_array_equal(found.dataset.true_label, make_task(OWN, 11).answers)
    assert found.network().task == run.dataset.task
    assert json.loads((tmp_path / "run/config.json").read_text())["task"]["operation"] == OWN


def test_an_own_operation_is_swept(tmp_path):
    grid = {
        "base": {"task": {"p": 7}, "model": {"width": 8}, "steps": 4},
        "axes": {"task.operation": ["x + y", OWN]},
    }
    results = sweep(grid, tmp_path / "out", machine="serial")
    assert results.table["status"].to_pylist() == ["done", "done"]
    assert sorted(results.table["task.operation"].to_pylist()) == sorted(["x + y", OWN])


def test_an_own_operation_is_imported():
    state = {"fc1.weight": torch.randn(8, 22), "fc2.weight": torch.randn(11, 8)}
    found = import_checkpoint(state, operation=OWN)
    assert found.run.config.task.operation == OWN
    assert found.run.dataset.task == make_task(OWN, 11)


def test_a_formula_that_is_written_anew_is_another_task():
    """As when a cell of a notebook runs again."""
    before = make_task(OWN, 11)
    operation(OWN)(over_the_larger)
    assert make_task(OWN, 11) != before
    assert len(make_task(OWN, 11).pairs) == 121
    assert make_task(OWN, 11) is make_task(OWN, 11)


@pytest.mark.parametrize("text", ["x + 2*y", "x + y"])
def test_equal_polynomials_are_equal_tasks(text):
    assert make_task(text, 7) == make_task(text.replace(" ", ""), 7)
    assert make_task(text, 7) != make_task("x + 3*y", 7)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x + y", "operation 'x + y' is there already, from interp itself"),
        ("y+x", "operation 'y+x' is a polynomial, which its text defines; expected another name"),
        ("x÷y", "operation 'x÷y' reads like 'x / y', which is there already"),
        ("X over the LARGER", "reads like 'x over the larger', which is there already"),
        ("x + 5*y", "operation 'x + 5*y' is a polynomial, which its text defines; expected an"),
        (" ", "operation: expected a name of letters, got ' '"),
    ],
)
def test_a_name_that_means_something_already_is_refused(name, message):
    with pytest.raises(ValueError) as caught:
        operation(name)(lambda x, y, p: x)
    assert message in str(caught.value)
    assert name not in OPERATIONS or OPERATIONS.is_own(name)


@pytest.mark.parametrize(
    "formula",
    [
        lambda x, y, p: x + y,
        lambda x, y, p: x - y,
        lambda x, y, p: (x + y) % p / 1,
        lambda x, y, p: x[:5],
        lambda x, y, p: 3,
    ],
    ids=["too large", "negative", "no whole number", "too few", "one"],
)
def test_answers_that_are_no_residues_are_refused(formula):
    operation("odd one")(formula)
    message = r"^task\.operation: 'odd one': expected a residue from 0 to 6 for each of 49 pairs, g"
    with pytest.raises(ValueError, match=message) as caught:
        make_dataset(make_task("odd one", 7), 0.5)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("x over the lager", "; nearest is x over the larger"),
        ("x // y", "or a polynomial in x and y; nearest is x / y"),
    ],
)
def test_an_unknown_operation_is_refused_with_the_nearest(text, hint):
    with pytest.raises(ValueError) as caught:
        parse_config({"task": {"operation": text}})
    assert str(caught.value).startswith("task.operation: ")
    assert str(caught.value).endswith(hint)


def test_a_misspelled_polynomial_is_told_as_before():
    with pytest.raises(
        ValueError, match=r"column 5\); expected something like 'x\*\*2 \+ 3\*x\*y'$"
    ):
        parse_config({"task": {"operation": "x + * y"}})
