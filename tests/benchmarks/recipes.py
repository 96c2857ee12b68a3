"""Settings whose outcome the paper, or the project's own measurements, have put on record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interp.training.config.run_config import RunConfig, parse_config

SEEDS = (0, 1, 2)

_TWO_LAYER = {"data": {"fraction": 0.5, "corruption": 0.35}}
_FEW = {"evaluations": 60, "checkpoints": 0}


def minibatch(batch: int, steps: int, **optimizer: Any) -> dict[str, Any]:
    return {
        "data": {"fraction": 0.65, "corruption": 0.2},
        "optimizer": {"batch_size": batch, **optimizer},
        "steps": steps,
    }


def transformer(wd: float, steps: int, **other: Any) -> dict[str, Any]:
    return {
        "data": {"fraction": 0.8, "corruption": 0.2},
        "model": {"kind": "transformer", **other.pop("model", {})},
        "optimizer": {"lr": 0.001, "weight_decay": wd},
        "steps": steps,
        **other,
    }


def three_layers(wd: float, steps: int) -> dict[str, Any]:
    return {
        "data": {"fraction": 0.8, "corruption": 0.2},
        "model": {"depth": 3},
        "optimizer": {"lr": 0.001, "weight_decay": wd},
        "steps": steps,
    }


def dropout(rate: float, **other: Any) -> dict[str, Any]:
    return {**_TWO_LAYER, "model": {"dropout": rate, **other}, "steps": 2000}


# The rate of a minibatch is the paper's 0.01 · sqrt(batch / 256), and 0.005 with BatchNorm.
RECIPES: Mapping[str, Mapping[str, Any]] = {
    "BatchNorm, batch 64": {**minibatch(64, 2000, lr=0.005), "model": {"norm": "batch"}},
    "batch 64": minibatch(64, 2000, lr=0.005),
    "Transformer, wd 3": transformer(3, 1200),
    "Transformer, wd 1": transformer(1, 2000),
    "3 layers, wd 10": three_layers(10, 800),
    "3 layers, wd 1": three_layers(1, 800),
    "3 layers, wd 3": three_layers(3, 800),
    "3 layers, wd 5": three_layers(5, 1500),
    "3 layers, wd 7": three_layers(7, 800),
    "Transformer, wd 1, cross-entropy": transformer(1, 1000, loss="cross_entropy"),
    "Transformer, wd 10": transformer(10, 3000),
    "Transformer, mup, wd 10": transformer(10, 3000, model={"init": "mup"}),
    "Transformer, mup, wd 50": transformer(50, 3000, model={"init": "mup"}),
    "dropout 0": dropout(0.0),
    "dropout 0.3": dropout(0.3),
    "dropout 0.6": dropout(0.6),
    "dropout 0.8": dropout(0.8),
    "dropout 0.9": dropout(0.9),
    "dropout 0.9, after φ": dropout(0.9, dropout_at="post"),
    "wd 20, 5000 steps": {**_TWO_LAYER, "optimizer": {"weight_decay": 20}, "steps": 5000},
}


def recipe(name: str, seed: int) -> RunConfig:
    """A setting with a seed, scored about 60 times and saved at the end."""
    return parse_config({"schedule": _FEW, **RECIPES[name], "seed": seed})


# What the paper, or an earlier measurement with one seed, says of them.
EXPECTED: Mapping[str, str] = {
    "BatchNorm, batch 64": "train 0.80, test 1.00; low-IPR neurons have smaller norm weights",
    "batch 64": "train 0.82, test 1.00",
    "Transformer, wd 1": "train 0.93, test 0.99, corrupted 0.63; embedding IPR 0.04",
    "Transformer, wd 3": "train 0.80, test 1.00, corrupted 0.008; embedding IPR 0.083",
    "Transformer, wd 10": "train 0.72, test 0.75; embedding IPR 0.47",
    "Transformer, wd 1, cross-entropy": "corrupted 1.00, test 0.44",
    "3 layers, wd 1": "train 1.00, corrupted 1.00, test 0.00; input IPR 0.04",
    "3 layers, wd 10": "train 0.80, test 1.00, corrupted 0.007; input IPR 0.69 at 1500 steps",
    "dropout 0.3": "IPR shifts up against dropout 0",
    "dropout 0.6": "IPR shifts up further",
    "dropout 0.9": "IPR shifts up further",
    "wd 20, 5000 steps": "train 0.01, test 0.01: forgetting",
}
