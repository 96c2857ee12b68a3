"""What each command does: read the arguments, call one function, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from cyclopts import Parameter

from interp.cli.parameters import (
    Device,
    Draws,
    Figure,
    Json,
    Layer,
    Measures,
    RunFolder,
    Step,
    Template,
    Threshold,
    check_places,
    only_beside,
    say_written,
    threshold_of,
)
from interp.cli.plain_results import (
    heads_summary,
    report_summary,
    run_summary,
    spectrum_summary,
)
from interp.cli.print_runs import (
    print_heads,
    print_json,
    print_scores,
    print_spectrum,
    say,
)
from interp.cli.run_flags import RunOptions, overrides_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from interp.analysis.neurons.embedding import EmbeddingTable
    from interp.analysis.neurons.table import NeuronTable
    from interp.analysis.trajectory.recorder import Recorder
    from interp.training.config.run_config import RunConfig
    from interp.training.runs.run import Run


def train(
    config: Annotated[
        Path | None, Parameter(help="YAML file; fields left out are defaults")
    ] = None,
    /,
    *,
    out: Annotated[Path, Parameter(help="run folder, made or resumed")],
    device: Device = "auto",
    yes: Annotated[
        bool, Parameter(negative="", help="also in a group of more than 1,000 elements")
    ] = False,
    record: Annotated[
        list[str] | None,
        Parameter(
            metavar="MEASURE",
            negative="",
            help="measure to note while it trains, such as signals; may be repeated",
        ),
    ] = None,
    records: Annotated[int | None, Parameter(help="at about how many steps, 20 by default")] = None,
    json_: Json = False,
    options: Annotated[RunOptions | None, Parameter(name="*")] = None,
) -> None:
    """Train a network, or go on with a run that was cut off."""
    from interp.training.config.plain_data import read_config, with_overrides
    from interp.training.config.run_config import parse_config

    values = with_overrides(read_config(config) if config else {}, overrides_of(options))
    if yes and values.get("task", {}).get("group") is not None:
        values = with_overrides(values, {"task.large": True})
    recorder = _recorder(record, records)
    run = train_with_progress(parse_config(values), out, device, recorder)
    noted = None if recorder is None else len(recorder.records)
    if json_:
        print_json({**run_summary(run), **({} if noted is None else {"recorded_steps": noted})})
        return
    print_scores(run)
    if noted is not None:
        say(f"\nrecorded at {noted} steps: interp measure recorded {out}" if noted else _FINISHED)
    say(f"\nrun folder: {out}    next: interp ipr {out}")


_RECORDS = 20  # steps
_FINISHED = "\nnothing recorded, as the run was finished; --history measures its checkpoints"


def _recorder(measures: list[str] | None, count: int | None) -> Recorder | None:
    if not measures:
        if count is not None:
            raise ValueError(f"--records: expected beside --record, got {count} alone")
        return None
    from interp.analysis.trajectory.recorder import Recorder

    return Recorder(measures, _RECORDS if count is None else count)


def spectrum(
    run: RunFolder,
    /,
    *,
    neuron: Annotated[int | None, Parameter(help="one neuron instead of the embeddings")] = None,
    step: Step = None,
    layer: Annotated[
        int | None, Parameter(help="which hidden layer the neuron is of, counted from 0")
    ] = None,
    figure: Figure = None,
    template: Template = None,
    json_: Json = False,
) -> None:
    """Show the Fourier spectrum of the embeddings, or of one neuron."""
    from interp.analysis.neurons.curves import check_neuron
    from interp.analysis.neurons.embedding import embedding_table
    from interp.analysis.neurons.read import neuron_table
    from interp.training.runs.run import load

    look = check_places(figure, template)
    source: NeuronTable | EmbeddingTable
    if neuron is None:
        only_beside("--layer", layer, "--neuron")
        source = embedding_table(load(run), step)
        shares = source.shares
    else:
        source = neuron_table(load(run), step, layer=layer or 0)
        check_neuron(source, neuron)
        rows = [one[neuron] for one in source.curve_shares]
        shares = dict(zip(("U", "V", "W"), rows, strict=True))
    if figure is not None:
        from interp import figures

        figures.save(_spectrum(source, neuron), figure, template=look)
    if json_:
        print_json(spectrum_summary(source, shares, neuron))
        return
    print_spectrum(source, shares, neuron)
    say_written(figure)


def _spectrum(source: Any, neuron: int | None) -> go.Figure:
    from interp import figures

    if neuron is None:
        return figures.embedding_spectrum(source)
    return figures.neuron_curves(source, neuron)


def heads(
    run: RunFolder,
    /,
    *,
    how: Annotated[str, Parameter(help="what replaces a head's output: mean or zero")] = "mean",
    step: Step = None,
    figure: Figure = None,
    template: Template = None,
    json_: Json = False,
) -> None:
    """Ablate a Transformer's heads one at a time and score what is left."""
    from interp.analysis.ablation.heads import head_ablation
    from interp.training.runs.run import load

    look = check_places(figure, template)
    source = load(run)
    result = head_ablation(source, cast(Any, how), step=step)
    if figure is not None:
        from interp import figures

        figures.save(figures.head_ablation(result, source.name), figure, template=look)
    if json_:
        print_json(heads_summary(source, result))
        return
    print_heads(source.name, result)
    say_written(figure)


def report(
    run: RunFolder,
    /,
    *,
    threshold: Threshold = "auto",
    draws: Draws = None,
    layer: Layer = 0,
    pruned_checkpoints: Annotated[
        int, Parameter(help="checkpoints before the newest that get a pruning curve")
    ] = 8,
    measures: Measures = None,
    mechanism: Annotated[
        bool, Parameter(help="a section on the network's frequencies, where it is defined")
    ] = True,
    pairs: Annotated[
        bool, Parameter(help="a section on pairs and what neurons add to their margins")
    ] = True,
    out: Annotated[Path | None, Parameter(help="the file; RUN/report.html by default")] = None,
    json_: Json = False,
) -> None:
    """Write a run as one HTML file to play with: move the threshold, the checkpoint, the neuron."""
    from interp.reporting.report import report as write_report
    from interp.training.runs.run import load

    source, rule = load(run), threshold_of(threshold)
    path = write_report(
        source, out, rule, draws, layer, pruned_checkpoints, measures or (), mechanism, pairs
    )
    if json_:
        print_json({"report": str(path), **report_summary(source, rule, layer)})
    else:
        say(f"report: {path}")


def train_with_progress(
    config: RunConfig, out: Path, device: str = "auto", recorder: Recorder | None = None
) -> Run:
    """Trains, and shows how far it is."""
    from interp.cli.progress import training_progress
    from interp.training.trainer.loop import train as run_training

    with training_progress(config.steps) as progress:
        watching = () if recorder is None else (recorder,)
        return run_training(config, out, progress, device, watching)
