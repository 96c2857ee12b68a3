"""Optimizers, and their state as named tensors."""

from __future__ import annotations

from collections.abc import Mapping

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
    network: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]
) -> None:
    """Gives the optimizer back what :func:`optimizer_tensors` took from it."""
    for name, weight in network.named_parameters():
        state = {
            key.rpartition("/")[2]: value.clone()
            for key, value in tensors.items()
            if key.rpartition("/")[0] == name
        }
        if state:
            optimizer.state[weight] = state
