"""Which subgroup's cosets a curve over a group is constant on, and how far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from interp.training.tasks.finite.group import FiniteGroup
from interp.training.tasks.finite.subgroups import Subgroups, left_cosets, right_cosets

Side = Literal["left", "right", "both"]
_SIDES: tuple[Side, Side] = ("left", "right")
_NO_POWER = 1e-18  # of a curve's, without its mean: less is rounding
Curves = Float[np.ndarray, "neuron element"]


@dataclass(frozen=True, eq=False)
class Constancy:
    """The largest subgroup on whose cosets each curve is constant.

    Attributes:
        subgroup: place among the subgroups; 0, that of the identity alone, where there is none.
        side: ``left`` cosets gH, ``right`` ones Hg, or ``both`` of a normal subgroup.
        share: of the curve's power, its mean taken away, that its means over cosets have; 1 for
            the identity alone, NaN for a curve without power.
        other: mean share that the other subgroups of that order explain, on the same side; NaN
            where there is no other.
    """

    subgroup: Int[np.ndarray, " neuron"]
    side: tuple[Side, ...]
    share: Float[np.ndarray, " neuron"]
    other: Float[np.ndarray, " neuron"]


def constancy(curves: Curves, subgroups: Subgroups, level: float) -> Constancy:
    """The largest subgroup whose cosets explain a share of each curve's power; ties: most of it.

    Args:
        curves: over the elements of the group, in its order.
        subgroups: of the group.
        level: the least share of the power.
    """
    orders, n = subgroups.orders, len(subgroups.group)
    shares = np.stack([explained(curves, subgroups, side) for side in _SIDES])
    # NaN, of a curve without power, is at no level.
    fits = (shares >= level) & (orders < n)
    size = np.where(fits, orders, 0)
    # The share is at most 1: of subgroups of one order it decides.
    both = np.where(fits, size + np.minimum(shares, 1) / 2, 0)
    best = both.transpose(1, 0, 2).reshape(len(curves), -1).argmax(axis=1)
    side, subgroup = np.divmod(best, len(orders))
    every = np.arange(len(curves))
    share = shares[side, every, subgroup]
    alike = (orders == orders[subgroup][:, None]) & (np.arange(len(orders)) != subgroup[:, None])
    count = alike.sum(axis=1)
    total = np.where(alike, shares[side, every], 0).sum(axis=1)
    other = np.divide(total, count, out=np.full(len(curves), np.nan), where=count > 0)
    words: tuple[Side, ...] = tuple(
        "both" if subgroups.is_normal[one] else _SIDES[at]
        for at, one in zip(side, subgroup, strict=True)
    )
    return Constancy(subgroup, words, share, np.where(np.isnan(share), np.nan, other))


def explained(
    curves: Curves, subgroups: Subgroups, side: Side
) -> Float[np.ndarray, "neuron subgroup"]:
    """Share of each curve's power, its mean taken away, that its means over cosets have.

    The mean over cosets gH is the mean of the translates x → f(x h) over h in H, and a projection:
    so the share is the mean over H of the curve's correlation with its translates.
    """
    centred = curves - curves.mean(axis=1, keepdims=True)
    table = subgroups.group.table
    by = np.empty_like(centred)
    for element in range(len(table)):
        moved = table[:, element] if side == "left" else table[element]
        by[:, element] = np.einsum("ij,ij->i", centred, centred[:, moved])
    power = by[:, [subgroups.group.identity]]
    total = by @ subgroups.members.T.astype(float) / subgroups.orders
    # A curve that is its mean has only rounding left.
    there = power > _NO_POWER * (curves**2).sum(axis=1, keepdims=True)
    return np.divide(total, power, out=np.full(total.shape, np.nan), where=there)


def cosets_of(
    group: FiniteGroup, members: Bool[np.ndarray, " element"], side: Side
) -> Int[np.ndarray, " element"]:
    """The coset of each element, counted from 0."""
    return right_cosets(group, members) if side == "right" else left_cosets(group, members)
