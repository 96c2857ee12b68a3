"""Elements of a group in an order that shows a curve's structure: coset by coset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Int

from interp.analysis.neurons.constancy import Side, constancy, cosets_of, explained
from interp.analysis.neurons.table import NeuronTable
from interp.training.tasks.finite.group import FiniteGroup
from interp.training.tasks.finite.irreps import irreps
from interp.training.tasks.finite.subgroups import Subgroups, subgroups
from interp.training.tasks.groups import finite_group

LEVEL = 0.9  # of a curve's power, as the measure ``cosets`` has it by default


@dataclass(frozen=True, eq=False)
class CosetOrder:
    """The elements of a group, those of one coset together.

    Attributes:
        elements: in their order.
        coset: of each of them, counted from 0; all 0 where there are none to show.
        words: which cosets, and how much of the curve's power their means have; empty for none.
    """

    elements: Int[np.ndarray, " element"]
    coset: Int[np.ndarray, " element"]
    words: str = ""


def coset_order(table: NeuronTable, curve: int, neuron: int) -> CosetOrder:
    """By the largest subgroup on whose cosets a curve is constant, else by its irrep's kernel.

    Args:
        table: of a group that is not cyclic.
        curve: which of the three.
        neuron: whose.
    """
    elements = np.arange(table.lengths[curve])
    unordered = CosetOrder(elements, np.zeros_like(elements))
    if not table.alike:
        return unordered
    group = finite_group(table.group, table.task.p)
    try:
        known = subgroups(group)
    except ValueError:  # a quasigroup, or too many
        return unordered
    own = np.asarray(table.ordered[curve][neuron], dtype=float)[None]
    one = constancy(own, known, LEVEL)
    chosen, side, of = int(one.subgroup[0]), one.side[0], ""
    if chosen == 0:
        block = int(table.shown_frequency[curve, neuron])
        chosen, side, of = _kernel(group, known, block), "both", " (kernel)"
    if not known.is_proper[chosen]:
        return unordered
    coset = cosets_of(group, known.members[chosen], side)
    by_coset = np.argsort(coset, kind="stable")
    # Translates of a normal subgroup are the same from both sides.
    seen: Side = "right" if side == "right" else "left"
    share = float(explained(own, known, seen)[0, chosen])
    if np.isnan(share):
        return unordered
    kind = "cosets" if side == "both" else f"{side} cosets"
    chance = coset.max() / (len(coset) - 1)  # of a random partition into as many parts
    words = f"{kind} of {known.names[chosen]}{of}: {share:.0%} of the power, {chance:.0%} by chance"
    return CosetOrder(elements[by_coset], coset[by_coset], words)


def _kernel(group: FiniteGroup, known: Subgroups, block: int) -> int:
    """The place of an irrep's kernel among the subgroups."""
    kernel = irreps(group).kernel[block]
    return int((known.members == kernel).all(axis=1).argmax())


def means(order: CosetOrder, weights: np.ndarray) -> go.Scatter:
    """The mean over each coset, as a piece of a line.

    Args:
        order: of the elements along the axis.
        weights: in that order.
    """
    count = np.bincount(order.coset)
    mean = np.bincount(order.coset, weights=weights) / count
    ends = np.cumsum(count)
    # Three points a coset: from its first element to its last one, and a gap.
    x = np.stack([ends - count - 0.4, ends - 0.6, np.full(len(ends), np.nan)], axis=1)
    y = np.repeat(mean[:, None], 3, axis=1)
    return go.Scatter(
        x=x.ravel().astype(np.float32),
        y=y.ravel().astype(np.float32),
        mode="lines",
        name="its mean over each coset",
        legendgroup="cosets",
        line={"color": "#009E73", "width": 4},
        opacity=0.7,
        hoverinfo="skip",
    )
