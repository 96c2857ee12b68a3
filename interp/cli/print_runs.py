"""Results as text on standard output: tables for people, or one JSON object for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Column, Table

from interp.cli.terminal import show

if TYPE_CHECKING:
    from interp.analysis.ablation.by_class import Pruning
    from interp.analysis.ablation.heads import HeadAblation
    from interp.analysis.neurons.classify import Classes
    from interp.analysis.neurons.embedding import EmbeddingTable
    from interp.analysis.neurons.table import NeuronTable
    from interp.training.display import Result, Value, Values
    from interp.training.runs.run import Run


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on one line; never NaN."""
    print(json.dumps(value, allow_nan=False))


def say(text: str) -> None:
    """A line of text."""
    print(text)


def print_origin(run: Run) -> None:
    """Where a run comes from, unless it was trained here."""
    if not run.origin.trained_here:
        say(f"{run.name}: {run.origin.words}")


def print_scores(run: Run) -> None:
    """Scores of a run's last measurement, and its phase."""
    from interp.analysis.phases.phase import phase_or_none
    from interp.training.data.splits import SPLIT_MEANING
    from interp.words.sentences import number

    row = run.measurement()
    table = Table(
        "split", "accuracy", "loss", "what is scored", title=f"{run.name}, step {row.step}"
    )
    for split, score in row.scores.items():
        table.add_row(split, number(score.accuracy), number(score.loss, 5), SPLIT_MEANING[split])
    _show(table)
    if run.ended is not None:
        say(f"the run {run.ended}")
    found = phase_or_none(run)
    if found is not None:
        say(f"phase: {found.name} ({found.reason})")


def print_histogram(table: NeuronTable, classes: Classes, bins: int = 20) -> None:
    """IPR histogram in characters, counts by class, threshold."""
    import numpy as np

    from interp.words.cut import gap_words

    counts, edges = np.histogram(table.ipr[~table.dead], bins, (0, 1))
    widest = max(counts.max(), 1)
    say(f"{table.name}: {table.caption}")
    for count, low in zip(counts, edges, strict=False):
        marker = " ← threshold" if low <= classes.threshold < low + 1 / bins else ""
        say(f"  {low:4.2f}  {'█' * round(50 * count / widest):<50} {count:>5}{marker}")
    parts = ", ".join(f"{count} {name}" for name, count in classes.counts.items())
    mean = "none" if table.mean_ipr is None else f"{table.mean_ipr:.3f}"
    say(f"{parts}; threshold {classes.threshold:.3f} ({classes.rule}); mean IPR {mean}")
    say(gap_words(classes))
    _say_words(classes)
    from interp.analysis.neurons.norm_weights import has_correlation, norm_correlation

    if has_correlation(table):
        found = norm_correlation(table)
        say(f"|norm weight| against IPR: Spearman ρ = {found.rho:.2f}, p = {found.p_value:.1g}")


def print_pruning(table: NeuronTable, result: Pruning) -> None:
    """Before/after table of a pruning, with its controls."""
    from interp.words.cut import gap_words, pruned_words, rankings_words
    from interp.words.sentences import before_after_rows

    header, *rows = before_after_rows(result)
    classes = result.classes
    kept = f"{result.kept} kept, {result.pruned} pruned ({pruned_words(classes)})"
    shown = Table(*header, title=f"{table.name}: {kept}")
    for row in rows:
        shown.add_row(*row)
    _show(shown)
    say(f"threshold {classes.threshold:.3f} ({classes.rule}). {gap_words(classes)}")
    if result.rankings:
        say(rankings_words(result.rankings))
    say(f"{result.about} · control: {result.draws} random prunings, seed {result.seed}")
    _say_words(classes)


def _say_words(classes: Classes) -> None:
    """Why the classes are called as they are, where that needs an excuse."""
    if classes.words.sentence:
        say(classes.words.sentence)


