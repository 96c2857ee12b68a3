"""A foreign network that computes in a group: the group is read off its answers."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch.nn import functional

import interp
from interp.cli.app import main
from interp.exchange import Rule, import_checkpoint
from tests.group_tables import (
    abelian,
    alternating,
    broken,
    dihedral,
    relabelled,
    semidirect,
    symmetric,
)


def answering(table: np.ndarray, margin: float = 1.0) -> dict[str, torch.Tensor]:
    """One ReLU neuron a pair, which is 1 there and 0 elsewhere, and writes the pair's answer."""
    n = len(table)
    pairs = torch.cartesian_prod(torch.arange(n), torch.arange(n))
    return {
        "0.weight": functional.one_hot(pairs, n).flatten(1).double(),
        "0.bias": -torch.ones(n * n).double(),
        "2.weight": margin * functional.one_hot(torch.as_tensor(table.ravel()), n).T.double(),
        "2.bias": torch.zeros(n).double(),
    }


GROUPS = {
    "S4": symmetric(4),
    "A4": alternating(4),
    "D12": dihedral(12),
    "Z12": abelian(12),
    "Z2^3": abelian(2, 2, 2),
    "Z11": abelian(11),
}


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_in_its_own_order_becomes_the_task(name):
    table = relabelled(GROUPS[name], 3)
    found = import_checkpoint(answering(table, margin=2.5))
    task, group = found.run.dataset.task, found.group
    np.testing.assert_array_equal(task.answers.reshape(table.shape), table)
    assert task.name.startswith(f"x * y in own group {name} ")
    assert (group.group.name, group.form, group.share) == (name, "x · y", 1)
    assert group.margin == pytest.approx(2.5, abs=1e-12)
    told = next(line for line in found.recognized if line.startswith("operation "))
    assert told.startswith(
        f"operation x · y in {name}: the network's own answers to all pairs are those of a group: "
        f"{name} "
    )
    assert f" (order {len(table)}, element orders {{1: 1, " in told
    neutral = int((table == np.arange(len(table))).all(axis=1).argmax())
    assert f"identity at index {neutral}; least margin of the answers 2.5; no known" in told
    assert any("so its accuracy is 1 by definition" in line for line in found.assumed)
    assert found.questioned == ()


def test_a_quotient_is_named_as_such():
    table = relabelled(symmetric(4), 1)
    neutral = int((table == np.arange(24)).all(axis=1).argmax())
    inverse = (table == neutral).argmax(axis=1)
    found = import_checkpoint(answering(table[:, inverse]))
    assert found.run.dataset.task.name.startswith("x * y^-1 in own group S4 ")
    np.testing.assert_array_equal(found.run.dataset.true_label, table[:, inverse].ravel())
    np.testing.assert_array_equal(found.group.group.table, table)


def test_nearly_a_group_is_learned_as_the_group():
    """Scored against the group's products; the share that agrees is said."""
    table = relabelled(symmetric(4), 2)
    noisy = broken(table, 0.05, 0)
    found = import_checkpoint(answering(noisy))
    np.testing.assert_array_equal(found.run.dataset.true_label, table.ravel())
    share = (noisy == table).mean()
    assert found.run.measurement().scores["all"].accuracy == pytest.approx(share, abs=1e-12)
    assert found.group.share == pytest.approx(share, abs=1e-12)
    told = next(line for line in found.recognized if line.startswith("operation "))
    assert "95 % of the network's own answers are x · y of a group, S4 (order 24, " in told
    assert "the nearest one by the votes of the answers; no known operation" in told
    assert not any("by definition" in line for line in found.assumed)


@pytest.mark.parametrize(
    ("form", "word"), [("x · y⁻¹", "x * y^-1 in own group"), ("x⁻¹ · y", "x^-1 * y in own group")]
)
@pytest.mark.parametrize("name", ["S4", "D12"])
def test_nearly_a_quotient_is_learned_as_the_quotient(name, form, word):
    """D12's products agree with its quotients in 58 % of the cells, and are not taken for them."""
    table = relabelled(GROUPS[name], 4)
    neutral = int((table == np.arange(24)).all(axis=1).argmax())
    inverse = (table == neutral).argmax(axis=1)
    values = table[:, inverse] if form == "x · y⁻¹" else table[inverse]
    noisy = broken(values, 0.05, 1)
    found = import_checkpoint(answering(noisy))
    assert found.run.dataset.task.name.startswith(f"{word} {name} ")
    np.testing.assert_array_equal(found.run.dataset.true_label, values.ravel())
    np.testing.assert_array_equal(found.group.group.table, table)
    assert found.group.share == pytest.approx((noisy == values).mean(), abs=1e-12)
    told = next(line for line in found.recognized if line.startswith("operation "))
    assert f"95 % of the network's own answers are {form} of a group, {name} (order 24, " in told


def test_far_from_a_group_is_an_assumption_or_none():
    table = relabelled(symmetric(4), 2)
    found = import_checkpoint(answering(broken(table, 0.3, 0)))
    assert any("S4" in line and "though others may be as near" in line for line in found.assumed)
    assert not found.group.is_proven
    for other in (
        np.random.default_rng(0).integers(24, size=(24, 24)),
        broken(table, 0.7, 0),
    ):
        found = import_checkpoint(answering(other))
        assert found.group is None
        assert found.run.config.task.operation == "x + y"
        assert any("is the operation right?" in line for line in found.questioned)


