"""Figures of results that hold more than one thing: which of the figures draws them, and how."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from interp.analysis.ablation.heads import HeadAblation
from interp.analysis.ablation.shares import PrunedShares
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.norm_weights import NormWeights
from interp.analysis.neurons.table import NeuronTable
from interp.figures.heads import head_ablation as draw_heads
from interp.figures.ipr import ipr_histogram
from interp.figures.norms import norm_weights as draw_norms
from interp.figures.pruning import pruning_curves


def neuron_table(table: NeuronTable, **options: Any) -> go.Figure:
    """The IPR histogram, with the two classes unless told otherwise or there are none."""
    if "classes" not in options:
        try:
            options["classes"] = classify(table)
        except ValueError:
            options["classes"] = None
    return ipr_histogram(table, **options)


def norm_weights(result: NormWeights) -> go.Figure:
    """IPR against |norm weight|, by class."""
    return draw_norms(result.table, result.classes)


def pruned_shares(result: PrunedShares, **options: Any) -> go.Figure:
    """The pruning curves, the share that is pruned from the lowest marked."""
    place = int(result.curves.sizes[result.places["lowest"]])
    return pruning_curves(result.curves, **{"pruned": place, **options})


def head_ablation(result: HeadAblation, **options: Any) -> go.Figure:
    """Accuracy without each head."""
    return draw_heads(result, **{"name": result.name, **options})
