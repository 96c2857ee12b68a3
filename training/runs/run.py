"""A run: its configuration, dataset, scores and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from interp.training.arguments import as_path, some_whole, whole
from interp.training.config.run_config import RunConfig
from interp.training.data.dataset import Dataset
from interp.training.data.scores import Scores
from interp.training.display import Displayed
from interp.training.evaluation import scores
from interp.training.models.kinds import empty_network
from interp.training.models.network import Network
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.files import is_vacant, new_folder
from interp.training.runs.folder import (
    CheckpointFolder,
    Weights,
    checkpoint_path,
    fill_run,
    finish_run,
    read_dataset,
    weight_norm,
    write_checkpoint,
)
from interp.training.runs.metadata import (
    Measurement,
    read_measurements,
    read_run_config,
    read_seconds,
    read_stopped,
    stopped_at,
    write_measurements,
)
from interp.training.runs.origin import TRAINED_HERE, Origin, Pruned, read_origin, write_origin
from interp.training.runs.tensor_file import load_weights


@dataclass(frozen=True)
class Run(Displayed):
    """A trained (or still training) network with its history.

    Attributes:
        config: everything that determined it.
        dataset: its pairs with both labels.
        measurements: scores at increasing steps.
        weights: arrays by step; read from the folder when asked for.
        path: the run folder; None for a run that was kept in memory.
        finished: whether it reached its last step, or a reason to stop before.
        origin: whether it was trained here, imported, or pruned from another run.
        stopped: why it ended before its last step: ``test_accuracy ≥ 0.99 at 3 evaluations in a
            row``; None for one that went on to it.
    """

    config: RunConfig
    dataset: Dataset
    measurements: tuple[Measurement, ...]
    weights: Mapping[int, Weights]
    path: Path | None = None
    finished: bool = True
    origin: Origin = TRAINED_HERE
    stopped: str | None = None

    @property
    def seed(self) -> int | None:
        """Seed of its training; None where that is not known, as of an imported network."""
        return self.config.seed if self.origin.imported is None else None

    @property
    def knows_data(self) -> bool:
        """Whether it is known which pairs it was trained on.

        Without a dataset every pair of an imported network stands in the training set.
        """
        told = None if self.origin.imported is None else self.origin.imported.get("dataset_known")
        return bool(told) if told is not None else self._has_a_split()

    def _has_a_split(self) -> bool:
        untouched = self.dataset.is_train.all() and not self.dataset.is_redrawn.any()
        return self.origin.imported is None or not untouched

    @property
    def name(self) -> str:
        """Name of the run folder."""
        return self.path.name if self.path else "run"

    @property
    def seconds(self) -> float | None:
        """Seconds of training since it was last resumed; None in memory or while it trains."""
        return None if self.path is None else read_seconds(self.path)

    @property
    def ended(self) -> str | None:
        """Where and why it stopped before its last step; None if it did not."""
        return None if self.stopped is None else stopped_at(self.measurement().step, self.stopped)

    @property
    def steps(self) -> list[int]:
        """Steps at which a checkpoint exists, ascending."""
        return sorted(self.weights)

    @property
    def last_step(self) -> int:
        """Step of the newest checkpoint.

        Raises:
            ValueError: if there is none yet.
        """
        if not self.weights:
            raise ValueError(f"{self.path}: expected a run with a checkpoint, found none yet")
        return self.steps[-1]

    def checkpoint(self, step: int | None = None) -> Checkpoint:
        """The network at a step (default: the newest), read once, with what it is scored on.

        Raises:
            ValueError: if the run has no checkpoint at that step, or the file is damaged.
        """
        step = self.last_step if step is None else whole(step, "step")
        if step not in self.weights:
            raise ValueError(
                f"{self.path or 'run'}: no checkpoint at step {step}; "
                f"expected one of {', '.join(map(str, self.steps))}"
            )
        network = empty_network(self.config, self.dataset.task)
        origin = checkpoint_path(self.path, step) if self.path else Path("memory")
        load_weights(network, self.weights[step], origin)
        config = self.config
        return Checkpoint(network, self.dataset, config.loss, step, self.seed, self.name)

    def network(self, step: int | None = None) -> Network:
        """The network at a step (default: the newest checkpoint), in the run's precision.

        Raises:
            ValueError: if the run has no checkpoint at that step, or the file is damaged.
        """
        return self.checkpoint(step).network

    def measurement(self, step: int | None = None) -> Measurement:
        """The measurement at a step (default: the last one).

        Raises:
            ValueError: if the run was not scored at that step.
        """
        step = some_whole(step, "step")
        if step is None and self.measurements:
            return self.measurements[-1]
        for row in self.measurements:
            if row.step == step:
                return row
        raise ValueError(f"{self.path or 'run'}: no scores at step {step}")


def load(path: Path | str) -> Run:
    """Reads a run folder, finished or not.

    Raises:
        ValueError: if the folder is none, or a file in it is missing, damaged or too new.
    """
    folder = as_path(path, "a run folder")
    config = read_run_config(folder)
    return Run(
        config=config,
        dataset=read_dataset(folder, config),
        measurements=read_measurements(folder),
        weights=CheckpointFolder(folder),
        path=folder,
        finished=(folder / "DONE").exists(),
        origin=read_origin(folder),
        stopped=read_stopped(folder),
    )


def write_pruned(path: Path, run: Run, network: Network, scores: Scores, about: Pruned) -> None:
    """Saves what pruning left of a run's checkpoint as a finished run folder of its own.

    Args:
        path: the new folder.
        run: that was pruned.
        network: what is left.
        scores: of that.
        about: the pruning; the folder, its card and every page tell it.

    Raises:
        ValueError: if the folder exists already and is not empty.
    """
    if not is_vacant(path):
        raise ValueError(f"{path}: expected a new or empty folder, it has contents")
    with new_folder(path) as folder:
        fill_run(folder, path.name, run.config, run.dataset)
        write_checkpoint(folder, about.step, network, run.config)
        row = Measurement(about.step, scores, weight_norm(network))
        write_measurements(folder, (row,))
        origin = Origin(run.origin.imported, (about, *run.origin.pruned))
        write_origin(folder, origin)
        finish_run(folder, run.config, row, seconds=0.0, name=path.name, origin=origin)


def made_run(
    config: RunConfig,
    dataset: Dataset,
    networks: Mapping[int, Network],
    out: Path | None = None,
) -> Run:
    """A finished run of networks that came about in another way than by training here.

    Args:
        config: fits the networks; what it says of the training may not be known.
        dataset: what they are scored on.
        networks: by step; saved and scored in the precision of the configuration.
        out: the run folder to make, in one step; without one the run stays in memory.

    Raises:
        ValueError: if a step is no whole number from 0 on.
    """
    networks = {whole(step, "step"): _in_its(config, one) for step, one in networks.items()}
    rows = tuple(
        Measurement(step, scores(network, dataset, config.loss), weight_norm(network))
        for step, network in networks.items()
    )
    if out is None:
        return Run(config, dataset, rows, {k: _arrays(one) for k, one in networks.items()})
    with new_folder(out) as folder:
        fill_run(folder, out.name, config, dataset)
        for step, network in networks.items():
            write_checkpoint(folder, step, network, config)
        write_measurements(folder, rows)
        finish_run(folder, config, rows[-1], seconds=0.0, name=out.name)
    return load(out)


def _in_its(config: RunConfig, network: Network) -> Network:
    """The network in a run's precision; itself where it is in that already."""
    kind = getattr(torch, config.dtype)
    if all(weight.dtype == kind for weight in network.parameters()):
        return network
    copied: Any = deepcopy(network)
    found: Network = copied.to(kind)
    return found


def _arrays(network: Network) -> Weights:
    return {name: one.detach().cpu().numpy().copy() for name, one in network.state_dict().items()}
