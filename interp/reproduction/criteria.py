"""Whether what was measured meets a criterion, seed by seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from interp.reproduction.evidence import Evidence, Place, Trained, words
from interp.reproduction.recipe import Criterion, Other, Reduce

Word = Literal["holds", "does not hold", "undecided"]
FEWEST_SEEDS = 2


@dataclass(frozen=True)
class Judged:
    """A criterion with what was measured of it.

    Attributes:
        criterion: what was asked.
        values: by seed; infinite for an event that never came.
        others: what they were compared with, by seed; empty for bounds.
        word: ``holds`` if every seed meets it, ``does not hold`` if none does, else ``undecided``.
        why: of the word.
    """

    criterion: Criterion
    values: dict[int, float]
    others: dict[int, float]
    word: Word
    why: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data; an infinite value is the text ``never``."""
        return {
            "says": self.criterion.says,
            "criterion": asked(self.criterion),
            "measure": self.criterion.measure,
            "values": {str(seed): _plain(value) for seed, value in self.values.items()},
            "compared_with": {str(seed): _plain(value) for seed, value in self.others.items()},
            "verdict": self.word,
            "why": self.why,
        }


def judge(criterion: Criterion, evidence: Evidence) -> Judged:
    """Compares every seed with the criterion; a seed with a cell that is missing has no say."""
    values = _by_seed(evidence, criterion.measure, criterion.at, criterion.reduce, criterion.of)
    other = criterion.exceeds or criterion.falls_below
    others: dict[int, float] = {}
    if other is not None:
        at = criterion.at if other.at is None else other.at
        measure = other.measure or criterion.measure
        others = _by_seed(evidence, measure, at, criterion.reduce, criterion.of)
    margins = {
        seed: margin(criterion, value, others.get(seed))
        for seed, value in values.items()
        if other is None or seed in others
    }
    word, why = _word(margins, len(evidence.seeds))
    why = _missing(criterion, other, evidence) or why
    return Judged(criterion, values, others, word, why)


def _missing(criterion: Criterion, other: Other | None, evidence: Evidence) -> str | None:
    """That a value has a name which no run knows, so that a slip is not taken for a gap."""
    known = {name for one in evidence.runs for name in one.values}
    names = [criterion.measure] + ([other.measure] if other and other.measure else [])
    for name in names:
        if known and name not in known:
            near = get_close_matches(name, known, n=1)
            return f"no run has a value {name!r}" + (f"; nearest is {near[0]}" if near else "")
    return None


def margin(criterion: Criterion, value: float, other: float | None) -> float:
    """By how much a value meets the criterion; negative where it does not."""
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


def _word(margins: dict[int, float], seeds: int) -> tuple[Word, str]:
    met = sum(one >= 0 for one in margins.values())
    count = len(margins)
    if not count:
        return "undecided", "nothing was measured of it"
    if count < seeds:
        return "undecided", f"measured of {count} of {seeds} seeds"
    if count < FEWEST_SEEDS:
        return "undecided", "one seed shows no spread"
    if met == count:
        return "holds", f"of all {count} seeds"
    if not met:
        return "does not hold", f"of none of {count} seeds"
    return "undecided", f"of {met} of {count} seeds"


def _by_seed(
    evidence: Evidence, measure: str, at: Place, reduce: Reduce, of: str | None
) -> dict[int, float]:
    found: dict[int, list[Trained]] = {}
    for one in evidence.at(at):
        found.setdefault(one.seed, []).append(one)
    wanted = max((len(runs) for runs in found.values()), default=0)
    values = {}
    for seed, runs in found.items():
        known = [one.values.get(measure) for one in runs]
        if len(runs) == wanted and all(value is not None for value in known):
            values[seed] = _reduced(known, reduce, of)
    return values


def _reduced(values: Sequence[Any], reduce: Reduce, of: str | None) -> float:
    if reduce == "share":
        return sum(value == of for value in values) / len(values)
    if reduce == "mean":
        return float(sum(values)) / len(values)
    return float(min(values) if reduce == "min" else max(values))


def asked(criterion: Criterion) -> str:
    """The criterion as a formula."""
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


def _plain(value: float) -> float | str:
    return "never" if math.isinf(value) else value
