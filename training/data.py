"""The corrupted modular dataset: all pairs with their truth, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Int

from training.randomness import stream
from training.tasks import Task

CorruptionKind = Literal["uniform", "wrong", "symmetric"]
Split = Literal["train", "test", "corrupted", "corrected", "clean", "all"]
SPLITS: tuple[Split, ...] = get_args(Split)

SPLIT_MEANING: Mapping[Split, str] = {
    "train": "training examples, against the labels they were given",
    "test": "held-out examples, against the true answer",
    "corrupted": "training examples with a redrawn label, against that label (memorized)",
    "corrected": "the same examples, against the true answer",
    "clean": "training examples whose label was left alone",
    "all": "every pair, against the true answer",
}


@dataclass(frozen=True)
class Dataset:
    """Every pair of a task with both of its labels and its membership.

    Attributes:
        task: the task the pairs belong to.
        pairs: (pair, 2) operands, in the order of ``task.pairs``.
        true_label: (pair,) the right answer.
        given_label: (pair,) the label shown in training; differs from the truth only where redrawn.
        is_train: (pair,) whether the pair is in the training set.
        is_redrawn: (pair,) whether its label was redrawn ("corrupted"); a redrawn label may
            equal the truth (Doshi et al. 2024, section 2).
    """

    task: Task
    pairs: Int[np.ndarray, "pair 2"]
    true_label: Int[np.ndarray, " pair"]
    given_label: Int[np.ndarray, " pair"]
    is_train: Bool[np.ndarray, " pair"]
    is_redrawn: Bool[np.ndarray, " pair"]

    def __len__(self) -> int:
        return len(self.pairs)

    def members(self, split: Split) -> Bool[np.ndarray, " pair"]:
        """Which pairs the split contains."""
        match split:
            case "train":
                return self.is_train
            case "test":
                return ~self.is_train
            case "corrupted" | "corrected":
                return self.is_redrawn
            case "clean":
                return self.is_train & ~self.is_redrawn
            case "all":
                return np.ones(len(self), dtype=bool)
        raise ValueError(f"split: expected one of {', '.join(SPLITS)}, got {split!r}")

    def labels(self, split: Split) -> Int[np.ndarray, " pair"]:
        """The label of every pair that the split is scored against."""
        return self.given_label if split in ("train", "corrupted", "clean") else self.true_label


def make_dataset(
    task: Task,
    fraction: float,
    corruption: float = 0.0,
    kind: CorruptionKind = "uniform",
    split_seed: int = 0,
    corruption_seed: int = 0,
) -> Dataset:
    """Draws the training set and redraws the labels of a part of it.

    At fixed seeds, training sets are nested in ``fraction`` and redrawn sets nested in
    ``corruption``, so neighbouring settings share examples.

    Args:
        task: what is learned.
        fraction: α, share of all pairs that is trained on.
        corruption: ξ, share of the training examples whose label is redrawn.
        kind: ``uniform`` over all p answers (the paper's), ``wrong`` over the p−1 others, or
            ``symmetric``: uniform, with the same label for (m, n) and (n, m), which are redrawn
            together (the count may then fall one short).
        split_seed: moves the training set only.
        corruption_seed: moves the redrawn set and the redrawn labels only.

    Raises:
        ValueError: if α or ξ lies outside [0, 1], or α leaves no training example.
    """
    for name, value in (("data.fraction", fraction), ("data.corruption", corruption)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name}: expected a number between 0 and 1, got {value}")
    count = len(task.pairs)
    n_train = training_size(fraction, count)
    is_train = np.zeros(count, dtype=bool)
    is_train[stream(split_seed, "split").permutation(count)[:n_train]] = True

    truth = task.answers
    rank, redrawn_label = _redraw(task, kind, stream(corruption_seed, "corruption"))
    is_redrawn = _lowest(rank, is_train, round(corruption * n_train))
    return Dataset(
        task=task,
        pairs=task.pairs,
        true_label=truth,
        given_label=np.where(is_redrawn, redrawn_label, truth),
        is_train=is_train,
        is_redrawn=is_redrawn,
    )


def training_size(fraction: float, count: int) -> int:
    """Number of training examples that a share α of all pairs means.

    Raises:
        ValueError: if it is none.
    """
    size = round(fraction * count)
    if size < 1:
        raise ValueError(
            f"data.fraction: {fraction} of {count} pairs leaves an empty training set; "
            f"expected at least {1 / count:.2g}"
        )
    return size


def _redraw(
    task: Task, kind: CorruptionKind, random: np.random.Generator
) -> tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]:
    """For every pair, its turn to be redrawn and the label it would get.

    Both are drawn for the whole table, whatever the training set, which is what nests the sets.
    """
    count, p = len(task.pairs), task.p
    match kind:
        case "uniform":
            return random.permutation(count), random.integers(p, size=count)
        case "wrong":
            rank = random.permutation(count)
            return rank, (task.answers + random.integers(1, p, size=count)) % p
        case "symmetric":
            x, y = task.pairs.T
            orbit = np.minimum(x, y) * p + np.maximum(x, y)
            return random.permutation(p * p)[orbit], random.integers(p, size=p * p)[orbit]
    raise ValueError(
        f"data.kind: expected one of {', '.join(get_args(CorruptionKind))}, got {kind!r}"
    )


def _lowest(
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
