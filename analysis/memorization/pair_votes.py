"""What every neuron adds to the margin of every pair, whatever its split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.analysis.memorization.logits import logits_of
from interp.analysis.memorization.pair_rows import scored_label
from interp.analysis.memorization.votes import votes
from interp.analysis.neurons.weights import check_layer
from interp.training.data.dataset import Dataset
from interp.training.runs.checkpoint import Checkpoint

_AT_ONCE = 2048  # pairs, whose activations and gradients are in memory together


@dataclass(frozen=True, eq=False)
class Sides:
    """Two answers to each pair, whose margin is looked at.

    Attributes:
        ahead: of a training pair its given label, of a test pair the true answer.
        behind: of a wrong training example the true label, of any other pair the answer with the
            greatest of the other logits.
        margin: logit of the one minus that of the other.
    """

    ahead: Int[np.ndarray, " pair"]
    behind: Int[np.ndarray, " pair"]
    margin: Float[np.ndarray, " pair"]


@dataclass(frozen=True, eq=False)
class PairVotes:
    """Margins of all pairs in parts.

    Attributes:
        sides: between which answers.
        each: what each neuron adds to each margin, in units of logits.
        exact: whether the logits are a sum over the neurons; else votes are activation × gradient.
    """

    sides: Sides
    each: Float[np.ndarray, "pair neuron"]
    exact: bool


def sides_of(checkpoint: Checkpoint) -> Sides:
    """The answers between which the margin of each pair is, in float64.

    Raises:
        ValueError: if there is no dataset beside the network.
    """
    data = checkpoint.scored_on
    return sides(data, logits_of(checkpoint.exact, checkpoint.evaluation.pairs))


def sides(data: Dataset, logits: Float[Tensor, "pair answer"]) -> Sides:
    """The same of known logits."""
    ahead = scored_label(data)
    others = logits.scatter(-1, torch.as_tensor(ahead).unsqueeze(-1), -torch.inf)
    behind = np.where(data.is_wrong, data.true_label, others.argmax(dim=-1).cpu().numpy())
    row, values = np.arange(len(data)), logits.double().cpu().numpy()
    return Sides(ahead, behind, values[row, ahead] - values[row, behind])


def pair_votes(checkpoint: Checkpoint, layer: int = 0, found: Sides | None = None) -> PairVotes:
    """Votes of a layer's neurons for the margin of every pair, as :func:`votes` defines them.

    Args:
        checkpoint: with neurons and a dataset; computed in float64, kept in float32.
        layer: which hidden layer.
        found: between which answers; :func:`sides_of` by default.

    Raises:
        NotDefined: if the logits are no sum and have no gradient by the activations.
        ValueError: if there is no such layer, or no dataset beside the network.
    """
    check_layer(checkpoint.network, layer)
    found = sides_of(checkpoint) if found is None else found
    pairs, exact = checkpoint.scored_on.pairs, True
    each = np.empty((len(pairs), checkpoint.network.layers[layer].width), dtype=np.float32)
    for start in range(0, len(pairs), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        part = votes(checkpoint.exact, pairs[some], found.ahead[some], found.behind[some], layer)
        each[some], exact = part.each, part.exact
    return PairVotes(found, each, exact)
