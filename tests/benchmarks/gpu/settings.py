"""Networks and optimizers that are compared: every kind and every optimizer that trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interp.training.config.plain_data import with_overrides
from interp.training.config.run_config import RunConfig, parse_config
from tests.benchmarks.gpu.item import Place

Change = Mapping[str, Any]
_MLP = {"kind": "mlp"}
_TRANSFORMER = {"kind": "transformer"}

NETWORKS: Mapping[str, Change] = {
    "MLP": {"model": _MLP},
    "MLP, ReLU, cross-entropy": {"model": {**_MLP, "activation": "relu"}, "loss": "cross_entropy"},
    "MLP, GELU, bias, dropout": {
        "model": {**_MLP, "activation": "gelu", "bias": True, "dropout": 0.3}
    },
    "MLP, BatchNorm, minibatches": {
        "model": {**_MLP, "norm": "batch"},
        "optimizer.batch_size": 32,
    },
    "MLP of 3 layers, LayerNorm": {"model": {**_MLP, "depth": 3, "norm": "layer"}},
    "MLP of 4 layers": {"model": {**_MLP, "depth": 4, "output_scale": 0.5}},
    "Transformer": {"model": _TRANSFORMER},
    "Transformer, 2 causal blocks of everything": {
        "model": {
            **_TRANSFORMER,
            "n_layers": 2,
            "attention": "causal",
            "equals_token": True,
            "norm": "layer",
            "bias": True,
            "dropout": 0.2,
            "dropout_attention": 0.1,
            "dropout_residual": 0.1,
        },
        "loss": "cross_entropy",
    },
    "Transformer, two vocabularies, minibatches": {
        "model": {**_TRANSFORMER, "vocabulary": "operand"},
        "optimizer.batch_size": 32,
    },
}
# On a Transformer, since Muon takes the matrices of its blocks only.
OPTIMIZERS: Mapping[str, Change] = {
    "adamw, warm-up and cosine": {"optimizer": {"warmup": 3, "lr_schedule": "cosine"}},
    "adam": {"optimizer": {"name": "adam", "weight_decay": 0.1}},
    "sgd": {"optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9}},
    "muon": {"optimizer": {"name": "muon", "lr": 0.003}},
}
# What the runs of a cohort differ in.
MEMBERS: tuple[Change, ...] = (
    {},
    {"optimizer.lr": 0.005, "optimizer.weight_decay": 1.5, "data.corruption": 0.6, "seed": 3},
    {"data.kind": "wrong", "seed": 4},
)


def config_of(place: Place, *changes: Change, dtype: str = "float64") -> RunConfig:
    """A small run, or a tiny one: what is compared is arithmetic, which size does not change."""
    values: dict[str, Any] = {
        "task": {"p": 7 if place.toy else 29},
        "data": {"fraction": 0.7, "corruption": 0.3},
        "optimizer": {"weight_decay": 0.5},
        "steps": 3 if place.toy else 20,
        "dtype": dtype,
        "schedule": {"evaluations": 3, "checkpoints": 2},
    }
    for change in changes:
        values = with_overrides(values, change)
    return parse_config(with_overrides(values, _sizes(place, values)))


def _sizes(place: Place, values: Mapping[str, Any]) -> Change:
    if values.get("model", {}).get("kind") != "transformer":
        return {"model.width": 8 if place.toy else 96}
    d, heads, neurons = (8, 2, 8) if place.toy else (32, 4, 64)
    return {"model.d_model": d, "model.n_heads": heads, "model.d_mlp": neurons}
