"""An MLP as arrays alone, for who reads its weights; no torch is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from interp.training.config.sections import ModelConfig, NormName
from interp.training.tasks.task import Task

NORM_EPS = 1e-5

Rows = Float[np.ndarray, "row feature"]


@dataclass(frozen=True)
class NormArrays:
    """A norm on neurons: its gain ``w``, and ``var``, a batch norm's running variance."""

    w: Float[np.ndarray, " neuron"]
    var: Float[np.ndarray, " neuron"] | None = None

    def through(self, rows: Rows) -> Rows:
        """What it makes of maps: its gain; a layer norm also takes the mean away."""
        if self.var is None:
            return (rows - rows.mean(axis=-1, keepdims=True)) * self.w
        return rows * (self.w / np.sqrt(self.var + NORM_EPS))


@dataclass(frozen=True)
class LayerArrays:
    """A hidden layer: the matrix into it, (inputs, neuron), its norm and φ's name."""

    index: int
    matrix: Rows
    norm: NormArrays | None
    activation: str

    @property
    def width(self) -> int:
        """Number of neurons."""
        return self.matrix.shape[-1]


@dataclass(frozen=True, repr=False)
class MLPArrays:
    """Weights and running statistics of an :class:`~interp.training.models.mlp.MLP`, by name.

    Attributes:
        task, model: as of the network.
        arrays: as its ``state_dict``.
    """

    task: Task
    model: ModelConfig
    arrays: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, network: Any) -> MLPArrays:
        """Those of an MLP that is made."""
        weights = network.state_dict()
        arrays = {name: as_array(weight) for name, weight in weights.items()}
        return cls(network.task, network.model, arrays)

    @staticmethod
    def shapes(task: Task, model: ModelConfig) -> dict[str, tuple[int, ...]]:
        """Of every array, in the order of the network's ``state_dict``."""
        found: dict[str, tuple[int, ...]] = {}
        for index in range(model.depth - 1):
            inputs = model.width if index else 2 * task.p
            names = ["b_in"] * model.bias
            names += {"none": [], "layer": ["norm.w", "norm.b"], "batch": _BATCH}[
                norm_of(model, index)
            ]
            found[f"blocks.{index}.mlp.W_in"] = (inputs, model.width)
            found |= {f"blocks.{index}.mlp.{name}": (model.width,) for name in names}
        found["unembed.W_U"] = (model.width, task.n_answers)
        return found | ({"unembed.b_U": (task.n_answers,)} if model.bias else {})

    def state_dict(self) -> Mapping[str, np.ndarray]:
        """The arrays by name."""
        return self.arrays

    @property
    def layers(self) -> list[LayerArrays]:
        """The hidden layers, first to last, in float64."""
        return [self._layer(index) for index in range(self.model.depth - 1)]

    def _layer(self, index: int) -> LayerArrays:
        home, norm = f"blocks.{index}.mlp", None
        if norm_of(self.model, index) != "none":
            var = self.arrays.get(f"{home}.norm.var")
            gain = self.arrays[f"{home}.norm.w"]
            norm = NormArrays(_exact(gain), None if var is None else _exact(var))
        return LayerArrays(index, _exact(self.arrays[f"{home}.W_in"]), norm, self.model.phi)

    @property
    def read_out(self) -> Float[np.ndarray, "neuron answer"]:
        """The matrix from the last hidden layer to the logits, with ``model.logit_scale``."""
        matrix, scale = _exact(self.arrays["unembed.W_U"]), self.model.logit_scale
        return matrix if scale == 1 else matrix * scale


_BATCH = ["norm.w", "norm.b", "norm.mean", "norm.var"]


def norm_of(model: ModelConfig, index: int) -> NormName:
    """The norm of an MLP's hidden layer."""
    return model.norm if model.norm_last or index < model.depth - 2 else "none"


def as_array(weight: Any) -> np.ndarray:
    """An array, or a tensor as one."""
    if isinstance(weight, np.ndarray):
        return weight
    found: np.ndarray = weight.detach().cpu().numpy()
    return found


def _exact(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64)
