"""The solution that is known on paper: every neuron a pure cosine."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from interp.training.arguments import number, of_kind, whole
from interp.training.config.sections import ModelConfig
from interp.training.data.dataset import A_TASK
from interp.training.memory import check_memory
from interp.training.models.analytic_group import group_curves
from interp.training.models.mlp import MLP
from interp.training.randomness import stream
from interp.training.tasks.finite.words import Word
from interp.training.tasks.groups import GROUPS, residue_order
from interp.training.tasks.task import Task


def analytic_network(
    task: Task, width: int = 500, seed: int = 0, scale: float | None = None
) -> MLP:
    """The quadratic network that solves ±  and × ÷ by construction (arXiv 2301.02679).

    With element index i (the residue; for × and ÷ its discrete logarithm) of a group of n
    elements, neuron k has frequency s and phases a, b:

        U[k, i] = cos(2π s i / n + a)   V[k, i] = cos(2π s i / n + b)
        W[i, k] = cos(2π s i / n + c),  c = a + b (for x+y, x·y) or a − b (for x−y, x/y).

    Frequencies go round 1 … ⌈n/2⌉−1; phases are uniform in (−π, π]. All weights of the zero
    residue are 0 for × and ÷, so pairs with a zero operand are not solved; on every other pair
    the network is right once width is large enough (500 at p = 97). Each curve has IPR exactly 1
    in the one-sided convention. The default scale, (2/N)^(1/3), brings the right logit near 1.

    In a finite group x·y and x·y⁻¹ are solved by characters, see
    :func:`interp.training.models.analytic_group.group_curves`: every neuron is of one irrep and
    has IPR 1 by irrep; the scale is then a factor of all weights, by default 1.

    Raises:
        ValueError: for an operation without such a solution, a modulus that is too small, or a
            width or scale that is none.
    """
    of_kind(task, Task, A_TASK)
    width = whole(width, "width", least=1)
    check_memory(3 * 8 * width * task.p, f"an analytic network of width {width:,}")
    sign = task.operation.second_sign
    word = task.operation.formula
    if isinstance(word, Word) and word.is_product and not GROUPS[task.group].is_cyclic:
        factor = 1.0 if scale is None else _checked(scale)
        return _network(task, factor * group_curves(word, width, seed))
    if sign is None:
        raise ValueError(
            f"analytic network: expected x + y, x - y, x * y or x / y, got {task.operation.name!r}"
        )
    order = residue_order(task.p, task.group)
    n = len(order)
    top = (n - 1) // 2
    if top < 1:
        raise ValueError(f"analytic network: expected at least 3 group elements, got {n}")
    frequency = 1 + np.arange(width) % top
    a, b = stream(seed, "phases").uniform(-np.pi, np.pi, size=(2, width))
    phases = np.stack([a, b, a + sign * b])
    scale = (2 / width) ** (1 / 3) if scale is None else _checked(scale)
    angle = 2 * np.pi / n * np.outer(frequency, np.arange(n))
    curves = np.zeros((3, width, task.p))
    curves[:, :, order] = scale * np.cos(angle + phases[:, :, None])
    return _network(task, curves)


def _network(task: Task, curves: Float[np.ndarray, "3 neuron element"]) -> MLP:
    network = MLP(task, ModelConfig(width=curves.shape[1])).to(torch.float64)
    network.set_curves(curves)
    return network


def _checked(scale: float) -> float:
    # The logits go with its cube: a negative one would turn every answer round.
    if not number(scale, "scale") > 0:
        raise ValueError(f"scale: expected a number above 0, got {scale}")
    return scale
