"""The commands that read a run's neurons: their IPR, and what pruning them does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from interp.cli.parameters import (
    Count,
    Cut,
    Draws,
    Figure,
    Json,
    Layer,
    Look,
    RunFolder,
    Share,
    Step,
    Template,
    Threshold,
    check_one,
    check_places,
    say_written,
    threshold_of,
    write_table,
)
from interp.cli.plain_results import ipr_summary, pruned_from, pruning_summary
from interp.cli.print_runs import (
    print_histogram,
    print_json,
    print_origin,
    print_pruning,
)

if TYPE_CHECKING:
    from interp.analysis.ablation.by_class import Pruning
    from interp.analysis.neurons.classify import Classes
    from interp.analysis.neurons.table import NeuronTable
    from interp.training.runs.checkpoint import Checkpoint
    from interp.training.runs.run import Run


def ipr(
    run: RunFolder,
    /,
    *,
    step: Step = None,
    layer: Layer = 0,
    threshold: Threshold = "auto",
    figure: Figure = None,
    template: Template = None,
    table: Annotated[
        Path | None, Parameter(help="write the neuron table, .parquet or .csv")
    ] = None,
    json_: Json = False,
) -> None:
    """Show the IPR histogram of a checkpoint, with the classes of its neurons."""
    from interp.analysis.neurons.classify import classify
    from interp.analysis.neurons.read import neuron_table
    from interp.training.runs.files import together
    from interp.training.runs.run import load

    look = check_places(figure, template, table)
    source = load(run)
    neurons = neuron_table(source, step, layer=layer)
    classes = classify(neurons, threshold_of(threshold))
    with together():
        if figure is not None:
            from interp import figures

            figures.save(figures.ipr_histogram(neurons, classes), figure, template=look)
        if table is not None:
            _write_neurons(neurons, classes, table)
    if json_:
        print_json(ipr_summary(source, neurons, classes))
        return
    print_origin(source)
    print_histogram(neurons, classes)
    say_written(figure, table)


def prune(
    run: RunFolder,
    /,
    *,
    threshold: Cut = None,
    count: Count = None,
    share: Share = None,
    step: Step = None,
    layer: Layer = 0,
    draws: Draws = None,
    save: Annotated[Path | None, Parameter(help="save the pruned network as a run folder")] = None,
    figure: Figure = None,
    template: Template = None,
    json_: Json = False,
) -> None:
    """Prune the memorizing neurons and re-evaluate every split, beside random controls."""
    from interp.analysis.ablation.by_class import prune_by_class
    from interp.analysis.neurons.classify import classify
    from interp.analysis.neurons.read import neuron_table
    from interp.training.runs.files import together
    from interp.training.runs.run import load

    check_one(threshold=threshold, count=count, share=share)
    look = check_places(figure, template)
    checkpoint = (source := load(run)).checkpoint(step)
    neurons = neuron_table(checkpoint, layer=layer)
    classes = classify(neurons, threshold_of(threshold or "auto"), count=count, share=share)
    result = prune_by_class(checkpoint, neurons, classes, draws=draws)
    with together():
        if figure is not None:
            _draw(figure, look, checkpoint, neurons, draws, result.pruned)
        if save is not None:  # at last: where it is, the same command is refused
            _save(save, source, neurons, result)
    if json_:
        print_json(pruning_summary(source, neurons, result))
        return
    print_origin(source)
    print_pruning(neurons, result)
    say_written(save, figure)


def _draw(
    path: Path,
    look: Look,
    checkpoint: Checkpoint,
    table: NeuronTable,
    draws: int | None,
    pruned: int,
) -> None:
    """Draws the pruning curves, with a mark where the command prunes."""
    from interp import figures
    from interp.analysis.ablation.pruning_curves import pruning_curve

    curves = pruning_curve(checkpoint, draws=draws, table=table, sizes=[pruned])
    figures.save(figures.pruning_curves(curves, pruned=pruned), path, template=look)


def _save(path: Path, run: Run, table: NeuronTable, result: Pruning) -> None:
    from interp.training.runs.made import write_pruned

    about = pruned_from(run, table, result)
    write_pruned(path, run, result.network, result.after, about)


def _write_neurons(table: NeuronTable, classes: Classes, path: Path) -> None:
    if path.suffix.lower() == ".parquet":
        table.to_parquet(path)
    else:
        write_table(table.to_pandas().assign(neuron_class=classes.names), path)
