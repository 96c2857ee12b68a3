"""One self-contained HTML file of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go

from interp import figures
from interp.analysis.asked import Wanted, asked_of
from interp.analysis.neurons.classify import Rule
from interp.reporting.document import page
from interp.reporting.reading import PRUNED_CHECKPOINTS, Reading, read
from interp.training.arguments import MOST_DRAWS, as_path, some_whole, truth, whole
from interp.training.blas import one_thread
from interp.training.runs.files import check_place, write_bytes
from interp.training.runs.run import Run
from interp.training.runs.subject import as_run
from interp.training.trainer.device import keep_freed_memory


def report(
    run: Run | Path | str,
    out: Path | str | None = None,
    threshold: Rule | float = "auto",
    draws: int | None = None,
    layer: int = 0,
    pruned_checkpoints: int = PRUNED_CHECKPOINTS,
    measures: Wanted | Sequence[Wanted] = (),
    mechanism: bool = True,
    pairs: bool = True,
) -> Path:
    """Writes a run as one HTML file to play with: threshold, checkpoint and neuron can be moved.

    Args:
        run: a run or its folder.
        out: the file; ``report.html`` in the run folder by default.
        threshold: rule or IPR that separates the neurons at first, see
            :func:`interp.analysis.neurons.classify.classify`.
        draws: random controls; by default 20, or 10 for pruning curves that are forward passes.
        layer: which hidden layer's neurons are shown.
        pruned_checkpoints: how many checkpoints before the newest get a pruning curve, spread
            evenly, where the logits are a sum over the neurons.
        measures: what is shown besides, a section each: names of measures, measures, or mappings
            of names to options, see :mod:`interp.analysis.measures`. One that reads a checkpoint
            is shown of the newest.
        mechanism: whether there is a section on the network's frequencies, where it is defined.
        pairs: whether there is a section on pairs and what neurons add to their margins.

    Returns:
        Where the file is.

    Raises:
        ValueError: if the run has no checkpoint, was kept in memory and no file is named, or the
            file's name, a measure or an option is not as expected.
    """
    asked = asked_of(measures)
    run = as_run(run)
    if out is None and run.path is None:
        raise ValueError("report: a run kept in memory needs a file name")
    target = Path(str(run.path)) / "report.html" if out is None else as_path(out, "a file's name")
    check_place("report", target, ".html")
    whole(pruned_checkpoints, "pruned checkpoints")
    some_whole(draws, "draws", most=MOST_DRAWS)
    truth(mechanism, "mechanism")
    truth(pairs, "pairs")
    keep_freed_memory()
    with one_thread():
        reading = read(run, threshold, draws, layer, pruned_checkpoints, asked, mechanism, pairs)
        write_bytes(target, page(reading, _figures(reading)).encode())
    return target


def _figures(reading: Reading) -> dict[str, go.Figure]:
    """Figures that do not follow the sliders, by the name of their section."""
    run, neurons = reading.run, reading.neurons
    found = {"training": figures.training_curves(run)}
    if reading.embeddings is not None and not reading.flat:
        found["embedding"] = figures.embedding_spectrum(reading.embeddings)
    if neurons is not None:
        found["pruning"] = figures.pruning_curves(neurons.curves)
        found["dynamics"] = figures.ipr_dynamics(neurons.history, neurons.classes)
    if reading.heads is not None:
        found["heads"] = figures.head_ablation(reading.heads, run.name)
    if reading.mechanism is not None:
        drawn = {name: one.figure for name, one in reading.mechanism.items()}
        found |= {name: one for name, one in drawn.items() if one is not None}
    for i, one in enumerate(reading.measured):
        if one.figure is not None:
            found[f"measure-{i}"] = one.figure
    return found
