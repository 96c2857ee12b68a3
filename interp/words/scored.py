"""Accuracies of several networks, or of parts of one, as rows of text; controls are marked."""

from __future__ import annotations

from interp.analysis.mechanism.scored import Scored
from interp.training.data.splits import Split

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
