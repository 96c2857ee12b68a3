"""What each command does: read the arguments, call one function, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from cyclopts import Parameter

from interp.cli.parameters import Figure, Json, Measures, Template, check_places, write_table
from interp.cli.plain_results import heads_summary, ipr_summary, origin, run_summary
from interp.cli.print_runs import (
    print_heads,
    print_histogram,
    print_json,
    print_pruning,
    print_scores,
    print_spectrum,
    say,
)
from interp.cli.run_flags import RunOptions, overrides_of

if TYPE_CHECKING:
    from interp.analysis.neurons.classify import Classes
    from interp.analysis.neurons.embedding import EmbeddingTable
    from interp.analysis.neurons.table import NeuronTable
    from interp.training.config.run_config import RunConfig
    from interp.training.runs.run import Run

Step = Annotated[int | None, Parameter(help="which checkpoint; the newest by default")]
Threshold = Annotated[str, Parameter(help="auto, null, or an IPR between 0 and 1")]
Draws = Annotated[
    int | None,
    Parameter(help="random prunings as control; 50 by default, 10 for curves that are slow"),
]
Layer = Annotated[int, Parameter(help="which hidden layer, counted from 0")]
RunFolder = Annotated[Path, Parameter(help="run folder")]


def train(
    config: Annotated[
        Path | None, Parameter(help="YAML file; fields left out are defaults")
    ] = None,
    /,
    *,
    out: Annotated[Path, Parameter(help="run folder, made or resumed")],
    device: Annotated[str, Parameter(help="cpu, cuda or auto: a GPU where there is one")] = "auto",
    json_: Json = False,
    options: Annotated[RunOptions | None, Parameter(name="*")] = None,
) -> None:
    """Train a network, or go on with a run that was cut off."""
    from interp.training.config.plain_data import read_config, with_overrides
    from interp.training.config.run_config import parse_config

    values = read_config(config) if config else {}
    run = train_with_progress(
        parse_config(with_overrides(values, overrides_of(options))), out, device
    )
    if json_:
        print_json(run_summary(run))
        return
    print_scores(run)
    say(f"\nrun folder: {out}    next: interp ipr {out}")


def ipr(
    run: RunFolder,
    /,
    *,
    step: Step = None,
    layer: Layer = 0,
    threshold: Threshold = "auto",
    figure: Figure = None,
    template: Template = "screen",
    table: Annotated[
        Path | None, Parameter(help="write the neuron table, .parquet or .csv")
    ] = None,
    json_: Json = False,
) -> None:
    """Show the IPR histogram of a checkpoint, with the classes of its neurons."""
    from interp.analysis.neurons.classify import classify
    from interp.analysis.neurons.read import neuron_table
    from interp.training.runs.run import load

    check_places(figure, template, table)
    neurons = neuron_table(load(run), step, layer=layer)
    classes = classify(neurons, _threshold(threshold))
    if figure is not None:
        from interp import figures

        figures.save(figures.ipr_histogram(neurons, classes), figure, template=template)
    if table is not None:
        _write_neurons(neurons, classes, table)
    if json_:
        print_json(ipr_summary(neurons, classes))
        return
    print_histogram(neurons, classes)
    for path in (figure, table):
        if path is not None:
            say(f"written: {path}")


def prune(
    run: RunFolder,
    /,
    *,
    threshold: Threshold = "auto",
    step: Step = None,
    layer: Layer = 0,
    draws: Draws = None,
    save: Annotated[Path | None, Parameter(help="save the pruned network as a run folder")] = None,
    figure: Figure = None,
    template: Template = "screen",
    json_: Json = False,
) -> None:
    """Prune the memorizing neurons and re-evaluate every split, beside random controls."""
    from interp.analysis.ablation.by_class import prune_by_class
    from interp.analysis.ablation.pruning_curves import pruning_curve
    from interp.analysis.neurons.classify import classify
    from interp.analysis.neurons.read import neuron_table
    from interp.training.runs.run import load, write_pruned

    check_places(figure, template)
    source = load(run)
    checkpoint = source.checkpoint(step)
    neurons = neuron_table(checkpoint, layer=layer)
    classes = classify(neurons, _threshold(threshold))
    result = prune_by_class(checkpoint, neurons, classes, draws=draws)
    if save is not None:
        write_pruned(save, source, neurons.step or 0, result.network, result.after)
    if figure is not None:
        from interp import figures

        curves = pruning_curve(checkpoint, draws=draws, table=neurons)
        figures.save(
            figures.pruning_curves(curves, pruned=result.pruned), figure, template=template
        )
    if json_:
        about = {"run": str(run), "step": neurons.step, "convention": neurons.convention}
        print_json({**about, **result.to_dict()})
        return
    print_pruning(neurons, result)
    for path in (save, figure):
        if path is not None:
            say(f"written: {path}")


def spectrum(
    run: RunFolder,
    /,
    *,
    neuron: Annotated[int | None, Parameter(help="one neuron instead of the embeddings")] = None,
    step: Step = None,
    layer: Layer = 0,
    figure: Figure = None,
    template: Template = "screen",
    json_: Json = False,
) -> None:
    """Show the Fourier spectrum of the embeddings, or of one neuron."""
    from interp import figures
    from interp.analysis.fourier.spectrum import power_shares
    from interp.analysis.neurons.embedding import embedding_table
    from interp.analysis.neurons.read import neuron_table
    from interp.training.runs.run import load

    check_places(figure, template)
    source: NeuronTable | EmbeddingTable
    if neuron is None:
        source = embedding_table(load(run), step)
        drawn, shares = figures.embedding_spectrum(source), source.shares
    else:
        source = neuron_table(load(run), step, layer=layer)
        drawn = figures.neuron_curves(source, neuron)
        rows = power_shares(source.coefficients[:, neuron])
        shares = dict(zip(("U", "V", "W"), rows, strict=True))
    if figure is not None:
        figures.save(drawn, figure, template=template)
    if json_:
        found = {name: row.tolist() for name, row in shares.items()}
        print_json({**origin(source), "neuron": neuron, "share_of_power": found})
        return
    print_spectrum(source, shares, neuron)
    if figure is not None:
        say(f"written: {figure}")


def heads(
    run: RunFolder,
    /,
    *,
    how: Annotated[str, Parameter(help="what replaces a head's output: mean or zero")] = "mean",
    step: Step = None,
    figure: Figure = None,
    template: Template = "screen",
    json_: Json = False,
) -> None:
    """Ablate a Transformer's heads one at a time and score what is left."""
    from interp.analysis.ablation.heads import head_ablation
    from interp.training.runs.run import load

    check_places(figure, template)
    source = load(run)
    result = head_ablation(source, cast(Any, how), step=step)
    if figure is not None:
        from interp import figures

        figures.save(figures.head_ablation(result, source.name), figure, template=template)
    if json_:
        print_json(heads_summary(source, result))
        return
    print_heads(source.name, result)
    if figure is not None:
        say(f"written: {figure}")


