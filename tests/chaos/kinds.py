"""Every kind of file that is read, whole examples of each, and who reads it.

``{place}`` in a command is a folder with a copy of all examples, ``{file}`` the damaged one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
import yaml

import interp
from interp.explorer.app import make_app
from interp.explorer.catalog import Catalog
from interp.explorer.readings import Readings
from interp.training.array_file import read_arrays
from tests.chaos import damage as plain
from tests.chaos import damage_tensors as tensors
from tests.chaos.damage import Damage
from tests.sweep_cases import BASE

Reader = Callable[[Path, Path], None]  # of the folder of examples and the damaged file

TINY: dict[str, Any] = {**BASE, "data": {"fraction": 0.6, "corruption": 0.3}}
GRID: dict[str, Any] = {
    "base": {**TINY, "steps": 4},
    "axes": {"data.fraction": [0.4, 0.8], "data.corruption": [0.0, 0.5]},
    "measures": {"bands": {}},
}
RECIPE: dict[str, Any] = {
    "name": "small",
    "title": "A small one",
    "source": "nowhere",
    "claim": "It can be tried.",
    "grid": {"base": {**TINY, "steps": 4}, "axes": {"optimizer.weight_decay": [0, 1]}, "seeds": 2},
    "measures": {"bands": {}},
    "figures": [{"kind": "training"}, {"kind": "histograms"}],
    "criteria": [
        {"says": "test", "measure": "test_accuracy", "at_least": 0.5},
        {
            "says": "more decay, smaller",
            "measure": "weight_norm",
            "at": {"optimizer.weight_decay": 1},
            "falls_below": {"at": {"optimizer.weight_decay": 0}},
        },
    ],
}


def make_examples(place: Path) -> None:
    """Whole files of every kind below a new folder."""
    place.mkdir()
    for name, values in (("config", TINY), ("grid", GRID), ("recipe", RECIPE)):
        (place / f"{name}.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    (place / "config-json.yaml").write_text(json.dumps(TINY, indent=1))
    answers = (np.arange(11)[:, None] * 3 + np.arange(11)) % 11
    np.save(place / "table.npy", answers)
    np.savez(place / "table.npz", table=answers)
    np.savetxt(place / "table.csv", answers, fmt="%d", delimiter=",")
    (place / "table.json").write_text(json.dumps(answers.tolist()))
    train = np.arange(60)
    given = {
        "train_indices": train,
        "labels": answers.reshape(-1)[:60],
        "redrawn_indices": train[:60],
    }
    np.savez(place / "given.npz", **given)
    (place / "given.json").write_text(json.dumps({k: v.tolist() for k, v in given.items()}))
    for name in ("npy", "npz", "csv", "json"):
        own = {**TINY, "task": {"table": f"table.{name}"}, "steps": 2}
        (place / f"by-{name}.yaml").write_text(yaml.safe_dump(own))
    for name in ("npz", "json"):
        own = {**TINY, "data": {"kind": "given", "file": f"given.{name}"}, "steps": 2}
        (place / f"with-{name}.yaml").write_text(yaml.safe_dump(own))
    state = {"fc1.weight": torch.randn(16, 22), "fc2.weight": torch.randn(11, 16)}
    torch.save(state, place / "net.pth")
    torch.save({"model": state, "train_indices": torch.arange(60), "step": 3}, place / "told.pt")
    torch.save(state, place / "old.pt", _use_new_zipfile_serialization=False)
    safetensors.torch.save_file(state, place / "net.safetensors")
    np.savez(place / "net.npz", **{name: one.numpy() for name, one in state.items()})
    torch.save({"train_indices": torch.arange(60)}, place / "data.pth")
    _make_runs(place)


def _make_runs(place: Path) -> None:
    root = place / "runs"
    root.mkdir()
    base = interp.RunConfig(**TINY)
    run = interp.train(base, out=root / "run")
    own = {**TINY, "task": {"table": str(place / "table.npy")}, "start": {"run": str(root / "run")}}
    interp.train(interp.RunConfig(**own), out=root / "own")
    small = {"d_model": 8, "n_heads": 2, "d_mlp": 12, "kind": "transformer"}
    interp.train(interp.RunConfig(**{**TINY, "model": small, "steps": 3}), out=root / "transformer")
    interp.import_checkpoint(place / "told.pt", root / "imported", operation="x + y")
    table = interp.neuron_table(run)
    del table
    from interp.cli.app import main

    main(["prune", str(root / "run"), "--threshold", "0.3", "--draws", "2",
          "--save", str(root / "pruned"), "--json"])  # fmt: skip
    # One whose training was cut off.
    interp.train(base, out=root / "cut")
    for path in [root / "cut" / "DONE", *(root / "cut/checkpoints/step-000030").iterdir()]:
        path.unlink()
    (root / "cut/checkpoints/step-000030").rmdir()
    interp.sweep(GRID, place / "sweep", machine="serial")
    main(["reproduce", str(place / "recipe.yaml"), "--out", str(place / "tried"),
          "--executor", "serial", "--json"])  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes:
        name: to tell it.
        files: patterns of its examples.
        damages: beyond those of any file.
        readers: commands, as a line, or functions.
        count: how many files of this kind are tried, of a thousand.
    """

    name: str
    files: tuple[str, ...]
    damages: tuple[Damage, ...]
    readers: tuple[str | Reader, ...]
    count: int


