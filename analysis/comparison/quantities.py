"""The quantities that runs are compared by: scores, IPR, counts of neurons, measures asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from interp.analysis.asked import Asked
from interp.analysis.caption import ipr_words
from interp.analysis.comparison.subjects import Subject
from interp.analysis.measure import Measure, NotDefined
from interp.analysis.neurons.classify import classify, has_cut, two_class_cut
from interp.analysis.neurons.read import neuron_table
from interp.analysis.neurons.table import NeuronTable
from interp.training.data.scores import Scores
from interp.training.display import Value
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.run import Run

IPR = ("mean_ipr", "high_ipr", "low_ipr", "threshold", "dead")
COUNTS = ("high_ipr", "low_ipr")


@dataclass(frozen=True)
class Read:
    """What was read of one of the runs.

    Attributes:
        values: by name; None for what does not exist.
        convention: of its IPR, in words; None without neurons.
        distinct: whether its IPRs look like two classes; None without neurons or a cut.
        missing: measures that are not defined on it, and why.
    """

    values: Mapping[str, Value]
    convention: str | None
    distinct: bool | None
    missing: Mapping[str, str]


def read(subject: Subject, asked: tuple[Asked, ...], threshold: str | float) -> Read:
    """Every quantity of one of the runs, at its newest checkpoint or the one that is meant.

    Args:
        subject: the run.
        asked: measures besides.
        threshold: rule or IPR that separates its neurons, see ``classify``.

    Raises:
        ValueError: if a checkpoint is damaged, there is none, the threshold is none, or a measure
            of whole runs is asked of a checkpoint.
    """
    checkpoint = subject.checkpoint
    values: dict[str, Value] = dict(_by_metric(scores_of(subject, checkpoint)))
    convention = distinct = None
    if checkpoint.readable.layers:
        table = neuron_table(checkpoint)
        convention = ipr_words(table.convention, table.r)
        counted, distinct = _counts(table, threshold)
        values |= {"mean_ipr": table.mean_ipr, **counted, "dead": float(table.dead.sum())}
    else:
        values |= dict.fromkeys(IPR)
    missing = {}
    for one in asked:
        try:
            found = one.measure.of(_source(subject, checkpoint, one.measure), one.options)
        except NotDefined as error:
            missing[one.label] = str(error).removeprefix(f"measure {one.measure.name}: ")
            continue
        values |= {f"{one.label}.{name}": value for name, value in found.values().items()}
    return Read(values, convention, distinct, missing)


def scores_of(subject: Subject, checkpoint: Checkpoint) -> Scores:
    """As they were recorded in training; where they were not, in float64."""
    run = subject.given
    if isinstance(run, Run):
        for row in run.measurements:
            if row.step == checkpoint.step:
                return row.scores
    return checkpoint.scores


def _by_metric(scores: Scores) -> Iterator[tuple[str, float | None]]:
    """Accuracies first, then losses."""
    for metric in ("accuracy", "loss"):
        for split, score in scores.items():
            yield f"{split}_{metric}", getattr(score, metric)


def _counts(table: NeuronTable, threshold: str | float) -> tuple[dict[str, Value], bool | None]:
    """How many neurons lie above and below the threshold, which it is, and whether it parts two."""
    if threshold == "auto" and not has_cut(table):
        return dict.fromkeys((*COUNTS, "threshold")), None
    # By the cut itself: what is compared says whether it means anything, and nothing is warned of.
    rule = two_class_cut(table.ipr[~table.dead]) if threshold == "auto" else threshold
    classes = classify(table, cast(Any, rule))
    found = classes.values()
    return {name: found[name] for name in (*COUNTS, "threshold")}, classes.words.distinct


def _source(subject: Subject, checkpoint: Checkpoint, measure: Measure) -> Any:
    if measure.reads == "checkpoint":
        return checkpoint
    if not isinstance(subject.given, Run):
        raise ValueError(f"measures: {measure.name} reads a whole run, got a checkpoint of one")
    return subject.given
