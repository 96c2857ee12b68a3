"""Results that are tables as rows of text; controls are marked."""

from __future__ import annotations

import math

from interp.analysis.mechanism.scored import Scored
from interp.training.data.splits import Split
from interp.training.display import Result
from interp.words.names import value_words

SHOWN: tuple[Split, ...] = ("train", "clean", "corrupted", "test")


def scored_rows(result: Scored) -> tuple[list[str], list[list[str]]]:
    """The heads and the rows: the name, what it is, its accuracy on each of ``SHOWN``."""
    heads = [result.WHAT, "what", *SHOWN]
    rows = []
    for which, scores in result.scores.items():
        words = result.words(which) + (" (control)" if result.is_control(which) else "")
        found = (scores[split].accuracy for split in SHOWN)
        cells = ("–" if one is None else f"{one:.3f}" for one in found)
        rows.append([which, words, *cells])
    return heads, rows


def tidy_rows(result: Result) -> tuple[list[str], list[list[str]]]:
    """The heads and rows of a result's table, by the columns that it names."""
    frame = result.to_pandas()
    known = [name for name in result.COLUMNS if name in frame.columns]
    heads = [value_words(name) for name in known]
    rows = [[_cell(value) for value in row] for row in frame[known].itertuples(index=False)]
    if "control" in frame.columns:
        for row, control in zip(rows, frame["control"], strict=True):
            row[0] += " (control)" if control else ""
    return heads, rows


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.4g}"
    return "–" if value is None else str(value)
