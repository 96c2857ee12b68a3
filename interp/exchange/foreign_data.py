"""The dataset of a foreign checkpoint: from arrays, or rebuilt by the rule that made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from interp.exchange.foreign_file import SUFFIXES, load_values
from interp.exchange.rules import Rule, dataset_of, draw
from interp.training.data.dataset import Dataset
from interp.training.data.given import TRAIN, given, named
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
        values: under one of TRAIN the training pairs, ``labels`` and ``redrawn_indices`` if any,
            in the forms of :func:`interp.training.data.given.given_dataset`.
        where: what to name in an error.

    Raises:
        ValueError: if an array is absent, of another shape, or out of range.
    """
    if training_name(values) is None:
        raise ValueError(
            f"{where}: expected train_indices, and labels and redrawn_indices if any; "
            f"got {', '.join(values) or 'nothing'}"
        )
    found = given(task, values, where)
    return Found(found.dataset, f"arrays of {where}", found.assumed, labelled=found.labelled)


def training_name(values: Mapping[str, Any]) -> str | None:
    """Under which name the training pairs stand, None if they do not."""
    return named(values, TRAIN)


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
