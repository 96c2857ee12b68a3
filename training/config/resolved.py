"""Objects in place of sections: a task, a dataset, a run to start from; and what follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from interp.training.config import start_file
from interp.training.config.learned import DataConfig, TaskConfig
from interp.training.config.start import StartConfig
from interp.training.data import given_file
from interp.training.data.dataset import Dataset
from interp.training.tasks import table_file
from interp.training.tasks.group_order import LARGE
from interp.training.tasks.group_section import OWN
from interp.training.tasks.task import Task


def needs_resolving(values: Mapping[str, Any]) -> bool:
    """Whether a section follows from another one or from a file."""
    data, start = values.get("data"), values.get("start")
    is_given = isinstance(data, Mapping) and data.get("kind") == "given"
    return is_given or (isinstance(start, Mapping) and start.get("run") is not None)


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
    return _with_start(found)


def _with_start(values: dict[str, Any]) -> dict[str, Any]:
    start = values.get("start")
    if start is None:
        return {name: value for name, value in values.items() if name != "start"}
    if isinstance(start, StartConfig):
        start = start.model_dump()
    elif not isinstance(start, Mapping):  # a run, a checkpoint or a network
        start = {"run": start}
    return {**values, "start": start_file.filled(start)}


def _of_task(task: Task) -> dict[str, Any]:
    name, finite = task.operation.name, task.operation.finite
    large = {"large": True} if finite is not None and task.p > LARGE else {}
    if task.operation.table is not None:
        table = table_file.remembered(task.operation.table)
        own = {} if finite is None else {"group": OWN}
        return {"operation": name, "digest": table.digest, **own, **large}
    if finite is not None:
        return {"operation": name, "group": finite.name, **large}
    return {"operation": name, "p": task.p}


def _task_of(section: Any) -> Task | None:
    """The task of a section; None if it is not right, which is told where sections are checked."""
    try:
        return TaskConfig.model_validate({} if section is None else section).make_task()
    except ValidationError:
        return None
