"""What a page says of a measure: its title, where it is from, why it gives nothing."""

from __future__ import annotations

from interp.analysis.measure import Measure, NotDefined
from interp.training.lines import one_line


def title_of(measure: Measure) -> str:
    """Its title as a heading; its name where it has none."""
    return measure.title.removesuffix(".") or measure.name


def origin_words(measure: Measure, caption: str) -> str:
    """Where the formula comes from, and where the numbers do."""
    source = f"Source: {measure.source}" if measure.source else ""
    return " · ".join(filter(None, [source, caption]))


def why_not(measure: Measure, error: Exception) -> str:
    """Why a measure gives nothing, as a sentence."""
    words = one_line(error).removeprefix(f"measure {measure.name}: ")
    start = "Not defined here" if isinstance(error, NotDefined) else "It could not be measured"
    return f"{start}: {words or type(error).__name__}."
