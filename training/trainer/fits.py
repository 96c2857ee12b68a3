"""Whether training fits into memory, asked before any of it is made."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from interp.training.config.run_config import RunConfig
from interp.training.data.dataset import Dataset
from interp.training.memory import check_memory, memory
from interp.training.models.kinds import empty_network

# Of every weight there are at least two: itself, and its gradient; Adam has two moments besides.
_KEPT = {"sgd": 2}
_ADAPTIVE = 4
# At most, of each multiplication of a step on an example, which are a third of the weights at
# least: what is less than that need not be counted exactly.
_BYTES = 3 * 8 * _ADAPTIVE


def check_fits(configs: Sequence[RunConfig], dataset: Dataset, device: torch.device) -> None:
    """Refuses runs of one shape that cannot train together on a device.

    What is counted is what there must be at least: weights, gradients, moments, and the logits of
    all pairs.

    Raises:
        MemoryError: saying how much they need and how much there is.
    """
    config, q = configs[0], dataset.task.n_answers
    scored = len(dataset) * q
    work = config.model.row.step_work(config.model, max(dataset.task.p, q))
    most = _BYTES * len(configs) * work + 8 * scored
    if not config.model.row.trains or (device.type == "cpu" and most < memory()):
        return
    with torch.device("meta"):  # shapes without content
        network = empty_network(config, dataset.task)
    weights = sum(one.numel() for one in network.parameters())
    each = next(iter(network.parameters())).element_size()
    kept = _KEPT.get(config.optimizer.name, _ADAPTIVE) * weights * len(configs)
    there = None
    if device.type == "cuda":
        there = torch.cuda.get_device_properties(device).total_memory
    runs = f"{len(configs)} networks" if len(configs) > 1 else "a network"
    check_memory((kept + scored) * each, f"{runs} of {weights:,} weights", there)
