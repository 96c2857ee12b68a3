"""Kinds of redrawing: whose label is redrawn, and what it becomes."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Int

from interp.training.arguments import whole, word
from interp.training.tasks.task import Task

CorruptionKind = Literal["uniform", "wrong", "symmetric", "blocks"]


def redraw(
    task: Task, kind: CorruptionKind, random: np.random.Generator, block: int | None = None
) -> tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]:
    """For every pair, its turn to be redrawn and the label it would get.

    Both are drawn for the whole table, whatever the training set, which is what nests the sets.

    Raises:
        ValueError: for an unknown kind, or a block that is none or belongs to another kind.
    """
    count, p, q = len(task.pairs), task.p, task.n_answers
    word(kind, get_args(CorruptionKind), "data.kind")
    check_block(kind, block)
    match kind:
        case "uniform":
            return random.permutation(count), random.integers(q, size=count)
        case "wrong":
            rank = random.permutation(count)
            return rank, (task.answers + random.integers(1, q, size=count)) % q
        case "blocks":
            of = blocks(task.answers, block or 1)
            return random.permutation(count)[of], random.integers(q, size=count)[of]
    x, y = task.pairs.T
    orbit = np.minimum(x, y) * p + np.maximum(x, y)
    return random.permutation(p * p)[orbit], random.integers(q, size=p * p)[orbit]


def check_block(kind: str, block: int | None) -> None:
    """Refuses a block that is missing, is no size, or stands beside a kind without blocks.

    Raises:
        ValueError: so.
    """
    if kind == "blocks":
        whole(block, "data.block", least=1)
    elif block is not None:
        raise ValueError(f"data.block: expected none for kind {kind}, got {block!r}")


def blocks(answers: Int[np.ndarray, " pair"], size: int) -> Int[np.ndarray, " pair"]:
    """The block of each pair, by the number of its first pair.

    A block is ``size`` consecutive pairs of one answer in the order of the table, which is that of
    the first operand; the last block of an answer may be smaller. With blocks of one pair, pairs
    are their own blocks.
    """
    order = np.argsort(answers, kind="stable")
    _, start, counts = np.unique(answers[order], return_index=True, return_counts=True)
    place = np.arange(len(answers)) - np.repeat(start, counts)  # among the pairs of its answer
    first = np.arange(len(answers)) - place % size
    found = np.empty_like(order)
    found[order] = order[first]
    return found


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
