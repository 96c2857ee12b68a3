"""Results as plain data, the objects that ``--json`` prints."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interp.analysis.ablation.by_class import Pruning
    from interp.analysis.ablation.heads import HeadAblation
    from interp.analysis.neurons.classify import Classes, Rule
    from interp.analysis.neurons.embedding import EmbeddingTable
    from interp.analysis.neurons.table import NeuronTable
    from interp.training.runs.origin import Pruned
    from interp.training.runs.run import Run


def origin(table: NeuronTable | EmbeddingTable) -> dict[str, Any]:
    """Where the values of a table come from."""
    return {
        "run": table.name,
        "step": table.step,
        "seed": table.seed,
        "convention": table.convention,
        "r": table.r,
        "group": table.group,
    }


def run_summary(run: Run) -> dict[str, Any]:
    """Last scores of a run, and its phase."""
    from interp.analysis.phases.phase import phase_or_none

    row = run.measurement()
    found = phase_or_none(run)
    named = None if found is None else found.name
    return {
        "run": str(run.path),
        "step": row.step,
        "seed": run.seed,
        "origin": run.origin.to_dict(),
        "scores": row.scores.to_dict(),
        "phase": named,
        **({} if run.stopped is None else {"stopped": run.stopped}),
    }


def ipr_summary(run: Run, table: NeuronTable, classes: Classes) -> dict[str, Any]:
    """IPR of every neuron (null where it is dead), threshold and counts by class."""
    return {
        **origin(table),
        "origin": run.origin.to_dict(),
        "mean_ipr": table.mean_ipr,
        "null_mean_ipr": table.null.mean,
        "threshold": classes.threshold,
        "rule": classes.rule,
        "threshold_gap": classes.threshold_gap,
        "dip_p_value": classes.dip_p_value,
        "classes": classes.told(),
        "ipr": [None if dead else float(v) for v, dead in zip(table.ipr, table.dead, strict=True)],
        "layer": table.layer,
        **_norm_summary(table),
    }


def _norm_summary(table: NeuronTable) -> dict[str, Any]:
    """|Weight| of the norm on each neuron and its rank correlation with the IPR, if any."""
    from interp.analysis.neurons.norm_weights import has_correlation, norm_correlation

    if table.norm_weight is None or not has_correlation(table):
        return {}
    found = norm_correlation(table)
    return {
        "norm_weight": table.norm_weight.tolist(),
        "norm_weight_spearman": {"rho": found.rho, "p_value": found.p_value},
    }


def report_summary(run: Run, threshold: Rule | float, layer: int) -> dict[str, Any]:
    """What a report says of its run before any number: origin, and words for the classes."""
    from interp.analysis.neurons.read import neuron_table
    from interp.reporting.reading import classes_by

    newest = run.checkpoint()
    classes = None
    if newest.network.layers:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the report has said it already
            classes = classes_by(neuron_table(newest, layer=layer), threshold).told()
    return {"origin": run.origin.to_dict(), "classes": classes}


def spectrum_summary(
    table: NeuronTable | EmbeddingTable, shares: Mapping[str, Any], neuron: int | None
) -> dict[str, Any]:
    """Shares of power of a neuron or of the embeddings; of these, whether they are flat."""
    from interp.analysis.neurons.embedding import EmbeddingTable
    from interp.words.flat import flat_spectrum
    from interp.words.neuron import classes_of, neuron_words

    found: dict[str, Any] = {**origin(table), "neuron": neuron}
    if isinstance(table, EmbeddingTable):
        words = flat_spectrum(table)
        found |= {"flat": bool(words), "flat_because": words or None, "mean_ipr": table.mean_ipr}
    elif neuron is not None:
        found["words"] = neuron_words(table, classes_of(table), neuron)
    return {**found, "share_of_power": {name: row.tolist() for name, row in shares.items()}}


def heads_summary(run: Run, result: HeadAblation) -> dict[str, Any]:
    """Scores with all heads, and without each."""
    return {
        "run": str(run.path),
        "step": result.step,
        "seed": result.seed,
        "how": result.how,
        "before": result.before.to_dict(),
        "without": {
            f"{block}.{head}": scores.to_dict() for (block, head), scores in result.after.items()
        },
    }


def pruning_summary(run: Run, table: NeuronTable, result: Pruning) -> dict[str, Any]:
    """Scores before and after pruning, and what was pruned."""
    return {
        "run": str(run.path),
        "step": table.step,
        "seed": table.seed,
        "convention": table.convention,
        "origin": run.origin.to_dict(),
        **result.to_dict(),
    }


def pruned_from(run: Run, table: NeuronTable, result: Pruning) -> Pruned:
    """A pruning by class, as the folder of the pruned network tells it."""
    from interp.training.runs.origin import Pruned

    classes = result.classes
    return Pruned(
        run.name,
        run.last_step if table.step is None else table.step,
        table.layer,
        result.kept,
        len(table),
        classes.threshold,
        classes.rule,
    )
