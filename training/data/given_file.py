"""Given datasets as configurations have them: a file and a digest, or arrays of this process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interp.training.array_file import UNNAMED, read_arrays
from interp.training.data.dataset import Dataset
from interp.training.data.given import LABELS, REDRAWN, TRAIN, digest_of, given, named
from interp.training.tasks.task import Task

# Every given dataset that this process has met, by digest.
_KNOWN: dict[str, Dataset] = {}


def remembered(dataset: Dataset) -> str:
    """The digest of a dataset, by which this process finds it from now on."""
    digest = digest_of(dataset)
    _KNOWN.setdefault(digest, dataset)
    return digest


def find_dataset(task: Task, digest: str, file: str | None) -> Dataset:
    """The dataset of a digest: of this process, or in the file.

    Raises:
        ValueError: if it is in neither, or the file holds another one.
    """
    if digest in _KNOWN:
        return _KNOWN[digest]
    if file is None:
        raise ValueError(f"data.file: expected the file of dataset {digest}, got none")
    return read_dataset(task, file, digest)


def read_dataset(task: Task, file: Path | str, digest: str | None = None) -> Dataset:
    """The dataset in a file.

    Raises:
        ValueError: if there is none, or one of another digest.
    """
    values = read_arrays(file)
    if UNNAMED in values:
        values = {TRAIN[0]: values[UNNAMED]}
    if named(values, (*TRAIN, *LABELS)) is None:
        expected = f"{', '.join(TRAIN)}, and {LABELS[0]} and {REDRAWN[0]} if any"
        raise ValueError(f"{file}: expected one of {expected}; got {', '.join(values)}")
    found = given(task, values, str(file)).dataset
    own = remembered(found)
    if digest not in (None, own):
        raise ValueError(f"data.digest: expected dataset {digest}, but {file} holds {own}; altered")
    return found


def filled(task: Task, values: Mapping[str, Any]) -> dict[str, Any]:
    """The section ``data`` of a configuration with what follows from its given dataset.

    Without a file, and with the digest of a dataset that this process does not know, the values
    stand as they are: they are those of a run folder, which has the dataset.

    Raises:
        ValueError: naming the field, if the dataset cannot be read or a field contradicts it.
    """
    file, digest = values.get("file"), values.get("digest")
    if file is not None:
        dataset = read_dataset(task, file, digest)
    elif digest in _KNOWN:
        dataset = _KNOWN[digest]
    elif digest is not None and {"fraction", "corruption"} <= values.keys():
        return dict(values)
    else:
        raise ValueError(
            "data.file: expected the file of a given dataset; in Python also data=…, an "
            f"interp.given_dataset, got {file}"
        )
    if dataset.task.key != task.key:
        raise ValueError(f"data: expected a dataset of {task.name}, got one of {dataset.task.name}")
    count = int(dataset.is_train.sum())
    shares = {
        "fraction": count / len(dataset),
        "corruption": int((dataset.is_train & dataset.is_redrawn).sum()) / count,
    }
    for name, share in shares.items():
        if values.get(name, share) != share:
            raise ValueError(
                f"data.{name}: follows from the given dataset, {share:g}; expected none, "
                f"got {values[name]}"
            )
    place = None if file is None else os.path.abspath(file)
    return {**values, **shares, "file": place, "digest": digest_of(dataset)}
