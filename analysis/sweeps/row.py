"""What is measured of a finished run: one row of a sweep's results."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from interp.analysis.fourier.conventions import convention_in
from interp.analysis.neurons.classify import Classes, classify
from interp.analysis.neurons.embedding import embedding_table
from interp.analysis.neurons.read import neuron_table
from interp.analysis.neurons.table import QUANTILES, NeuronTable
from interp.analysis.phases.grok import grok_steps
from interp.analysis.phases.phase import has_phase, phase
from interp.analysis.phases.settled import settled, state
from interp.training.data.splits import SPLITS
from interp.training.models.network import Network
from interp.training.runs.run import Run

Scalar = int | float | str | bool | None

# Counts above and below the threshold, whatever the IPRs look like: columns of every sweep.
_CLASSES = ("generalizing", "memorizing", "dead")


def measure(run: Run) -> dict[str, Scalar]:
    """Every measured column of a run, by name; what does not exist is None, never 0 or NaN.

    - ``state``, ``phase``, ``settled``: see :mod:`interp.analysis.phases.settled`; a run that
      is not settled has a phase still, but another state.
    - ``<split>_accuracy``, ``<split>_loss`` at the last evaluation, which is of step ``step``.
    - ``mean_ipr`` and the quantiles ``ipr_q…`` over the living neurons of the first hidden layer;
      ``generalizing``, ``memorizing`` and ``dead`` count its neurons, parted at ``threshold``,
      the 99.9 % quantile of noise, so that counts mean the same in every run.
    - ``embedding_mean_ipr``: mean over the embedding matrices of their mean IPR.
    - ``weight_norm`` at the end, ``weight_norm_start`` at step 0, ``norm.<name>`` of each
      parameter at the end: L2.
    - ``grok_<rule>_after``, ``grok_<rule>_by``: the two steps of each of the four intervals.

    Raises:
        ValueError: if the run has not finished or has no scores.
    """
    if not run.finished:
        raise ValueError(f"{run.path or 'run'}: expected a finished run, its last step is to come")
    network = run.network().double()  # tables are in float64 anyway; so it is copied once
    values = {
        **_outcome(run),
        **_scores(run),
        **_neurons(network),
        **_embeddings(network),
        **_weights(run, network),
        **_grok(run),
    }
    return {name: _plain(value) for name, value in values.items()}


def _outcome(run: Run) -> dict[str, Scalar]:
    if not has_phase(run):
        return {"state": state(run), "phase": None, "settled": None}
    return {"state": state(run), "phase": phase(run).name, "settled": settled(run)}


def _scores(run: Run) -> dict[str, Scalar]:
    last = run.measurement()
    values: dict[str, Scalar] = {}
    for split in SPLITS:
        values[f"{split}_accuracy"] = last.scores[split].accuracy
        values[f"{split}_loss"] = last.scores[split].loss
    return {**values, "step": last.step}


def _neurons(network: Network) -> dict[str, Scalar]:
    table = neuron_table(network) if network.layers else None
    return {**_ipr(table), "ipr_convention": convention_in(network.task.group), **_classes(table)}


def _ipr(table: NeuronTable | None) -> dict[str, Scalar]:
    alive = np.empty(0) if table is None else table.ipr[~table.dead]
    if not len(alive):
        return {"mean_ipr": None, **dict.fromkeys(QUANTILES)}
    quantiles = np.quantile(alive, list(QUANTILES.values()))
    return {"mean_ipr": alive.mean(), **dict(zip(QUANTILES, quantiles, strict=True))}


def _classes(table: NeuronTable | None) -> dict[str, Scalar]:
    classes = _classified(table)
    if classes is None:
        return dict.fromkeys((*_CLASSES, "threshold", "threshold_rule"))
    counts = (int(who.sum()) for who in (classes.generalizing, classes.memorizing, classes.dead))
    return {
        **dict(zip(_CLASSES, counts, strict=True)),
        "threshold": classes.threshold,
        "threshold_rule": classes.rule,
    }


def _classified(table: NeuronTable | None) -> Classes | None:
    """None without neurons, and mod 2 in the multiplicative characters: one element, no noise."""
    return None if table is None or table.elements < 2 else classify(table, "null")


def _embeddings(network: Network) -> dict[str, Scalar]:
    found = embedding_table(network).mean_ipr.values()
    return {"embedding_mean_ipr": _mean(value for value in found if value is not None)}


def _weights(run: Run, network: Network) -> dict[str, Scalar]:
    start = [row.weight_norm for row in run.measurements if row.step == 0]
    norms = {
        f"norm.{name}": float(weight.detach().norm()) for name, weight in network.named_parameters()
    }
    return {
        "weight_norm": run.measurement().weight_norm,
        "weight_norm_start": start[0] if start else None,
        **norms,
    }


def _grok(run: Run) -> dict[str, Scalar]:
    values: dict[str, Scalar] = {}
    for rule, interval in grok_steps(run).items():
        values[f"grok_{rule}_after"] = None if interval is None else interval.after
        values[f"grok_{rule}_by"] = None if interval is None else interval.by
    return values


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return sum(found) / len(found) if found else None


def _plain(value: Scalar | np.generic) -> Scalar:
    """A plain Python scalar; None in the place of NaN and infinity."""
    scalar: Scalar = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(scalar, float) and not math.isfinite(scalar) else scalar