def _run_of(place: Path, file: Path) -> Path:
    return place / "runs" / file.relative_to(place / "runs").parts[0]


def read_run(place: Path, file: Path) -> None:
    """Everything that Python's callers read of a run."""
    run = interp.load(_run_of(place, file))
    str(run), run.last_step, run.measurement(), run.ended, run.seconds
    interp.phase(run)
    checkpoint = interp.as_checkpoint(run)
    interp.neuron_table(checkpoint), interp.embedding_table(checkpoint), checkpoint.scores


def read_history(place: Path, file: Path) -> None:
    run = interp.load(_run_of(place, file))
    interp.dynamics(run)
    interp.history(run, "bands").to_pandas()
    run.plot()


def look(place: Path, file: Path) -> None:
    """What the explorer lists of a folder, and the page of each run in it."""
    root = place / "runs" if (place / "runs") in file.parents else place
    catalog = Catalog(root)
    contents = catalog.contents()
    for row in contents.runs.values():
        assert "\n" not in str(row.error), row.error
    json.dumps([row.to_dict() for row in contents.runs.values()])
    if root == place:
        return
    readings = Readings(catalog)
    opened = readings.open(_run_of(place, file).name)
    opened.table(opened.run.last_step)


def look_at_sweep(place: Path, file: Path) -> None:
    """The explorer's pages and callbacks over a sweep."""
    server = make_app(place / "sweep").server
    client = server.test_client()
    for address in ("/", "/_dash-layout", "/_dash-dependencies"):
        answer = client.get(address)
        assert answer.status_code == 200, answer.text[:300]
    contents = Catalog(place / "sweep").contents()
    for sweep in contents.sweeps.values():
        assert "\n" not in str(sweep.error), sweep.error


def read_array_file(place: Path, file: Path) -> None:
    read_arrays(file)


def parse_recipe(place: Path, file: Path) -> None:
    from interp.reproduction.recipe import find_recipe

    find_recipe(str(file))


_LOOKING: tuple[str | Reader, ...] = (
    *(read_run, read_history, look),
    "ipr {run}",
    "prune {run} --draws 2",
    "spectrum {run}",
    "measure scores {run}",
    "report {run} --draws 2 --out {new}.html",
    "export {run} {new}.npz",
    "publish {run} {new}",
    "collect {place}/runs --workers 1",
)
_SHORT = "--steps 2 --task.p 11 --model.width 8 --schedule.evaluations 2"
_AGAIN = "train {place}/config.yaml --out {place}/runs/cut"
_SWEEP: tuple[str | Reader, ...] = (
    look_at_sweep,
    "sweep status {place}/sweep",
    "phases {place}/sweep --figure {new}.html",
    "collect {place}/sweep --workers 1 --table {new}.csv",
    "sweep {place}/grid.yaml --out {place}/sweep --executor serial",
    "measure phase_diagram {place}/sweep",
)
_IN_RUN = "runs/{run,own,imported,pruned,transformer}"

