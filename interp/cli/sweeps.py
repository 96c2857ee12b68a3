"""The commands for many runs: sweep, sweep status, collect, phases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

from cyclopts import App, Parameter

from interp.cli.parameters import Device, Figure, Json, Template, check_places
from interp.cli.print_runs import print_json, say
from interp.cli.print_sweeps import (
    counted,
    counts_of,
    phases_summary,
    print_phases,
    print_plan,
    print_status,
)

Place = Annotated[str, Parameter(help="folder of a sweep, or an fsspec URL")]

sweep_app = App(help="Train every cell of a grid once; resume, share or split a sweep.")


@sweep_app.default
def sweep(
    grid: Annotated[Path, Parameter(help="grid file: base, axes, zip, points, seeds")],
    /,
    *,
    out: Annotated[
        str | None, Parameter(metavar="PATH|URL", help="folder of the sweep, or an fsspec URL")
    ] = None,
    executor: Annotated[
        str,
        Parameter(
            metavar="auto|serial|processes|…", help="auto, serial, processes, cohorts (GPU) or ray"
        ),
    ] = "auto",
    workers: Annotated[int | None, Parameter(help="cells at once; by default one a core")] = None,
    threads: Annotated[int, Parameter(help="threads of a worker")] = 1,
    keep: Annotated[
        str,
        Parameter(metavar="runs|scores", help="every run folder, or the table of scores only"),
    ] = "runs",
    shard: Annotated[
        str | None,
        Parameter(
            metavar="I/N",
            help="i/n: the i-th of n parts, counted from 0 (job arrays)",
            allow_leading_hyphen=True,
        ),
    ] = None,
    refine: Annotated[
        int, Parameter(help="rounds of new cells between neighbours of different phase")
    ] = 0,
    device: Device = "auto",
    address: Annotated[
        str | None,
        Parameter(metavar="HOST:PORT", help="of a Ray cluster; by default this machine"),
    ] = None,
    dry_run: Annotated[
        bool,
        Parameter(negative="", help="print axes, number of cells, estimated time and disk only"),
    ] = False,
    yes: Annotated[
        bool,
        Parameter(
            negative="", help="also for more than a million cells, or 1,000 elements of a group"
        ),
    ] = False,
    json_: Json = False,
) -> None:
    """Train every cell of a grid once; resume, share or split a sweep."""
    from interp.analysis.sweeps.options import MANY, allowing_large, as_grid, parse_shard
    from interp.analysis.sweeps.sweep import sweep as run
    from interp.cli.progress import sweep_progress
    from interp.training.sweep.executors.machine import Machine

    asked, part = as_grid(grid), parse_shard(shard)
    machine = Machine(executor, workers, threads, device, address)
    if asked.count > MANY and not yes:
        raise ValueError(f"grid: {asked.count:,} cells; give --yes for more than {MANY:,}")
    asked = allowing_large(asked) if yes else asked
    if dry_run:
        if refine:
            raise ValueError(
                "--refine: expected without --dry-run: only runs tell which cells come"
            )
        from interp.analysis.sweeps.estimate import make_plan

        plan = make_plan(asked, out, machine, keep, part)
        if json_:
            print_json(plan.to_dict())
        else:
            print_plan(str(grid), plan)
        return
    if out is None:
        raise ValueError("--out: expected the folder of the sweep, got none")
    with sweep_progress() as watch:
        results = run(asked, out, machine, cast(Any, keep), shard, refine, watch)
    if json_:
        print_json({"sweep": out, **counts_of(results)})
        return
    of_all = f" of {asked.count}" if len(results) < asked.count else ""
    say(f"{len(results)}{of_all} cells of the grid have an outcome{counted(results)}")
    say(f"table: {out}/results.parquet    next: interp phases {out}")


@sweep_app.command
def status(place: Place, /, *, json_: Json = False) -> None:
    """Show how far the sweeps of a folder are; also while they run."""
    from interp.training.sweep.table.status import sweep_status

    found = sweep_status(place)
    if json_:
        print_json({"sweep": place, **found.to_dict()})
    else:
        print_status(place, found)


def collect(
    place: Place,
    /,
    *,
    again: Annotated[
        bool, Parameter(negative="", help="measure every run folder anew, not only the new ones")
    ] = False,
    table: Annotated[
        Path | None, Parameter(help="also write the table there, .parquet or .csv")
    ] = None,
    workers: Annotated[int | None, Parameter(help="runs at once; by default one a core")] = None,
    json_: Json = False,
) -> None:
    """Rebuild the table of results, from the run folders alone if need be."""
    from interp.analysis.sweeps.sweep import collect as rebuild
    from interp.analysis.sweeps.sweep import write_results
    from interp.cli.progress import sweep_progress
    from interp.training.runs.files import check_place
    from interp.training.sweep.executors.machine import Machine

    if table is not None:
        check_place("table", table, ".parquet", ".csv")
    with sweep_progress() as watch:
        results, problems = rebuild(place, again, Machine(workers=workers), watch)
    if table is not None:
        write_results(results, table)
    if json_:
        print_json({"sweep": place, "cells": len(results), "damaged": problems})
        return
    for name, reason in problems.items():
        say(f"left out: {name}: {reason}")
    say(f"{len(results)} cells in {place}/results.parquet")


def phases(
    place: Place,
    /,
    *,
    x: Annotated[str, Parameter(help="axis to the right")] = "data.fraction",
    y: Annotated[str, Parameter(help="axis upwards")] = "data.corruption",
    panel: Annotated[str | None, Parameter(help="axis of the panels side by side")] = None,
    where: Annotated[
        list[str] | None, Parameter(help="further axes held fixed: path=value", negative="")
    ] = None,
    figure: Figure = None,
    template: Template = None,
    json_: Json = False,
) -> None:
    """Show the phase diagram of a sweep, by the vote of the seeds."""
    from interp.analysis.sweeps.axes import Axes
    from interp.analysis.sweeps.boundary import critical
    from interp.analysis.sweeps.diagram import phase_diagram
    from interp.analysis.sweeps.options import values_of
    from interp.analysis.sweeps.sweep import read

    look = check_places(figure, template)
    results, fixed = read(place), values_of(where or [])
    diagram = phase_diagram(results, x, y, panel, fixed)
    edge = critical(results, axes=Axes(x, y, panel, fixed))
    written: list[Path] = []
    if figure is not None:
        from interp import figures

        drawn = [figures.phase_diagram(diagram, edge), figures.phase_scores(diagram)]
        written = figures.save_all(drawn, figure, f"Phase diagram of {place}", look)
    if json_:
        print_json({"sweep": place, **phases_summary(diagram, edge)})
        return
    print_phases(place, diagram, edge)
    for path in written:
        say(f"written: {path}")
