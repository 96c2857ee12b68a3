"""Networks that came about in another way than by training here, as a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from interp.exchange.card import card_writer
from interp.training.arguments import of_kind, told
from interp.training.config.sections import LossName
from interp.training.data.dataset import Dataset
from interp.training.models.network import Network
from interp.training.runs.files import is_vacant
from interp.training.runs.made import config_of, made_run
from interp.training.runs.origin import Origin
from interp.training.runs.run import Run


def network_run(
    networks: Network | Mapping[int, Network],
    dataset: Dataset,
    out: Path | str | None = None,
    loss: LossName = "mse",
) -> Run:
    """A finished run of one network, or of several by step: what reports and histories read.

    An adapted module's folder can be read again as it is if the module was adapted by an import
    path, a class or a function; else with ``interp.load(out, module=network)``.

    Args:
        networks: an adapted module, say, or several by the step they are of, all of one kind.
        dataset: what they are scored on.
        out: the run folder to make; without one the run stays in memory.
        loss: to score by.

    Raises:
        ValueError: if there is no network, they are of another task than the dataset, or the
            folder exists already and is not empty.
    """
    of_kind(dataset, Dataset, "a dataset, such as interp.make_dataset(task, 0.5)")
    by_step = _by_step(networks, dataset)
    target = None if out is None else Path(out)
    if target is not None and not is_vacant(target):
        raise ValueError(f"{target}: expected a new or empty folder, it has contents")
    newest = list(by_step.values())[-1]
    wide = next(newest.parameters()).dtype == torch.float64
    dtype = "float64" if wide else "float32"
    config = config_of(dataset, newest.model.model_dump(), loss, dtype, max(by_step))
    run = made_run(config, dataset, by_step, target, _origin(newest), card_writer(target))
    return replace(run, module=newest) if "module" in config.model.row.fields else run


def _by_step(networks: Network | Mapping[int, Network], dataset: Dataset) -> dict[int, Network]:
    given = {1: networks} if not isinstance(networks, Mapping) else dict(sorted(networks.items()))
    if not given:
        raise ValueError("networks: expected at least one, got none")
    for step, network in given.items():
        if not isinstance(network, Network):
            raise TypeError(f"networks: expected a network for step {step}, got {told(network)}")
        if network.task.key != dataset.task.key:
            raise ValueError(
                f"dataset: expected one of {network.task.name}, got one of {dataset.task.name}"
            )
    if any(network.model != given[max(given)].model for network in given.values()):
        raise ValueError("networks: expected one kind of network at every step, got several")
    return given


def _origin(network: Network) -> Origin:
    """What is known of the networks, as of imported ones."""
    recognized = [network.model.summary, *getattr(network, "told", ())]
    nothing: dict[str, list[str]] = {"assumed": [], "dropped": [], "questioned": []}
    about = {"layout": network.model.kind, "dataset_known": True, "recognized": recognized}
    return Origin({**about, **nothing})