def test_a_quasigroup_that_is_no_group_stays_unknown():
    loop = [[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]]
    found = import_checkpoint(answering(relabelled(np.array(loop), 1)))
    assert found.run.dataset.task.operation.name == "unknown"
    assert any("is best), and no group" in line for line in found.assumed)
    assert found.group is None


def test_a_group_without_a_name_is_said_by_its_order():
    found = import_checkpoint(answering(relabelled(semidirect(7, 3, 2), 0)))
    assert "x * y in own group of order 21" in found.run.dataset.task.name
    assert found.group.to_dict()["elements"] == [str(i) for i in range(21)]


@pytest.mark.parametrize("operation", ["x + y", "x - y"])
def test_residues_in_their_own_order_stay_residues(operation):
    x = np.arange(11)
    table = (x[:, None] + (1 if operation == "x + y" else -1) * x) % 11
    found = import_checkpoint(answering(table))
    assert found.run.config.task.operation == operation
    assert found.group is None
    noisy = import_checkpoint(answering(broken(table, 0.2, 0)))
    assert noisy.run.config.task.operation == operation


def test_a_small_group_that_half_agrees_with_residues_is_itself():
    """Z2² agrees with x + y mod 4 on 9... of 16 sums; its answers are all of the group's."""
    both = np.arange(4)[:, None] ^ np.arange(4)
    assert (both == (np.arange(4)[:, None] + np.arange(4)) % 4).mean() > 0.5
    found = import_checkpoint(answering(both))
    assert found.group.group.name == "Z2^2"


def test_a_group_that_mostly_agrees_with_residues_is_itself():
    """Z3² in balanced digits of Z9 is x + y mod 9 in 7 of 9 sums, and x - y in 1 of 3."""
    every = np.arange(9)
    low = (every + 1) % 3 - 1
    high = (every - low) // 3
    both = (low[:, None] + low + 1) % 3 - 1 + 3 * (high[:, None] + high)
    table = both % 9
    assert (table == (every[:, None] + every) % 9).mean() == pytest.approx(7 / 9)
    found = import_checkpoint(answering(table))
    assert found.group.group.name == "Z3^2"
    np.testing.assert_array_equal(found.run.dataset.task.answers, table.ravel())


def test_unknown_answers_are_a_group_only_where_all_are():
    """What is named unknown is the network's own answers, not those of a group nearby."""
    noisy = broken(relabelled(symmetric(4), 2), 0.05, 0)
    found = import_checkpoint(answering(noisy), operation="unknown")
    assert found.group is None
    assert found.run.dataset.task.operation.name == "unknown"
    np.testing.assert_array_equal(found.run.dataset.true_label, noisy.ravel())


def test_an_operation_that_is_named_is_taken():
    found = import_checkpoint(answering(symmetric(4)), operation="x + y")
    assert found.group is None
    own = import_checkpoint(answering(relabelled(symmetric(4), 0)), operation="unknown")
    assert own.group.group.name == "S4"


def test_the_dataset_may_come_with_the_file():
    """Labels by the group's table, some redrawn: they are scored against it."""
    table = relabelled(dihedral(12), 5)
    random = np.random.default_rng(0)
    train = np.sort(random.permutation(576)[:300])
    given = table.ravel().copy()
    given[train[:60]] = (given[train[:60]] + 1) % 24
    data = {"train_indices": train, "labels": given, "redrawn_indices": train[:60]}
    answers = table.ravel().copy()
    answers[train[:30]] = given[train[:30]]
    found = import_checkpoint(answering(answers.reshape(24, 24)), data=data)
    assert found.group.group.name == "D12"
    scores = found.run.measurement().scores
    assert scores["corrupted"].accuracy == scores["corrected"].accuracy == 0.5
    assert scores["test"].accuracy == 1


def test_everything_works_after_the_import(tmp_path, capsys):
    table = relabelled(symmetric(4), 4)
    file = tmp_path / "s4.pth"
    torch.save(answering(table), file)
    main(["import", str(file), "--out", str(tmp_path / "run"), "--json"])
    told = json.loads(capsys.readouterr().out)["group"]
    assert told["name"] == "S4"
    assert told["element_orders"] == {"1": 1, "2": 9, "3": 8, "4": 6}
    assert len(set(told["elements"])) == 24
    assert {"()", "(1 2)", "(1 2)(3 4)", "(1 2 3 4)"} < set(told["elements"])
    run = interp.load(tmp_path / "run")
    np.testing.assert_array_equal(run.dataset.task.answers, table.ravel())
    assert run.origin.imported["elements"] == told["elements"]
    assert len(interp.neuron_table(run).ipr) == 24 * 24
    for command in (["ipr"], ["spectrum"], ["report", "--out", str(tmp_path / "r.html")]):
        main([command[0], str(tmp_path / "run"), *command[1:]])
    assert "own group S4" in (tmp_path / "r.html").read_text()


def test_rules_draw_datasets_of_the_group():
    found = import_checkpoint(answering(relabelled(symmetric(4), 4)), data=Rule("interp", 0.5))
    assert int(found.run.dataset.is_train.sum()) == 288
