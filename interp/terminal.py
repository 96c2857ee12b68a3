"""Results as text on standard output: tables for people, or one JSON object for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from analysis.classify import Classes
    from analysis.neurons import NeuronTable
    from analysis.pruning import Pruning
    from training.run import Run


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on one line; never NaN."""
    print(json.dumps(value, allow_nan=False))


def say(text: str) -> None:
    """A line of text."""
    print(text)


def print_scores(run: Run) -> None:
    """Scores of a run's last measurement, and its phase."""
    from analysis.phases import has_phase, phase
    from interp.words import number
    from training.data import SPLIT_MEANING

    row = run.measurement()
    table = Table(
        "split", "accuracy", "loss", "what is scored", title=f"{run.name}, step {row.step}"
    )
    for split, score in row.scores.items():
        table.add_row(split, number(score.accuracy), number(score.loss, 5), SPLIT_MEANING[split])
    _show(table)
    if has_phase(run):
        found = phase(run)
        say(f"phase: {found.name} ({found.reason})")


def print_histogram(table: NeuronTable, classes: Classes, bins: int = 20) -> None:
    """IPR histogram in characters, counts by class, threshold."""
    import numpy as np

    counts, edges = np.histogram(table.ipr[~table.dead], bins, (0, 1))
    widest = max(counts.max(), 1)
    say(f"{table.name}: {table.caption}")
    for count, low in zip(counts, edges, strict=False):
        marker = " ← threshold" if low <= classes.threshold < low + 1 / bins else ""
        say(f"  {low:4.2f}  {'█' * round(50 * count / widest):<50} {count:>5}{marker}")
    parts = ", ".join(f"{count} {name}" for name, count in classes.counts.items())
    mean = "none" if table.mean_ipr is None else f"{table.mean_ipr:.3f}"
    say(f"{parts}; threshold {classes.threshold:.3f} ({classes.rule}); mean IPR {mean}")


def print_pruning(table: NeuronTable, result: Pruning) -> None:
    """Before/after table of a pruning, with its controls."""
    from interp.words import before_after_rows

    header, *rows = before_after_rows(result)
    kept = f"{result.kept} kept, {result.pruned} pruned (IPR < {result.classes.threshold:.3f})"
    shown = Table(*header, title=f"{table.name}, step {table.step}: {kept}")
    for row in rows:
        shown.add_row(*row)
    _show(shown)
    say(f"{table.caption} · control: {result.draws} random prunings, seed {result.seed}")


def print_spectrum(table: NeuronTable, shares: Any, neuron: int | None, top: int = 10) -> None:
    """The strongest frequencies of each curve."""
    what = "embeddings" if neuron is None else f"neuron {neuron}"
    shown = Table("frequency", "U", "V", "W", title=f"{table.name}: share of power, {what}")
    for frequency in (-shares.mean(axis=0)).argsort()[:top]:
        shown.add_row(str(frequency), *(f"{share:.4f}" for share in shares[:, frequency]))
    _show(shown)
    say(table.caption)


def _show(table: Table) -> None:
    table.title_justify = "left"
    Console().print(table)
