"""What a network makes of every pair at its hook points, one row of features a pair."""

from __future__ import annotations

import re
from functools import singledispatch

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.training.models.adapted import Adapted
from interp.training.models.network import Network

LOGITS = "logits"
Features = Float[np.ndarray, "pair feature"]

# Residual streams before a block are those after the one before it, or the embeddings.
_POINTS = re.compile(
    r"(?:blocks\.(?P<layer>\d+)\.)?(?:mlp\.)?"
    r"hook_(?P<name>embed|attn_out|resid_mid|pre|post|mlp_out|resid_post)"
)


def activations(network: Network, pairs: Int[np.ndarray, "pair 2"]) -> dict[str, Features]:
    """Features of every pair by hook point, in the order of a pass, the logits last.

    ``post.0`` is ``blocks.0.mlp.hook_post``, ``resid_mid.0`` is ``blocks.0.hook_resid_mid``, and so
    on; where there are positions, they are read at the one that the logits are read at. A point at
    which all pairs are alike, as the embedding of "=", is left out.
    """
    with torch.no_grad():
        logits, cache = network.run_with_cache(
            torch.as_tensor(pairs), names_filter=lambda name: bool(_POINTS.fullmatch(name))
        )
    found = {_short(name): _rows(network, values, name) for name, values in cache.items()}
    varied = {name: rows for name, rows in found.items() if (rows != rows[0]).any()}
    return {**varied, LOGITS: logits.double().cpu().numpy()}


def one_hot(pairs: Int[np.ndarray, "pair 2"], p: int) -> Features:
    """Both operands as one-hot vectors, side by side."""
    return np.eye(p)[pairs].reshape(len(pairs), 2 * p)


def _short(name: str) -> str:
    found = _POINTS.fullmatch(name)
    assert found is not None
    layer = found["layer"]
    return found["name"] if layer is None else f"{found['name']}.{layer}"


def _rows(network: Network, values: Tensor, name: str) -> Features:
    rows = where_read(network, values, name) if values.ndim == 3 else values
    found: np.ndarray = rows.reshape(len(rows), -1).double().cpu().numpy()
    return found


@singledispatch
def where_read(network: Network, values: Tensor, name: str) -> Tensor:
    """Of values with a position axis those that the answer is read from: at the last position."""
    return values[:, -1]


@where_read.register(Adapted)
def _where_it_matters(network: Adapted, values: Tensor, name: str) -> Tensor:
    """At the one position that matters; at all of them where there is no such one."""
    return network.where_it_matters(values, int(name.split(".")[1]))
