"""The dataset of a foreign checkpoint: from arrays, or rebuilt by the rule that made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from interp.exchange.foreign_file import SUFFIXES, TRAIN, load_values
from interp.exchange.rules import Rule, dataset_of, draw
from interp.training.data.dataset import Dataset
from interp.training.tasks.task import Task


@dataclass(frozen=True)
class Found:
    """A dataset, and what to tell of it.

    Attributes:
        dataset: with its split and labels.
        told: where it comes from.
        assumed: what is not known of it.
        known: whether it is the one that was trained on, and no stand-in.
        labelled: whether its labels were given, and do not follow from the operation.
    """

    dataset: Dataset
    told: str
    assumed: tuple[str, ...] = ()
    known: bool = True
    labelled: bool = False


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
        values: under one of TRAIN the training pairs: their indices; a mask over all pairs, flat
            or p × p; the pairs themselves, (count, 2), or both operands, (2, count); a third
            column is their label, or the token "=" if it is the same number ≥ p everywhere; or
            (pairs, labels). ``labels``, if any: of those pairs, or of all p² pairs;
            ``redrawn_indices``, if any: which labels were redrawn, also as a mask.
        where: what to name in an error.

    Raises:
        ValueError: if an array is absent, of another shape, or out of range.
    """
    name = training_name(values)
    if name is None:
        raise ValueError(
            f"{where}: expected {TRAIN[0]}, and labels and redrawn_indices if any; "
            f"got {', '.join(values) or 'nothing'}"
        )
    pairs = _pairs(task, values[name], f"{where}: {name}")
    train, given = pairs.places, task.answers.copy()
    if pairs.labels is not None:
        given = _labels(task, train, pairs.labels, f"{where}: {name}")
    if values.get("labels") is not None:
        told = _labels(task, train, values["labels"], f"{where}: labels")
        if pairs.labels is not None and (told[train] != given[train]).any():
            raise ValueError(f"{where}: labels: expected those that stand in {name}, got others")
        given = told
    found = _found(task, train, given, values.get("redrawn_indices"), where, pairs.assumed)
    is_labelled = pairs.labels is not None or values.get("labels") is not None
    return replace(found, labelled=is_labelled)


def training_name(values: Mapping[str, Any]) -> str | None:
    """Under which name the training pairs stand, None if they do not."""
    return next((one for one in TRAIN if one in values), None)


def _found(
    task: Task, train: np.ndarray, given: np.ndarray, redrawn: Any, where: str, told: Sequence[str]
) -> Found:
    """The dataset, with redrawn labels where they are told, else where they are wrong."""
    wrong = train[given[train] != task.answers[train]]
    if redrawn is None:
        words = ["redrawn labels are those that differ from the true answer"] * bool(len(wrong))
        return Found(dataset_of(task, train, given, wrong), f"arrays of {where}", (*told, *words))
    places = _pairs(task, redrawn, f"{where}: redrawn_indices").places
    outside = set(wrong.tolist()) - set(places.tolist())
    if outside or set(places.tolist()) - set(train.tolist()):
        raise ValueError(
            f"{where}: redrawn_indices: expected training pairs, all with a wrong label among "
            f"them; {len(outside)} wrong labels are not"
        )
    return Found(dataset_of(task, train, given, places), f"arrays of {where}", tuple(told))


@dataclass(frozen=True)
class _Pairs:
    """Pairs of a task by their places, and what stood beside them."""

    places: np.ndarray
    labels: np.ndarray | None = None
    assumed: tuple[str, ...] = ()


def _pairs(task: Task, values: Any, what: str) -> _Pairs:
    """Pairs in any of the forms that :func:`from_arrays` names."""
    parts = [_array(one, what) for one in values] if _is_parts(values) else []
    if [one.ndim for one in parts] == [2, 1]:
        found = _pairs(task, parts[0], what)
        return _Pairs(found.places, _numbers(parts[1], what), found.assumed)
    array = _array(np.stack(parts, axis=1) if _are_operands(parts) else values, what)
    if array.dtype == bool and array.size in (task.p**2, len(task.pairs)):
        marked = np.flatnonzero(array)
        return _Pairs(_places(task, marked, what) if array.size == task.p**2 else marked)
    array = _numbers(array, what)
    if array.ndim == 2 and array.shape[0] in (2, 3) and array.shape[1] not in (2, 3):
        array = array.T  # an array for each operand
    if array.ndim == 2 and array.shape[1] == 3:
        return _three_columns(task, array, what)
    return _Pairs(_indices(task, array, what))


