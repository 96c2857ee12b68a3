"""The command that trains a run again on other examples, to tell which of its labels are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from interp.cli.parameters import Json, RunFolder, check_places, say_written, write_table
from interp.cli.print_runs import print_json, print_values

Ways = Annotated[
    str,
    Parameter(
        help="all: folds, second_split, halves, turnover; influence: one_out, groups_out, "
        "subsets; or some of these, separated by commas"
    ),
]
Out = Annotated[Path, Parameter(help="folder of the networks; what is there is not done again")]
Executor = Annotated[str, Parameter(help="auto, serial, processes, cohorts (GPU) or ray")]
Workers = Annotated[int | None, Parameter(help="networks at once; by default one a core")]
Seed = Annotated[int, Parameter(help="of the parts that the examples are split into")]
Table = Annotated[
    Path | None, Parameter(help="write every example with its scores, .parquet or .csv")
]


def retrain(
    run: RunFolder,
    /,
    *,
    out: Out,
    ways: Ways = "all",
    executor: Executor = "auto",
    workers: Workers = None,
    seed: Seed = 0,
    table: Table = None,
    json_: Json = False,
) -> None:
    """Train a run again on other examples: which of its labels are memorized, or wrong?"""
    from interp.analysis.memorization.influence import judged_anew
    from interp.analysis.memorization.retraining.trainers import InSweep
    from interp.cli.progress import sweep_progress
    from interp.training.runs.run import load
    from interp.training.sweep.executors.machine import Machine

    check_places(None, None, table)
    source, machine = load(run), Machine(executor, workers)
    with sweep_progress() as watch:
        found, truth = judged_anew(source, ways, InSweep(out, machine, watch), seed)
    if table is not None:
        examples = found.examples()
        write_table(examples if truth is None else examples.join(truth.changes()), table)
    if json_:
        more = {} if truth is None else {"influence": truth.to_dict()}
        print_json({"run": str(run), "step": source.last_step, **found.to_dict(), **more})
        return
    print_values(f"{source.name}: who finds the wrong labels", found)
    if truth is not None:
        print_values(f"{source.name}: what leaving examples out changes", truth)
    say_written(table)
