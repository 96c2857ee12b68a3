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
        # The step as a CUDA graph, once there is one; else none, and no method of this cohort. Such
        # a cycle would keep a card's memory until it is collected, and halves need it at once.
        self._replay: Callable[[], Tensor] | None = None
        shown = [] if axis else self._examples
        self._compiled = compiled_steps(self.networks, shown, configs, self.updater)

    def _new_updater(self) -> Updater:
        first, names = self.configs[0], [n for n, _ in self.networks[0].named_parameters()]
        settings = [config.optimizer for config in self.configs]
        frozen = first.start.frozen(names)
        return Updater(self.networks, settings, first.steps, self._graph, frozen)

    def _examples_of(
        self, runs: list[int], datasets: Sequence[Dataset], device: torch.device
    ) -> Examples:
        """What some runs are shown, along a run axis if there is one."""
        return Examples(
            [datasets[i] for i in runs],
            [self.configs[i].seed_of("batches") for i in runs],
            self.configs[0].optimizer.batch_size,
            device,
            self._stacked is not None,
        )

    def _gradient_of(self, runs: list[int], examples: Examples) -> MLPGradients | AutogradGradients:
        """How the gradient of some runs is computed: by hand where that is written."""
        first = self.configs[0]
        noise = self._noise([self.configs[i] for i in runs], examples.total)
        if self._stacked is not None:
            return AutogradGradients(self._stacked, examples, first.loss, noise)
        way = MLPGradients if MLPGradients.fits(first) else AutogradGradients
        return way(self.networks[runs[0]], examples, first.loss, noise)

    def _noise(self, configs: list[RunConfig], examples: int) -> Noise:
        axis, device = self._stacked is not None, self._step_number.device
        seeds = [config.seed_of("dropout") for config in configs]
        keys = [dropout_key(seed) for seed in seeds]

        def known(values: Sequence[float], dtype: torch.dtype = torch.float64) -> Tensor:
            return torch.tensor(values if axis else values[0], dtype=dtype, device=device)

        rates = [config.model.dropout for config in configs]
        others = {s: [config.model.other_dropout[s] for config in configs] for s in SITES}
        elsewhere = {site: known(values) for site, values in others.items() if any(values)}
        key = known(keys, torch.int32)
        masks = configs[0].model.dropout_masks
        step = self._step_number if masks is None else torch.zeros_like(self._step_number)
        shared = shared_masks(masks, examples, seeds, axis, device)
        fixed = masks is not None
        return Noise(key, known(rates), step, any(rates), elsewhere, shared, fixed)

    def restore(self, run: int, folder: Path, step: int, weights: Weights) -> None:
        """Takes a run's state from a checkpoint; all runs of a cohort must be given one step."""
        load_weights(self.networks[run], weights, checkpoint_path(folder, step))
        self.step = step
        path = optimizer_path(folder, step)
        arrays, _ = read_tensors(path)
        if step > 0:
            tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
            self.updater.restore(run, tensors, path)
        for one in self._compiled:
            one.rebind()

    @property
    def at_once(self) -> int:
        """The most steps that should be made in one call."""
        return min([one.at_once for one in self._compiled], default=1)

    def advance_by(self, steps: int) -> Float[Tensor, "step run"]:
        """Makes up to :attr:`at_once` updates; returns the losses before each."""
        if not self._compiled:
            return self.advance()[None]
        losses = [one.advance(self.step, steps) for one in self._compiled]
        self.step += steps
        return torch.stack(losses, dim=1)

    def advance(self) -> Float[Tensor, " run"]:
        """Makes one update; returns the losses before it, without waiting for a GPU."""
        return self.advance_by(1)[0] if self._compiled else self._advance()

    def _advance(self) -> Float[Tensor, " run"]:
        self._step_number.fill_(self.step)
        for examples in self._examples:
            examples.move_to(self.step)
        self.updater.set_rate(self.step)
        if self._graph and self._replay is None:
            self._replay = captured(self._compute, self._tensors)
        losses = self._compute() if self._replay is None else self._replay()
        self.step += 1
        return losses

    def _compute(self) -> Float[Tensor, " run"]:
        losses = torch.cat([gradients().reshape(-1) for gradients in self._gradients])
        self.updater.step()
        return losses

    def _tensors(self) -> list[Tensor]:
        weights = [t.data for network in self.networks for t in network.parameters()]
        buffers = [t for network in self.networks for t in network.buffers()]
        return [*weights, *buffers, *self.updater.tensors()]

    @torch.no_grad()
    def measure(self) -> list[Measurement]:
        """Scores of every run over all pairs."""
        if self._stacked is not None:
            return self._measure_stacked(self._stacked)
        # Before the first step there is no optimizer's state that could be bound.
        ways = self._compiled if self.step > 0 else []
        each = zip_longest(self.networks, self._evaluations, ways)
        return [
            Measurement(
                self.step,
                evaluation(network.logits(evaluation.pairs))
                if way is None
                else evaluation.from_sums(way.sums(evaluation)),
                weight_norm(network),
            )
            for network, evaluation, way in each
        ]

    def _measure_stacked(self, stacked: Network) -> list[Measurement]:
        """All runs in one program, and in one copy from a GPU."""
        every = self._evaluations
        pairs, labels, members = self._scored_on
        sums = part_sums(stacked.logits(pairs), labels, members, every[0].loss)
        squares = [w.double().square().flatten(1).sum(dim=1) for w in stacked.parameters()]
        norms = torch.stack(squares).sum(dim=0).sqrt()
        found = torch.cat([sums.flatten(1), norms[:, None]], dim=1).cpu().numpy()
        return [
            Measurement(
                self.step, evaluation.from_sums(row[:-1].reshape(sums.shape[1:])), float(row[-1])
            )
            for evaluation, row in zip(every, found, strict=True)
        ]

    def optimizer_arrays(self, run: int) -> dict[str, np.ndarray]:
        """What a resume of the run needs beside its weights."""
        return {name: t.cpu().numpy() for name, t in self.updater.state_of(run).items()}