def print_spectrum(
    table: NeuronTable | EmbeddingTable,
    shares: Mapping[str, Any],
    neuron: int | None,
    top: int = 10,
) -> None:
    """The strongest frequencies, or irreps, of each curve or embedding."""
    import numpy as np

    from interp.analysis.neurons.embedding import EmbeddingTable
    from interp.words.neuron import classes_of, neuron_words

    what = "embeddings" if neuron is None else f"neuron {neuron}"
    shown = Table(table.block, *shares, title=f"{table.name}: share of power, {what}")
    # A curve over another number of answers has other frequencies: fewer, or more.
    longest = max(len(row) for row in shares.values())
    total = np.sum([np.pad(row, (0, longest - len(row))) for row in shares.values()], axis=0)
    for frequency in (-total).argsort()[:top]:
        cells = (f"{r[frequency]:.4f}" if frequency < len(r) else "–" for r in shares.values())
        named = str(frequency) if table.block == "frequency" else table.block_names[frequency]
        shown.add_row(named, *cells)
    _show(shown)
    if isinstance(table, EmbeddingTable):
        _say_flat(table)
    elif neuron is not None:
        say(neuron_words(table, classes_of(table), neuron))
    say(table.caption)


def _say_flat(table: EmbeddingTable) -> None:
    """Whether a spectrum has anything to show; if not, what the dimensions have by themselves."""
    from interp.words.flat import flat_spectrum

    words = flat_spectrum(table)
    if words:
        known = {name: ipr for name, ipr in table.mean_ipr.items() if ipr is not None}
        means = ", ".join(f"{name} {ipr:.3f}" for name, ipr in known.items())
        say(f"{words} Mean IPR of single dimensions: {means}.")


def print_heads(name: str, result: HeadAblation) -> None:
    """Accuracy of the splits with all heads and without each."""
    from interp.analysis.caption import place
    from interp.words.sentences import number

    how = {"zero": "zero", "mean": "its mean over all pairs"}[result.how]
    shown = Table("without", *result.before, title=f"{name}: heads set to {how}")
    shown.add_row("–", *(number(score.accuracy) for score in result.before.by_split.values()))
    for (block, head), scores in result.after.items():
        cells = (number(score.accuracy) for score in scores.by_split.values())
        shown.add_row(f"head {block}.{head}", *cells)
    _show(shown)
    say(place(result.seed, result.step, "accuracy"))


def print_values(name: str, result: Result, most: int = 40) -> None:
    """The values of any result, and where they come from."""
    if hasattr(result, "rows") and hasattr(result, "steps"):
        print_history(name, result.steps, result.rows, result.main)  # type: ignore[attr-defined]
        say(result.about)
        return
    if hasattr(result, "scores") and hasattr(result, "is_control"):
        _print_scored(name, result)
        return
    if result.COLUMNS:
        from interp.words.scored import tidy_rows

        heads, rows = tidy_rows(result)
        shown = Table(*heads, title=name)
        for row in rows:
            shown.add_row(*row)
        _show(shown)
        say("--table or --json give all values")
        say(result.about)
        return
    found = result.values()
    shown = Table("name", "value", title=name)
    for key, value in list(found.items())[:most]:
        shown.add_row(key, _cell(value))
    _show(shown)
    if len(found) > most:
        say(f"the first {most} of {len(found)} values; --table or --json give all")
    say(result.about)


def _print_scored(name: str, result: Any) -> None:
    """Accuracies of several networks or parts of one, a row each; controls are marked."""
    from interp.words.scored import scored_rows

    heads, rows = scored_rows(result)
    shown = Table(*heads, title=f"{name}: accuracies")
    for row in rows:
        shown.add_row(*row)
    _show(shown)
    say("--json gives losses and all splits")
    say(result.about)


def print_history(
    name: str, steps: Sequence[int], rows: Sequence[Values], main: Sequence[str] = (), most: int = 6
) -> None:
    """Values over checkpoints: a row a step, a column a value; those of ``main`` first."""
    known = list(dict.fromkeys(key for row in rows for key in row))
    names = list(dict.fromkeys([*(one for one in main if one in known), *known]))
    heads = [name.replace(".", ".\n") for name in names[:most]]
    shown = Table("step", *(Column(head, overflow="fold") for head in heads), title=name)
    for step, row in zip(steps, rows, strict=True):
        shown.add_row(str(step), *(_cell(row.get(key), 4) for key in names[:most]))
    _show(shown)
    if len(names) > most:
        say(f"the first {most} of {len(names)} values; --table or --json give all")


def _cell(value: Value, digits: int = 6) -> str:
    if isinstance(value, float):
        return "never" if math.isinf(value) else f"{value:.{digits}g}"
    return "–" if value is None else str(value)


def _show(table: Table) -> None:
    table.title_justify = "left"
    show(table)
