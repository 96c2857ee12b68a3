"""Tasks in finite groups: their answers, configurations, run folders; what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from interp.analysis.sweeps.sweep import sweep
from interp.cli.app import main
from interp.training.config.run_config import RunConfig, parse_config
from interp.training.data.dataset import make_dataset
from interp.training.runs.run import load
from interp.training.sweep.plan.cell import content_hash
from interp.training.tasks.finite.names import named_group
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.test_cayley import LOOP, permuted
from tests.test_errors import refused
from tests.test_finite_groups import moved


def inverse(order: list[int]) -> list[int]:
    return [order.index(thing) + 1 for thing in range(1, len(order) + 1)]


def after(first: list[int], *others: list[int]) -> list[int]:
    """The product of permutations, the last one done first."""
    found = first
    for one in others:
        found = [found[thing - 1] for thing in one]
    return found


# One answer at a time, by lists of where 1 … 4 go.
ANSWER = {
    "x * y": lambda x, y: after(x, y),
    "x * y^-1": lambda x, y: after(x, inverse(y)),
    "x / y": lambda x, y: after(x, inverse(y)),
    "x·y⁻¹": lambda x, y: after(x, inverse(y)),
    "x * y * x^-1": lambda x, y: after(x, y, inverse(x)),
    "x * y * x": lambda x, y: after(x, y, x),
    "x^-1 * y": lambda x, y: after(inverse(x), y),
    "x*y/x/y": lambda x, y: after(x, y, inverse(x), inverse(y)),
}


@pytest.mark.parametrize("text", ANSWER)
def test_answers(text):
    task = make_task(text, group="S4")
    orders = [moved(one, 4) for one in task.elements]
    expected = [orders.index(ANSWER[text](orders[x], orders[y])) for x, y in task.pairs]
    assert task.answers.tolist() == expected
    assert (task.p, task.n_answers, task.group) == (24, 24, "S4")
    assert len(task.pairs) == 576


def test_titles_and_names():
    assert make_task("x / y", group="s_4").name == "x * y^-1 in S4"
    assert make_task(group="D12").elements[12:14] == ("s", "r s")
    assert make_task("x + y", 3).elements == ("0", "1", "2")
    assert make_task("x * y", group="D12") == make_task(" x·y", group="d12")
    config = parse_config({"task": {"group": "z8 x z12"}})
    assert config.task.title == config.make_task().name == "x * y in Z8×Z12"
    assert config.task.p == 96


@pytest.mark.parametrize(
    ("text", "sign"), [("x * y", 1), ("x / y", -1), ("x * y * x", None), ("x^-1 * y", None)]
)
def test_residues_as_a_group_keep_their_phases(text, sign):
    task = make_task(text, group="Z7")
    assert task.operation.second_sign == sign
    x, y = task.pairs.T
    if sign is not None:
        np.testing.assert_array_equal(task.answers, (x + sign * y) % 7)
    assert make_task(text, group="D7").operation.second_sign is None


@pytest.mark.parametrize("kind", ["uniform", "wrong", "symmetric", "blocks"])
def test_kinds_of_redrawing(kind):
    block = 4 if kind == "blocks" else None
    dataset = make_dataset(make_task("x * y", group="D12"), 0.5, 0.5, kind, block=block)
    redrawn = dataset.is_redrawn
    assert 100 < redrawn.sum() < 188
    wrong = dataset.given_label != dataset.true_label
    assert not wrong[~redrawn].any()
    assert wrong[redrawn].mean() > 0.8


def test_configurations_of_before_keep_their_names():
    assert "group" not in RunConfig().identity()
    first, second = (parse_config({"task": {"group": name}}) for name in ("S4", "D12"))
    assert content_hash(first.identity()) != content_hash(second.identity())


OWN = permuted(3)[np.ix_([3, 1, 0, 5, 2, 4], [3, 1, 0, 5, 2, 4])]
OWN = np.argsort([3, 1, 0, 5, 2, 4])[OWN]  # the same group, its elements in another order


@pytest.mark.parametrize("task", [{"group": "S3", "operation": "x / y"}, {"group": "D4"}, OWN])
def test_run_folders(task, tmp_path):
    if isinstance(task, np.ndarray):
        np.save(tmp_path / "mine.npy", task)
        task = {"group": "table", "table": str(tmp_path / "mine.npy"), "operation": "x * y^-1"}
    run = train(tiny_config(task=task), tmp_path / "run")
    found = load(tmp_path / "run")
    assert found.dataset.task == run.dataset.task
    assert found.dataset.task.key == run.config.make_task().key
    np.testing.assert_array_equal(found.dataset.true_label, run.dataset.task.answers)
    assert parse_config(run.config.to_dict()) == run.config
    assert tiny_config(task=run.dataset.task).task.group == run.config.task.group


def test_a_group_from_its_table():
    task = make_task("x * y^-1", group=OWN)
    x, y = task.pairs.T
    np.testing.assert_array_equal(OWN[task.answers, y], x)
    assert task.name.startswith("x * y^-1 in own group ")
    assert task.group in task.name
    assert task.operation.finite.table is not OWN
    assert make_task(group=OWN.tolist()).operation.finite == task.operation.finite


def test_a_quasigroup_is_a_task_without_irreps():
    task = make_task("x * y", group=LOOP)
    np.testing.assert_array_equal(task.answers, LOOP.ravel())
    assert "own quasigroup" in task.name
    assert task.name.endswith(", without irreps")
    assert task.group == "cyclic"
    with refused("task.operation: expected no inverses in own quasigroup ") as caught:
        make_task("x * y^-1", group=LOOP)
    assert str(caught.value).endswith(
        ", got 'x * y^-1'; a group is associative; (1·1)·2 is 2, 1·(1·2) is 4"
    )


def test_groups_are_swept(tmp_path):
    grid = {
        "base": {"model": {"width": 8}, "steps": 4},
        "axes": {"task.group": ["S3", "D4"], "task.operation": ["x * y", "x * y * x^-1"]},
    }
    results = sweep(grid, tmp_path / "out", machine="serial")
    assert results.table["status"].to_pylist() == ["done"] * 4
    assert sorted(results.table["task.group"].to_pylist()) == ["D4", "D4", "S3", "S3"]


WORDS = (
    "task.operation: expected x * y, x * y^-1, x * y * x^-1, x * y * x or another product of at "
    "most 8 of x, y and inverses in S4, got "
)


@pytest.mark.parametrize(
    "text", ["x + y", "x y", "x ** 2", "", "x *", "/ x * y z", "x" + " * y" * 8, "x*y^-2", "z"]
)
def test_words_that_are_none(text):
    with refused(WORDS + repr(text)):
        make_task(text, group="S4")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            {"group": "S5", "p": 97},
            "task.p: expected none beside group S5, which has 120 elements, got 97",
        ),
        (
            {"group": "S5", "n_answers": 3},
            "task.n_answers: expected none beside group S5, got 3",
        ),
        ({"group": "table"}, "task.table: expected the file of a group's products, got none"),
        ({"group": "T5"}, "task.group: expected S3 to S6, A4 to A6, D3 and on (of order 2n), "),
        ({"large": True}, "task.large: expected false beside no group, got true"),
        (
            {"group": "D600"},
            "task.group: expected at most 1,000 elements, got D600 with 1,200; all pairs and "
            "irreps take about 6.49 GiB; task.large: true allows it, --yes in commands",
        ),
    ],
)
def test_configuration_refuses(section, message):
    with refused(message) as caught:
        parse_config({"task": section})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: make_task("x * y", 7, group="S4"),
            "task.p: expected none beside group S4, which has 24 elements, got 7",
        ),
        (
            lambda: make_task("x * y", group="S4", name="mine"),
            "task.name: expected none beside a group, got 'mine'",
        ),
        (
            lambda: make_task(group=np.array([[0, 0], [1, 1]])),
            "table: expected a group or a quasigroup, each element once in every row and column; "
            "element 0 is twice in row 0",
        ),
        (
            lambda: make_task(group="Z1001"),
            "task.group: expected at most 1,000 elements, got Z1001 with 1,001; all pairs and ",
        ),
    ],
)
def test_tasks_refuse(call, message):
    with refused(message):
        call()


def test_a_large_group_is_allowed_on_demand():
    assert make_task(group="Z1001", large=True).p == 1001
    config = parse_config({"task": {"group": "Z1001", "large": True}})
    assert parse_config(config.to_dict()) == config
    assert config.task.large
    assert len(named_group("Z1001")) == 1001


def test_leave_that_nothing_needs_is_no_part_of_a_run():
    with_leave, without = ({"task": {"group": "S3", **more}} for more in ({"large": True}, {}))
    assert parse_config(with_leave) == parse_config(without)


def test_the_command_trains_in_a_group(tmp_path, capsys):
    flags = ["--task.group", "S3", "--steps", "4", "--model.width", "8", "--yes", "--json"]
    main(["train", "--out", str(tmp_path / "run"), *flags])
    json.loads(capsys.readouterr().out)
    assert load(tmp_path / "run").config.task.title == "x * y in S3"
    assert not load(tmp_path / "run").config.task.large
