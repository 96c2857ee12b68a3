"""Optimizers, and their state as named tensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from training.config import OptimizerConfig


def make_optimizer(network: nn.Module, config: OptimizerConfig) -> torch.optim.Optimizer:
    """The configured optimizer over all weights of the network, in torch's fused form."""
    weights = list(network.parameters())
    if config.name == "sgd":
        return torch.optim.SGD(
            weights,
            lr=config.lr,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            fused=True,
        )
    return torch.optim.AdamW(
        weights,
        lr=config.lr,
        betas=config.betas,
        eps=config.eps,
        weight_decay=config.weight_decay,
        fused=True,
    )


def optimizer_tensors(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Everything the optimizer remembers, as ``{"unembed.W_U/exp_avg": …}``."""
    return {
        f"{name}/{key}": value.detach()
        for name, weight in network.named_parameters()
        for key, value in optimizer.state[weight].items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(
    network: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], path: Path
) -> None:
    """Gives the optimizer back what :func:`optimizer_tensors` took from it after a step.

    Raises:
        ValueError: naming the first tensor that is missing, unknown or of a wrong shape.
    """
    expected = {
        f"{name}/{key}": () if key == "step" else tuple(weight.shape)
        for name, weight in network.named_parameters()
        for key in _remembered(optimizer)
    }
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in sorted({*expected, *found}):
        if expected.get(name) != found.get(name):
            raise ValueError(
                f"{path}: tensor {name}: expected shape {expected.get(name, 'none')}, "
                f"got {found.get(name, 'none')}"
            )
    for name, weight in network.named_parameters():
        state = {
            key.rpartition("/")[2]: value.clone()
            for key, value in tensors.items()
            if key.rpartition("/")[0] == name
        }
        if state:
            optimizer.state[weight] = state


def _remembered(optimizer: torch.optim.Optimizer) -> tuple[str, ...]:
    """What the optimizer keeps for each weight once it has made a step."""
    if isinstance(optimizer, torch.optim.AdamW):
        return ("step", "exp_avg", "exp_avg_sq")
    return ("momentum_buffer",) if optimizer.defaults["momentum"] else ()
