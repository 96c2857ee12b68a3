"""Kinds of redrawing: whose label is redrawn, and what it becomes."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Int

from interp.training.arguments import word
from interp.training.tasks.task import Task

CorruptionKind = Literal["uniform", "wrong", "symmetric"]


def redraw(
    task: Task, kind: CorruptionKind, random: np.random.Generator
) -> tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]:
    """For every pair, its turn to be redrawn and the label it would get.

    Both are drawn for the whole table, whatever the training set, which is what nests the sets.
    """
    count, p, q = len(task.pairs), task.p, task.n_answers
    match word(kind, get_args(CorruptionKind), "data.kind"):
        case "uniform":
            return random.permutation(count), random.integers(q, size=count)
        case "wrong":
            rank = random.permutation(count)
            return rank, (task.answers + random.integers(1, q, size=count)) % q
    x, y = task.pairs.T
    orbit = np.minimum(x, y) * p + np.maximum(x, y)
    return random.permutation(p * p)[orbit], random.integers(q, size=p * p)[orbit]


def lowest(
    rank: Int[np.ndarray, " pair"], eligible: Bool[np.ndarray, " pair"], count: int
) -> Bool[np.ndarray, " pair"]:
    """The ``count`` eligible pairs of lowest rank; pairs that share a rank come together or not."""
    chosen = np.zeros(len(rank), dtype=bool)
    if count == 0:
        return chosen
    ranks = np.sort(rank[eligible])
    limit = ranks[count - 1]
    cut_through = count < len(ranks) and ranks[count] == limit
    return eligible & ((rank < limit) if cut_through else (rank <= limit))
