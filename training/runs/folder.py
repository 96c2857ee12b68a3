"""The run folder: what is written where, and how it is read; the only file format."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from interp.training.config.places import COPIES
from interp.training.config.run_config import RunConfig
from interp.training.data.dataset import Dataset
from interp.training.data.given_file import remembered
from interp.training.models.network import Network
from interp.training.runs.card import card
from interp.training.runs.files import FORMAT, make_folder, new_folder, write_bytes
from interp.training.runs.metadata import Measurement, stopped_at
from interp.training.runs.origin import TRAINED_HERE, Origin
from interp.training.runs.tensor_file import read_tensors, write_tensors
from interp.training.tasks.table_file import table_bytes

Weights = Mapping[str, np.ndarray]


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

    def __contains__(self, step: object) -> bool:
        # Mapping's own would read the weights to find out.
        return isinstance(step, int) and checkpoint_path(self._run, step).parent.is_dir()

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
    import torch  # where weights are written it is there; who reads them need not wait for it

    return {
        "step": str(step),
        "config": json.dumps(config.kept(), sort_keys=True),
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
    make_folder(folder / "checkpoints")
    content = {"format": FORMAT, **config.kept()}
    write_bytes(folder / "config.json", (json.dumps(content, indent=2) + "\n").encode())
    table = dataset.task.operation.table
    if table is not None:
        write_bytes(folder / str(COPIES["task.table"]), table_bytes(table))
    if config.start.digest is not None:
        place = folder / str(COPIES["start.run"])
        write_tensors(place, config.start.weights(), {"of": config.start.name or ""})
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
    # No folder to put it in is made: a run folder that was removed stays away.
    with new_folder(target, parents=False) as folder:
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


def finish_run(
    run: Path,
    config: RunConfig,
    measurement: Measurement,
    seconds: float,
    name: str | None = None,
    origin: Origin = TRAINED_HERE,
    stopped: str | None = None,
) -> None:
    """Writes the model card and marks the run as complete, with why it ended early if it did."""
    ended = None if stopped is None else stopped_at(measurement.step, stopped)
    content = card(name or run.name, config, measurement.scores, origin, ended)
    write_bytes(run / "README.md", content.encode())
    done: dict[str, object] = {"step": measurement.step, "seconds": round(seconds, 3)}
    done |= {} if stopped is None else {"stopped": stopped}
    write_bytes(run / "DONE", (json.dumps(done) + "\n").encode())


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
    dataset = Dataset(
        task=task, is_train=arrays["is_train"], is_redrawn=arrays["is_redrawn"], **as_int
    )
    if config.data.is_given and remembered(dataset) != config.data.digest:
        raise ValueError(
            f"{folder / 'dataset.safetensors'}: expected dataset {config.data.digest}; altered"
        )
    return dataset


def weight_norm(network: Network) -> float:
    """L2 norm of all weights together."""
    import torch

    with torch.no_grad():
        squares = [weight.double().square().sum() for weight in network.parameters()]
    return float(torch.stack(squares).sum().sqrt())
