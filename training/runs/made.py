"""Run folders of networks that came about in another way than by training here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch

from interp.training.arguments import whole
from interp.training.config.run_config import RunConfig
from interp.training.config.sections import LossName
from interp.training.data.dataset import Dataset
from interp.training.data.scores import Scores
from interp.training.evaluation import scores
from interp.training.models.network import Network
from interp.training.runs.files import is_vacant, new_folder
from interp.training.runs.folder import (
    Weights,
    fill_run,
    finish_run,
    weight_norm,
    write_checkpoint,
)
from interp.training.runs.metadata import (
    Measurement,
    write_measurements,
)
from interp.training.runs.origin import TRAINED_HERE, Filtered, Origin, Pruned, write_origin
from interp.training.runs.run import Run, load


def write_pruned(
    path: Path, run: Run, network: Network, scores: Scores, about: Pruned | Filtered
) -> None:
    """Saves what pruning or a filter left of a run's checkpoint as a run folder of its own.

    Args:
        path: the new folder.
        run: that was pruned or filtered.
        network: what is left.
        scores: of that.
        about: what was done; the folder, its card and every page tell it.

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


def config_of(
    dataset: Dataset, model: Mapping[str, Any], loss: LossName, dtype: str, last: int
) -> RunConfig:
    """The configuration of networks that were not trained here.

    α and ξ are those of the dataset; what it says of the training beyond that are defaults.

    Args:
        dataset: what the networks are scored on.
        model: the section ``model``.
        loss: to score by.
        dtype: of the weights.
        last: step of the newest network.
    """
    train = int(dataset.is_train.sum())
    return RunConfig(
        task=dataset.task,
        data={
            "fraction": train / len(dataset),
            "corruption": int(dataset.is_redrawn.sum()) / max(train, 1),
        },
        model=dict(model),
        loss=loss,
        dtype=dtype,
        steps=max(last, 1),
    )


def made_run(
    config: RunConfig,
    dataset: Dataset,
    networks: Mapping[int, Network],
    out: Path | None = None,
    origin: Origin = TRAINED_HERE,
    complete: Callable[[Path], None] | None = None,
) -> Run:
    """A finished run of networks that came about in another way than by training here.

    Args:
        config: fits the networks; what it says of the training may not be known.
        dataset: what they are scored on.
        networks: by step; saved and scored in the precision of the configuration.
        out: the run folder to make, in one step; without one the run stays in memory.
        origin: where the networks come from.
        complete: called with the folder before it gets its name, to write more into it.

    Raises:
        ValueError: if a step is no whole number from 0 on.
    """
    networks = {whole(step, "step"): _in_its(config, one) for step, one in networks.items()}
    rows = tuple(
        Measurement(step, scores(network, dataset, config.loss), weight_norm(network))
        for step, network in networks.items()
    )
    if out is None:
        weights = {step: _arrays(one) for step, one in networks.items()}
        return Run(config, dataset, rows, weights, origin=origin)
    with new_folder(out) as folder:
        fill_run(folder, out.name, config, dataset)
        for step, network in networks.items():
            write_checkpoint(folder, step, network, config)
        write_measurements(folder, rows)
        write_origin(folder, origin)
        finish_run(folder, config, rows[-1], seconds=0.0, name=out.name, origin=origin)
        if complete is not None:
            complete(folder)
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
