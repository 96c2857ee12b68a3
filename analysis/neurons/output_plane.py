"""The output weights of the answers in a plane: by PCA, and by t-SNE."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from interp.training.models.network import Network
from interp.training.optional import part

Points = Float[np.ndarray, "element 2"]


def output_rows(network: Network) -> Float[np.ndarray, "residue dimension"]:
    """The weights that make each answer's logit; an adapted module's where they are a readout.

    Raises:
        ValueError: if the network has no such weights.
    """
    matrix = network.read_out
    if matrix is None and network.layers:
        matrix = network.readout(len(network.layers) - 1)
    if matrix is None:
        raise ValueError(
            f"answers: expected logits that are a sum over weights, {network.model.row.noun} has "
            "none that are known"
        )
    rows: np.ndarray = matrix.detach().double().cpu().numpy().T
    return rows


def pca(rows: Float[np.ndarray, "element dimension"]) -> Points:
    """The first two principal components of some rows."""
    left, singular, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    found: np.ndarray = left[:, :2] * singular[:2]
    return found


def tsne(rows: Float[np.ndarray, "element dimension"], seed: int) -> Points:
    """A t-SNE picture of some rows, from their PCA.

    Raises:
        PartError: if scikit-learn is not installed or cannot be imported.
    """
    make = part("sklearn.manifold", "planes", "t-SNE").TSNE
    perplexity = min(10.0, (len(rows) - 1) / 3)
    found: np.ndarray = make(
        perplexity=perplexity, init="pca", random_state=seed, metric="euclidean"
    ).fit_transform(rows)
    return found.astype(np.float64)
