"""The rules by which other code draws its datasets: shuffles and redrawn labels, rebuilt."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from interp.training.data.dataset import Dataset, make_dataset
from interp.training.registry import Registry
from interp.training.tasks.task import Task


@dataclass(frozen=True)
class Rule:
    """How a dataset was drawn.

    Attributes:
        name: one of RULES.
        fraction: α.
        corruption: ξ.
        seed: of the shuffle; None for the one that the rule's own code has.
    """

    name: str
    fraction: float
    corruption: float = 0.0
    seed: int | None = None

    @property
    def seeded(self) -> int:
        """Its seed, or that of the rule's own code.

        Raises:
            ValueError: if there is no such rule.
        """
        return RULES[self.name].seed if self.seed is None else self.seed

    @property
    def words(self) -> str:
        """The rule in a few words."""
        return f"rule {self.name}, α {self.fraction:g}, ξ {self.corruption:g}, seed {self.seeded}"


@dataclass(frozen=True)
class RuleRow:
    """One rule.

    Attributes:
        draw: the dataset of a task, by the rule and a seed.
        seed: that its own code has.
        meaning: in words.
        corrupts: whether it redraws labels.
    """

    draw: Callable[[Task, Rule, int], Dataset]
    seed: int
    meaning: str
    corrupts: bool = True


def draw(task: Task, rule: Rule) -> Dataset:
    """The dataset that a rule describes.

    Raises:
        ValueError: if there is no such rule, α or ξ lies outside [0, 1], or ξ is given to a rule
            that redraws no label.
    """
    row = RULES[rule.name]
    for name, value in (("fraction", rule.fraction), ("corruption", rule.corruption)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name}: expected a number between 0 and 1, got {value}")
    if rule.corruption and not row.corrupts:
        raise ValueError(f"corruption: expected 0 for rule {rule.name}, got {rule.corruption}")
    return row.draw(task, rule, rule.seeded)


def _shuffled(task: Task, rule: Rule, seed: int) -> np.ndarray:
    """Python's shuffle of all pairs, the first ones for training."""
    order = list(range(len(task.pairs)))
    random.Random(seed).shuffle(order)
    return np.array(order[: int(rule.fraction * len(order))], dtype=np.int64)


def _redrawn(task: Task, rule: Rule, seed: int, answers: int) -> Dataset:
    """The first training pairs get labels below ``answers``, of torch's stream at seed 0."""
    train = _shuffled(task, rule, seed)
    noisy = train[: int(rule.corruption * len(train))]
    stream = torch.Generator().manual_seed(0)
    labels = torch.randint(0, answers, (len(noisy),), generator=stream)
    given = task.answers.copy()
    given[noisy] = labels.numpy()
    return dataset_of(task, train, given, noisy)


def _doshi(task: Task, rule: Rule, seed: int) -> Dataset:
    return _redrawn(task, rule, seed, task.n_answers)


def _doshi_transformer(task: Task, rule: Rule, seed: int) -> Dataset:
    return _redrawn(task, rule, seed, task.n_answers - 1)


def _progress_measures(task: Task, rule: Rule, seed: int) -> Dataset:
    train = _shuffled(task, rule, seed)
    return dataset_of(task, train, task.answers, train[:0])


def _permutation(task: Task, rule: Rule, seed: int) -> Dataset:
    count = len(task.pairs)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).numpy()
    return dataset_of(task, order[: int(count * rule.fraction)], task.answers, order[:0])


def _interp(task: Task, rule: Rule, seed: int) -> Dataset:
    return make_dataset(task, rule.fraction, rule.corruption, split_seed=seed, corruption_seed=seed)


RULES: Registry[RuleRow] = Registry(
    "rule",
    {
        "doshi": RuleRow(
            _doshi,
            420,
            "the authors' MLP code: Python's shuffle, the first training pairs get labels from "
            "0 … p−1 of torch's stream at seed 0",
        ),
        "doshi-transformer": RuleRow(
            _doshi_transformer,
            1,
            "their Transformer notebook: as doshi, with labels from 0 … p−2",
        ),
        "permutation": RuleRow(
            _permutation, 598, "the grokking demo: torch.randperm of all pairs", corrupts=False
        ),
        "progress-measures": RuleRow(
            _progress_measures,
            0,
            "progress measures: Python's shuffle of all pairs",
            corrupts=False,
        ),
        "interp": RuleRow(_interp, 0, "as this project draws"),
    },
)


def dataset_of(task: Task, train: np.ndarray, given: np.ndarray, redrawn: np.ndarray) -> Dataset:
    """A dataset from places of pairs.

    Args:
        task: whose pairs are meant.
        train: places of the training pairs.
        given: (pair,) labels; only those of redrawn pairs are looked at.
        redrawn: places of the pairs whose label was redrawn.
    """
    is_train, is_redrawn = np.zeros((2, len(task.pairs)), dtype=bool)
    is_train[train] = True
    is_redrawn[redrawn] = True
    return Dataset(
        task=task,
        pairs=task.pairs,
        true_label=task.answers,
        given_label=np.where(is_redrawn, given, task.answers),
        is_train=is_train,
        is_redrawn=is_redrawn,
    )
