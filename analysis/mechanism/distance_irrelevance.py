"""Distance irrelevance: whether the right logit depends on how far apart the operands are."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.mechanism.untrained import untrained_beside
from interp.analysis.numbers import Numbers
from interp.training.arguments import MOST_DRAWS, whole
from interp.training.models.network import Network
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint
from interp.training.tasks.groups import GROUPS, residue_order
from interp.training.tasks.task import Task

Square = Float[np.ndarray, "element element"]

_CONSTANT = 1e-9  # a standard deviation below this share of the greatest logit is rounding


def no_distance(checkpoint: Checkpoint) -> str | None:
    """Why the operands of a task have no distance that its symmetry leaves alone."""
    task = checkpoint.task
    known = task.operation.second_sign is not None and task.group == task.operation.group
    if known and GROUPS[task.group].is_cyclic and _has_all_pairs(task):
        return None
    return (
        "expected an operation with a known distance between operands, as x + y, x - y, x * y or "
        f"x / y at a prime modulus, got {task.name}"
    )


def _has_all_pairs(task: Task) -> bool:
    elements = residue_order(task.p, task.group)
    inside = np.isin(task.pairs, elements).all(axis=1)
    return int(inside.sum()) == len(elements) ** 2


@measure(
    "distance_irrelevance",
    source="Zhong et al. 2023 (arXiv 2306.17844), distance irrelevance",
    refuses=no_distance,
)
def distance_irrelevance(checkpoint: Checkpoint, *, draws: int = 10, seed: int = 0) -> Numbers:
    """How little the right logit depends on the distance of the operands: 0 if on nothing else.

    With Q[i, j] the logit of the right answer to elements i and j of the task's group in the
    group's order, mean_d std_i Q[i, i+d] / std Q, all indices modulo n. The distance is that which
    changes while the answer does not: a − b for a + b, a + b for a − b, and likewise of discrete
    logarithms for × and ÷ (pairs with a zero operand are left out). The paper has .17 for a pizza
    and .85 for a clock.

    Beside it: an untrained network, Gaussian noise (mean over draws), and a logit that is the
    distance itself. A value near 1 also means noise. None where the right logit is the same for
    all pairs.

    Args:
        checkpoint: of any network, on x + y, x − y, x · y or x ∕ y.
        draws: of noise.
        seed: of the untrained network and the noise.
    """
    whole(draws, "draws", least=1, most=MOST_DRAWS)
    network = checkpoint.exact
    fresh, words = untrained_beside(network, seed)
    own = right_logits(network)
    shape, own_value = own.shape, irrelevance(own)
    noise = [irrelevance(stream(seed, "null", i).standard_normal(shape)) for i in range(draws)]
    element = np.arange(len(own))
    distance = (element[None] - element[:, None]) % len(own)
    found = {
        "distance_irrelevance": own_value,
        "distance_irrelevance_untrained": irrelevance(right_logits(fresh)) if fresh else None,
        "distance_irrelevance_noise": _mean([one for one in noise if one is not None]),
        "distance_irrelevance_distance": irrelevance(distance.astype(np.float64)),
    }
    parts = [GROUPS[network.task.group].words, words, f"noise: mean of {draws} draws"]
    if own_value is None:
        parts.append("not defined: the right logit is the same for all pairs")
    return Numbers(found, place(checkpoint.seed, checkpoint.step, *parts))


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


@torch.no_grad()
def right_logits(network: Network) -> Square:
    """The logit of the right answer, so placed that a step along a diagonal keeps the distance.

    Rows are the first operand, columns the second (for x − y and x ∕ y its inverse), both over the
    group's elements in the group's order.
    """
    task = network.task
    order = residue_order(task.p, task.group)
    logits = network(torch.as_tensor(task.pairs)).double().cpu().numpy()
    table = np.full((task.p, task.p), np.nan)
    table[tuple(task.pairs.T)] = logits[np.arange(len(logits)), task.answers]
    right = table[np.ix_(order, order)]
    sign = task.operation.second_sign
    assert sign is not None
    return right[:, sign * np.arange(len(order)) % len(order)]


def irrelevance(values: Square) -> float | None:
    """mean_d std_i Q[i, i+d] / std Q; None where Q is constant to rounding.

    Args:
        values: Q.
    """
    whole_spread = values.std()
    if not whole_spread > _CONSTANT * np.abs(values).max():
        return None
    element = np.arange(len(values))
    by_distance = values[element, (element + element[:, None]) % len(values)]
    return float(by_distance.std(axis=1).mean() / whole_spread)
