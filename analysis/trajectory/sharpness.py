"""Sharpness: the largest eigenvalue of the Hessian of the training loss."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.mechanism.untrained import untrained_beside
from interp.analysis.numbers import Numbers
from interp.analysis.trajectory.lanczos import Largest, largest_eigenvalue
from interp.analysis.trajectory.smooth import smooth_logits
from interp.training.arguments import number, whole
from interp.training.display import Value
from interp.training.losses.loss import LOSSES
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint


class TrainingLoss:
    """The loss of a network over its training examples, as given, and products with its Hessian.

    In float64 and as the network is outside training: without dropout, with running statistics.

    Args:
        checkpoint: with a dataset; not changed.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        network, data = checkpoint.exact, checkpoint.scored_on
        self._network = deepcopy(network, {id(network.task): network.task})
        self._each = LOSSES[checkpoint.loss].each
        self._pairs = torch.as_tensor(data.pairs[data.is_train])
        self._labels = torch.as_tensor(data.given_label[data.is_train])[None]
        self._weights = [w.requires_grad_(True) for w in self._network.parameters()]
        self.size = sum(weight.numel() for weight in self._weights)
        with torch.enable_grad():
            self._gradient = torch.autograd.grad(
                self.loss(), self._weights, create_graph=True, allow_unused=True
            )

    def loss(self) -> Tensor:
        """The mean over the training examples."""
        logits = smooth_logits(self._network, self._pairs)
        found: Tensor = self._each(logits, self._labels, logits.gather(1, self._labels.T).T)
        return found.mean()

    def times(self, vector: Float[np.ndarray, " weight"]) -> Float[np.ndarray, " weight"]:
        """The Hessian times a vector over all weights, in the order of the parameters."""
        directions = torch.split(torch.as_tensor(vector), [w.numel() for w in self._weights])
        used = [
            (gradient, direction.view_as(gradient))
            for gradient, direction in zip(self._gradient, directions, strict=True)
            if gradient is not None and gradient.requires_grad
        ]
        found = torch.autograd.grad(
            [gradient for gradient, _ in used],
            self._weights,
            [direction for _, direction in used],
            retain_graph=True,
            allow_unused=True,
        )
        rows = [
            torch.zeros_like(weight) if one is None else one
            for weight, one in zip(self._weights, found, strict=True)
        ]
        flat: np.ndarray = torch.cat([row.flatten() for row in rows]).numpy()
        return flat


def _top(checkpoint: Checkpoint, iterations: int, tolerance: float, seed: int) -> Largest:
    loss = TrainingLoss(checkpoint)
    start = stream(seed, "curvature").standard_normal(loss.size)
    return largest_eigenvalue(loss.times, start, iterations, tolerance)


@measure(
    "sharpness",
    source="Power et al. 2022 (arXiv 2201.02177), sharpness and generalization; theirs is that of "
    "Keskar et al. 2017 (arXiv 1609.04836), the rise of the loss in a box",
)
def sharpness(
    checkpoint: Checkpoint, *, iterations: int = 100, tolerance: float = 1e-5, seed: int = 0
) -> Numbers:
    """Sharpness: the largest eigenvalue of the Hessian of the training loss, by Lanczos.

    Of the loss over the training examples with the labels as given, by all weights, in float64;
    of an MSE also a mean over the answers. It changes when neurons are rescaled without a change
    of the logits. Beside it that of the untrained network. ``converged``: whether the residual
    ‖Hv − λv‖ came below the tolerance times λ; if it did not, λ is a lower bound.

    Args:
        checkpoint: with a dataset.
        iterations: products with the Hessian at most.
        tolerance: of the residual, relative to λ.
        seed: of the first vector and of the untrained network.

    Raises:
        ValueError: for a tolerance that is not positive.
    """
    whole(iterations, "iterations", least=1)
    if number(tolerance, "tolerance") <= 0:
        raise ValueError(f"tolerance: expected a number above 0, got {tolerance}")
    fresh, words = untrained_beside(checkpoint.exact, seed)
    own = _top(checkpoint, iterations, tolerance, seed)
    control: dict[str, Value] = {"sharpness": None, "converged": None}
    ends = [own]
    if fresh is not None:
        other = _top(replace(checkpoint, network=fresh), iterations, tolerance, seed)
        control = {"sharpness": other.value, "converged": other.converged}
        ends.append(other)
    short = [] if all(one.converged for one in ends) else [_not_converged(ends)]
    loss = LOSSES[checkpoint.loss].label
    caption = place(checkpoint.seed, checkpoint.step, f"Hessian of the {loss}", *short, words)
    numbers: dict[str, Value] = {
        "sharpness": own.value,
        "residual": own.residual,
        "iterations": own.iterations,
        "converged": own.converged,
    }
    return Numbers(numbers, caption, control)


def _not_converged(ends: list[Largest]) -> str:
    own = "network" if not ends[0].converged else "untrained network"
    most = max(one.iterations for one in ends if not one.converged)
    return f"NOT CONVERGED ({own}) in {most} products: a lower bound"