def _is_parts(values: Any) -> bool:
    """Whether there are two arrays: operands, or pairs and labels."""
    is_pair = isinstance(values, list | tuple) and len(values) == 2
    return is_pair and all(isinstance(one, torch.Tensor | np.ndarray) for one in values)


def _are_operands(parts: Sequence[np.ndarray]) -> bool:
    shapes = [one.shape for one in parts]
    return len(shapes) == 2 and shapes[0] == shapes[1] and len(shapes[0]) == 1 < shapes[0][0]


def _three_columns(task: Task, array: np.ndarray, what: str) -> _Pairs:
    """Pairs with the token "=", or with their label."""
    places, third = _indices(task, array[:, :2], what), array[:, 2]
    if third.size and third.min() == third.max() >= task.p:
        return _Pairs(places)
    if third.size and not 0 <= third.min() <= third.max() < task.p:
        raise ValueError(
            f"{what}: expected a third column of labels from 0 to {task.p - 1}, or of one token, "
            f"got {third.min()} to {third.max()}"
        )
    return _Pairs(places, third, ("the third column of the training pairs is their label",))


def _array(values: Any, what: str) -> np.ndarray:
    if isinstance(values, torch.Tensor):
        found: np.ndarray = values.detach().cpu().numpy()
        return found
    try:
        return np.asarray(values)
    except ValueError:
        raise ValueError(
            f"{what}: expected indices or pairs, got rows of several lengths"
        ) from None


def _numbers(values: Any, what: str) -> np.ndarray:
    array = _array(values, what)
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"{what}: expected whole numbers, got {array.dtype}")
    found: np.ndarray = array.astype(np.int64)
    return found


def _indices(task: Task, array: np.ndarray, what: str) -> np.ndarray:
    """Places among the task's pairs, from indices or pairs."""
    if array.ndim == 2 and array.shape[1] == 2:
        if array.size and not 0 <= array.min() <= array.max() < task.p:
            raise ValueError(
                f"{what}: expected operands from 0 to {task.p - 1}, "
                f"got {array.min()} to {array.max()}"
            )
        array = array[:, 0] * task.p + array[:, 1]
    if array.ndim != 1:
        raise ValueError(f"{what}: expected indices or pairs, got an array of shape {array.shape}")
    return _places(task, array, what)


def _places(task: Task, indices: np.ndarray, what: str) -> np.ndarray:
    """Where the pairs of index m·p + n stand."""
    places = {int(m) * task.p + int(n): i for i, (m, n) in enumerate(task.pairs)}
    strange = [int(one) for one in indices if int(one) not in places]
    if strange:
        raise ValueError(
            f"{what}: expected indices m·p + n of pairs of {task.name}, got {strange[0]}"
        )
    if len(set(indices.tolist())) != len(indices):
        raise ValueError(f"{what}: expected every pair once, got one twice")
    return np.array([places[int(one)] for one in indices], dtype=np.int64)


def _labels(task: Task, train: np.ndarray, values: Any, what: str) -> np.ndarray:
    labels = _numbers(values, what)
    if labels.shape not in ((len(train),), (len(task.pairs),)):
        raise ValueError(
            f"{what}: expected {len(train)} labels of the training pairs or {len(task.pairs)} of "
            f"all pairs, got an array of shape {labels.shape}"
        )
    if labels.size and not 0 <= labels.min() <= labels.max() < task.n_answers:
        raise ValueError(
            f"{what}: expected answers from 0 to {task.n_answers - 1}, got {labels.max()}"
        )
    given = task.answers.copy()
    given[train] = labels if len(labels) == len(train) else labels[train]
    return given


def from_file(task: Task, path: Path | str) -> Found:
    """The dataset that a file of arrays describes, see :func:`from_arrays`."""
    return from_arrays(task, named_values(Path(path)), Path(path).name)


def named_values(path: Path) -> Mapping[str, Any]:
    """Arrays of a file by name; a file without names holds the training pairs.

    Raises:
        ValueError: if there is none, it is damaged, or holds code.
    """
    if not path.is_file() or path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path}: expected a file of arrays ({', '.join(SUFFIXES)}), found none")
    found = load_values(path)
    return found if isinstance(found, Mapping) else {TRAIN[0]: found}


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
