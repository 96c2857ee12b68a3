"""The six splits, as one table: which pairs, and the label they are scored against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np
from jaxtyping import Float, Int, Num

from interp.training.arguments import word

Split = Literal["train", "test", "corrupted", "corrected", "clean", "all"]
SPLITS: tuple[Split, ...] = get_args(Split)

# The three disjoint parts that every split is a union of, and the label each split looks at.
PARTS: tuple[Split, ...] = ("clean", "corrupted", "test")
GIVEN, TRUE = 0, 1


@dataclass(frozen=True)
class SplitRow:
    """One split.

    Attributes:
        label: GIVEN or TRUE, which label its pairs are scored against.
        parts: places in PARTS of the disjoint parts that it is the union of.
        meaning: in words.
    """

    label: int
    parts: tuple[int, ...]
    meaning: str


TABLE: Mapping[Split, SplitRow] = {
    "train": SplitRow(GIVEN, (0, 1), "training examples, against the labels they were given"),
    "test": SplitRow(TRUE, (2,), "held-out examples, against the true answer"),
    "corrupted": SplitRow(
        GIVEN, (1,), "training examples with a redrawn label, against that label (memorized)"
    ),
    "corrected": SplitRow(TRUE, (1,), "the same examples, against the true answer"),
    "clean": SplitRow(GIVEN, (0,), "training examples whose label was left alone"),
    "all": SplitRow(TRUE, (0, 1, 2), "every pair, against the true answer"),
}

SPLIT_MEANING: Mapping[Split, str] = {split: row.meaning for split, row in TABLE.items()}


def row_of(split: str) -> SplitRow:
    """The row of a split.

    Raises:
        ValueError: if there is no such split.
    """
    return TABLE[cast(Split, word(split, SPLITS, "split"))]


def split_means(
    sums: Num[np.ndarray, "label part *size"], counts: Int[np.ndarray, " part"]
) -> dict[Split, Float[np.ndarray, "*size"] | None]:
    """Means over the six splits from sums over the three disjoint parts.

    Args:
        sums: for the given and the true label, and for each of PARTS.
        counts: examples in each part.

    Returns:
        The mean of each split; None where it has no example.
    """
    means: dict[Split, np.ndarray | None] = {}
    for split, row in TABLE.items():
        parts = list(row.parts)
        count = counts[parts].sum()
        means[split] = np.asarray(sums[row.label, parts].sum(axis=0) / count) if count else None
    return means
