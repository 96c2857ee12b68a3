"""Bad input to the commands of sweeps: one line, exit code 2, and nothing written or damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jaxtyping
import pytest

from interp.analysis.sweeps.options import axes_of_plane
from interp.analysis.sweeps.sweep import collect, read, sweep
from interp.training.runs.files import FORMAT
from interp.training.runs.run import load
from interp.training.sweep.executors.machine import Machine
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.plan.grid import parse_grid

from .sweep_cases import BASE, GRID, grid_file
from .test_cli_errors import complaint, contents


@pytest.fixture()
def desk(tmp_path, monkeypatch) -> Path:
    """The folder that a user works in: a grid, a note, nothing else."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    monkeypatch.chdir(tmp_path)
    grid_file(tmp_path, GRID)
    Path("notes").mkdir()
    Path("notes/note.txt").write_text("mine")
    return tmp_path


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished sweep of four cells."""
    out = tmp_path_factory.mktemp("sweeps") / "four"
    sweep(
        {**GRID, "base": {**BASE, "steps": 2}}, out, machine={"executor": "serial", "device": "cpu"}
    )
    return out


def axis(path: str, values: Any) -> dict[str, Any]:
    return {"base": BASE, "axes": {path: values}}


SPACING = "axis data.fraction: linspace: expected [first, last, count], got "
COUNT = "axis data.fraction: linspace: expected a count from 1 to 10⁶, got "
LIST = "expected a list, {linspace: [first, last, count]} or {geomspace: [first, last, count]}, got"
SEEDS = "seeds: expected a number of seeds from 1 to 10⁶ or a list of them, got "

GRIDS = [
    ({"axis": {}}, "grid: unknown key 'axis'; expected some of base, axes, zip, points, seeds"),
    ({"base": {"steps": 5}, "data.fraction": [1]}, "grid: unknown key 'data.fraction'; expected "),
    ({"base": [1]}, "base: expected a mapping of fields, got [1]"),
    ({"base": {"modell": {"width": 5}}}, "modell.width: unknown configuration key; nearest is m"),
    ({"base": {"data": {"corruptoin": 1}}}, "data.corruptoin: unknown configuration key; near"),
    ({"base": {"data": None}}, "data: expected a mapping of fields, or one of them by dotted path"),
    ({"base": {"data": 0.5}}, "data: expected a mapping of fields, or one of them by dotted path"),
    ({"axes": ["data.fraction"]}, "axes: expected a mapping of fields, got ['data.fraction']"),
    (axis("data.fractoin", [1]), "data.fractoin: unknown configuration key; nearest is data.fr"),
    (axis("fraction", [1]), "fraction: unknown configuration key; nearest is data.fraction"),
    (axis("data", [1]), "data: expected a mapping of fields, or one of them by dotted path"),
    (axis("data.fraction", []), "axis data.fraction: expected at least one value, got none"),
    (axis("data.fraction", None), f"axis data.fraction: {LIST} None"),
    (axis("data.fraction", 0.5), f"axis data.fraction: {LIST} 0.5"),
    (axis("data.kind", "uniform"), f"axis data.kind: {LIST} 'uniform'"),
    (
        axis("data.fraction", {"logspace": [1, 2, 3]}),
        "axis data.fraction: expected linspace or geomspace, got {'logspace': [1, 2, 3]}",
    ),
    (axis("data.fraction", {}), "axis data.fraction: expected linspace or geomspace, got {}"),
    (
        axis("data.fraction", {"linspace": [0, 1, 2], "geomspace": [1, 2, 3]}),
        "axis data.fraction: expected linspace or geomspace, got {'linspace': ",
    ),
    (axis("data.fraction", {"linspace": [0.1, 0.9]}), f"{SPACING}[0.1, 0.9]"),
    (axis("data.fraction", {"linspace": 5}), f"{SPACING}5"),
    (axis("data.fraction", {"linspace": [0, "one", 5]}), f"{SPACING}[0, 'one', 5]"),
    (axis("data.fraction", {"linspace": [0, True, 5]}), f"{SPACING}[0, True, 5]"),
    (axis("data.fraction", {"linspace": [0.1, 0.9, 2.5]}), f"{COUNT}2.5"),
    (axis("data.fraction", {"linspace": [0.1, 0.9, 0]}), f"{COUNT}0"),
    (axis("data.fraction", {"linspace": [0.1, 0.9, 10**12]}), f"{COUNT}1000000000000"),
    (
        axis("optimizer.lr", {"geomspace": [0, 1, 3]}),
        "axis optimizer.lr: geomspace: expected ends of one sign, got 0, 1",
    ),
    (
        {"zip": {"data.fraction": [0.1, 0.2], "steps": [5]}},
        "zip: expected axes of equal lengths, data.fraction has 2, steps has 1",
    ),
    ({"zip": [{}]}, "zip: expected axes of equal lengths, got no axis"),
    ({"zip": 5}, "zip: expected a list of mappings, got 5"),
    ({"zip": [5]}, "zip: expected a mapping of fields, got 5"),
    ({"points": 5}, "points: expected a list of mappings, got 5"),
    ({"points": {"steps": 5}}, "points: expected a list of mappings, got {'steps': 5}"),
    ({"points": [5]}, "points: expected a mapping of fields, got 5"),
    ({"points": [{"stepps": 5}]}, "stepps: unknown configuration key; nearest is steps"),
    ({"seeds": 0}, f"{SEEDS}0"),
    ({"seeds": -2}, f"{SEEDS}-2"),
    ({"seeds": True}, f"{SEEDS}True"),
    ({"seeds": []}, f"{SEEDS}[]"),
    ({"seeds": [0, -1]}, f"{SEEDS}[0, -1]"),
    ({"seeds": [0.5]}, f"{SEEDS}[0.5]"),
    ({"seeds": "three"}, f"{SEEDS}'three'"),
    ({"seeds": 10**12}, f"{SEEDS}1000000000000"),
    (
        {"axes": {"steps": [5]}, "zip": {"steps": [6]}},
        "axis steps: expected once, it is there twice",
    ),
    (
        {"axes": {"steps": [5]}, "points": [{"steps": 6}]},
        "axis steps: expected once, it is there twice",
    ),
    (axis("seed", [0, 1]), "axis seed: expected under `seeds`, not as an axis"),
    (
        {"base": BASE, "axes": {"data.fraction": [2, 3]}},
        "grid: no cell can be run: data.fraction: expected a number ≥ 0 and ≤ 1, got 2",
    ),
    (
        {"base": {"steps": "many"}, "seeds": 1},
        "grid: no cell can be run: steps: expected a whole number, got",
    ),
    (
        axis("data.fraction", {"linspace": [0.1, 1, 1_001]}) | {"seeds": 1_000},
        "grid: 1,001,000 cells; give --yes for more than 1,000,000",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("grid", "message"), GRIDS)
def test_sweep_refuses_a_grid(desk, capsys, grid, message):
    grid_file(desk, grid)
    before = contents(desk)
    found = complaint(capsys, "sweep", "grid.yaml", "--out", "new")
    assert found.startswith(message)
    assert contents(desk) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "configuration run.yaml: no such file"),
        ("axes: {steps: [", "configuration run.yaml: not valid YAML (line 1: "),
        ("- steps", "configuration run.yaml: expected a mapping of fields, got list"),
        ("base: other.yaml", "configuration other.yaml: no such file"),
        ("axes: {null: [5]}", "None: unknown configuration key; nearest is model"),
        ("null: 5", "grid: unknown key None; expected some of base, axes, zip, points, seeds"),
    ],
)  # fmt: skip
def test_sweep_refuses_a_file(desk, capsys, content, message):
    if content is not None:
        Path("run.yaml").write_text(content)
    before = contents(desk)
    assert message in complaint(capsys, "sweep", "run.yaml", "--out", "new")
    assert contents(desk) == before


OPTIONS = [
    ("", "--out: expected the folder of the sweep, got none"),
    ("--out new --shard 4/4", "shard: expected i/n with i from 0 to n − 1, got 4/4"),
    ("--out new --shard=-1/4", "shard: expected i/n with i from 0 to n − 1, got -1/4"),
    ("--out new --shard 0/0", "shard: expected i/n with i from 0 to n − 1, got 0/0"),
    ("--out new --shard 2", "shard: expected i/n such as 0/4, got '2'"),
    ("--out new --shard one/2", "shard: expected i/n such as 0/4, got 'one/2'"),
    ("--out new --shard 1/2/3", "shard: expected i/n such as 0/4, got '1/2/3'"),
    (
        "--out new --executor slurm",
        "executor: expected auto or serial or processes or cohorts or ray, got 'slurm'",
    ),
    (
        "--out new --executor procesess",
        "executor: expected auto or serial or processes or cohorts or ray, got 'procesess'; "
        "nearest is processes",
    ),
    ("--out new --workers 0", "workers: expected a whole number of at least 1, got 0"),
    (
        "--out new --executor serial --workers 3",
        "workers: expected with an executor of several processes; got 3 with serial",
    ),
    (
        "--out new --executor cohorts --workers 2",
        "workers: expected with an executor of several processes; got 2 with cohorts",
    ),
    (
        "--out new --address here:6379",
        "address: expected with an executor that joins a cluster, such as ray; got 'here:6379' "
        "with auto",
    ),
    (
        "--dry-run --executor processes --address auto",
        "address: expected with an executor that joins a cluster, such as ray; got 'auto' with p",
    ),
    ("--dry-run --device tpu", "device: expected auto, cpu or cuda, got 'tpu'"),
    (
        "--out new --workers=-3 --executor processes",
        "workers: expected a whole number of at least 1, got -3",
    ),
    ("--dry-run --workers 0", "workers: expected a whole number of at least 1, got 0"),
    (
        "--out new --threads 0 --executor serial",
        "threads: expected a whole number of at least 1, got 0",
    ),
    ("--out new --keep score", "keep: expected runs or scores, got 'score'"),
    ("--dry-run --keep all", "keep: expected runs or scores, got 'all'"),
    ("--out new --refine=-1", "refine: expected a whole number of at least 0, got -1"),
    (
        "--out new --refine 1 --shard 0/2",
        "refine: expected the whole sweep, got a shard; refine when all are done",
    ),
    ("--out new --device tpu", "device: expected auto, cpu or cuda, got 'tpu'"),
    ("--out notes", "notes: expected a new folder or one of a sweep, it has contents"),
    ("--out grid.yaml", "grid.yaml: expected a folder, that is a file"),
    ("--out grid.yaml/new", "grid.yaml/new: Not a directory"),
    ("--out nowhere://new", "nowhere://new: no file system for this address ("),
    (
        "--out memory://new --executor processes",
        "memory://new: memory is seen by one process only; use executor serial, or keep scores",
    ),
    (
        "--out new --nonsense",
        "sweep: expected one of its options, got --nonsense; --help lists them",
    ),
]


@pytest.mark.parametrize(("options", "message"), OPTIONS)
def test_sweep_refuses_an_option(desk, capsys, options, message):
    before = contents(desk)
    found = complaint(capsys, "sweep", "grid.yaml", *options.split())
    assert message in found
    assert contents(desk) == before


def test_refinement_needs_a_plane(desk, capsys):
    grid_file(desk, axis("data.fraction", [0.4, 0.5]))
    found = complaint(capsys, "sweep", "grid.yaml", "--out", "new", "--refine", "1")
    assert found == "grid: expected two axes of numbers to span a plane, got data.fraction"
    with pytest.raises(ValueError, match="two axes of numbers to span a plane, got none"):
        axes_of_plane(parse_grid({"axes": {"data.kind": ["uniform", "wrong"]}}))
    assert not Path("new").exists()


NO_SWEEP = "expected a folder of a sweep"
AXES = "to be one of the axes data.fraction, data.corruption"
READING = [
    ("sweep status notes", "notes: expected a folder of a sweep (with sweep.json), found none"),
    ("sweep status absent", f"absent: {NO_SWEEP} (with sweep.json), found none"),
    ("sweep status grid.yaml", "grid.yaml: expected a folder, that is a file"),
    ("sweep status nowhere://there", "nowhere://there: no file system for this address ("),
    ("collect notes", "notes: expected a sweep or finished run folders, found none"),
    ("collect absent", "absent: expected a folder of a sweep, found none"),
    ("collect SWEPT --workers 0", "workers: expected a whole number of at least 1, got 0"),
    ("collect SWEPT --table absent/t.csv", "table absent/t.csv: expected an existing folder, a"),
    ("collect SWEPT --table t.txt", "table t.txt: expected a name that ends in .parquet or .csv"),
    ("phases notes", "notes: expected a sweep with results, found none"),
    ("phases absent", f"absent: {NO_SWEEP}, found none"),
    ("phases SWEPT --figure absent/p.html", "figure absent/p.html: expected an existing folder, a"),
    ("phases SWEPT --figure p.gif", "figure p.gif: expected a name that ends in .html"),
    ("phases SWEPT --where steps", "where: expected path=value such as optimizer.lr=0.01, got 's"),
    ("phases SWEPT --where =5", "where: expected path=value such as optimizer.lr=0.01, got '=5'"),
    ("phases SWEPT --x data.fractoin", f"expected x {AXES}; got 'data.fractoin'"),
    ("phases SWEPT --y steps", f"expected y {AXES}; got 'steps'"),
    ("phases SWEPT --panel data.kind", f"expected panel {AXES}; got 'data.kind'"),
    ("phases SWEPT --where data.kind=wrong", "'data.kind'"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), READING)
def test_reading_commands_refuse(desk, capsys, swept, arguments, message):
    shutil.copytree(swept, desk / "swept")
    before = contents(desk)
    found = complaint(capsys, *arguments.replace("SWEPT", "swept").split())
    assert message in found
    after = contents(desk)
    assert {name: after.get(name) for name in before if "results" not in name} == {
        name: content for name, content in before.items() if "results" not in name
    }


def test_collect_says_why_there_is_nothing(desk, capsys, swept):
    shutil.copytree(swept / "runs", desk / "runs")
    for folder in (desk / "runs").iterdir():
        (folder / "metrics.jsonl").write_text("")
    with pytest.raises(ValueError, match="expected a sweep or finished run folders, found none; r"):
        collect(".", machine="serial")
    (desk / "runs").rename(desk / "hidden")
    found = complaint(capsys, "collect", ".", "--workers", "1")
    assert found == ".: expected a sweep or finished run folders, found none"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "swept/sweep.json: not a plan of a sweep; truncated or altered"),
        ('{"format": 1, "grids": [{"ba', "swept/sweep.json: not a plan of a sweep; truncated or"),
        ("[]", "swept/sweep.json: not a plan of a sweep; truncated or altered"),
        ('{"format": 1}', "swept/sweep.json: not a plan of a sweep; truncated or altered"),
        ('{"format": 1, "grids": 5}', "swept/sweep.json: not a plan of a sweep; truncated or alte"),
        ('{"format": 1, "grids": [5]}', "swept/sweep.json: not a plan of a sweep; truncated or"),
        (
            json.dumps({"format": FORMAT + 1, "grids": []}),
            "swept/sweep.json: written in format 2; this version reads up to 1, update interp",
        ),
        (
            json.dumps({"format": FORMAT, "grids": [{"axes": {"steps": []}}]}),
            "axis steps: expected at least one value, got none",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["sweep grid.yaml --out swept", "sweep status swept"])
def test_a_damaged_plan_is_refused(desk, capsys, swept, command, content, message):
    shutil.copytree(swept, desk / "swept")
    Path("swept/sweep.json").write_text(content)
    before = contents(desk)
    assert message in complaint(capsys, *command.split())
    assert contents(desk) == before


def test_errors_of_the_functions(desk, swept):
    with pytest.raises(ValueError, match="executor: expected auto or serial or processes or coh"):
        Machine("slurm")
    with pytest.raises(ValueError, match="workers: expected a whole number of at least 1, got 0"):
        Machine("serial", 0)
    with pytest.raises(
        ValueError, match="device: expected cpu or auto where nothing is trained, got 'cuda'"
    ):
        collect(swept, machine={"device": "cuda"})
    with pytest.raises(ValueError, match="steps: expected a whole number, got 'many'"):
        Cell("0", '{"steps": "many"}').parsed()
    with pytest.raises(ValueError, match="expected a sweep with results, found none"):
        shutil.copy(swept / "sweep.json", desk / "notes")
        read(desk / "notes")


def test_a_run_whose_scores_have_lost_their_end(swept):
    """Is refused by name, and so done anew by a sweep."""
    from interp.training.sweep.executors.work import Work

    folder, *_ = (swept / "runs").iterdir()
    run = load(folder)
    half = type(run)(**{**vars(run), "measurements": run.measurements[:-1]})
    with pytest.raises(ValueError, match="expected scores up to step 2, they end at 1"):
        Work.check_end(half)
