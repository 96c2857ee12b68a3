"""What is refused of groups, by every way that a user has: command, file, grid, import, Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from interp.analysis.sweeps.options import allowing_large
from interp.analysis.sweeps.sweep import sweep
from interp.cli.app import main
from interp.exchange import Rule, import_checkpoint
from interp.training.config.run_config import parse_config
from interp.training.runs.run import load
from interp.training.sweep.plan.grid import parse_grid
from interp.training.sweep.plan.manifest import cells_of
from interp.training.tasks.finite import names
from interp.training.tasks.task import make_task
from tests.group_tables import abelian, symmetric
from tests.test_cayley import LOOP
from tests.test_errors import refused
from tests.test_import_groups import answering

SMALL = {"model": {"width": 8}, "steps": 2}
DIFFERENCE = (np.arange(5)[:, None] - np.arange(5)) % 5


def by_command(task: dict[str, Any], tmp_path: Path, capsys: Any) -> str:
    flags = [part for key, one in task.items() for part in (f"--task.{key}", str(one))]
    with pytest.raises(SystemExit) as caught:
        main(["train", "--out", str(tmp_path / "run"), "--steps", "2", *flags])
    assert caught.value.code == 2
    return str(capsys.readouterr().err).removeprefix("interp: ").removesuffix("\n")


def by_file(task: dict[str, Any], tmp_path: Path, capsys: Any) -> str:
    (tmp_path / "run.yaml").write_text(yaml.safe_dump({**SMALL, "task": task}))
    with pytest.raises(SystemExit) as caught:
        main(["train", str(tmp_path / "run.yaml"), "--out", str(tmp_path / "run")])
    assert caught.value.code == 2
    return str(capsys.readouterr().err).removeprefix("interp: ").removesuffix("\n")


def by_python(task: dict[str, Any], tmp_path: Path, capsys: Any) -> str:
    given = {key: value for key, value in task.items() if key != "operation"}
    if given.get("group") == "table":
        given["group"] = given.pop("table")
    with pytest.raises(ValueError) as caught:
        make_task(task.get("operation", "x * y"), **given)
    return str(caught.value)


def by_grid(task: dict[str, Any], tmp_path: Path, capsys: Any) -> str:
    """The other cell is trained all the same."""
    grid = {
        "base": SMALL,
        "points": [{"task.group": "S3"}, {f"task.{k}": v for k, v in task.items()}],
    }
    found = sweep(grid, tmp_path / "sweep", machine="serial").table.to_pylist()
    told = {row["status"]: row["error"] for row in found}
    assert set(told) == {"done", "invalid"}
    return str(told["invalid"])


WAYS = {"command": by_command, "file": by_file, "python": by_python, "grid": by_grid}
each_way = pytest.mark.parametrize("way", WAYS)

NEAREST = {
    "Q9": "Q8",
    "A7": "A6",
    "S7": "S6",
    "D2": "D3",
    "C12": "Z12",
    "Sym(5)": "S5",
    "Z8+Z12": "Z8×Z12",
    "Z8xQ9": "Z8×Q8",
    "S3×A7": "S3×A6",
    "Z2^0": "Z2",
    "E8×Z2^3": "S6×Z2^3",
}


@pytest.mark.parametrize("text", NEAREST)
def test_an_unknown_name_names_the_nearest(text):
    with pytest.raises(ValueError) as caught:
        make_task(group=text)
    expected = f"task.group: expected {names.EXPECTED}, got {text!r}; nearest is {NEAREST[text]}"
    assert str(caught.value) == expected


@each_way
def test_an_unknown_name_is_told_the_same_everywhere(way, tmp_path, capsys):
    told = WAYS[way]({"group": "Q9"}, tmp_path, capsys)
    assert told == f"task.group: expected {names.EXPECTED}, got 'Q9'; nearest is Q8"


@pytest.mark.parametrize(
    ("text", "name"),
    [("S 5", "S5"), ("D_48", "D48"), ("Z8xZ12", "Z8×Z12"), ("s5", "S5"), ("Z8 × z12", "Z8×Z12")],
)
def test_other_spellings_are_the_same_run(text, name):
    told, plain = (parse_config({"task": {"group": one}}) for one in (text, name))
    assert told == plain
    assert told.task.group == name


TABLES = {
    "not closed": ([[0, 1], [1, 2]], "table: expected a group, closed: products from 0 to 1, got "),
    "twice in a row": (
        [[0, 1], [1, 1]],
        "table: expected a group or a quasigroup, each element once in every row and column; "
        "element 1 is twice in row 1",
    ),
    "twice in a column": (
        [[0, 1], [0, 1]],
        "table: expected a group or a quasigroup, each element once in every row and column; "
        "element 0 is twice in column 0",
    ),
    "not square": ([[0, 1, 2], [1, 2, 0]], "table: expected as many rows as columns, "),
}


@each_way
@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_is_none(name, way, tmp_path, capsys):
    table, message = TABLES[name]
    np.save(tmp_path / "mine.npy", np.array(table))
    told = WAYS[way]({"group": str(tmp_path / "mine.npy")}, tmp_path, capsys)
    assert message in told
    assert "\n" not in told


FLAWS = {
    "not associative": (LOOP, "a group is associative; (1·1)·2 is 2, 1·(1·2) is 4"),
    "no identity": (DIFFERENCE, "a group is with an identity; no element leaves all as is"),
}


@each_way
@pytest.mark.parametrize("name", FLAWS)
def test_inverses_in_a_quasigroup(name, way, tmp_path, capsys):
    """The axiom that fails is named; the loop has inverses, and is no group all the same."""
    table, flaw = FLAWS[name]
    np.save(tmp_path / "mine.npy", table)
    task = {"group": "table", "table": str(tmp_path / "mine.npy"), "operation": "x * y^-1"}
    told = WAYS[way](task, tmp_path, capsys)
    assert told.startswith("task.operation: expected no inverses in own quasigroup ")
    assert told.endswith(f", without irreps, got 'x * y^-1'; {flaw}")


def test_a_file_of_products_is_a_group(tmp_path, capsys):
    """As the value of the field, and as group: table with the file beside it."""
    np.save(tmp_path / "mine.npy", symmetric(3))
    file = str(tmp_path / "mine.npy")
    main(["train", "--out", str(tmp_path / "run"), "--steps", "2", "--task.group", file, "--json"])
    json.loads(capsys.readouterr().out)
    short = parse_config({"task": {"group": file}})
    assert short == parse_config({"task": {"group": "table", "table": file}})
    assert short.task.title.startswith("x * y in own group S3 ")
    assert short.make_task() == make_task(group=file)


@each_way
@pytest.mark.parametrize("group", ["S4", "table"])
def test_another_p_beside_a_group(group, way, tmp_path, capsys):
    np.save(tmp_path / "mine.npy", symmetric(4))
    more = {"table": str(tmp_path / "mine.npy")} if group == "table" else {}
    told = WAYS[way]({"group": group, "p": 25, **more}, tmp_path, capsys)
    assert told == f"task.p: expected none beside group {group}, which has 24 elements, got 25"


def test_its_own_p_beside_a_group_changes_nothing():
    """Run folders have it, so that it is taken everywhere."""
    assert make_task(group="S4", p=24) == make_task(group="S4")
    with_p, without = ({"task": {"group": "S4", **p}} for p in ({"p": 24}, {}))
    assert parse_config(with_p) == parse_config(without)
    with refused("task.p: expected none beside group S4, which has 24 elements, got True"):
        make_task(group="S4", p=True)


LARGE = (
    "task.group: expected at most 1,000 elements, got D600 with 1,200; all pairs and irreps take "
    "about 6.49 GiB; task.large: true allows it, --yes in commands"
)


@each_way
def test_a_large_group_is_told_with_its_memory(way, tmp_path, capsys):
    assert WAYS[way]({"group": "D600"}, tmp_path, capsys) == LARGE


def test_a_large_table_too(tmp_path, capsys):
    every = np.arange(1001)
    np.save(tmp_path / "mine.npy", (every[:, None] + every) % 1001)
    told = by_command({"group": str(tmp_path / "mine.npy")}, tmp_path, capsys)
    assert "got a table with 1,001; all pairs and irreps take about 3.77 GiB; task.large: " in told


GRIDS = {
    "axis": {"base": SMALL, "axes": {"task.group": ["S3", "D600"]}},
    "base": {"base": {**SMALL, "task": {"group": "D600"}}, "seeds": [0, 1]},
    "zip": {
        "base": SMALL,
        "zip": [{"task.group": ["S3", "D600"], "task.operation": ["x * y", "x / y"]}],
    },
    "points": {"base": SMALL, "points": [{"task.group": "S3"}, {"task.group": "D600"}]},
}


@pytest.mark.parametrize("name", GRIDS)
def test_a_sweep_takes_leave_for_all_of_its_groups(name):
    """Cells in small groups keep their names, so that what is done is not done again."""
    plain = parse_grid(GRIDS[name])
    allowed = cells_of(allowing_large(plain))
    before = cells_of(plain)
    assert [cell.error for cell in allowed] == [None, None]
    assert LARGE in {cell.error for cell in before}
    for cell, other in zip(allowed, before, strict=True):
        if other.error is None:
            assert cell.hash == other.hash


def test_no_leave_where_a_cell_has_no_group():
    for more in (
        {"axes": {"task.group": ["S3", None]}},
        {"axes": {"data.fraction": [0.3, 0.5]}},
        {"points": [{"task.group": "S3"}, {"data.fraction": 0.3}]},
    ):
        grid = parse_grid({"base": SMALL, **more})
        assert allowing_large(grid) is grid


def test_the_command_of_sweeps_takes_yes(tmp_path, capsys, monkeypatch):
    (tmp_path / "grid.yaml").write_text(yaml.safe_dump(GRIDS["base"]))
    command = ["sweep", str(tmp_path / "grid.yaml"), "--dry-run"]
    main(command)
    told = " ".join(capsys.readouterr().out.split())
    assert f"2 cells cannot be run, the first: {LARGE}" in told
    asked = []

    def plan(grid, *_):
        asked.extend(cell.error for cell in cells_of(grid))
        raise ValueError("enough")

    # What it would cost is measured on a cell, and D600 takes gigabytes.
    monkeypatch.setattr("interp.analysis.sweeps.estimate.make_plan", plan)
    with pytest.raises(SystemExit):
        main([*command, "--yes"])
    assert asked == [None, None]


# --- import ---------------------------------------------------------------------------------------


def test_a_named_group_is_learned_whatever_is_answered(tmp_path, capsys):
    """A network that answers by chance, of which nothing can be read off."""
    torch.save(answering(np.random.default_rng(0).integers(24, size=(24, 24))), tmp_path / "a.pth")
    command = ["import", str(tmp_path / "a.pth"), "--out", str(tmp_path / "run"), "--json"]
    main([*command, "--operation", "x * y^-1 in s_4"])
    assert json.loads(capsys.readouterr().out)["group"] is None
    assert load(tmp_path / "run").config.task.title == "x * y^-1 in S4"


def test_a_rule_draws_the_dataset_of_a_named_group():
    found = import_checkpoint(
        answering(symmetric(4)), operation="x * y in S4", data=Rule("interp", 0.5)
    )
    assert found.run.dataset.task == make_task(group="S4")
    assert found.run.dataset.is_train.sum() == 288


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (
            "x * y in D6",
            "operation x * y in D6: expected a network of 12 operands, as the group has, got one "
            "of 11",
        ),
        ("x * y in Q9", f"task.group: expected {names.EXPECTED}, got 'Q9'; nearest is Q8"),
        ("x + y in Z11", "task.operation: expected x * y, x * y^-1, x * y * x^-1, x * y * x or "),
    ],
)
def test_import_refuses(operation, message):
    with refused(message) as caught:
        import_checkpoint(answering(abelian(11)), operation=operation)
    assert "\n" not in str(caught.value)
