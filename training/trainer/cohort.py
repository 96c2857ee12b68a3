"""Runs of the same shapes that train together: networks, optimizer and scores at a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from interp.training.config.run_config import RunConfig
from interp.training.config.sections import SITES
from interp.training.data.dataset import Dataset
from interp.training.evaluation import Evaluation, part_sums
from interp.training.models.kinds import initial_network
from interp.training.models.layers.masks import shared_masks
from interp.training.models.layers.noise import Noise, dropout_key
from interp.training.models.network import Network
from interp.training.runs.folder import Weights, checkpoint_path, optimizer_path, weight_norm
from interp.training.runs.metadata import Measurement
from interp.training.runs.tensor_file import load_weights, read_tensors
from interp.training.trainer.autograd import AutogradGradients
from interp.training.trainer.batches import Examples
from interp.training.trainer.by_hand import MLPGradients
from interp.training.trainer.compiled import steps as compiled
from interp.training.trainer.compiled.steps import compiled_steps
from interp.training.trainer.device import captured
from interp.training.trainer.optimizer import Updater
from interp.training.trainer.stack import stack

# What may differ between the runs of a cohort; everything else makes another program.
_OWN: Any = {
    "task": {"table"},
    "data": {"corruption", "kind", "block", "file", "digest"},
    "model": {"dropout", *(f"dropout_{site}" for site in SITES)},
    "optimizer": {"lr", "weight_decay"},
    "seed": ...,
    "seeds": ...,
    "stop": ...,
    "start": {"run", "name"},
}
# On a CPU a run axis pays while one run's tensors are too small to keep the cores busy.
_SMALL = 2**17


def shape_key(config: RunConfig) -> str:
    """Equal for the configurations that can train in one cohort."""
    return config.model_dump_json(exclude=_OWN)


def wants_run_axis(configs: Sequence[RunConfig], examples: int, device: torch.device) -> bool:
    """Whether the runs are faster as one program than one after the other."""
    if device.type == "cuda":
        return True
    model = configs[0].model
    width = getattr(model, model.row.width)
    batch = configs[0].optimizer.batch_size or examples
    # These have so little overhead that they are faster run by run.
    by_hand = MLPGradients.fits(configs[0]) or compiled.fits(configs[0], examples)
    return len(configs) > 1 and batch * width <= _SMALL and not by_hand


class Cohort:
    """One or more runs at the same step; a single run is a cohort of one.

    With a run axis every tensor holds all runs and a step is one program; without, the runs step
    one after the other. A run comes out the same either way, to rounding.

    Args:
        configs: with equal :func:`shape_key`.
        datasets: of each run.
        device: where to train.
        run_axis: None decides by size and device.
    """

    def __init__(
        self,
        configs: Sequence[RunConfig],
        datasets: Sequence[Dataset],
        device: torch.device,
        run_axis: bool | None = None,
    ) -> None:
        self.configs, self.step = configs, 0
        self.networks = [
            initial_network(config, data.task)
            for config, data in zip(configs, datasets, strict=True)
        ]
        self._evaluations = [Evaluation(data, configs[0].loss, device) for data in datasets]
        count = int(datasets[0].is_train.sum())
        axis = wants_run_axis(configs, count, device) if run_axis is None else run_axis
        if device.type != "cpu" and not axis:
            raise ValueError(f"run_axis: expected True or None on {device.type}, got False")
        self._stacked = stack(self.networks, device) if axis else None
        # What a stacked network is scored on does not change: pairs, labels, members of the parts.
        self._scored_on = [
            torch.stack([getattr(evaluation, name) for evaluation in self._evaluations])
            for name in (("pairs", "labels", "members") if axis else ())
        ]
        self._step_number = torch.zeros((), dtype=torch.int32, device=device)
        everyone = list(range(len(configs)))
        members = [everyone] if axis else [[i] for i in everyone]  # of each program
        self._examples = [self._examples_of(runs, datasets, device) for runs in members]
        self._gradients = [
            self._gradient_of(runs, examples)
            for runs, examples in zip(members, self._examples, strict=True)
        ]
        self._graph = device.type == "cuda" and configs[0].optimizer.name != "muon"
        self.updater = self._new_updater()
        shown = [] if axis else self._examples
        self._compiled = compiled_steps(self.networks, shown, configs, self.updater)
        # The step as a CUDA graph, once there is one; else none, and no method of this cohort. Such
        # a cycle would keep a card's memory until it is collected, and halves need it at once.
        self._replay: Callable[[], Tensor] | None = None
