"""Runs a recipe: the sweep with its measures, the figures, the verdict."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from interp.analysis.sweeps.measured import asked_of, bare_values
from interp.analysis.sweeps.row import measure
from interp.analysis.sweeps.sweep import sweep
from interp.figures.export import save_page
from interp.reproduction.drawing import check_figures, draw
from interp.reproduction.evidence import Evidence, Trained
from interp.reproduction.recipe import BUDGETS, Budget, Recipe, find_recipe
from interp.reproduction.verdict import Verdict, verdict
from interp.training.arguments import as_function, as_path, some_whole, word
from interp.training.config.plain_data import flattened
from interp.training.config.run_config import parse_config
from interp.training.models.analytic import analytic_network
from interp.training.runs.files import make_folder, together, write_bytes
from interp.training.runs.made import made_run
from interp.training.runs.run import Run, load
from interp.training.sweep.executors.machine import MachineLike, as_machine
from interp.training.sweep.plan.grid import Grid
from interp.training.sweep.plan.manifest import cells_of
from interp.training.sweep.table.results import Results
from interp.training.trainer.job import dataset_of
from interp.training.untrusted import parse_json

if TYPE_CHECKING:
    from interp.training.sweep.table.tally import Tally

_STORES = {"runs": "networks", "scores": "scores"}


def reproduce(
    name: str | Path | Recipe,
    out: Path | str = "reproduction",
    budget: Budget = "quick",
    seeds: int | None = None,
    machine: MachineLike = "auto",
    watch: Callable[[Tally], None] | None = None,
) -> Verdict:
    """Tries a claim or figure of a paper: trains what is missing, measures, draws, judges.

    Recipes share their runs: what one has trained in ``out``, no other trains again, and what was
    cut off goes on.

    Args:
        name: of the recipe, as ``interp reproduce`` lists them; the path of a ``.yaml`` file of
            one's own; or the recipe itself.
        out: folder; the verdict is written to ``out/name/``, with its figures.
        budget: ``quick`` for two cores, ``paper`` for the whole grid.
        seeds: another number of seeds than the recipe's.
        machine: where and how to train, as :func:`interp.sweep` takes it.
        watch: called after every run.

    Raises:
        ValueError: for an unknown recipe or budget, or an option of the sweep that is none.
    """
    recipe = (
        name
        if isinstance(name, Recipe)
        else find_recipe(str(as_path(name, "the name of a recipe")))
    )
    check_budget(budget, seeds)
    as_path(out, "a folder for the verdict")
    as_function(watch, "watch")
    check_figures(recipe)
    machine = as_machine(machine)
    grid = recipe.grid_of(budget, seeds)
    if recipe.trained == "analytic":
        evidence = constructed(recipe, grid)
    else:
        place = store_of(recipe, out)
        results = sweep(grid, place, machine, recipe.keep, watch=watch)
        evidence = trained(recipe, grid, results, place if recipe.keep == "runs" else None)
    found = verdict(recipe, evidence, budget, draw(recipe, evidence))
    write(found, Path(out) / recipe.name)
    return found


def store_of(recipe: Recipe, out: Path | str) -> Path:
    """The folder of the sweep that a recipe's runs belong to; recipes share it."""
    return Path(out) / _STORES[recipe.keep]


def check_budget(budget: str, seeds: int | None) -> None:
    """Refuses a budget or number of seeds that is none.

    Raises:
        ValueError: saying what was expected.
    """
    word(budget, BUDGETS, "budget")
    some_whole(seeds, "seeds", least=1)


def trained(recipe: Recipe, grid: Grid, results: Results, place: Path | None) -> Evidence:
    """The runs of a sweep, with what was measured of them."""
    order = {cell.hash: i for i, cell in enumerate(cells_of(grid))}
    rows = sorted(results.table.to_pylist(), key=lambda row: order[row["hash"]])
    runs = []
    for row in rows:
        if row["status"] != "done":
            continue
        run = None if place is None else load(place / "runs" / row["hash"])
        values = {**row, **bare_values(row, grid)}
        runs.append(Trained(parse_config(parse_json(row["config"])), values, run))
    gone = [row for row in rows if row["status"] != "done"]
    failed = tuple(str(row["error"]) for row in gone)
    # A configuration that cannot be is none that a seed could have had.
    could_be = [row for row in gone if row["status"] != "invalid"]
    absent = tuple(flattened(parse_json(row["config"])) for row in could_be)
    return Evidence(runs, grid.paths, results, failed, absent)


def constructed(recipe: Recipe, grid: Grid) -> Evidence:
    """Analytic networks in the places of trained ones; the seed draws their phases."""
    runs = []
    for cell in cells_of(grid):
        config = cell.parsed()
        task = config.make_task()
        network = analytic_network(task, config.model.width, config.seed)
        run = made_run(config, dataset_of(config), {0: network})
        values = {**measure(run), **measured_values(run, grid)}
        runs.append(Trained(config, values, run))
    rows = [{**one.options, "seed": one.seed, "status": "done"} for one in runs]
    names = (*grid.paths, "seed", "status")
    table = pa.table({name: [row[name] for row in rows] for name in names})
    return Evidence(runs, grid.paths, Results(table, grid.paths))


def measured_values(run: Run, grid: Grid) -> dict[str, Any]:
    """Values of a grid's measures, by their bare names; none of those that are not defined."""
    values: dict[str, Any] = {}
    for one in asked_of(grid):
        values |= one.of(run)["values"]
    return values


def write(found: Verdict, folder: Path) -> None:
    """Writes a verdict and its figures, both or neither."""
    make_folder(folder)
    content = json.dumps(found.to_dict(), indent=2, allow_nan=False, ensure_ascii=False)
    title = f"{found.recipe.label}: {found.recipe.title}"
    with together():
        save_page(found.figures, folder / "figures.html", title)
        write_bytes(folder / "verdict.json", (content + "\n").encode())
