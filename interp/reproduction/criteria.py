"""Whether what was measured meets a criterion, seed by seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal

from interp.reproduction.evidence import Evidence, Place, Trained, words
from interp.reproduction.recipe import Criterion, Other, Reduce

Word = Literal["holds", "holds, and so does its null", "does not hold", "undecided"]
WITH_NULL: Word = "holds, and so does its null"
FEWEST_SEEDS = 2


@dataclass(frozen=True)
class Judged:
    """A criterion with what was measured of it.

    Attributes:
        criterion: what was asked.
        values: by seed; infinite for an event that never came.
        others: what they were compared with, by seed; empty for bounds.
        word: ``holds`` if every seed meets it, ``does not hold`` if none does, else ``undecided``;
            ``holds, and so does its null`` if every seed's null meets it too.
        why: of the word.
        nulls: values of the null, by seed; empty where the criterion names none.
    """

    criterion: Criterion
    values: dict[int, float]
    others: dict[int, float]
    word: Word
    why: str
    nulls: dict[int, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain data; an infinite value is the text ``never``."""
        return {
            "says": self.criterion.says,
            "criterion": asked(self.criterion),
            "measure": self.criterion.measure,
            "values": _plain(self.values),
            "compared_with": _plain(self.others),
            "null": self.criterion.null,
            "null_values": _plain(self.nulls),
            "verdict": self.word,
            "why": self.why,
        }


def judge(criterion: Criterion, evidence: Evidence) -> Judged:
    """Compares every seed with the criterion; a seed with a cell that is missing has no say."""
    values = _by_seed(evidence, criterion.measure, criterion.at, criterion)
    other = criterion.exceeds or criterion.falls_below
    others: dict[int, float] = {}
    if other is not None:
        at = criterion.at if other.at is None else other.at
        others = _by_seed(evidence, other.measure or criterion.measure, at, criterion)
    nulls: dict[int, float] = {}
    if criterion.null is not None:
        nulls = _by_seed(evidence, criterion.null, criterion.at, criterion)
    places = [criterion.at] if other is None or other.at is None else [criterion.at, other.at]
    gone = [s for s in evidence.asked_seeds if any(evidence.lacks(one, s) for one in places)]
    word, why = _word(_met(criterion, values, others), evidence.asked_seeds, gone)
    if word == "holds" and criterion.null is not None:
        word, why = _beside_null(_met(criterion, nulls, others), len(values))
    slip = _slip(criterion, other, evidence)
    if slip is not None:
        word, why = "undecided", slip
    return Judged(criterion, values, others, word, why, nulls)


def _met(
    criterion: Criterion, values: dict[int, float], others: dict[int, float]
) -> dict[int, bool]:
    """Whether each seed meets the criterion, where it has what it is compared with."""
    bounded = criterion.exceeds is None and criterion.falls_below is None
    found = {}
    for seed, value in values.items():
        if bounded:
            found[seed] = margin(criterion, value, None) >= 0
        elif seed in others:  # as much is not more
            found[seed] = margin(criterion, value, others[seed]) > 0
    return found


def _slip(criterion: Criterion, other: Other | None, evidence: Evidence) -> str | None:
    """What keeps a value from being read at all, so that a slip is not taken for a gap."""
    known = {name for one in evidence.runs for name in one.values}
    for name in (criterion.measure, other.measure if other else None, criterion.null):
        if not known or name is None:
            continue
        if name not in known:
            near = get_close_matches(name, known, n=1)
            return f"no run has a value {name!r}" + (f"; nearest is {near[0]}" if near else "")
        said = {one.values.get(name) for one in evidence.runs}
        word = min((one for one in said if isinstance(one, str)), default=None)
        if word is not None and criterion.reduce != "share":
            return f"{name} is a word, such as {word!r}, of which only a share can be asked"
    return None


def margin(criterion: Criterion, value: float, other: float | None) -> float:
    """By how much a value meets the criterion; negative where it does not.

    Zero is on the bound, which is met, or as much as the other value, which is not more.
    """
    if criterion.exceeds is not None:
        return _difference(value, other) - criterion.exceeds.by
    if criterion.falls_below is not None:
        return _difference(other, value) - criterion.falls_below.by
    low = -math.inf if criterion.at_least is None else criterion.at_least
    high = math.inf if criterion.at_most is None else criterion.at_most
    return min(value - low, high - value)


def _difference(first: float | None, second: float | None) -> float:
    assert first is not None and second is not None
    # Two events that never came are neither before the other.
    return 0.0 if first == second else first - second


