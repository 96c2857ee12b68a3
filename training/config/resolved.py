"""Objects in place of sections: a task, a dataset; and what follows from a given dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from interp.training.config.learned import DataConfig, TaskConfig
from interp.training.data import given_file
from interp.training.data.dataset import Dataset
from interp.training.tasks import table_file
from interp.training.tasks.task import Task


def needs_resolving(values: Mapping[str, Any]) -> bool:
    """Whether a section follows from another one or from a file."""
    data = values.get("data")
    return isinstance(data, Mapping) and data.get("kind") == "given"


def resolved(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a configuration as sections, with what follows from a given dataset.

    Raises:
        ValueError: naming the field, if a dataset cannot be read or another field contradicts it.
    """
    found = dict(values)
    task, data = found.get("task"), found.get("data")
    if isinstance(task, Task):
        found["task"] = _of_task(task)
    if isinstance(data, Dataset):
        found.setdefault("task", _of_task(data.task))
        found["data"] = data = {"kind": "given", "digest": given_file.remembered(data)}
    elif isinstance(data, DataConfig):
        data = data.model_dump()
    if isinstance(data, Mapping) and data.get("kind") == "given":
        learned = _task_of(found.get("task"))
        if learned is not None:
            found["data"] = given_file.filled(learned, data)
    return found


def _of_task(task: Task) -> dict[str, Any]:
    if task.operation.table is None:
        return {"operation": task.operation.name, "p": task.p}
    table = table_file.remembered(task.operation.table)
    return {"operation": task.operation.name, "digest": table.digest}


def _task_of(section: Any) -> Task | None:
    """The task of a section; None if it is not right, which is told where sections are checked."""
    try:
        return TaskConfig.model_validate({} if section is None else section).make_task()
    except ValidationError:
        return None
