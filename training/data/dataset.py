"""The corrupted modular dataset: all pairs with their truth, side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from interp.training.arguments import of_kind, share
from interp.training.data.corruption import CorruptionKind, lowest, redraw
from interp.training.data.splits import GIVEN, Split, row_of
from interp.training.randomness import stream
from interp.training.tasks.task import Task

# What is to be said where a dataset or a task is expected.
A_DATASET = "a dataset, such as interp.make_dataset(task, 0.5)"
A_TASK = "a task, such as interp.make_task('x + y', 97)"


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

    @property
    def is_wrong(self) -> Bool[np.ndarray, " pair"]:
        """In training, with a given label that is not the true one; few redrawn ones are not."""
        return self.is_train & (self.given_label != self.true_label)

    @property
    def parts(self) -> Bool[np.ndarray, "part pair"]:
        """Which pairs each of the disjoint PARTS contains."""
        clean = self.is_train & ~self.is_redrawn
        return np.stack([clean, self.is_redrawn, ~self.is_train])

    def members(self, split: Split) -> Bool[np.ndarray, " pair"]:
        """Which pairs the split contains.

        Raises:
            ValueError: if there is no such split.
        """
        return np.asarray(self.parts[list(row_of(split).parts)].any(axis=0))

    def labels(self, split: Split) -> Int[np.ndarray, " pair"]:
        """The label of every pair that the split is scored against.

        Raises:
            ValueError: if there is no such split.
        """
        return self.given_label if row_of(split).label == GIVEN else self.true_label


def make_dataset(
    task: Task,
    fraction: float,
    corruption: float = 0.0,
    kind: CorruptionKind = "uniform",
    split_seed: int = 0,
    corruption_seed: int = 0,
    block: int | None = None,
) -> Dataset:
    """Draws the training set and redraws the labels of a part of it.

    At fixed seeds, training sets are nested in ``fraction`` and redrawn sets nested in
    ``corruption``, so neighbouring settings share examples.

    Args:
        task: what is learned.
        fraction: α, share of all pairs that is trained on.
        corruption: ξ, share of the training examples whose label is redrawn.
        kind: ``uniform`` over all answers (the paper's), ``wrong`` over the others,
            ``symmetric``: uniform, with the same label for (m, n) and (n, m), which are redrawn
            together (the count may then fall one short), or ``blocks``: uniform, with the same
            label for ``block`` consecutive pairs of one answer, in the order of the first operand,
            which are redrawn together (the count may then fall short by less than a block).
        split_seed: moves the training set only.
        corruption_seed: moves the redrawn set and the redrawn labels only.
        block: of kind ``blocks``, its size: with 1 kind ``uniform``; with as many pairs as an
            answer has, each answer has one label, which several may share.

    Raises:
        ValueError: if α or ξ lies outside [0, 1], α leaves no training example, or the block does
            not fit the kind.
    """
    of_kind(task, Task, A_TASK)
    for name, value in (("data.fraction", fraction), ("data.corruption", corruption)):
        share(value, name)
    count = len(task.pairs)
    n_train = training_size(fraction, count)
    is_train = np.zeros(count, dtype=bool)
    is_train[stream(split_seed, "split").permutation(count)[:n_train]] = True

    truth = task.answers
    rank, redrawn_label = redraw(task, kind, stream(corruption_seed, "corruption"), block)
    is_redrawn = lowest(rank, is_train, round(corruption * n_train))
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
