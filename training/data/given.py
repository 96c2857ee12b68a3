"""Datasets that somebody gives: which pairs are trained on, and with which labels."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from interp.training.arguments import of_kind
from interp.training.data.dataset import A_TASK, Dataset
from interp.training.data.pair_forms import labels_of, pairs_of
from interp.training.tasks.task import Task

# What the arrays are called, in files of several origins.
TRAIN = ("is_train", "train_indices", "train_inds", "train_pairs", "train_data", "train_mask")
LABELS = ("labels", "given_label")
REDRAWN = ("is_redrawn", "redrawn_indices")

_DIGITS = 16  # of a digest, as of a table's


def given_dataset(
    task: Task, labels: object = None, is_train: object = None, is_redrawn: object = None
) -> Dataset:
    """A dataset of given labels and a given training set.

    Args:
        task: whose pairs are meant; pair (m, n) has index m·p + n.
        labels: of all pairs, (pair,) or (p, p), or of the training pairs in the order in which
            they are given; the true answers by default. Labels of other pairs do not count.
        is_train: the training pairs: a mask over all pairs, flat or p × p; their indices; the
            pairs themselves, (count, 2), or both operands, (2, count); a third column is their
            label. All pairs by default.
        is_redrawn: which training pairs are called corrupted, in the same forms; by default those
            whose label is not the true answer.

    Raises:
        TypeError: if the task is none.
        ValueError: if an array has another shape or values out of range, or a pair with a wrong
            label is not among the redrawn ones.
    """
    of_kind(task, Task, A_TASK)
    values = {"is_train": is_train, "labels": labels, "is_redrawn": is_redrawn}
    return given(task, {k: v for k, v in values.items() if v is not None}, "data").dataset


@dataclass(frozen=True)
class Given:
    """A dataset, and what was taken for granted in it.

    Attributes:
        dataset: with its split and labels.
        assumed: in words.
        labelled: whether its labels were given, and do not follow from the operation.
    """

    dataset: Dataset
    assumed: tuple[str, ...] = ()
    labelled: bool = False


def given(task: Task, values: Mapping[str, Any], where: str) -> Given:
    """The dataset that arrays by name describe: one of TRAIN, of LABELS and of REDRAWN.

    Args:
        task: as for :func:`given_dataset`, as is the form of the arrays.
        values: the arrays; without training pairs all pairs are trained on.
        where: what to name in an error.

    Raises:
        ValueError: as :func:`given_dataset`.
    """
    name = named(values, TRAIN)
    everything = np.ones(len(task.pairs), dtype=bool)
    chosen = everything if name is None else values[name]
    pairs = pairs_of(task, chosen, f"{where}: {name or TRAIN[0]}")
    train, labels = pairs.places, task.answers.copy()
    if not len(train):
        raise ValueError(f"{where}: {name}: expected at least one training pair, got none")
    if pairs.labels is not None:
        labels = labels_of(task, train, pairs.labels, f"{where}: {name}")
    told_by = named(values, LABELS)
    if told_by is not None:
        told = labels_of(task, train, values[told_by], f"{where}: {told_by}")
        if pairs.labels is not None and (told[train] != labels[train]).any():
            raise ValueError(f"{where}: {told_by}: expected those that stand in {name}, got others")
        labels = told
    redrawn, assumed = _redrawn(task, train, labels, values, where)
    is_train, is_redrawn = np.zeros(len(labels), dtype=bool), np.zeros(len(labels), dtype=bool)
    is_train[train], is_redrawn[redrawn] = True, True
    made = Dataset(task, task.pairs, task.answers, labels, is_train, is_redrawn)
    return Given(made, (*pairs.assumed, *assumed), pairs.labels is not None or told_by is not None)


def named(values: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """Under which of some names something stands; None if under none."""
    return next((one for one in names if values.get(one) is not None), None)


def dataset_bytes(dataset: Dataset) -> bytes:
    """A dataset as an ``.npz`` file that ``data.file`` takes: split, labels, what is corrupted."""
    held = io.BytesIO()
    np.savez_compressed(
        held,
        is_train=dataset.is_train,
        labels=dataset.given_label,
        is_redrawn=dataset.is_redrawn,
    )
    return held.getvalue()


def digest_of(dataset: Dataset) -> str:
    """Tells datasets of other content: 16 hexadecimal digits of a SHA-256."""
    content = hashlib.sha256(repr(dataset.task.key).encode())
    content.update(np.where(dataset.is_train, dataset.given_label, -1).astype("<i8").tobytes())
    content.update(np.packbits(dataset.is_train & dataset.is_redrawn).tobytes())
    return content.hexdigest()[:_DIGITS]


def _redrawn(
    task: Task, train: np.ndarray, labels: np.ndarray, values: Mapping[str, Any], where: str
) -> tuple[np.ndarray, list[str]]:
    """Places of the redrawn labels, as told or else where they are wrong, and what was assumed."""
    wrong = train[labels[train] != task.answers[train]]
    name = named(values, REDRAWN)
    if name is None:
        words = ["redrawn labels are those that differ from the true answer"]
        return wrong, words if len(wrong) else []
    places = pairs_of(task, values[name], f"{where}: {name}").places
    missing = set(wrong.tolist()) - set(places.tolist())
    outside = set(places.tolist()) - set(train.tolist())
    if missing or outside:
        raise ValueError(
            f"{where}: {name}: expected training pairs, all with a wrong label among them; "
            f"{len(missing)} wrong labels are not, and {len(outside)} are outside the training set"
        )
    return places, []
