"""Results as plain data, the objects that ``--json`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interp.analysis.ablation.heads import HeadAblation
    from interp.analysis.neurons.classify import Classes
    from interp.analysis.neurons.embedding import EmbeddingTable
    from interp.analysis.neurons.table import NeuronTable
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
        "seed": run.config.seed,
        "scores": row.scores.to_dict(),
        "phase": named,
        **({} if run.stopped is None else {"stopped": run.stopped}),
    }


def ipr_summary(table: NeuronTable, classes: Classes) -> dict[str, Any]:
    """IPR of every neuron (null where it is dead), threshold and counts by class."""
    return {
        **origin(table),
        "mean_ipr": table.mean_ipr,
        "null_mean_ipr": table.null.mean,
        "threshold": classes.threshold,
        "rule": classes.rule,
        "dip_p_value": classes.dip_p_value,
        "classes": classes.counts,
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
