"""The lazy network: frozen random features and a read-out by ridge regression; nothing learned.

It is the control of whatever is read from a trained network's frequencies: a network that learned
no feature gives the same where the measure itself brings the rule along.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from functools import singledispatch
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.analysis.mechanism.untrained import untrained
from interp.training.blas import threads
from interp.training.data.dataset import Dataset
from interp.training.evaluation import in_float64
from interp.training.models.mlp import MLP
from interp.training.models.network import Network, undefined
from interp.training.models.transformer import Transformer

RIDGE = 1e-6  # of the mean diagonal of the features' products


@torch.no_grad()
def lazy_network(
    network: Network,
    dataset: Dataset,
    seed: int = 0,
    labels: Int[np.ndarray, " pair"] | None = None,
) -> Network:
    """A network of the same shape that learned nothing but its last matrix.

    Everything before the last matrix is drawn anew and frozen; that matrix is the ridge regression
    of the one-hot labels of the training pairs on what it reads.

    Args:
        network: of which the shape is taken; an MLP, or a Transformer with an unembedding.
        dataset: whose training pairs are fitted.
        seed: of the features.
        labels: of every pair; by default those given in training.

    Returns:
        A network in float64.

    Raises:
        ValueError: for a network whose last matrix is not known.
    """
    (found,) = lazy_networks(
        network, dataset, seed, [dataset.given_label if labels is None else labels]
    )
    return found


@torch.no_grad()
def lazy_networks(
    network: Network, dataset: Dataset, seed: int, labels: Sequence[Int[np.ndarray, " pair"]]
) -> list[Network]:
    """As :func:`lazy_network` for several labels: the same features, solved for once."""
    if not has_last_matrix(network):
        raise undefined("lazy network", network)
    drawn = in_float64(untrained(network, seed=seed))
    train, answers = dataset.is_train, dataset.task.n_answers
    features = last_features(drawn, torch.as_tensor(dataset.pairs[train])).numpy()
    # A product with its own transpose, of which numpy computes one half.
    with threads(torch.get_num_threads()):
        gram = features.T @ features
    gram[np.diag_indices_from(gram)] += RIDGE * np.diagonal(gram).mean()
    target = np.concatenate([np.eye(answers)[given[train]] for given in labels], axis=1)
    lower = torch.linalg.cholesky(torch.from_numpy(gram))
    solved = torch.cholesky_solve(torch.from_numpy(features.T @ target), lower)
    made = []
    for matrix in torch.split(solved, answers, dim=1):
        made.append(deepcopy(drawn))
        set_read_out(made[-1], matrix)
    return made


@singledispatch
def last_features(network: Network, pairs: Int[Tensor, "pair 2"]) -> Float[Tensor, "pair feature"]:
    """What the last matrix reads, on each pair."""
    raise undefined("last matrix", network)


@last_features.register(MLP)
def _mlp_features(network: MLP, pairs: Int[Tensor, "pair 2"]) -> Float[Tensor, "pair feature"]:
    return network.post(pairs, len(network.layers) - 1)


@last_features.register(Transformer)
def _transformer_features(
    network: Transformer, pairs: Int[Tensor, "pair 2"]
) -> Float[Tensor, "pair feature"]:
    values = network.blocks_until(pairs, len(network.blocks))
    if network.ln_final is not None:
        values = network.ln_final(values)
    return values[:, -1]


def has_last_matrix(network: Network) -> bool:
    """Whether the logits are a matrix of the network's own, times something that is known."""
    known = last_features.dispatch(type(network)) is not last_features.dispatch(object)
    return known and getattr(network, "unembed", None) is not None


@torch.no_grad()
def set_read_out(network: Network, matrix: Float[Tensor, "feature answer"]) -> None:
    """Makes a matrix the one that gives the logits, with the network's constant scale in it."""
    unembed: Any = network.get_submodule("unembed")
    unembed.W_U.copy_(matrix / unembed.scale)


def read_out_of(network: Network) -> Float[np.ndarray, "feature answer"]:
    """The matrix that gives the logits, in float64."""
    assert network.read_out is not None
    found: np.ndarray = network.read_out.detach().double().cpu().numpy()
    return found
