"""Pairs and labels in the forms that people have them in, as places among a task's pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from interp.training.arguments import detached
from interp.training.tasks.task import Task


@dataclass(frozen=True)
class Pairs:
    """Pairs of a task by their places, and what stood beside them."""

    places: np.ndarray
    labels: np.ndarray | None = None
    assumed: tuple[str, ...] = ()


def pairs_of(task: Task, values: Any, what: str) -> Pairs:
    """Pairs in any form: see :func:`interp.training.data.given.given_dataset`."""
    parts = _parts(values, what)
    if [one.ndim for one in parts] == [2, 1]:
        found = pairs_of(task, parts[0], what)
        return Pairs(found.places, _numbers(parts[1], what), found.assumed)
    array = _array(np.stack(parts, axis=1) if _are_operands(parts) else values, what)
    if array.dtype == bool:
        return Pairs(_marked(task, array, what))
    array = _numbers(array, what)
    if array.ndim == 2 and array.shape[0] in (2, 3) and array.shape[1] not in (2, 3):
        array = array.T  # an array for each operand
    if array.ndim == 2 and array.shape[1] == 3:
        return _three_columns(task, array, what)
    return Pairs(_indices(task, array, what))


def _parts(values: Any, what: str) -> list[np.ndarray]:
    """Two arrays, if there are two: operands, or pairs and labels."""
    is_pair = isinstance(values, list | tuple) and len(values) == 2
    if not is_pair or any(isinstance(one, list | tuple | int) for one in values):
        return []
    return [_array(one, what) for one in values]


def _are_operands(parts: Sequence[np.ndarray]) -> bool:
    shapes = [one.shape for one in parts]
    return len(shapes) == 2 and shapes[0] == shapes[1] and len(shapes[0]) == 1 < shapes[0][0]


def _marked(task: Task, mask: np.ndarray, what: str) -> np.ndarray:
    """Places where a mask is true: over all pairs of the domain, or over all p²."""
    if mask.shape == (len(task.pairs),):
        return np.flatnonzero(mask)
    if mask.size != task.p**2:
        raise ValueError(
            f"{what}: expected a mask over {len(task.pairs)} pairs, got shape {mask.shape}"
        )
    return _places(task, np.flatnonzero(mask), what)


def _three_columns(task: Task, array: np.ndarray, what: str) -> Pairs:
    """Pairs with the token "=", or with their label."""
    places, third = _indices(task, array[:, :2], what), array[:, 2]
    if third.size and third.min() == third.max() >= max(task.p, task.n_answers):
        return Pairs(places)
    if third.size and not 0 <= third.min() <= third.max() < task.n_answers:
        raise ValueError(
            f"{what}: expected a third column of labels from 0 to {task.n_answers - 1}, or of one "
            f"token, got {third.min()} to {third.max()}"
        )
    return Pairs(places, third, ("the third column of the training pairs is their label",))


def _array(values: Any, what: str) -> np.ndarray:
    try:
        return np.asarray(detached(values))
    except ValueError:
        raise ValueError(
            f"{what}: expected indices or pairs, got rows of several lengths"
        ) from None


def _numbers(values: Any, what: str) -> np.ndarray:
    array = _array(values, what)
    # Text files know no whole numbers.
    whole = array.dtype.kind == "f" and bool((array == np.floor(array)).all())
    if array.size and not whole and not np.issubdtype(array.dtype, np.integer):
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
        is_mask = set(indices.tolist()) <= {0, 1}
        hint = "; for a mask of numbers 0 and 1, give truth values" if is_mask else ""
        raise ValueError(f"{what}: expected every pair once, got one twice{hint}")
    return np.array([places[int(one)] for one in indices], dtype=np.int64)


def labels_of(task: Task, train: np.ndarray, values: Any, what: str) -> np.ndarray:
    """The label of every pair, from those of the training pairs or of all."""
    labels = _numbers(values, what)
    if labels.shape == (task.p, task.p):  # whose labels stand at their pairs, whatever the order
        labels = labels[tuple(task.pairs.T)][train]
    if labels.shape not in ((len(train),), (len(task.pairs),)):
        raise ValueError(
            f"{what}: expected {len(train)} labels of the training pairs or {len(task.pairs)} of "
            f"all pairs, got an array of shape {labels.shape}"
        )
    own = labels if len(labels) == len(train) else labels[train]
    if not 0 <= own.min() <= own.max() < task.n_answers:
        raise ValueError(
            f"{what}: expected answers from 0 to {task.n_answers - 1}, "
            f"got {own.min()} to {own.max()}"
        )
    given = task.answers.copy()
    given[train] = own
    return given
