"""Rows of Transformers and deeper MLPs: a training step against the textbook's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from tests.benchmarks.row import Row, require_close
from tests.benchmarks.textbook import TextbookTraining, one_hot
from tests.benchmarks.timing import alternate
from tests.benchmarks.trainer import Trainer
from tests.benchmarks.transformer_textbook import (
    BridgedTransformer,
    TextbookMLP,
    TextbookTransformer,
    tokens,
)
from training.config import RunConfig, parse_config
from training.device import keep_freed_memory
from training.randomness import stream

CHECKED_STEPS = 5
# Of any weight after so many float32 steps, in learning rates, of which a step moves it about one.
TOLERANCE = 0.01

Make = Callable[[Any], nn.Module]


def network_steps(rounds: int, device: torch.device) -> Iterator[Row]:
    """A step of each kind of network; every side keeps the memory that it frees."""
    keep_freed_memory()
    yield from transformer_steps(rounds, device)
    yield mlp_step("MLP of 3 layers, ReLU, width 500, full batch", _config(depth=3), rounds, device)
    batch_norm = _config({"batch_size": 64, "lr": 0.005, "weight_decay": 0.0}, norm="batch")
    yield mlp_step("MLP with BatchNorm, width 500, batch 64", batch_norm, rounds, device, runs=20)


def transformer_steps(rounds: int, device: torch.device) -> Iterator[Row]:
    """Our Transformer's step against the textbook's and against TransformerBridge's."""
    ours = Trainer(_config(kind="transformer"), device)
    sides: dict[str, tuple[Make, float]] = {
        "textbook": (TextbookTransformer, 0.5),
        "TransformerBridge": (BridgedTransformer, 0.35),
    }
    others = {
        name: TextbookTraining(make(ours.network), ours.dataset, ours.config.optimizer, tokens)
        for name, (make, _) in sides.items()
    }
    _step_together(ours, *others.values())
    for name, (make, _) in sides.items():
        _require_same_weights(f"Transformer, {name}", ours, others[name].network, make)
    steps = {"ours": ours.step, **{name: other.step for name, other in others.items()}}
    timings = alternate(steps, rounds)
    for name, (_, limit) in sides.items():
        yield Row(
            f"Transformer step vs {name}: d_model 128, 4 heads, d_mlp 512, two tokens, full batch",
            "ms",
            timings["ours"].times(1e3),
            timings[name].times(1e3),
            name,
            timings.ratio("ours", name),
            limit=limit,
            target=f"≤ {limit:.2f} of the other's",
        )


def mlp_step(what: str, config: RunConfig, rounds: int, device: torch.device, runs: int = 1) -> Row:
    """An MLP's step against the textbook's on one-hot inputs."""
    ours = Trainer(config, device)
    order = partial(_order, config, int(ours.dataset.is_train.sum()))
    textbook = TextbookTraining(
        TextbookMLP(ours.network),
        ours.dataset,
        config.optimizer,
        one_hot,
        order if config.optimizer.batch_size else None,
    )
    _step_together(ours, textbook)
    _require_same_weights(what, ours, textbook.network, TextbookMLP)
    timings = alternate({"ours": ours.step, "textbook": textbook.step}, rounds, runs)
    return Row(
        f"{what}: a training step",
        "ms",
        timings["ours"].times(1e3),
        timings["textbook"].times(1e3),
        "textbook",
        timings.ratio("ours", "textbook"),
    )


def _config(optimizer: dict[str, Any] | None = None, **model: Any) -> RunConfig:
    return parse_config(
        {
            "task": {"operation": "x + y", "p": 97},
            "data": {"fraction": 0.5, "corruption": 0.35},
            "model": model,
            "optimizer": optimizer or {"lr": 0.001, "weight_decay": 1.0},
            "dtype": "float32",
            "steps": 1,
        }
    )


def _order(config: RunConfig, count: int, epoch: int) -> np.ndarray:
    """Our order of the examples, so that both sides can be compared."""
    return stream(config.seed_of("batches"), "batches", epoch).permutation(count)


def _step_together(ours: Trainer, *others: TextbookTraining) -> None:
    for _ in range(CHECKED_STEPS):
        ours.step()
        for other in others:
            other.step()


def _require_same_weights(what: str, ours: Trainer, theirs: nn.Module, make: Make) -> None:
    """Compares with what the other side would be if it were made from our weights now."""
    expected = make(ours.network).state_dict()
    for name, value in theirs.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        require_close(
            f"{what}: {name} after {CHECKED_STEPS} training steps",
            expected[name].cpu().numpy(),
            value.cpu().numpy(),
            TOLERANCE * ours.config.optimizer.lr,
        )
