"""The run folder: what is written where, and how it is read; the only file format."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.card import card
from training.checkpoint import read_tensors, write_tensors
from training.config import RunConfig, parse_config
from training.data import Dataset
from training.evaluation import Scores
from training.files import FORMAT, check_format, naming, new_folder, write_bytes
from training.models.initial import Network

Weights = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Measurement:
    """Scores of the network after ``step`` updates, and the norm of all its weights."""

    step: int
    scores: Scores
    weight_norm: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data, one line of ``metrics.jsonl``."""
        return {"step": self.step, "weight_norm": self.weight_norm, "scores": self.scores.to_dict()}


class CheckpointFolder(Mapping[int, Weights]):
    """Checkpoints of a run folder, read when asked for."""

    def __init__(self, run: Path) -> None:
        self._run = run

    def _steps(self) -> list[int]:
        folders = (self._run / "checkpoints").glob("step-*")
        return sorted(int(f.name[5:]) for f in folders if f.name[5:].isdigit())

    def __iter__(self) -> Iterator[int]:
        return iter(self._steps())

    def __len__(self) -> int:
        return len(self._steps())

    def __getitem__(self, step: int) -> Weights:
        if not checkpoint_path(self._run, step).parent.is_dir():
            raise KeyError(step)
        path = checkpoint_path(self._run, step)
        arrays, about = read_tensors(path)
        if about.get("step") != str(step):
            raise ValueError(f"{path}: expected weights of step {step}, got {about.get('step')}'s")
        return arrays


def checkpoint_path(run: Path, step: int) -> Path:
    """Where a run folder keeps the weights of a step."""
    return run / "checkpoints" / f"step-{step:06d}" / "model.safetensors"


def optimizer_path(run: Path, step: int) -> Path:
    """Where a run folder keeps the optimizer's state of a step, for the newest checkpoints."""
    return checkpoint_path(run, step).with_name("optimizer.safetensors")


def provenance(config: RunConfig, step: int) -> dict[str, str]:
    """What a checkpoint says about itself."""
    return {
        "step": str(step),
        "config": json.dumps(config.to_dict(), sort_keys=True),
        "seed": str(config.seed),
        "versions": _versions(),
        "threads": str(torch.get_num_threads()),
    }


@cache
def _versions() -> str:
    """Versions of what computes, which take milliseconds to find."""
    packages = {name: version(name) for name in ("torch", "numpy", "transformer-lens")}
    return json.dumps({"python": platform.python_version(), **packages})


def create_run(path: Path, config: RunConfig, dataset: Dataset) -> None:
    """Makes a run folder without checkpoints; it appears whole or not at all."""
    with new_folder(path) as folder:
        fill_run(folder, path.name, config, dataset)


def fill_run(folder: Path, name: str, config: RunConfig, dataset: Dataset) -> None:
    """Writes what a run folder holds before the first checkpoint."""
    (folder / "checkpoints").mkdir()
    content = {"format": FORMAT, **config.to_dict()}
    write_bytes(folder / "config.json", (json.dumps(content, indent=2) + "\n").encode())
    write_tensors(
        folder / "dataset.safetensors",
        {
            "pairs": dataset.pairs.astype(np.int32),
            "true_label": dataset.true_label.astype(np.int32),
            "given_label": dataset.given_label.astype(np.int32),
            "is_train": dataset.is_train,
            "is_redrawn": dataset.is_redrawn,
        },
        {"task": dataset.task.name},
    )
    write_bytes(folder / "metrics.jsonl", b"")
    write_bytes(folder / "README.md", card(name, config, None).encode())


def write_checkpoint(
    run: Path, step: int, network: Network, config: RunConfig, optimizer: Weights | None = None
) -> None:
    """Adds a checkpoint; it appears whole or not at all. One that exists is left alone."""
    target = checkpoint_path(run, step).parent
    if target.exists():
        return
    with new_folder(target) as folder:
        about = provenance(config, step)
        write_tensors(folder / "model.safetensors", dict(network.state_dict()), about)
        if optimizer is not None:
            write_tensors(folder / "optimizer.safetensors", optimizer, about)