KINDS: tuple[Kind, ...] = (
    Kind("configuration", ("config.yaml", "config-json.yaml"), plain.YAML,
         ("train {file} --out {new} " + _SHORT, ), 85),
    Kind("grid", ("grid.yaml",), plain.YAML, ("sweep {file} --dry-run",), 80),
    Kind("recipe", ("recipe.yaml",), plain.YAML,
         (parse_recipe, "reproduce {file} --dry-run --out {place}/tried"), 80),
    Kind("run: configuration", ("runs/*/config.json",), plain.JSON, _LOOKING, 90),
    Kind("run: scores", ("runs/*/metrics.jsonl",), plain.LINES, _LOOKING, 60),
    Kind("run: dataset", ("runs/*/dataset.safetensors",), tensors.TENSORS, _LOOKING, 55),
    Kind("run: weights", ("runs/*/checkpoints/*/model.safetensors",), tensors.TENSORS, _LOOKING,
         65),
    Kind("run: start", ("runs/own/start.safetensors",), tensors.TENSORS, (*_LOOKING,), 15),
    Kind("run: table", ("runs/own/table.npy",), plain.NPY, _LOOKING, 15),
    Kind("run: end", ("runs/*/DONE",), plain.JSON, _LOOKING, 25),
    Kind("run: card", ("runs/*/README.md",), (), _LOOKING, 8),
    Kind("run: origin", ("runs/imported/import.json", "runs/pruned/pruned.json"), plain.JSON,
         _LOOKING, 50),
    Kind("run cut off", ("runs/cut/**/*.*",), (*tensors.TENSORS[:0],), (_AGAIN,), 30),
    Kind("run: optimizer", ("runs/cut/checkpoints/*/optimizer.safetensors",), tensors.TENSORS,
         (_AGAIN,), 20),
    Kind("measured", ("sweep/runs/*/measures/*.json",), tensors.RECORDS, _SWEEP, 25),
    Kind("sweep: record", ("sweep/cells/*.json",), tensors.RECORDS, _SWEEP, 50),
    Kind("sweep: plan", ("sweep/sweep.json",), plain.JSON, _SWEEP, 40),
    Kind("sweep: tables", ("sweep/results.parquet", "sweep/manifest.parquet"), tensors.TABLES,
         _SWEEP, 50),
    Kind("sweep: locks", ("sweep/.lock", "sweep/.claims", "sweep/.alive"), (), _SWEEP, 8),
    Kind("sweep: run", ("sweep/runs/*/*.json*", "sweep/runs/*/DONE"), plain.LINES[:0], _SWEEP, 20),
    Kind("foreign: pickle", ("net.pth", "told.pt", "old.pt"), tensors.PICKLES,
         ("import {file} --out {new}",), 60),
    Kind("foreign: tensors", ("net.safetensors",), tensors.FOREIGN_TENSORS,
         ("import {file} --out {new}",), 25),
    Kind("foreign: arrays", ("net.npz",), plain.NPZ, ("import {file} --out {new}",), 30),
    Kind("foreign: data", ("data.pth", "given.npz"), tensors.PICKLES[:0],
         ("import {place}/net.pth --out {new} --data {file}",), 20),
    Kind("given dataset", ("given.npz",), plain.NPZ, (read_array_file,
         "train {place}/with-npz.yaml --out {new}"), 25),
    Kind("given dataset, text", ("given.json",), plain.JSON, (read_array_file,
         "train {place}/with-json.yaml --out {new}"), 15),
    Kind("table of answers", ("table.npy",), plain.NPY, (read_array_file,
         "train {place}/by-npy.yaml --out {new}"), 20),
    Kind("table of answers, text", ("table.csv",), plain.CSV, (read_array_file,
         "train {place}/by-csv.yaml --out {new}"), 20),
    Kind("table of answers, JSON", ("table.json",), plain.JSON, (read_array_file,
         "train {place}/by-json.yaml --out {new}"), 15),
    Kind("table of answers, named", ("table.npz",), plain.NPZ, (read_array_file,
         "train {place}/by-npz.yaml --out {new}"), 15),
    Kind("verdict", ("tried/small/verdict.json", "tried/networks/sweep.json"), plain.JSON,
         ("reproduce {place}/recipe.yaml --out {place}/tried --executor serial",), 9),
)  # fmt: skip
