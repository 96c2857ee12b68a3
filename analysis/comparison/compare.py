"""Runs beside one another: every quantity by group of seeds, and the difference of two groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interp.analysis.asked import asked_of
from interp.analysis.comparison.comparison import Comparison
from interp.analysis.comparison.differences import differences_of, how, pairs_of
from interp.analysis.comparison.groups import Groups, groups_of
from interp.analysis.comparison.quantities import Read, read
from interp.analysis.comparison.spread import spread
from interp.analysis.sweeps.bootstrap import Bootstrap
from interp.training.arguments import of_kind

_DRAWN = Bootstrap(draws=9999)


def compare(
    runs: Any,
    measures: Any = (),
    threshold: str | float = "auto",
    step: int | None = None,
    bootstrap: Bootstrap = _DRAWN,
) -> Comparison:
    """Runs beside one another; those that differ by seed alone are one group.

    Of two groups, every quantity has its mean difference, second less first, with a percentile
    bootstrap interval (Efron and Tibshirani 1993, chapter 13) and a two-sided permutation test.
    Runs are paired by seed where both groups have at least two seeds in common; elsewhere the
    groups are taken for independent, and the caption says so.

    Args:
        runs: a list of runs, their folders or checkpoints; or a mapping from names to one, or to a
            list of those that differ by seed.
        measures: names of measures to compare besides, or a mapping from names to options.
        threshold: rule or IPR that separates each run's neurons, see
            :func:`interp.analysis.neurons.classify.classify`.
        step: of every run, whose checkpoint is then read; the newest of each by default.
        bootstrap: level, draws and seed of the intervals.

    Raises:
        TypeError: if something is no run.
        ValueError: if there are fewer than two runs, one is there twice, nothing tells two of them
            apart, or a measure, option or threshold is none.
    """
    asked = asked_of(measures)
    of_kind(bootstrap, Bootstrap, "the options of a bootstrap, such as Bootstrap(draws=9999)")
    found = groups_of(runs, step=step)
    reads = [[read(one, asked, threshold) for one in group.members] for group in found.groups]
    every = [one for inside in reads for one in inside]
    names = list(dict.fromkeys(name for one in every for name in one.values))
    if len({one.convention for one in every} - {None}) > 1:
        names.remove("mean_ipr")
    spreads = tuple(
        {name: spread([one.values.get(name) for one in inside]) for name in names}
        for inside in reads
    )
    pairs = pairs_of(found)
    differences = differences_of(found, spreads, pairs, bootstrap) if len(spreads) == 2 else {}
    tests = how(found, pairs, differences, bootstrap) if differences else []
    words = _words(found, every)
    return Comparison(
        found, spreads, differences, pairs, tuple(words), tuple(tests), _note(found, every)
    )


def _words(found: Groups, every: Sequence[Read]) -> list[str]:
    """Which runs, which checkpoints of them, and how their IPR is counted."""
    count = len(found.groups)
    runs = f"{len(found.members)} runs in {count} group{'' if count == 1 else 's'}"
    words = [runs, at_words(found)]
    words += ["mean, least and greatest over seeds"] if found.folded else []
    return words + [f"IPR: {one}" for one in dict.fromkeys(r.convention for r in every) if one]


def at_words(found: Groups) -> str:
    """Which checkpoints are meant."""
    steps = {one.at for one in found.members}
    if len(steps) == 1 and None not in steps:
        return f"step {steps.pop()}"
    own = any(one.step is not None for one in found.members)
    return "each at its own step" if own else "each at its newest checkpoint"


def _note(found: Groups, every: Sequence[Read]) -> str:
    """What the numbers do not say."""
    words = []
    told = [one.distinct for one in every if one.distinct is not None]
    if flat := sum(not one for one in told):
        words.append(
            f"in {flat} of {len(told)} runs the IPRs do not look like two classes, so that their "
            "counts above and below the threshold mean little"
        )
    if len({one.convention for one in every} - {None}) > 1:
        words.append("mean IPR left out, as the runs have it in several conventions")
    if len({one.settings.get("task.p") for one in found.members} - {None}) > 1:
        words.append("the IPR of noise is another for another p, and so is a mean IPR's meaning")
    for label in dict.fromkeys(label for one in every for label in one.missing):
        reasons = [one.missing[label] for one in every if label in one.missing]
        words.append(f"{label} is not defined on {len(reasons)} of {len(every)} runs: {reasons[0]}")
    if len(found.groups) > 2 and found.folded:
        words.append(f"differences are tested between two groups, here are {len(found.groups)}")
    return " · ".join(words)
