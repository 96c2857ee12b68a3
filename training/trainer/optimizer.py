"""Updates of the weights of one or more runs, and the optimizers' state as named tensors."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import filter as fnfilter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from interp.training.config.optimizer import OptimizerConfig
from interp.training.models.network import Network
from interp.training.trainer.fused import SGD, Adam, Optimizer

MUON_MOMENTUM = 0.95


class Updater:
    """Optimizers over the weights of every run, each run by its own settings.

    Args:
        networks: of the runs; their ``.grad`` fields are read.
        configs: of each run, with the same optimizer name.
        steps: of the runs, for the learning-rate schedule.
        capturable: whether updates go into a CUDA graph.
        frozen: names of parameters that are not updated.

    Raises:
        ValueError: if a pattern of ``optimizer.decayed`` or ``rates`` fits no parameter.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        configs: Sequence[OptimizerConfig],
        steps: int,
        capturable: bool = False,
        frozen: Collection[str] = (),
    ) -> None:
        self._steps, self._schedule = steps, configs[0]
        self._capturable = capturable
        self._leaves = [
            dict(_leaves(network, config, frozen))
            for network, config in zip(networks, configs, strict=True)
        ]
        groups: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
        for network, leaves, config in zip(networks, self._leaves, configs, strict=True):
            _check_patterns(network, config)
            for (by_muon, still, rate), chosen in _by_settings(leaves, config).items():
                decay = 0.0 if still else config.weight_decay
                groups[by_muon].append(self._group(chosen, rate, decay))
        self.optimizers: list[Optimizer] = [
            _make(configs[0], by_muon, groups[by_muon])
            for by_muon in (False, True)
            if groups[by_muon]
        ]

    def _group(self, leaves: list[nn.Parameter], rate: float, decay: float) -> Any:
        given: float | Tensor = rate
        if self._capturable and self._schedule.name != "muon":
            given = torch.tensor(rate, device=leaves[0].device)
        return {"params": leaves, "lr": given, "weight_decay": decay, "base_rate": rate}

    def set_rate(self, step: int) -> None:
        """Sets the learning rates of a step, the first of which is step 0."""
        factor = rate_factor(step, self._steps, self._schedule)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                rate = factor * group["base_rate"]
                if isinstance(group["lr"], Tensor):
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate

    def step(self) -> None:
        """Updates every weight by its ``.grad``."""
        for optimizer in self.optimizers:
            optimizer.step()

    def state_of(self, run: int) -> dict[str, Tensor]:
        """Everything that is remembered of a run, as ``{"unembed.W_U/exp_avg": …}``."""
        return {
            f"{name}/{key}": value.detach()
            for name, leaf in self._leaves[run].items()
            for key, value in self._state(leaf).items()
            if isinstance(value, Tensor)
        }

    def adam(self, run: int) -> dict[str, tuple[dict[str, Tensor], dict[str, Any]]]:
        """What AdamW remembers of each parameter of a run, and the settings of its group.

        Made as AdamW makes it at its first step, where there is nothing yet.
        """
        found = {}
        for name, leaf in self._leaves[run].items():
            owner = self._owner(leaf)
            state = owner.state[leaf]
            if not state:
                state["step"] = torch.zeros((), dtype=torch.float32)
                state.update({key: torch.zeros_like(leaf) for key in ("exp_avg", "exp_avg_sq")})
            group = next(g for g in owner.param_groups if any(leaf is p for p in g["params"]))
            found[name] = state, group
        return found

    def tensors(self) -> list[Tensor]:
        """Every tensor that an update changes beside the weights, as far as it exists."""
        return [t for run in range(len(self._leaves)) for t in self.state_of(run).values()]

    def restore(self, run: int, tensors: Mapping[str, Tensor], path: Path) -> None:
        """Gives a run back what :meth:`state_of` took after a step.

        Raises:
            ValueError: naming a tensor that is missing, unknown, or of a wrong shape or type.
        """
        expected = {
            f"{name}/{key}": () if key == "step" else tuple(leaf.shape)
            for name, leaf in self._leaves[run].items()
            for key in _remembered(self._owner(leaf))
        }
        found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        for name in sorted({*expected, *found}):
            if expected.get(name) != found.get(name):
                raise ValueError(
                    f"{path}: tensor {name}: expected shape {expected.get(name, 'none')}, "
                    f"got {found.get(name, 'none')}"
                )
        for name, leaf in self._leaves[run].items():
            owner = self._owner(leaf)
            for key in _remembered(owner):
                value = tensors[f"{name}/{key}"]
                if value.dtype != leaf.dtype and (key != "step" or not value.is_floating_point()):
                    kind = str(leaf.dtype).removeprefix("torch.")
                    raise ValueError(
                        f"{path}: tensor {name}/{key}: expected {kind}, got {value.dtype}"
                    )
                # torch keeps the step count on the CPU unless an update is captured.
                stays = key == "step" and not self._capturable
                owner.state[leaf][key] = value.clone() if stays else value.to(leaf, copy=True)

    def _owner(self, leaf: nn.Parameter) -> Optimizer:
        return next(
            one
            for one in self.optimizers
            if any(leaf is known for group in one.param_groups for known in group["params"])
        )

    def _state(self, leaf: nn.Parameter) -> dict[str, Any]:
        return next((one.state[leaf] for one in self.optimizers if leaf in one.state), {})


