"""The embeddings of networks by their kind, from the networks themselves."""

from __future__ import annotations

from functools import singledispatch

import numpy as np
from torch import Tensor

from interp.analysis.neurons.weights import mlp_matrices
from interp.training.models.arrays import MLPArrays
from interp.training.models.mlp import MLP
from interp.training.models.network import Network, undefined
from interp.training.models.transformer import Transformer


def embedding_matrices(network: Network) -> dict[str, np.ndarray]:
    """By name in float64, one row a dimension, one column a residue.

    Raises:
        ValueError: if they are not known.
    """
    return _embeddings(network)


def has_embeddings(network: Network) -> bool:
    """Whether they are known."""
    return _embeddings.dispatch(type(network)) is not _embeddings.dispatch(object)


@singledispatch
def _embeddings(network: Network) -> dict[str, np.ndarray]:
    raise undefined("embeddings", network)


@_embeddings.register(MLP)
def _of_mlp(network: MLP) -> dict[str, np.ndarray]:
    return mlp_matrices(MLPArrays.of(network))


@_embeddings.register(Transformer)
def _of_transformer(network: Transformer) -> dict[str, np.ndarray]:
    matrices = {"embedding W_E": network.operand_rows(0).T}
    if network.model.vocabulary == "operand":
        names = ("first operand W_E", "second operand W_E")
        matrices = {name: network.operand_rows(i).T for i, name in enumerate(names)}
    if network.unembed is not None:
        matrices["unembedding W_U"] = network.read_out
    return {name: _exact(one) for name, one in matrices.items()}


def _exact(matrix: Tensor) -> np.ndarray:
    found: np.ndarray = matrix.detach().double().cpu().numpy()
    return found
