"""Every command that makes a file or a folder, at toy size, and what its making is compared by."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from interp.cli import demo
from interp.cli.app import main
from interp.exchange import publishing
from interp.figures import export
from interp.reproduction import recipe
from interp.training.runs.run import Run, load
from tests.shim import Shim, leftovers
from tests.sweep_cases import BASE, grid_file

TOY = """
name: toy
kind: claim
number: 1
title: A toy network
source: nowhere
claim: Toys have accuracies.
grid:
  base: {task: {p: 7}, model: {width: 12}, data: {fraction: 0.6, corruption: 0.3}, steps: 8}
figures:
  - {kind: training}
criteria:
  - {says: accuracies are numbers, measure: train_accuracy, at_least: 0, at_most: 1}
"""

GRID = {"base": BASE, "axes": {"data.fraction": [0.4, 0.8], "data.corruption": [0.5]}}

# RUN, OTHER, STATE, CONFIG, GRID and SWEEP stand for what is there, OUT for an empty folder.
COMMANDS = {
    "train": "train CONFIG --out OUT/run",
    "demo": "demo --out OUT/run --steps 20",
    "import": "import STATE --out OUT/run",
    "prune": "prune RUN --threshold 0.3 --draws 2 --save OUT/run --figure OUT/curve.html",
    "repair": "repair RUN --least 0 --draws 2 --save OUT/data.npz --table OUT/changes.csv",
    "filter": "filter RUN --save OUT/run",
    "publish": "publish RUN OUT/run",
    "report": "report RUN --threshold 0.3 --draws 2 --out OUT/page.html",
    "ipr": "ipr RUN --threshold 0.3 --table OUT/table.parquet --figure OUT/figure.html",
    "compare": "compare RUN OTHER --table OUT/table.csv --report OUT/page.html",
    "csv": "ipr RUN --threshold 0.3 --table OUT/table.csv",
    "pairs": "pairs RUN --wrong --table OUT/pairs.csv --figure OUT/figure.html",
    "spectrum": "spectrum RUN --figure OUT/figure.html",
    "measure": "measure bands RUN --table OUT/table.csv --figure OUT/figure.html",
    "images": "phases SWEEP --figure OUT/figure.png",
    "export": "export RUN OUT/net.npz",
    "sweep": "sweep GRID --out OUT/sweep --executor serial --device cpu",
    "scores": "sweep GRID --out OUT/sweep --executor serial --device cpu --keep scores",
    "collect": "collect OUT --table OUT/results.csv --workers 1",
    "reproduce": "reproduce toy --out OUT/claims --executor serial --device cpu",
    "scoreboard": "reproduce --all --out OUT/claims --executor serial --device cpu",
}
# What grows or is written again while a command goes on: each state of it is whole.
GROWING = {"metrics.jsonl", "README.md", "manifest.parquet", "results.parquet", "sweep.json"}
TIMED = {"DONE", "results.parquet", "results.csv", "verdict.json"}  # and records and scoreboards


@dataclass(frozen=True)
class Toys:
    """What the commands read."""

    folder: Path
    places: dict[str, str] = field(default_factory=dict)

    def prepare(self, kind: str, out: Path) -> None:
        """Makes the folder that a command writes into, with what it needs there."""
        out.mkdir(parents=True)
        if kind == "collect":
            shutil.copytree(self.places["RUN"], out / "run")

    def command(self, kind: str, out: Path) -> list[str]:
        """The words of a command."""
        words = COMMANDS[kind].split()
        places = {**self.places, "OUT": str(out)}
        for short, long in places.items():
            words = [long + w[len(short) :] if w.startswith(short) else w for w in words]
        return words


def toys_in(folder: Path, run: Run) -> Toys:
    """What the commands read: a run, a sweep, and files of each kind."""
    assert run.path is not None
    places = {"RUN": str(run.path), "STATE": str(folder / "state.pth")}
    places |= {"CONFIG": str(folder / "config.yaml"), "SWEEP": str(folder / "sweep")}
    places["GRID"] = str(grid_file(folder, GRID))
    Path(places["CONFIG"]).write_text(json.dumps(run.config.to_dict()))
    run_quietly(["export", places["RUN"], places["STATE"]])
    places["OTHER"] = str(folder / "other")
    run_quietly(["train", places["CONFIG"], "--seed", "1", "--out", places["OTHER"]])
    made = ["sweep", places["GRID"], "--out", places["SWEEP"], "--executor", "serial"]
    run_quietly([*made, "--device", "cpu"])
    return Toys(folder, places)


@contextlib.contextmanager
def toy_sizes() -> Iterator[None]:
    """The demo is small, there is one recipe, and nothing is drawn by a browser."""
    small = {**demo.DEMO, "task": {"p": 11}, "model": {"width": 16}}
    found = {"toy": recipe.parse_recipe(TOY, "toy")}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(demo, "DEMO", small)
        patched.setattr(recipe, "recipes", lambda: found)
        patched.setattr(publishing, "browser", lambda: None)
        patched.setattr(export, "browser", lambda: "/bin/true")
        patched.setattr(export, "_image", lambda drawn, kind, template: b"a picture" * 1000)
        yield


def run_quietly(words: list[str]) -> tuple[int, list[str]]:
    """Exit code and the lines of standard error of a command, without its progress."""
    told = io.StringIO()
    code = 0
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(told):
        try:
            main(words)
        except SystemExit as ended:
            code = int(ended.code or 0)
    lines = told.getvalue().splitlines()
    said = [line for line in lines if line.startswith("interp: ")]
    return code, [line for line in said if not line.startswith("interp: note: ")]


def contents(root: Path) -> dict[str, bytes]:
    """Every file that has its name: its bytes, unless they tell the time."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            timed = path.name in TIMED or "cells" in name.parts or path.stem == "scoreboard"
            found[str(name)] = b"" if timed else path.read_bytes()
    return found


def check_whole(root: Path, expected: dict[str, bytes]) -> None:
    """Whatever has a name is what the undisturbed command makes, or a run that goes on."""
    for name, content in contents(root).items():
        last = Path(name).name
        if last not in GROWING and last != "optimizer.safetensors":  # of old steps, they go
            assert content == expected[name], name
    for config in root.rglob("config.json"):
        if not any(part.startswith(".") for part in config.relative_to(root).parts):
            run = load(config.parent)
            for step in run.steps:
                run.network(step)


def check_mended(toys: Toys, kind: str, out: Path, expected: dict[str, bytes]) -> None:
    """The same command again ends where the undisturbed one ends, and leaves nothing else."""
    finished = contents(out) == expected
    code, lines = run_quietly(toys.command(kind, out))
    if code:  # only the printing was cut off
        assert finished, lines
        assert "expected a new or empty folder, it has contents" in lines[0]
    assert contents(out) == expected
    assert leftovers(out.parent) == []


def undisturbed(toys: Toys, kind: str, out: Path) -> tuple[dict[str, bytes], list[str]]:
    """What a command makes, and the calls that it takes."""
    toys.prepare(kind, out)
    with Shim(out.parent).between() as counting:
        assert run_quietly(toys.command(kind, out))[0] == 0
    assert os.listdir(out)
    return contents(out), counting.calls
