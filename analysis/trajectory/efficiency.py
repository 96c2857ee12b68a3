"""Circuit efficiency: the logit of the given labels that a network gets out of its weights."""

from __future__ import annotations

import math
from copy import deepcopy

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.mechanism.untrained import untrained_beside
from interp.analysis.numbers import Numbers
from interp.training.arguments import whole
from interp.training.data.dataset import Dataset
from interp.training.models.network import Network
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.folder import weight_norm

_PROBED = 64  # pairs on which it is seen whether logits scale with the weights
_ROUNDING = 1e-9


@torch.no_grad()
def degree(network: Network) -> int | None:
    """The d with logits(c·θ) = c^d logits(θ), θ all weights; None if there is none.

    3 for two layers and φ = x², 2 for two layers of ReLU. Biases, a norm, attention and GELU have
    none; nor has a network whose logits are all zero.
    """
    doubled = deepcopy(network, {id(network.task): network.task}).double()
    pairs = torch.as_tensor(network.task.pairs)
    some = pairs[:: max(1, len(pairs) // _PROBED)]
    once = doubled.logits(some)
    for weight in doubled.parameters():
        weight.mul_(2)
    twice = doubled.logits(some)
    size = float(once.square().sum())
    if not 0 < size < math.inf:
        return None
    found = round(math.log2(max(float((once * twice).sum()) / size, 1.0)))
    apart = float((twice - 2**found * once).abs().max())
    return found if found > 0 and apart <= _ROUNDING * float(twice.abs().max()) else None


def no_degree(checkpoint: Checkpoint) -> str | None:
    """Why the logits of a network are not to be compared with a power of its weight norm."""
    if degree(checkpoint.network) is not None:
        return None
    return (
        "expected a network whose logits scale with a power of its weights, without biases, norms, "
        f"attention and GELU; got {checkpoint.network.model.summary}"
    )


def given_logit(dataset: Dataset, logits: Float[Tensor, "pair answer"]) -> float:
    """The mean logit of the given label over the training pairs."""
    train = dataset.is_train
    rows = torch.as_tensor(np.flatnonzero(train), device=logits.device)
    labels = torch.as_tensor(dataset.given_label[train], device=logits.device)
    return float(logits[rows, labels].double().mean())


def _numbers(network: Network, dataset: Dataset, power: int) -> dict[str, float | None]:
    with torch.no_grad():
        logit = given_logit(dataset, network.logits(torch.as_tensor(dataset.pairs)))
    norm = weight_norm(network)
    found = logit / norm**power
    return {
        "efficiency": found,
        "given_logit": logit,
        "weight_norm": norm,
        "norm_at_one": found ** (-1 / power) if found > 0 else None,
    }


@measure(
    "efficiency",
    source="Varma et al. 2023 (arXiv 2309.02390), circuit efficiency; for a loss of squares: this "
    "project",
    refuses=no_degree,
)
def efficiency(checkpoint: Checkpoint, *, seed: int = 0) -> Numbers:
    """Circuit efficiency: mean logit of the given labels over the weight norm to its power.

    The power d is that of the weights in the logits, 3 for two layers with φ = x². Under a loss of
    squares logits do not grow without end, so that norms are comparable at equal logits only:
    ``norm_at_one`` is the norm at which the same network would give its labels a mean logit of 1.
    Whose efficiency is seen, of memory or of the rule, the training tells: random labels alone can
    only be memorized. Beside it the untrained network.

    Args:
        checkpoint: of a network whose logits scale with a power of its weights.
        seed: of the untrained network.
    """
    whole(seed, "seed")
    network, dataset = checkpoint.exact, checkpoint.scored_on
    power = degree(network)
    assert power is not None
    fresh, words = untrained_beside(network, seed)
    own = _numbers(network, dataset, power)
    control = dict.fromkeys(own) if fresh is None else _numbers(fresh, dataset, power)
    what = f"mean given logit on {int(dataset.is_train.sum())} training pairs / norm^{power}"
    return Numbers(own, place(checkpoint.seed, checkpoint.step, what, words), control)
