"""A run: its configuration, dataset, scores and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from interp.training.arguments import as_path, some_whole, whole
from interp.training.config.run_config import RunConfig
from interp.training.data.dataset import Dataset
from interp.training.display import Displayed
from interp.training.models.kinds import empty_network
from interp.training.models.network import Network
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.folder import (
    CheckpointFolder,
    Weights,
    checkpoint_path,
    read_dataset,
)
from interp.training.runs.metadata import (
    Measurement,
    read_measurements,
    read_run_config,
    read_seconds,
    read_stopped,
    stopped_at,
)
from interp.training.runs.origin import TRAINED_HERE, Origin, read_origin
from interp.training.runs.stored import Stored, weight_arrays
from interp.training.runs.tensor_file import load_weights


@dataclass(frozen=True, repr=False)
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
        module: what its network is made of, where the configuration does not name it.
    """

    config: RunConfig
    dataset: Dataset
    measurements: tuple[Measurement, ...]
    weights: Mapping[int, Weights]
    path: Path | None = None
    finished: bool = True
    origin: Origin = TRAINED_HERE
    stopped: str | None = None
    module: Any = None

    def __repr__(self) -> str:
        """A line: name, task, kind, seed, step; the whole of it is in ``config`` and so on."""
        kind, step = self.config.model.kind, max(self.weights, default=0)
        seed = "" if self.seed is None else f" · seed {self.seed}"
        return f"<Run {self.name}: {self.dataset.task.name} · {kind}{seed} · step {step}>"

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

    def empty_network(self) -> Network:
        """A network as the run's are, whose weights are not the run's."""
        return empty_network(self.config, self.dataset.task, self.module)

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
        origin = checkpoint_path(self.path, step) if self.path else Path("memory")
        config, weights = self.config, self.weights[step]
        network = cast(Network, self._network(weights, origin))  # or what becomes one
        born = config if self.origin.trained_here else None
        return Checkpoint(network, self.dataset, config.loss, step, self.seed, self.name, born)

    def _network(self, weights: Weights, origin: Path) -> Network | Stored:
        def make() -> Network:
            network = self.empty_network()
            load_weights(network, weights, origin)
            return network

        if self.module is not None:  # its own, or refused where a network is made of it
            return make()
        arrays = weight_arrays(self.config, self.dataset.task, weights, origin)
        return make() if arrays is None else Stored(arrays, make)

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


def load(path: Path | str, module: Any = None) -> Run:
    """Reads a run folder, finished or not.

    Args:
        path: of the folder.
        module: of an adapted network whose folder does not name it: the module, what makes it or
            its import path, or the network that ``interp.adapt`` made of it.

    Raises:
        ValueError: if the folder is none, or a file in it is missing, damaged or too new.
    """
    folder = as_path(path, "a run folder")
    config = read_run_config(folder)
    if module is not None:
        config.model.row.check_module()
    return Run(
        config=config,
        dataset=read_dataset(folder, config),
        measurements=read_measurements(folder),
        weights=CheckpointFolder(folder),
        path=folder,
        finished=(folder / "DONE").exists(),
        origin=read_origin(folder),
        stopped=read_stopped(folder),
        module=module,
    )
