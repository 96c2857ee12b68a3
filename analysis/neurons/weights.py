"""Curves and embeddings of an MLP from its weights as arrays; no torch is loaded.

For the two-layer network the curves are its weights. For deeper ones they are composed: φ on the
way counts as the identity, a norm as its gain (a layer norm also takes the mean away). The norm of
the neuron's own layer is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from interp.analysis.neurons.curves import together
from interp.analysis.neurons.origin import ReadCurves
from interp.training.arguments import is_whole, shown
from interp.training.models.arrays import LayerArrays, MLPArrays

if TYPE_CHECKING:
    from interp.training.models.network import Network

Map = Float[np.ndarray, "residue feature"]


def check_layer(network: Network | MLPArrays, layer: int) -> None:
    """Refuses a hidden layer that the network does not have."""
    count = len(network.layers)
    if count == 0:
        raise ValueError("layer: an attention-only network has no neurons; see its heads")
    if not is_whole(layer) or not 0 <= layer < count:
        raise ValueError(
            f"layer: expected a hidden layer from 0 to {count - 1}, got {shown(layer)}"
        )


def mlp_curves(network: MLPArrays, layer: int) -> ReadCurves:
    """Curves of a hidden layer's neurons.

    Raises:
        ValueError: if there is no such layer.
    """
    check_layer(network, layer)
    first, *deeper = network.layers
    rows = first.matrix
    for before, one in zip([first, *deeper], deeper[:layer], strict=False):
        rows = _through_norm(rows, before) @ one.matrix
    p, readers = network.task.p, [*(one.matrix for one in deeper), network.read_out]
    answers = readers[layer]
    for one, reader in zip(deeper[layer:], readers[layer + 1 :], strict=True):
        answers = _through_norm(answers, one) @ reader
    return ReadCurves(together([rows[:p].T, rows[p:].T, answers]))


def mlp_matrices(network: MLPArrays) -> dict[str, np.ndarray]:
    """Embeddings by name in float64, one row a dimension, one column a residue.

    The dimensions are the neurons of the first layer, and of the last.
    """
    w_in, p = network.layers[0].matrix, network.task.p
    operands = {"first operand U": w_in[:p].T, "second operand V": w_in[p:].T}
    return {**operands, "answer W": network.read_out}


def _through_norm(rows: Map, layer: LayerArrays) -> Map:
    return rows if layer.norm is None else layer.norm.through(rows)
