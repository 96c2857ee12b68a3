"""A row of the explorer's table: what a run folder says about itself at a glance."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from interp.analysis.phases.phase import phase_name
from interp.training.config.run_config import RunConfig
from interp.training.lines import one_line
from interp.training.runs.metadata import (
    Measurement,
    read_measurements,
    read_run_config,
    read_stopped,
)
from interp.training.runs.origin import Origin, read_origin
from interp.training.untrusted import open_regular, tensor_header

Stamp = tuple[tuple[str, int, int], ...]

_WATCHED = ("config.json", "metrics.jsonl", "DONE", "checkpoints", "dataset.safetensors")
_WATCHED_SWEEP = ("sweep.json", "results.parquet", "cells", "runs")


@dataclass(frozen=True)
class Listed:
    """A run as the table shows it; None where it does not know.

    Attributes:
        name: path below the explored folder.
        label: the setting of a sweep's cell, whose folder is named by a hash; None for the name.
        status: done, imported, pruned, training, no checkpoint yet, or broken.
        error: why it is broken, in one line.
        state: its phase, or what a sweep says it is.
    """

    name: str
    label: str | None = None
    sweep: str | None = None
    task: str | None = None
    p: int | None = None
    fraction: float | None = None
    corruption: float | None = None
    weight_decay: float | None = None
    model: str | None = None
    width: int | None = None
    seed: int | None = None
    step: int | None = None
    steps: int | None = None
    state: str | None = None
    train: float | None = None
    test: float | None = None
    corrupted: float | None = None
    status: str = "broken"
    error: str | None = None

    @property
    def title(self) -> str:
        """What it is called on the page."""
        return self.label or self.name

    def to_dict(self) -> dict[str, Any]:
        """A row of the table; a broken run's status tells its reason."""
        row = {**vars(self), "label": self.title}
        row["status"] = f"broken: {self.error}" if self.error else self.status
        del row["error"]
        return row


def stamp_of(folder: Path) -> Stamp:
    """Sizes and times of what would change if anything in a run or sweep folder did."""
    found = []
    for name in (*_WATCHED, *_WATCHED_SWEEP):
        try:
            about = os.stat(folder / name)
        except OSError:
            continue
        found.append((name, about.st_size, about.st_mtime_ns))
    return tuple(found)


def settings(config: RunConfig) -> dict[str, Any]:
    """The columns that a configuration gives."""
    return {
        "task": config.task.operation,
        "p": config.task.p,
        "fraction": config.data.fraction,
        "corruption": config.data.corruption,
        "weight_decay": config.optimizer.weight_decay,
        "model": config.model.summary,
        "width": config.model.neurons,
        "seed": config.seed,
        "steps": config.steps,
    }


def in_force(config: RunConfig) -> dict[str, Any]:
    """A configuration as plain data, with what is left open as it is in force."""
    found = config.to_dict()
    model = config.model
    open_ones = {"activation": model.phi, "init": model.initialization}
    return {**found, "model": {**found["model"], **open_ones}}


def listed_run(name: str, folder: Path) -> Listed:
    """Reads the small files of a run folder; a damaged one is a row with its reason."""
    row = Listed(name)
    try:
        config = _config(folder)
        row = replace(row, **settings(config))
        row = replace(row, **_scores(_measurements(folder), config))
        if not (origin := read_origin(folder)).trained_here:
            row = replace(row, **_not_trained_here(origin, row))
        status = _status(folder)
        return replace(row, status=status if origin.trained_here else origin.kind)
    except ValueError as error:
        # The row has the run's name, so files are named from there on.
        words = one_line(error).removeprefix(f"{folder}/")
        return replace(row, status="broken", error=words)
    except OSError as error:
        return replace(row, status="broken", error=f"{error.filename}: {error.strerror}")


def _not_trained_here(origin: Origin, row: Listed) -> dict[str, Any]:
    """The columns that say nothing of a run that was not trained here."""
    unknown = ["steps"]
    if row.state in ("forgetting", "confusion"):  # which a history would tell apart
        unknown.append("state")
    if origin.imported is not None:
        unknown += ["weight_decay", "seed"]
        # Of older folders nothing says it; all pairs with their own answers stand for no dataset.
        if not origin.imported.get("dataset_known", (row.fraction, row.corruption) != (1, 0)):
            unknown += ["fraction", "corruption", "train"]
    return dict.fromkeys(unknown)


def _config(folder: Path) -> RunConfig:
    if not (folder / "config.json").is_file():
        raise ValueError("config.json: expected a configuration, found none")
    return read_run_config(folder)


def _measurements(folder: Path) -> tuple[Measurement, ...]:
    if not (folder / "metrics.jsonl").is_file():
        raise ValueError("metrics.jsonl: expected the run's scores, found none")
    return read_measurements(folder)


def _scores(rows: Sequence[Measurement], config: RunConfig) -> dict[str, Any]:
    if not rows:
        return {}
    scores = rows[-1].scores
    train, test = scores["train"].accuracy, scores["test"].accuracy
    best = max((row.scores["test"].accuracy or 0.0 for row in rows[:-1]), default=0.0)
    state = None
    if train is not None and test is not None:
        state = phase_name(train, test, config.data.corruption, best)
    found = {"train": train, "test": test, "corrupted": scores["corrupted"].accuracy}
    return {**found, "step": rows[-1].step, "state": state}


def _status(folder: Path) -> str:
    if not (folder / "dataset.safetensors").is_file():
        raise ValueError("dataset.safetensors: expected the run's dataset, found none")
    checkpoints = sorted((folder / "checkpoints").glob("step-*"))
    if not checkpoints:
        return "no checkpoint yet"
    _check_tensors(checkpoints[-1] / "model.safetensors")
    if not (folder / "DONE").exists():
        return "training"
    stopped = read_stopped(folder)
    return "done" if stopped is None else f"done, stopped: {stopped}"


def _check_tensors(path: Path) -> None:
    """Whether a safetensors file is as long as its header says, without reading its tensors.

    Raises:
        ValueError: if it is not.
    """
    where = f"{path.parent.name}/{path.name}"
    try:
        with open_regular(path) as file:
            tensor_header(file)
    except FileNotFoundError:
        raise ValueError(f"{where}: expected the newest checkpoint's weights, found none") from None
    except ValueError as error:
        why = str(error).removeprefix(f"{path}: ")
        raise ValueError(f"{where}: the newest checkpoint is damaged, {why}") from None
