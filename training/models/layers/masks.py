"""Masks of dropout that stay the same over training, and which example has which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.training.randomness import stream


@dataclass(frozen=True)
class Shared:
    """A few masks, each of them that of several examples.

    Attributes:
        count: how many masks.
        number: of each training example, which one; (example,) or (run, example).
    """

    count: int
    number: Int[Tensor, "*run example"]

    def rows(
        self, masks: Float[Tensor, "*run mask neuron"], first: int, examples: int
    ) -> Float[Tensor, "*run example neuron"]:
        """The mask of each of some neighbouring examples."""
        which = self.number[..., first : first + examples, None]
        return masks.take_along_dim(which, dim=-2)


def mask_numbers(count: int, examples: int, seed: int) -> Int[np.ndarray, " example"]:
    """Which of a few masks each training example has: as many have each, to one, at random.

    Args:
        count: how many masks.
        examples: how many training examples, counted in the order of the pairs.
        seed: of dropout.
    """
    numbers: Int[np.ndarray, " example"] = stream(seed, "dropout", 1).permutation(examples) % count
    return numbers


def shared_masks(
    count: int | None, examples: int, seeds: list[int], run_axis: bool, device: torch.device
) -> Shared | None:
    """The masks that runs train with; None where no two examples have one in common.

    Args:
        count: ``model.dropout_masks``.
        examples: how many training examples.
        seeds: of each run's dropout.
        run_axis: whether the numbers have a run axis; without one there is one run.
        device: where they are needed.
    """
    if not count:
        return None
    each = [mask_numbers(count, examples, seed) for seed in seeds]
    return Shared(count, torch.as_tensor(np.stack(each) if run_axis else each[0], device=device))
