"""The command that shows everything at once: train, find, prune, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from interp.commands import train_with_progress
from interp.parameters import Json
from interp.summaries import run_summary
from interp.terminal import print_histogram, print_json, print_pruning, say

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
    from analysis.classify import classify
    from analysis.neurons import neuron_table
    from analysis.phases import phase
    from analysis.pruning import prune_by_class
    from interp.html_report import report as write_report
    from interp.words import sentence
    from training.config import parse_config

    run = train_with_progress(parse_config({**DEMO, "steps": steps, "seed": seed}), out)
    table = neuron_table(run)
    classes = classify(table)
    result = prune_by_class(run, table, classes)
    path = write_report(run)
    if json_:
        print_json({**run_summary(run), **result.to_dict(), "report": str(path)})
        return
    print_histogram(table, classes)
    say("")
    print_pruning(table, result)
    say("\n" + sentence(result, phase(run), classes))
    say(f"\nreport: {path}")
