"""What recipes measure of a run, beyond its row: numbers by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, get_args

import numpy as np

from interp.analysis.ablation.pruning_curves import ControlBand, PruningCurve, pruning_curve
from interp.analysis.ablation.ranking import Direction
from interp.analysis.neurons.answers import answer_planes
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.norm_weights import norm_correlation
from interp.analysis.neurons.table import neuron_table
from interp.analysis.phases.events import Interval, first_crossing, grokking, inversion
from interp.analysis.phases.grok import grok_steps
from interp.analysis.trajectory.ipr_history import dynamics
from interp.training.data.splits import SPLITS, Split
from interp.training.runs.run import Run

Values = dict[str, float | None]

LOW, HIGH = 0.15, 0.40  # bounds of the bands that the reference outcomes count neurons in


def bands(run: Run) -> Values:
    """Shares of neurons with an IPR below 0.15, between, and above 0.40."""
    table = neuron_table(run)
    ipr = np.where(table.dead, 0, table.ipr)
    return {
        "share_low": float((ipr < LOW).mean()),
        "share_middle": float(((ipr >= LOW) & (ipr <= HIGH)).mean()),
        "share_high": float((ipr > HIGH).mean()),
    }


def pruning(
    run: Run,
    lowest: float | None = None,
    highest: float | None = None,
    losses: bool = False,
    draws: int = 20,
) -> Values:
    """Scores after pruning shares of the neurons by IPR and by weight norm, and at random.

    Args:
        run: any run with neurons.
        lowest: share pruned from the lowest; by default the neurons below the two-class cut.
        highest: share pruned from the highest; by default the neurons above it.
        losses: measure losses too.
        draws: random prunings of each size, as control.
    """
    table = neuron_table(run)
    curves = pruning_curve(run, draws=draws, table=table, losses=losses)
    classes = classify(table, "auto") if lowest is None or highest is None else None
    values: Values = {}
    for direction, share in (("lowest", lowest), ("highest", highest)):
        size = round(share * len(table)) if share is not None else 0
        if share is None:
            assert classes is not None
            members = classes.memorizing | classes.dead
            size = int((members if direction == "lowest" else ~members).sum())
        place = int(np.abs(curves.sizes - size).argmin())
        values[f"pruned_{direction}"] = float(curves.sizes[place])
        found: dict[str, PruningCurve | None] = {
            "ipr": curves["IPR", _direction(direction)],
            "norm": curves["weight norm", _direction(direction)],
            "random": _mean(curves.control),
        }
        for name, curve in found.items():
            if curve is not None:
                values |= _at(curve, place, f"{direction}.{name}")
    return values | _at(curves["IPR", "lowest"], 0, "before")


def _direction(name: str) -> Direction:
    return "lowest" if name == "lowest" else "highest"


def _mean(control: ControlBand | None) -> PruningCurve | None:
    return None if control is None else control.mean


def _at(curve: PruningCurve, place: int, prefix: str) -> Values:
    found: Values = {}
    for split in SPLITS:
        for metric in ("accuracy", "loss"):
            values = getattr(curve, metric)[split]
            if values is not None:
                found[f"{prefix}.{split}_{metric}"] = float(values[place])
    return found


def needed(run: Run, accuracy: float = 0.99) -> Values:
    """How few neurons keep the test accuracy, pruned from the lowest IPR."""
    curves = pruning_curve(run, draws=20, losses=False, orders=(("IPR", "lowest"),))
    control = curves.control
    assert control is not None
    by_ipr = _fewest(curves["IPR", "lowest"], curves.neurons, accuracy)
    return {
        "neurons_needed": by_ipr,
        "share_needed": by_ipr / curves.neurons,
        "neurons_needed_random": _fewest(control.mean, curves.neurons, accuracy),
    }


def _fewest(curve: PruningCurve, neurons: int, accuracy: float) -> float:
    test = curve.accuracy["test"]
    assert test is not None
    enough = np.flatnonzero(test >= accuracy)
    return float(neurons - curve.sizes[enough[-1]]) if len(enough) else math.inf


def norms(run: Run) -> Values:
    """The norm's weight of a neuron against its IPR; nothing for a network without a norm.

    ``norm_rho``: rank correlation; ``norm_ratio``: the mean weight of the memorizing neurons over
    that of the generalizing ones.
    """
    table = neuron_table(run)
    if table.norm_weight is None:
        return {}
    weight = np.asarray(table.norm_weight)
    found = norm_correlation(table)
    classes = classify(table, "auto")
    ratio = weight[classes.memorizing].mean() / weight[classes.generalizing].mean()
    return {"norm_rho": found.rho, "norm_p": found.p_value, "norm_ratio": float(ratio)}


def stages(run: Run) -> Values:
    """The two stages of training: grokking, then unlearning what was memorized.

    ``corrupted_peak`` and ``train_peak`` are the highest accuracies of the run; ``both_peak`` that
    of the lower of train and test accuracy; ``train_gap`` is the distance of the last train
    accuracy from 1 − ξ; ``steps_between`` the least number of steps between grokking and inversion
    that the two intervals allow.
    """
    accuracies = {
        split: [m.scores[split].accuracy for m in run.measurements] for split in get_args(Split)
    }
    known = {split: [a for a in rows if a is not None] for split, rows in accuracies.items()}
    both = zip(accuracies["train"], accuracies["test"], strict=True)
    last = known["train"][-1]
    learned = first_crossing(run, "train", 0.9, rising=True)
    grokked, inverted = grokking(run), inversion(run)
    between = math.inf if grokked is None or inverted is None else inverted.after - grokked.by
    return {
        "train_peak": max(known["train"]),
        "both_peak": max(
            (min(a, b) for a, b in both if a is not None and b is not None), default=None
        ),
        "corrupted_peak": max(known["corrupted"], default=None),
        "test_peak": max(known["test"], default=None),
        "train_gap": abs(last - (1 - run.config.data.corruption)),
        "train_drop": max(known["train"]) - last,
        "steps_between": between,
        **_dated("learned", learned),
        **_dated("grokked", grokked),
        **_dated("inverted", inverted),
    }


def _dated(name: str, interval: Interval | None) -> Values:
    if interval is None:
        return {f"{name}_after": math.inf, f"{name}_by": math.inf}
    return {f"{name}_after": float(interval.after), f"{name}_by": float(interval.by)}


def grok(run: Run) -> Values:
    """The step by which the test accuracy first reached 0.99; infinite if it never did."""
    found = grok_steps(run)["first"]
    return {"steps_to_generalize": math.inf if found is None else float(found.by)}


def ipr_history(run: Run) -> Values:
    """Mean IPR over training, and how it goes with the test accuracy (Spearman)."""
    from scipy.stats import spearmanr

    history = dynamics(run)
    test = [run.measurement(int(step)).scores["test"].accuracy for step in history.steps]
    mean = history.mean_ipr
    known = np.isfinite(mean)
    values: Values = {
        "mean_ipr_start": float(mean[known][0]),
        "mean_ipr_end": float(mean[known][-1]),
        "ipr_test_rho": None,
        "ipr_test_p": None,
    }
    if len(set(test)) > 1 and len(np.unique(mean[known])) > 1:
        found = spearmanr(mean[known], np.array(test, dtype=float)[known])
        values["ipr_test_rho"] = float(found.statistic)
        values["ipr_test_p"] = float(found.pvalue)
    return values


def weights(run: Run) -> Values:
    """The norm of all weights at the end, relative to the greatest of the run."""
    every = [m.weight_norm for m in run.measurements]
    return {"norm_left": every[-1] / max(every), "weight_norm_peak": max(every)}


def solution(run: Run) -> Values:
    """How near every neuron is to the analytic solution: least IPR, greatest phase error."""
    table = neuron_table(run)
    alive = ~table.dead
    error = table.phase_error
    return {
        "ipr_least": float(table.ipr[alive].min()),
        "phase_error": None if error is None else float(np.abs(error[alive]).max()),
    }


def plane(run: Run) -> Values:
    """How circular the answers lie in the first two dimensions of their weights.

    See :func:`interp.analysis.neurons.answers.answer_planes`; the control shuffles the residues.
    """
    found = answer_planes(run)
    return {
        "pca_ring": found.pca.ring,
        "pca_ring_control": found.pca.control,
        "tsne_neighbours": found.tsne.neighbours,
        "tsne_neighbours_control": found.tsne.control,
    }


ANALYSES: Mapping[str, Callable[..., Values]] = {
    "bands": bands,
    "pruning": pruning,
    "needed": needed,
    "norms": norms,
    "stages": stages,
    "grok": grok,
    "ipr_history": ipr_history,
    "weights": weights,
    "solution": solution,
    "plane": plane,
}


def analyse(run: Run, analyses: Mapping[str, Mapping[str, Any]]) -> Values:
    """All values that a recipe's analyses give of a run."""
    values: Values = {}
    for name, options in analyses.items():
        values |= ANALYSES[name](run, **options)
    return values
