"""What is compared: runs, checkpoints or what was read of them, with all that tells one apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interp.training.arguments import shown, some_whole
from interp.training.config.plain_data import flattened
from interp.training.config.run_config import RunConfig
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.run import Run
from interp.training.runs.subject import as_checkpoint, as_run

# What no legend shows: a hash, a place on a disk, and when a run was scored and saved.
_UNSEEN = ("task.digest", "task.table", "data.digest", "data.file", "start.digest", "start.run")
_NOTHING = ("schedule.evaluations", "schedule.checkpoints", "schedule.checkpoint_steps")


@dataclass(frozen=True)
class Subject:
    """One of several that are compared.

    Attributes:
        given: a run, a checkpoint, or what was read of one.
        settings: that may differ, by dotted path, the seed aside; defaults as they are in force.
        hidden: what differs and is not to be shown, such as the digest of a table.
        seed: of its training; None where it is not known.
        step: of a checkpoint that was asked for; None for a run, whose newest is meant.
        name: of the run.
        config: of a run that was trained here, whose settings are known.
    """

    given: Any
    settings: Mapping[str, Any]
    hidden: str
    seed: int | None
    step: int | None
    name: str
    config: RunConfig | None

    @property
    def at(self) -> int | None:
        """The step that is looked at; None where there is no checkpoint, or none is known."""
        if isinstance(self.given, Run):
            return self.given.steps[-1] if self.given.weights else None
        return self.step

    @property
    def alike(self) -> tuple[Any, ...]:
        """Equal for those that differ by seed alone."""
        known = json.dumps(self.settings, sort_keys=True, default=str)
        return known, self.hidden, self.step

    @property
    def place(self) -> tuple[Any, ...]:
        """Equal for the same thing given twice."""
        path = self.given.path if isinstance(self.given, Run) else None
        found = getattr(self.given, "key", None) or id(self.given)
        return (found if path is None else str(path.resolve()), self.step)

    @property
    def checkpoint(self) -> Checkpoint:
        """The network that is looked at."""
        return as_checkpoint(self.given)


def subject_of(given: Any, result: type | None = None, step: int | None = None) -> Subject:
    """What is known of a run, its folder, a checkpoint or a network, or of a result.

    Args:
        given: what is compared.
        result: what may stand in place of a run, such as a neuron table.
        step: of a run, whose checkpoint is then meant.

    Raises:
        TypeError: if it is something else.
        ValueError: if it is a folder without a run, or there is no such checkpoint.
    """
    if result is not None and isinstance(given, result):
        return _of_result(given)
    if isinstance(given, Path | str):
        given = as_run(given)
    if isinstance(given, Run):
        return _of_run(given, some_whole(step, "step"))
    found = as_checkpoint(given, step)
    settings = _of_task(found) if found.config is None else settings_of(found.config)
    hidden = "" if found.config is None else hidden_of(found.config)
    return Subject(found, settings, hidden, found.seed, found.step, found.name, found.config)


def _of_run(run: Run, step: int | None) -> Subject:
    config = run.config if run.origin.trained_here else None
    settings, hidden = settings_of(run.config), hidden_of(run.config)
    if config is None:  # of the training only defaults are there
        known = ("task.", "model.", "loss") if not run.knows_data else ("task.", "model.", "data.")
        settings = {path: one for path, one in settings.items() if path.startswith(known)}
    given = run if step is None else run.checkpoint(step)
    return Subject(given, settings, hidden, run.seed, step, run.name, config)


def _of_task(checkpoint: Checkpoint) -> dict[str, Any]:
    """Settings of a network that was not trained here."""
    task = checkpoint.task
    return {"task.operation": task.operation.name, "task.p": task.p, "loss": checkpoint.loss}


def _of_result(given: Any) -> Subject:
    seed, step = getattr(given, "seed", None), getattr(given, "step", None)
    return Subject(given, {}, "", seed, step, getattr(given, "name", ""), None)


def settings_of(config: RunConfig) -> dict[str, Any]:
    """Every setting by dotted path that may tell runs apart; what a default means stands for it."""
    found = flattened(config.to_dict())
    model = config.model
    found |= {"model.activation": model.phi, "model.init": model.initialization}
    for path in (*_UNSEEN, *_NOTHING, "seed"):
        found.pop(path, None)
    return found


def hidden_of(config: RunConfig) -> str:
    """What tells runs apart and is not shown."""
    digests = config.task.digest, config.data.digest, config.start.digest
    return " ".join(one or "" for one in digests).strip()


def members_of(
    several: Any, result: type | None = None, step: int | None = None
) -> list[tuple[str | None, Subject]]:
    """What is compared, one after the other, with the names that a mapping gives.

    Args:
        several: a list, or a mapping from names to one, or to a list of those that differ by seed.
        result: what may stand in place of a run.
        step: of every run, whose checkpoint is then meant.

    Raises:
        TypeError: if it is neither, or something in it cannot be compared.
        ValueError: if a name is no text or has nothing.
    """
    if not isinstance(several, Mapping):
        if not isinstance(several, list | tuple):
            raise TypeError(f"expected several runs as a list or by name, got {shown(several)}")
        return [(None, subject_of(one, result, step)) for one in several]
    found: list[tuple[str | None, Subject]] = []
    for name, one in several.items():
        inside = list(one) if isinstance(one, list | tuple) else [one]
        if not isinstance(name, str) or not name or not inside:
            raise ValueError(f"expected names with a run or a list of runs each, got {shown(name)}")
        found += [(name, subject_of(each, result, step)) for each in inside]
    return found