def rate_factor(step: int, steps: int, config: OptimizerConfig) -> float:
    """Share of the learning rate in force at the update from ``step`` to ``step + 1``.

    Rises linearly over ``warmup`` steps, the last of which has the full rate; then constant, or
    half a cosine that would reach zero at ``steps``.
    """
    if step < config.warmup:
        return (step + 1) / config.warmup
    if config.lr_schedule == "constant":
        return 1.0
    past = (step - config.warmup) / (steps - config.warmup)
    return (1 + math.cos(math.pi * past)) / 2


def _leaves(
    network: Network, config: OptimizerConfig, frozen: Collection[str]
) -> Iterator[tuple[str, nn.Parameter]]:
    """Parameters that are updated, by name.

    For Muon, which takes matrices, each head's matrix is one of its own.
    """
    for name, weight in network.named_parameters():
        if name in frozen:
            continue
        if config.name != "muon" or weight.ndim < 3:
            yield name, weight
            continue
        for head in range(len(weight)):
            part = nn.Parameter(weight.data[head])
            assert weight.grad is not None
            part.grad = weight.grad[head]
            yield f"{name}[{head}]", part


def _by_settings(
    leaves: Mapping[str, nn.Parameter], config: OptimizerConfig
) -> dict[tuple[bool, bool, float], list[nn.Parameter]]:
    """Parameters that are updated alike, by (Muon's, without decay, learning rate)."""
    found: dict[tuple[bool, bool, float], list[nn.Parameter]] = {}
    for name, leaf in leaves.items():
        whole = name.partition("[")[0]
        key = _by_muon(name, leaf, config), not config.decays(whole), config.rate_of(whole)
        found.setdefault(key, []).append(leaf)
    return dict(sorted(found.items()))


def _by_muon(name: str, leaf: nn.Parameter, config: OptimizerConfig) -> bool:
    # The biases b_Q, b_K and b_V have two axes as well, but are no matrices.
    matrix = leaf.ndim == 2 and name.rpartition(".")[2].startswith("W_")
    return config.name == "muon" and name.startswith("blocks.") and matrix


def _check_patterns(network: Network, config: OptimizerConfig) -> None:
    names = [name for name, _ in network.named_parameters()]
    patterns = [("decayed", pattern) for pattern in config.decayed]
    patterns += [("rates", pattern) for pattern, _ in config.rates]
    for option, pattern in patterns:
        if not fnfilter(names, pattern):
            raise ValueError(
                f"optimizer.{option}: pattern '{pattern}' fits none of {', '.join(names)}"
            )


def _make(config: OptimizerConfig, by_muon: bool, groups: list[dict[str, Any]]) -> Optimizer:
    if by_muon:
        return torch.optim.Muon(
            groups, lr=config.lr, momentum=MUON_MOMENTUM, adjust_lr_fn="match_rms_adamw"
        )
    return (SGD if config.name == "sgd" else Adam)(groups, config)


def _remembered(optimizer: Optimizer) -> tuple[str, ...]:
    """What the optimizer keeps for each weight once it has made a step."""
    # torch's Muon does not say.
    return getattr(optimizer, "remembers", ("momentum_buffer",))
