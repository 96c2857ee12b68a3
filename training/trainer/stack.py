"""Networks of the same shape as one network with a leading run axis."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import nn

from interp.training.models.network import Network


def stack(networks: Sequence[Network], device: torch.device) -> Network:
    """One network whose parameters and buffers are those of all, along a leading run axis.

    The given networks become views: what happens to the stack happens to them, their ``.grad``
    included. They keep their own shapes, so an optimizer can treat each by its own settings.
    """
    stacked = deepcopy(networks[0])
    for path, module in stacked.named_modules():
        parts = [network.get_submodule(path) for network in networks]
        for name in list(module._parameters):
            if module._parameters[name] is not None:
                own = [part.get_parameter(name) for part in parts]
                whole = nn.Parameter(torch.stack([one.detach().to(device) for one in own]))
                whole.grad = torch.zeros_like(whole)
                module._parameters[name] = whole
                for run, one in enumerate(own):
                    one.data, one.grad = whole.data[run], None
                    one.grad = whole.grad[run]
        for name in list(module._buffers):
            buffers = [part.get_buffer(name) for part in parts]
            joined = torch.stack([one.to(device) for one in buffers])
            module._buffers[name] = joined
            for run, part in enumerate(parts):
                part._buffers[name] = joined[run]
    return stacked
