"""AdamW, Adam and SGD by torch's compiled updates alone.

They are what ``torch.optim`` calls with ``fused=True``, to the bit. Its own classes load the
compiler of ``torch.compile`` with the first step, which takes as long as torch itself.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from interp.training.config.optimizer import OptimizerConfig

Group = dict[str, Any]  # params, lr, weight_decay


@runtime_checkable
class Optimizer(Protocol):
    """What updates weights by their ``.grad``; torch's optimizers are some too.

    Attributes:
        param_groups: weights that are updated alike, with their ``lr`` and ``weight_decay``.
        state: what is remembered of each weight, by the names in ``remembers``.
    """

    param_groups: list[Group]
    state: defaultdict[Tensor, Any]

    def step(self) -> Any:
        """Updates every weight."""


class Adam:
    """Adam, or AdamW where the decay is decoupled (Loshchilov and Hutter 2019, Algorithm 2).

    Args:
        groups: the weights.
        config: name, betas and eps.
    """

    remembers = ("step", "exp_avg", "exp_avg_sq")

    def __init__(self, groups: list[Group], config: OptimizerConfig) -> None:
        self.param_groups = groups
        self.state: defaultdict[Tensor, Any] = defaultdict(dict)
        (self._beta1, self._beta2), self._eps = config.betas, config.eps
        self._update = torch._fused_adam_ if config.name == "adam" else torch._fused_adamw_

    @torch.no_grad()
    def step(self) -> None:
        """Updates every weight."""
        for group in self.param_groups:
            weights = group["params"]
            known = [self._known(weight) for weight in weights]
            steps, first, second = ([state[key] for state in known] for key in self.remembers)
            torch._foreach_add_(steps, 1)
            self._update(
                weights,
                [weight.grad for weight in weights],
                first,
                second,
                [],
                steps,
                lr=group["lr"],
                beta1=self._beta1,
                beta2=self._beta2,
                weight_decay=group["weight_decay"],
                eps=self._eps,
                amsgrad=False,
                maximize=False,
            )

    def _known(self, weight: nn.Parameter) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[weight]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=weight.device)
            state["exp_avg"], state["exp_avg_sq"] = (torch.zeros_like(weight) for _ in range(2))
        return state


class SGD:
    """Stochastic gradient descent with momentum; the decay is part of the gradient.

    Args:
        groups: the weights.
        config: momentum.
    """

    def __init__(self, groups: list[Group], config: OptimizerConfig) -> None:
        self.param_groups = groups
        self.state: defaultdict[Tensor, Any] = defaultdict(dict)
        self._momentum = config.momentum
        self.remembers = ("momentum_buffer",) if config.momentum else ()

    @torch.no_grad()
    def step(self) -> None:
        """Updates every weight."""
        for group in self.param_groups:
            weights, gradients = group["params"], [weight.grad for weight in group["params"]]
            fresh = bool(self.remembers) and not self.state[weights[0]]
            if fresh:  # filled by the update
                for weight in weights:
                    self.state[weight]["momentum_buffer"] = torch.empty_like(weight)
            kept = [self.state[weight][key] for weight in weights for key in self.remembers]
            torch._fused_sgd_(
                weights,
                gradients,
                kept,
                weight_decay=group["weight_decay"],
                momentum=self._momentum,
                lr=group["lr"],
                dampening=0.0,
                nesterov=False,
                maximize=False,
                is_first_step=fresh,
            )
