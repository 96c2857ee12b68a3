"""Everything that the report shows of a run, computed once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from interp.analysis.ablation.curves import PruningCurves
from interp.analysis.ablation.heads import HeadAblation, head_ablation
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.asked import Asked
from interp.analysis.neurons.classify import (
    ONE_ELEMENT,
    Classes,
    Rule,
    classify,
    has_cut,
    pruned_below,
    two_class_cut,
)
from interp.analysis.neurons.embedding import EmbeddingTable, embedding_table, no_embeddings
from interp.analysis.neurons.read import neuron_table
from interp.analysis.neurons.table import NeuronTable
from interp.analysis.phases.phase import Phase, phase_or_none
from interp.analysis.trajectory.ipr_history import Dynamics, dynamics_of
from interp.analysis.trajectory.pruning_history import CheckpointCurves, checkpoint_curves
from interp.reporting.measures import Kept, Measured, measured
from interp.reporting.mechanism import Mechanism, mechanism_of
from interp.reporting.pairs import PairReading, pairs_of
from interp.reporting.wide import CHECKPOINTS, grid_of, is_wide
from interp.reporting.wide import DRAWS as WIDE_DRAWS
from interp.reporting.wide import EARLIER_DRAWS as WIDE_EARLIER_DRAWS
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.run import Run
from interp.words.flat import flat_spectrum

DRAWS = 20  # random prunings at the newest checkpoint, where they are sums
PRUNED_CHECKPOINTS = 8  # before the newest, unless told otherwise
EARLIER_DRAWS = 4  # random prunings at each of them
_CURVE_BYTES = 1_200_000  # of the curves of earlier checkpoints, a byte a residue


@dataclass(frozen=True)
class NeuronReading:
    """A hidden layer of a run, over its checkpoints.

    Attributes:
        tables: at every checkpoint, by step.
        classes: at the newest.
        curves: at the newest: all rankings and directions, and the random control.
        earlier: at checkpoints before: lowest IPR first, with a control of fewer draws. None
            where each number of neurons is a forward pass, and where there is no earlier one.
        history: of the IPR.
    """

    tables: Mapping[int, NeuronTable]
    classes: Classes
    curves: PruningCurves
    earlier: CheckpointCurves | None
    history: Dynamics

    @property
    def table(self) -> NeuronTable:
        """At the newest checkpoint."""
        return list(self.tables.values())[-1]


@dataclass(frozen=True)
class Reading:
    """A run as the report shows it: heads, embeddings and neurons where it has any.

    The measures are those that were asked for besides.
    """

    run: Run
    phase: Phase | None
    embeddings: EmbeddingTable | None
    heads: HeadAblation | None
    neurons: NeuronReading | None
    measured: tuple[Measured, ...] = ()
    mechanism: Mechanism | None = None
    pairs: PairReading | None = None

    @cached_property
    def flat(self) -> str:
        """That the embeddings' spectrum says nothing, where there are neurons to count instead."""
        if self.embeddings is None or self.neurons is None:
            return ""
        return flat_spectrum(self.embeddings)


def read(
    run: Run,
    threshold: Rule | float,
    draws: int | None,
    layer: int,
    pruned_checkpoints: int = PRUNED_CHECKPOINTS,
    asked: tuple[Asked, ...] = (),
    mechanism: bool = True,
    pairs: bool = True,
) -> Reading:
    """Reads a run; every checkpoint once.

    Raises:
        ValueError: if the run has no checkpoint or no such layer, or the threshold is none.
    """
    if mechanism or pairs or any(one.measure.reads == "run" for one in asked):
        run = replace(run, weights=Kept(run.weights))
    newest = run.checkpoint()
    neurons = None
    if newest.network.layers:
        neurons = _read_neurons(run, newest, (threshold, draws, layer, pruned_checkpoints))
    return Reading(
        run,
        phase_or_none(run),
        None if no_embeddings(newest) else embedding_table(newest),
        head_ablation(newest) if newest.network.heads else None,
        neurons,
        tuple(measured(one, run, newest) for one in asked),
        mechanism_of(run, newest, layer) if mechanism else None,
        pairs_of(run, newest, layer) if pairs else None,
    )


def _read_neurons(
    run: Run, newest: Checkpoint, options: tuple[Rule | float, int | None, int, int]
) -> NeuronReading:
    threshold, draws, layer, pruned_checkpoints = options
    table = neuron_table(newest, layer=layer)
    classes = classes_by(table, threshold)
    pruned = pruned_below(table, classes.threshold)
    wide = is_wide(len(table))
    if draws is None and newest.network.readout(layer) is not None:
        draws = WIDE_DRAWS if wide else DRAWS
    curves = pruning_curve(
        newest,
        draws=draws,
        table=table,
        losses=False,
        sizes=[pruned],
        grid=grid_of(len(table)),
    )
    most = min(pruned_checkpoints, CHECKPOINTS) if wide else pruned_checkpoints
    before = set(spread(run.steps[:-1], most))
    if newest.network.readout(layer) is None or draws == 0:
        before = set()
    tables: dict[int, NeuronTable] = {}
    pairs = _walk(run, layer, tables, before)
    earlier = None
    if before:
        usual = WIDE_EARLIER_DRAWS if wide else EARLIER_DRAWS
        few = min(draws or usual, usual)
        earlier = checkpoint_curves(pairs, few, 0, classes.threshold, curves.sizes)
    for _ in pairs:  # the checkpoints that are left get no curve
        pass
    tables[run.last_step] = table
    return NeuronReading(
        tables,
        classes,
        curves,
        earlier,
        dynamics_of(run, list(tables.values())),
    )


def _walk(
    run: Run, layer: int, tables: dict[int, NeuronTable], wanted: set[int]
) -> Iterator[tuple[Checkpoint, NeuronTable]]:
    """Reads every checkpoint but the newest; gives those that are wanted, keeps all tables."""
    for step in run.steps[:-1]:
        checkpoint = run.checkpoint(step)
        tables[step] = neuron_table(checkpoint, layer=layer)
        if step in wanted:
            yield checkpoint, tables[step]


def classes_by(table: NeuronTable, threshold: Rule | float) -> Classes:
    """By the rule; where no cut exists, as when all neurons are dead, by the null's quantile.

    Of one element there is neither noise nor a cut: at one half.
    """
    if table.elements < 2 and isinstance(threshold, str):
        return classify(table, ONE_ELEMENT)
    try:
        return classify(table, threshold)
    except ValueError:
        if threshold != "auto":
            raise
        return classify(table, "null")


def automatic_threshold(table: NeuronTable) -> float | None:
    """The two-class cut; None where there is none."""
    return two_class_cut(table.ipr[~table.dead]) if has_cut(table) else None


def steps_with_curves(tables: Mapping[int, NeuronTable]) -> list[int]:
    """Checkpoints before the newest whose neurons' curves the file has room for, spread evenly."""
    *earlier, newest = tables
    if is_wide(len(tables[newest])):
        return []
    numbers = sum(curve.size for curve in tables[newest].curves)
    return spread(earlier, max(1, _CURVE_BYTES // numbers))


def spread(steps: list[int], most: int) -> list[int]:
    """At most so many of some steps, evenly over their list, the last one always."""
    if len(steps) <= most:
        return steps
    return [steps[-1 - round(i * len(steps) / most)] for i in range(most)][::-1]
