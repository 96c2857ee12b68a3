"""Rows of Transformers and deeper MLPs: a training step against the textbook's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from interp.training.config.run_config import RunConfig, parse_config
from interp.training.randomness import stream
from interp.training.trainer.device import keep_freed_memory
from tests.benchmarks.roofline import roofline_shares
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

CHECKED_STEPS = 5
# Of any weight after so many steps in float64. In float32 AdamW turns the rounding of gradients
# near zero, which it divides by their own size, into differences of a per cent of a step.
TOLERANCE = 1e-10

Make = Callable[[Any], nn.Module]
# Who our Transformer's step is measured against, and the greatest ratio that meets the target.
TRANSFORMERS: dict[str, tuple[Make, float]] = {
    "textbook": (TextbookTransformer, 0.30),
    "TransformerBridge": (BridgedTransformer, 0.28),
}


def network_steps(rounds: int, device: torch.device) -> Iterator[Row]:
    """A step of each kind of network; every side keeps the memory that it frees."""
    keep_freed_memory()
    yield from transformer_steps(rounds, device)
    if device.type != "cpu":  # where steps are compiled: small_rows
        what = "MLP with BatchNorm, width 500, batch 64"
        batch_norm = config_of({"batch_size": 64, "lr": 0.005, "weight_decay": 0.0}, norm="batch")
        yield mlp_step(what, batch_norm, rounds, device, runs=20)


def transformer_steps(rounds: int, device: torch.device) -> Iterator[Row]:
    """Our Transformer's step against the textbook's and against TransformerBridge's.

    A run makes some steps a call, and so does our side here.
    """
    config = config_of(kind="transformer").replace("steps", 1000)
    for name, (make, _) in TRANSFORMERS.items():
        require_same_weights(f"Transformer, {name}", config, make, device)
    ours = Trainer(config, device)
    at_once = ours.cohort.at_once
    others = {
        name: _times(other_side(ours, make).step, at_once)
        for name, (make, _) in TRANSFORMERS.items()
    }
    mine = (lambda: ours.steps(at_once)) if at_once > 1 else ours.step
    timings = alternate({"ours": mine, **others}, rounds)
    for name, (_, limit) in TRANSFORMERS.items():
        yield Row(
            f"Transformer step vs {name}: d_model 128, 4 heads, d_mlp 512, two tokens, full batch",
            "ms",
            timings["ours"].times(1e3 / at_once),
            timings[name].times(1e3 / at_once),
            name,
            timings.ratio("ours", name),
            limit=limit,
            target=f"≤ {limit:.2f} of the other's",
        )
    if device.type == "cpu":
        yield from roofline_shares(ours, rounds, at_once)


def _times(run: Callable[[], object], count: int) -> Callable[[], object]:
    def repeated() -> None:
        for _ in range(count):
            run()

    return repeated


def mlp_step(what: str, config: RunConfig, rounds: int, device: torch.device, runs: int = 1) -> Row:
    """An MLP's step against the textbook's on one-hot inputs."""
    require_same_weights(what, config, TextbookMLP, device)
    ours = Trainer(config, device)
    textbook = other_side(ours, TextbookMLP)
    timings = alternate({"ours": ours.step, "textbook": textbook.step}, rounds, runs)
    return Row(
        f"{what}: a training step",
        "ms",
        timings["ours"].times(1e3),
        timings["textbook"].times(1e3),
        "textbook",
        timings.ratio("ours", "textbook"),
    )


def config_of(optimizer: dict[str, Any] | None = None, **model: Any) -> RunConfig:
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


def other_side(ours: Trainer, make: Make) -> TextbookTraining:
    """The other side of a run, from the same weights and on the same minibatches."""
    config, dataset = ours.config, ours.dataset
    order = partial(_order, config.seed_of("batches"), int(dataset.is_train.sum()))
    return TextbookTraining(
        make(ours.network),
        dataset,
        config.optimizer,
        tokens if config.model.kind == "transformer" else one_hot,
        order if config.optimizer.batch_size else None,
    )


def _order(seed: int, count: int, epoch: int) -> np.ndarray:
    return stream(seed, "batches", epoch).permutation(count)


def require_same_weights(what: str, config: RunConfig, make: Make, device: torch.device) -> None:
    """Compares with what the other side would be if it were made from our weights now."""
    ours = Trainer(config.replace("dtype", "float64"), device)
    theirs = other_side(ours, make)
    for _ in range(CHECKED_STEPS):
        ours.step()
        theirs.step()
    expected = make(ours.network).state_dict()
    for name, value in theirs.network.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            require_close(
                f"{what}: {name} after {CHECKED_STEPS} training steps",
                expected[name].cpu().numpy(),
                value.cpu().numpy(),
                TOLERANCE,
            )