def _word(by_seed: dict[int, bool], asked: Sequence[int], gone: Sequence[int]) -> tuple[Word, str]:
    met, count = sum(by_seed.values()), len(by_seed)
    if count < len(asked) and gone:
        seeds = f"seed {gone[0]}" if len(gone) == 1 else f"seeds {', '.join(map(str, gone))}"
        return "undecided", f"measured of {count} of {len(asked)} seeds, as runs of {seeds} failed"
    if not count:
        return "undecided", "nothing was measured of it"
    if count < len(asked):
        return "undecided", f"measured of {count} of {len(asked)} seeds"
    if count < FEWEST_SEEDS:
        return "undecided", "one seed shows no spread"
    if met == count:
        return "holds", f"of all {count} seeds"
    if not met:
        return "does not hold", f"of none of {count} seeds"
    return "undecided", f"of {met} of {count} seeds"


def _beside_null(by_seed: dict[int, bool], seeds: int) -> tuple[Word, str]:
    """The word of a criterion that every seed meets, beside whether the null of each does."""
    if len(by_seed) < seeds:
        return "undecided", f"its null was measured of {len(by_seed)} of {seeds} seeds"
    met = sum(by_seed.values())
    if met == seeds:
        return WITH_NULL, f"of all {seeds} seeds, and of its null in all {seeds}"
    return "holds", f"of all {seeds} seeds, of its null in {met}"


def _by_seed(evidence: Evidence, measure: str, at: Place, criterion: Criterion) -> dict[int, float]:
    found: dict[int, list[Trained]] = {}
    for one in evidence.at(at):
        found.setdefault(one.seed, []).append(one)
    wanted = max((len(runs) for runs in found.values()), default=0)
    values = {}
    for seed, runs in found.items():
        known = [one.values.get(measure) for one in runs]
        whole = len(runs) == wanted and not evidence.lacks(at, seed)
        if whole and all(_counts(value, criterion.reduce) for value in known):
            values[seed] = _reduced(known, criterion.reduce, criterion.of)
    return values


def _counts(value: Any, reduce: Reduce) -> bool:
    return value is not None and (reduce == "share" or not isinstance(value, str))


def _reduced(values: Sequence[Any], reduce: Reduce, of: str | None) -> float:
    if reduce == "share":
        return sum(value == of for value in values) / len(values)
    if reduce == "mean":
        return float(sum(values)) / len(values)
    return float(min(values) if reduce == "min" else max(values))


def asked(criterion: Criterion) -> str:
    """The criterion as a formula, and the name of its null."""
    null = f"; null: {criterion.null}" if criterion.null else ""
    return _formula(criterion) + null


def _formula(criterion: Criterion) -> str:
    left = _named(criterion.measure, criterion.at, criterion)
    other = criterion.exceeds or criterion.falls_below
    if other is not None:
        right = _named(
            other.measure or criterion.measure,
            criterion.at if other.at is None else other.at,
            criterion,
        )
        sign, by = (">", other.by) if criterion.exceeds else ("<", -other.by)
        return f"{left} {sign} {right}" + (f" {'+' if by > 0 else '−'} {abs(by):g}" if by else "")
    if criterion.at_most is None:
        return f"{left} ≥ {criterion.at_least:g}"
    if criterion.at_least is None:
        return f"{left} ≤ {criterion.at_most:g}"
    return f"{criterion.at_least:g} ≤ {left} ≤ {criterion.at_most:g}"


def _named(measure: str, at: Place, criterion: Criterion) -> str:
    name = measure if criterion.reduce == "mean" else f"{criterion.reduce} of {measure}"
    if criterion.of:
        name = f"share of runs in {criterion.of}"
    return f"{name} [{words(at)}]" if at else name


def shown(values: dict[int, float]) -> str:
    """Mean and range over the seeds, as people read it."""
    if not values:
        return "–"
    every = list(values.values())
    low, high = min(every), max(every)
    if math.isinf(high):
        return "never" if math.isinf(low) else f"{_number(low)} – never"
    mean = sum(every) / len(every)
    return _number(mean) if low == high else f"{_number(mean)} [{_number(low)} – {_number(high)}]"


def _number(value: float) -> str:
    if abs(value) >= 100 or (abs(value) > 1 and value == round(value)):  # steps and neurons
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 0.001 else f"{value:.3f}"


def _plain(values: dict[int, float]) -> dict[str, float | str]:
    return {str(seed): "never" if math.isinf(one) else one for seed, one in values.items()}
