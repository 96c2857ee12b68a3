"""The dataset of a foreign checkpoint: from arrays, or rebuilt by the rule that made it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from interp.exchange.foreign_file import SUFFIXES, load_file
from interp.training.data.dataset import Dataset, make_dataset
from interp.training.tasks.task import Task

RuleName = Literal["doshi", "permutation", "interp"]


@dataclass(frozen=True)
class Rule:
    """How a dataset was drawn.

    Attributes:
        name: ``doshi``: Python's shuffle of all pairs, the first training examples get labels of
            torch's stream at seed 0, as in the paper authors' code; ``permutation``:
            ``torch.randperm`` of all pairs, no corruption, as in the grokking demo; ``interp``: as
            this project draws.
        fraction: α.
        corruption: ξ.
        seed: of the shuffle.
    """

    name: RuleName
    fraction: float
    corruption: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Found:
    """A dataset, and what to tell of it."""

    dataset: Dataset
    told: str
    assumed: tuple[str, ...] = ()


def by_rule(task: Task, rule: Rule) -> Found:
    """Rebuilds a dataset.

    Raises:
        ValueError: if there is no such rule, or α or ξ lies outside [0, 1].
    """
    if rule.name not in _RULES:
        raise ValueError(f"rule: expected {', '.join(_RULES)}; got {rule.name!r}")
    for name, value in (("fraction", rule.fraction), ("corruption", rule.corruption)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name}: expected a number between 0 and 1, got {value}")
    dataset = _RULES[rule.name](task, rule)
    told = f"rule {rule.name}, α {rule.fraction:g}, ξ {rule.corruption:g}, seed {rule.seed}"
    return Found(dataset, told)


def _doshi(task: Task, rule: Rule) -> Dataset:
    count = len(task.pairs)
    order = list(range(count))
    random.Random(rule.seed).shuffle(order)
    size = int(rule.fraction * count)
    noisy = int(rule.corruption * size)
    labels = torch.randint(0, task.p, (noisy,), generator=torch.Generator().manual_seed(0))
    given = task.answers.copy()
    given[order[:noisy]] = labels.numpy()
    return _dataset(
        task, np.array(order[:size], dtype=np.int64), given, np.array(order[:noisy], dtype=np.int64)
    )


def _permutation(task: Task, rule: Rule) -> Dataset:
    if rule.corruption:
        raise ValueError(f"corruption: expected 0 for rule permutation, got {rule.corruption}")
    count = len(task.pairs)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(rule.seed)).numpy()
    return _dataset(task, order[: int(count * rule.fraction)], task.answers, order[:0])


def _interp(task: Task, rule: Rule) -> Dataset:
    return make_dataset(
        task, rule.fraction, rule.corruption, split_seed=rule.seed, corruption_seed=rule.seed
    )


_RULES: Mapping[str, Callable[[Task, Rule], Dataset]] = {
    "doshi": _doshi,
    "permutation": _permutation,
    "interp": _interp,
}


def _dataset(task: Task, train: np.ndarray, given: np.ndarray, redrawn: np.ndarray) -> Dataset:
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


def from_arrays(task: Task, values: Mapping[str, Any], where: str) -> Found:
    """The dataset that index and label arrays describe.

    Args:
        task: whose pairs are meant; pair (m, n) has index m·p + n.
        values: ``train_indices``: indices of the training pairs, or the pairs themselves
            (count, 2); ``labels``, if any: of those pairs, or of all p² pairs;
            ``redrawn_indices``, if any: which labels were redrawn.
        where: what to name in an error.

    Raises:
        ValueError: if an array is absent, of another shape, or out of range.
    """
    if "train_indices" not in values:
        raise ValueError(
            f"{where}: expected train_indices, and labels and redrawn_indices if any; "
            f"got {', '.join(values) or 'nothing'}"
        )
    train = _indices(task, values["train_indices"], f"{where}: train_indices")
    given = task.answers.copy()
    if values.get("labels") is not None:
        given = _labels(task, train, values["labels"], f"{where}: labels")
    wrong = train[given[train] != task.answers[train]]
    if values.get("redrawn_indices") is not None:
        redrawn = _indices(task, values["redrawn_indices"], f"{where}: redrawn_indices")
        outside = set(wrong.tolist()) - set(redrawn.tolist())
        if outside or set(redrawn.tolist()) - set(train.tolist()):
            raise ValueError(
                f"{where}: redrawn_indices: expected training pairs, all with a wrong label among "
                f"them; {len(outside)} wrong labels are not"
            )
        return Found(_dataset(task, train, given, redrawn), f"arrays of {where}")
    assumed = ("redrawn labels are those that differ from the true answer",) if len(wrong) else ()
    return Found(_dataset(task, train, given, wrong), f"arrays of {where}", assumed)


def _numbers(values: Any, what: str) -> np.ndarray:
    array = values.numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"{what}: expected whole numbers, got {array.dtype}")
    found: np.ndarray = array.astype(np.int64)
    return found


def _indices(task: Task, values: Any, what: str) -> np.ndarray:
    """Places among the task's pairs."""
    array = _numbers(values, what)
    if array.ndim == 2 and array.shape[1] == 2:
        array = array[:, 0] * task.p + array[:, 1]
    if array.ndim != 1:
        raise ValueError(f"{what}: expected indices or pairs, got an array of shape {array.shape}")
    places = {int(m) * task.p + int(n): i for i, (m, n) in enumerate(task.pairs)}
    strange = [int(one) for one in array if int(one) not in places]
    if strange:
        raise ValueError(
            f"{what}: expected indices m·p + n of pairs of {task.name}, got {strange[0]}"
        )
    if len(set(array.tolist())) != len(array):
        raise ValueError(f"{what}: expected every pair once, got one twice")
    return np.array([places[int(one)] for one in array], dtype=np.int64)


def _labels(task: Task, train: np.ndarray, values: Any, what: str) -> np.ndarray:
    labels = _numbers(values, what)
    if labels.shape not in ((len(train),), (len(task.pairs),)):
        raise ValueError(
            f"{what}: expected {len(train)} labels of the training pairs or {len(task.pairs)} of "
            f"all pairs, got an array of shape {labels.shape}"
        )
    if labels.size and not 0 <= labels.min() <= labels.max() < task.p:
        raise ValueError(f"{what}: expected answers from 0 to {task.p - 1}, got {labels.max()}")
    given = task.answers.copy()
    given[train] = labels if len(labels) == len(train) else labels[train]
    return given


def from_file(task: Task, path: Path | str) -> Found:
    """The dataset that a file of arrays describes, see :func:`from_arrays`."""
    path = Path(path)
    if not path.is_file() or path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path}: expected a file of arrays ({', '.join(SUFFIXES)}), found none")
    return from_arrays(task, load_file(path), path.name)


def without(task: Task) -> Found:
    """Where nothing is known of the dataset: all pairs with their true labels, as training set."""
    every = np.arange(len(task.pairs))
    return Found(
        _dataset(task, every, task.answers, every[:0]),
        "none",
        (
            "no dataset: every pair stands in the training set with its true answer, so the scores "
            "of the splits say nothing of what was trained on",
        ),
    )
