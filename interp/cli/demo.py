"""The command that shows everything at once: train, find, prune, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from interp.cli.parameters import Json
from interp.cli.plain_results import run_summary
from interp.cli.print_runs import print_histogram, print_json, print_pruning, say
from interp.cli.runs import train_with_progress

DEMO = {
    "task": {"operation": "x + y", "p": 97},
    "data": {"fraction": 0.5, "corruption": 0.35},
    "model": {"width": 500},
    "optimizer": {"lr": 0.01, "weight_decay": 0.0},
    "steps": 1000,
}


def demo(
    *,
    out: Annotated[Path, Parameter(help="run folder")] = Path("runs/coexistence"),
    steps: Annotated[int, Parameter(help="training steps")] = 1000,
    seed: Annotated[int, Parameter(help="seed of split, corruption and weights")] = 0,
    json_: Json = False,
) -> None:
    """Train the paper's coexistence run, find and prune its memorizing neurons, report."""
    from interp.analysis.ablation.by_class import prune_by_class
    from interp.analysis.neurons.classify import classify
    from interp.analysis.neurons.read import neuron_table
    from interp.analysis.phases.phase import phase
    from interp.reporting.report import report as write_report
    from interp.training.config.run_config import parse_config
    from interp.words.sentences import sentence

    run = train_with_progress(parse_config({**DEMO, "steps": steps, "seed": seed}), out)
    newest = run.checkpoint()
    table = neuron_table(newest)
    classes = classify(table)
    result = prune_by_class(newest, table, classes)
    path = write_report(run)
    if json_:
        print_json({**run_summary(run), **result.to_dict(), "report": str(path)})
        return
    print_histogram(table, classes)
    say("")
    print_pruning(table, result)
    say("\n" + sentence(result, phase(run), classes))
    say(f"\nreport: {path}")