def drop_old_optimizer_states(run: Path, keep: int = 2) -> None:
    """Removes optimizer states that no resume will need; weights stay."""
    for step in resumable_steps(run)[:-keep]:
        optimizer_path(run, step).unlink(missing_ok=True)


def resumable_steps(run: Path) -> list[int]:
    """Steps whose checkpoint holds an optimizer state, ascending."""
    return [step for step in CheckpointFolder(run) if optimizer_path(run, step).exists()]


def write_measurements(run: Path, measurements: tuple[Measurement, ...]) -> None:
    """Replaces the run's score history."""
    lines = "".join(json.dumps(row.to_dict()) + "\n" for row in measurements)
    write_bytes(run / "metrics.jsonl", lines.encode())


def append_measurement(run: Path, measurement: Measurement) -> None:
    """Adds a line to the run's score history; readers skip a line that has not ended yet."""
    path = run / "metrics.jsonl"
    with naming(path), path.open("ab") as file:
        file.write((json.dumps(measurement.to_dict()) + "\n").encode())


def finish_run(
    run: Path, config: RunConfig, measurement: Measurement, seconds: float, name: str | None = None
) -> None:
    """Writes the model card and marks the run as complete."""
    write_bytes(run / "README.md", card(name or run.name, config, measurement.scores).encode())
    done = {"step": measurement.step, "seconds": round(seconds, 3)}
    write_bytes(run / "DONE", (json.dumps(done) + "\n").encode())


def read_seconds(run: Path) -> float | None:
    """Seconds that a finished run took to train, since it was last resumed; None if unknown."""
    try:
        return float(json.loads((run / "DONE").read_bytes())["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_run_config(folder: Path) -> RunConfig:
    """Configuration of a run folder.

    Raises:
        ValueError: if it is missing, malformed or of a newer format.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise ValueError(f"{folder}: expected a run folder (with config.json), found none")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        check_format(values.pop("format", None), path)
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, TypeError):
        raise ValueError(f"{path}: not a JSON configuration; truncated or altered") from None
    try:
        return parse_config(values)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_measurements(folder: Path) -> tuple[Measurement, ...]:
    """The score history; a last line that is still being written is left out.

    Raises:
        ValueError: if a finished line cannot be read.
    """
    path = folder / "metrics.jsonl"
    if not path.is_file():
        return ()
    rows = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            row = json.loads(line)
            rows.append(
                Measurement(row["step"], Scores.from_dict(row["scores"]), row["weight_norm"])
            )
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{path}: line {number} is no measurement; altered") from None
    return tuple(rows)


def read_dataset(folder: Path, config: RunConfig) -> Dataset:
    """The dataset of a run folder.

    Raises:
        ValueError: if it is missing, damaged, or not that of the configuration's task.
    """
    arrays, _ = read_tensors(folder / "dataset.safetensors")
    task = config.make_task()
    count = len(task.pairs)
    of_each = dict.fromkeys(("true_label", "given_label", "is_train", "is_redrawn"), (count,))
    expected = {"pairs": (count, 2), **of_each}
    found = {name: array.shape for name, array in arrays.items()}
    if found != expected:
        name = min(n for n in {*found, *expected} if found.get(n) != expected.get(n))
        raise ValueError(
            f"{folder / 'dataset.safetensors'}: tensor {name}: expected shape "
            f"{expected.get(name, 'none')} for {task.name}, got {found.get(name, 'none')}"
        )
    as_int = {
        name: arrays[name].astype(np.int64) for name in ("pairs", "true_label", "given_label")
    }
    return Dataset(
        task=task, is_train=arrays["is_train"], is_redrawn=arrays["is_redrawn"], **as_int
    )


def weight_norm(network: Network) -> float:
    """L2 norm of all weights together."""
    with torch.no_grad():
        squares = [weight.double().square().sum() for weight in network.parameters()]
    return float(torch.stack(squares).sum().sqrt())
