"""The dataset of a foreign checkpoint: from arrays, or rebuilt by the rule that made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from interp.exchange.foreign_file import SUFFIXES, load_file
from interp.exchange.rules import Rule, dataset_of, draw
from interp.training.data.dataset import Dataset
from interp.training.tasks.task import Task


@dataclass(frozen=True)
class Found:
    """A dataset, what to tell of it, and whether it is known rather than a stand-in."""

    dataset: Dataset
    told: str
    assumed: tuple[str, ...] = ()
    known: bool = True


def by_rule(task: Task, rule: Rule) -> Found:
    """Rebuilds a dataset.

    Raises:
        ValueError: as :func:`interp.exchange.rules.draw` does.
    """
    dataset = draw(task, rule)
    own = f"seed {rule.seeded}, that of the code of rule {rule.name}"
    return Found(dataset, rule.words, (own,) if rule.seed is None else ())


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
        return Found(dataset_of(task, train, given, redrawn), f"arrays of {where}")
    assumed = ("redrawn labels are those that differ from the true answer",) if len(wrong) else ()
    return Found(dataset_of(task, train, given, wrong), f"arrays of {where}", assumed)


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
        dataset_of(task, every, task.answers, every[:0]),
        "none",
        (
            "no dataset: every pair stands in the training set with its true answer, so the scores "
            "of the splits say nothing of what was trained on",
        ),
        known=False,
    )