def report(
    run: RunFolder,
    /,
    *,
    threshold: Threshold = "auto",
    draws: Draws = None,
    layer: Layer = 0,
    pruned_checkpoints: Annotated[
        int, Parameter(help="checkpoints before the newest that get a pruning curve")
    ] = 16,
    measures: Measures = None,
    out: Annotated[Path | None, Parameter(help="the file; RUN/report.html by default")] = None,
    json_: Json = False,
) -> None:
    """Write a run as one HTML file to play with: move the threshold, the checkpoint, the neuron."""
    from interp.reporting.report import report as write_report

    path = write_report(
        run, out, _threshold(threshold), draws, layer, pruned_checkpoints, measures or ()
    )
    if json_:
        print_json({"report": str(path)})
    else:
        say(f"report: {path}")


def train_with_progress(config: RunConfig, out: Path, device: str = "auto") -> Run:
    """Trains, and shows how far it is."""
    from interp.cli.progress import training_progress
    from interp.training.trainer.loop import train as run_training

    with training_progress(config.steps) as progress:
        return run_training(config, out, progress, device)


def _threshold(text: str) -> Any:
    """A rule's name, or the number that the text is."""
    if text in ("auto", "null"):
        return text
    try:
        return float(text)
    except ValueError:
        return text  # the classifier says what it expected


def _write_neurons(table: NeuronTable, classes: Classes, path: Path) -> None:
    if path.suffix.lower() == ".parquet":
        table.to_parquet(path)
    else:
        write_table(table.to_pandas().assign(neuron_class=classes.names), path)
