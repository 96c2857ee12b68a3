"""The difference of two groups of runs in every quantity, paired by seed where seeds are shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from interp.analysis.comparison.comparison import Difference
from interp.analysis.comparison.groups import Group, Groups
from interp.analysis.comparison.paired import MOST, independent, paired
from interp.analysis.comparison.spread import Spread, is_number
from interp.analysis.sweeps.bootstrap import Bootstrap

# A percentile interval covers less than its level below about so many values (Efron and Tibshirani
# 1993, section 13.3; Hesterberg 2015, The American Statistician 69, section 4).
_FEW = 10
# Of what a difference would say nothing: why.
_UNTESTED: Mapping[str, str] = {
    "threshold": "it lies anywhere in the gap between two classes, so that the distance of two "
    "thresholds means nothing",
}


def pairs_of(found: Groups) -> tuple[int, ...] | None:
    """The seeds that two groups share; None where runs are not paired."""
    if len(found.groups) != 2:
        return None
    first, second = (group.seeds for group in found.groups)
    known = [seed for seed in first if seed is not None and seed in second]
    clear = all(len(set(seeds)) == len(seeds) for seeds in (first, second))
    least = 1 if len(first) == len(second) == 1 else 2
    return tuple(known) if clear and len(known) >= least else None


def differences_of(
    found: Groups,
    spreads: Sequence[Mapping[str, Spread]],
    pairs: tuple[int, ...] | None,
    bootstrap: Bootstrap,
) -> dict[str, Difference]:
    """Second less first of two groups, by quantity.

    Args:
        found: the two groups.
        spreads: of each, its quantities.
        pairs: the seeds by which runs are paired; None where they are not.
        bootstrap: level, draws and seed of the intervals.
    """
    return {
        name: _difference(
            [
                _numbers(group, one[name], pairs)
                for group, one in zip(found.groups, spreads, strict=True)
            ],
            pairs is not None,
            bootstrap,
            _UNTESTED.get(name),
        )
        for name in spreads[0]
    }


def _numbers(group: Group, one: Spread, pairs: tuple[int, ...] | None) -> Float[np.ndarray, " run"]:
    """Of the runs that are paired, in the order of the pairs, or of all; NaN for no number."""
    kept = range(len(one.values)) if pairs is None else map(group.seeds.index, pairs)
    values = [one.values[place] for place in kept]
    return np.array([value if is_number(value) else np.nan for value in values], dtype=float)


def _difference(
    values: Sequence[np.ndarray], in_pairs: bool, bootstrap: Bootstrap, untested: str | None
) -> Difference:
    first, second = values
    if in_pairs:
        there = ~(np.isnan(first) | np.isnan(second))
        first, second = first[there], second[there]
        count = len(first)
    else:
        first, second = (one[~np.isnan(one)] for one in values)
        count = len(first) + len(second)
    if not len(first) or not len(second):
        return Difference(0, None, "no number in one of the groups")
    if not np.isfinite([*first, *second]).all():
        return Difference(count, None, "in some runs it never came")
    if untested is not None:
        return Difference(count, None, untested)
    test = paired if in_pairs else independent
    return Difference(count, test(first, second, bootstrap))


def how(
    found: Groups,
    pairs: tuple[int, ...] | None,
    differences: Mapping[str, Difference],
    bootstrap: Bootstrap,
) -> list[str]:
    """How differences were found and tested, and what so few runs cannot show."""
    tested = [one for one in differences.values() if one.tested is not None]
    if not tested:
        return []
    most = max(tested, key=lambda one: one.count)
    words = [f"difference: second group less first, {_who(found, pairs, most.count)}"]
    words += [
        f"{name}: no difference, as {why}"
        for name, why in _UNTESTED.items()
        if name in differences and differences[name].reason == why
    ]
    assert most.tested is not None
    if most.tested.p_value is None:
        return [*words, "of a single run there is no interval and no test"]
    level = f"{100 * bootstrap.level:g} % percentile bootstrap interval of the mean"
    narrow = ", too narrow for so few runs" if most.count < _FEW else ""
    words.append(f"{level}, {bootstrap.draws:,} draws, seed {bootstrap.seed}{narrow}")
    flips = f"all 2^{most.count} sign flips" if pairs is not None else "all exchanges of runs"
    tried = flips if most.tested.exact else f"{MOST:,} random rearrangements"
    least = f"the smallest possible is {most.tested.least_p:.3g}"
    words.append(f"p: two-sided permutation test, {tried}, of which {least}")
    return [*words, "not corrected for the number of quantities"]


def _who(found: Groups, pairs: tuple[int, ...] | None, count: int) -> str:
    """What is compared with what."""
    if pairs is None:
        return "groups taken for independent, as they share fewer than two seeds"
    left = len(found.members) - 2 * len(pairs)
    without = f", {left} runs of other seeds left out" if left else ""
    return f"paired by seed (n = {count}{without})"
