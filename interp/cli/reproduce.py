"""The command that tries the papers' claims and figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from cyclopts import Parameter

from interp.cli.parameters import Json
from interp.cli.print_runs import print_json, say
from interp.cli.terminal import show

if TYPE_CHECKING:
    from interp.reproduction.recipe import Recipe
    from interp.reproduction.verdict import Verdict
    from interp.training.sweep.executors.machine import Machine


def reproduce(
    name: Annotated[str | None, Parameter(help="claim, figure or .yaml; none lists all")] = None,
    /,
    *,
    all_: Annotated[
        bool, Parameter(name="--all", negative="", help="every one, and a scoreboard of them")
    ] = False,
    budget: Annotated[str, Parameter(help="quick: two cores; paper: the whole grid")] = "quick",
    seeds: Annotated[int | None, Parameter(help="another number of seeds")] = None,
    out: Annotated[Path, Parameter(help="folder of runs and verdicts")] = Path("reproduction"),
    executor: Annotated[
        str, Parameter(help="auto, serial, processes, cohorts (GPU) or ray")
    ] = "auto",
    workers: Annotated[int | None, Parameter(help="runs at once; by default one a core")] = None,
    device: Annotated[str, Parameter(help="cpu, cuda or auto: a GPU where there is one")] = "auto",
    address: Annotated[str | None, Parameter(help="of a Ray cluster, host:port")] = None,
    dry_run: Annotated[
        bool, Parameter(negative="", help="print the runs and the estimated time only")
    ] = False,
    json_: Json = False,
) -> None:
    """Try a claim or figure of the paper, or all of them: train, measure, draw, judge."""
    from interp.reproduction.recipe import find_recipe, recipes
    from interp.reproduction.run import check_budget
    from interp.reproduction.run import reproduce as run
    from interp.training.sweep.executors.machine import Machine

    if name is None and not all_:
        _alone(
            budget=budget != "quick",
            seeds=seeds,
            out=out != Path("reproduction"),
            executor=executor != "auto",
            workers=workers,
            device=device != "auto",
            address=address,
            dry_run=dry_run,
        )
    check_budget(budget, seeds)
    machine = Machine(executor, workers, device=device, address=address)
    if all_ and name is not None:
        raise ValueError(f"reproduce: expected a name or --all, got {name!r} and --all")
    if name is None and not all_:
        _list(json_)
        return
    chosen = list(recipes().values()) if all_ else [find_recipe(str(name))]
    if dry_run or budget == "paper":
        _announce(chosen, budget, seeds, out, machine, json_ and dry_run)
    if dry_run:
        return
    from interp.cli.progress import sweep_progress
    from interp.reproduction.scoreboard import heading, write_scoreboard

    found = []
    for recipe in chosen:
        with sweep_progress() as watch:
            one = run(recipe, out, cast(Any, budget), seeds, machine, watch)
        found.append(one)
        if not json_:
            _print_verdict(one, out)
    places = write_scoreboard(found, out) if all_ else {}
    if json_:
        print_json({"verdicts": [one.to_dict() for one in found]} if all_ else found[0].to_dict())
    elif all_:
        say(heading(found))
        say(f"scoreboard: {places['html']}, {places['md']}, {places['json']}")


def _alone(**given: object) -> None:
    """Refuses options where only the list is asked for."""
    for option, value in given.items():
        if value not in (None, False):
            flag = option.replace("_", "-")
            raise ValueError(f"reproduce: expected a name or --all beside --{flag}, got none")


def _list(json_: bool) -> None:
    from rich.table import Table

    from interp.reproduction.recipe import recipes

    every = recipes().values()
    if json_:
        print_json({"recipes": [one.model_dump(mode="json") for one in every]})
        return
    table = Table("name", "what", "claim")
    for one in every:
        table.add_row(one.name, one.label, one.title)
    show(table)
    say("interp reproduce NAME tries one; --all all of them; --dry-run tells the cost")


def _announce(
    chosen: list[Recipe],
    budget: str,
    seeds: int | None,
    out: Path,
    machine: Machine,
    json_: bool,
) -> None:
    """Runs and estimated time of each recipe, before anything is trained."""
    from interp.analysis.sweeps.estimate import make_plan
    from interp.cli.progress import duration
    from interp.reproduction.run import store_of
    from interp.training.sweep.plan.manifest import cells_of

    plans = {}
    planned: dict[Path, set[str]] = {}
    for recipe in chosen:
        if recipe.trained == "trained":
            grid = recipe.grid_of(cast(Any, budget), seeds)
            place = store_of(recipe, out)
            there = place if place.exists() else None
            others = planned.setdefault(place, set())
            plans[recipe.name] = make_plan(grid, there, machine, recipe.keep, elsewhere=others)
            others |= {cell.hash for cell in cells_of(grid)}
    if json_:
        print_json({name: plan.to_dict() for name, plan in plans.items()})
        return
    total = 0.0
    for name, plan in plans.items():
        total += plan.seconds or 0.0
        time = f"about {duration(plan.seconds)}" if plan.seconds else "nothing left to train"
        shared = f", {plan.shared} of recipes above" if plan.shared else ""
        say(
            f"{name}: {plan.cells} runs, {plan.done} done{shared}, {time} on {plan.workers} workers"
        )
    if len(plans) > 1:
        hours = sum((one.seconds or 0.0) * one.workers for one in plans.values()) / 3600
        say(f"together about {duration(total)} of training, {hours:.1f} hours of one worker")


def _print_verdict(one: Verdict, out: Path) -> None:
    from rich.table import Table

    from interp.reproduction.criteria import asked
    from interp.reproduction.scoreboard import measured

    table = Table("criterion", "asked", "measured", "verdict")
    for judged in one.judged:
        cells = (judged.criterion.says, asked(judged.criterion), measured(judged), judged.word)
        table.add_row(*cells)
    say(f"\n{one.recipe.label}: {one.recipe.title}\n{one.recipe.claim}")
    show(table)
    seeds = ", ".join(map(str, one.seeds))
    say(f"{one.word}: {one.why} (budget {one.budget}, seeds {seeds}, {one.cells} runs)")
    if one.failed:
        say(f"without {len(one.failed)} runs that failed: {one.failed[0]}")
    if one.recipe.note:
        say(one.recipe.note)
    say(f"figures: {out / one.recipe.name / 'figures.html'}")
