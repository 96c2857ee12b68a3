"""The command that filters a run's network by frequency, and saves what is left."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from interp.cli.parameters import Json, RunFolder, Step, say_written
from interp.cli.print_runs import print_json, print_origin, print_values


def filter_(
    run: RunFolder,
    /,
    *,
    part: Annotated[
        Literal["G", "R"], Parameter(help="G: the blocks that are kept; R: the rest")
    ] = "G",
    by: Annotated[
        Literal["answer", "joint", "own", "second", "permuted", "random"],
        Parameter(help="what chooses a neuron's block: its answer curve, its three curves …"),
    ] = "answer",
    keep: Annotated[
        int | None, Parameter(help="blocks kept; 1 a neuron, or 20 of 56 of a last matrix")
    ] = None,
    step: Step = None,
    seed: Annotated[int, Parameter(help="of random blocks and of the controls")] = 0,
    save: Annotated[Path | None, Parameter(help="save the network as a run folder")] = None,
    json_: Json = False,
) -> None:
    """Keep one frequency a neuron, or the rest; re-evaluate every split, beside controls."""
    from interp.analysis.mechanism.left import filter_left
    from interp.training.runs.made import write_pruned
    from interp.training.runs.origin import Filtered
    from interp.training.runs.run import load

    checkpoint = (source := load(run)).checkpoint(step)
    left = filter_left(checkpoint, part, by=by, keep=keep, seed=seed)
    if save is not None:
        assert checkpoint.step is not None
        about = Filtered(source.name, checkpoint.step, part, by, *left.kept)
        write_pruned(save, source, left.network, left.scores["left"], about)
    if json_:
        told = {"run": str(run), "step": checkpoint.step, "seed": checkpoint.seed}
        print_json({**told, "part": part, "by": by, **left.to_dict()})
        return
    print_origin(source)
    print_values(source.name, left)
    say_written(save)
