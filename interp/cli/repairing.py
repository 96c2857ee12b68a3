"""The command that tells which labels a run would change without its memorizing neurons."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from interp.cli.parameters import Json, RunFolder, check_places, say_written, write_table
from interp.cli.print_runs import print_json, print_origin, print_values, say

Save = Annotated[
    Path | None,
    Parameter(
        help="write the repaired dataset, .npz; train takes it: --data.kind given --data.file"
    ),
]


def repair(
    run: RunFolder,
    /,
    *,
    least: Annotated[
        float, Parameter(help="test accuracy of the pruned network from which it is believed")
    ] = 0.9,
    draws: Annotated[int, Parameter(help="random prunings as control")] = 5,
    save: Save = None,
    table: Annotated[
        Path | None, Parameter(help="write the labels that change, .parquet or .csv")
    ] = None,
    json_: Json = False,
) -> None:
    """Tell which training labels the pruned network would change, and write them repaired."""
    from interp.analysis.measures import MEASURES
    from interp.training.data.given import dataset_bytes
    from interp.training.runs.files import check_place, together, write_bytes
    from interp.training.runs.run import load

    check_places(None, None, table)
    if save is not None:
        check_place("--save", save, ".npz")
    source = load(run)
    found = MEASURES["repair"].of(source, {"least": least, "draws": draws})
    with together():
        if table is not None:
            write_table(found.to_pandas(), table)
        if save is not None:
            write_bytes(save, dataset_bytes(found.repaired_dataset()))
    if json_:
        print_json({"run": str(run), "step": source.last_step, **found.to_dict()})
        return
    print_origin(source)
    print_values(f"{source.name}: labels that would change", found)
    say_written(save, table)
    if save is not None:
        say(
            f"next: interp train --task.p {source.dataset.task.p} --data.kind given "
            f"--data.file {save}"
        )
