"""Linear probe: ridge least squares on one-hot labels, in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import cho_factor, cho_solve


def probe(
    train: Float[np.ndarray, "train feature"],
    labels: Sequence[Int[np.ndarray, " train"]],
    test: Float[np.ndarray, "test feature"],
    ridge: float,
) -> list[Int[np.ndarray, " test"]]:
    """The answers of a linear probe fitted to each of several sets of labels.

    W = (XᵀX + λ I)⁻¹ Xᵀ Y, λ = ``ridge`` × mean of the diagonal of XᵀX, of features and one-hot
    labels less their means over the training examples, which is a free bias.

    Args:
        train: features of the training examples.
        labels: several for each of these.
        test: features of the examples to answer.
        ridge: λ relative to the features' mean power.
    """
    mean = train.mean(axis=0)
    centred = train - mean
    gram = centred.T @ centred
    power = gram.diagonal().mean()
    # Of features that do not vary nothing can be told: any λ gives the mean of the labels.
    gram[np.diag_indices_from(gram)] += ridge * power or 1.0
    factor = cho_factor(gram, overwrite_a=True)
    answers = max(int(one.max()) for one in labels) + 1
    found = []
    for one in labels:
        target = np.eye(answers)[one]
        weights = cho_solve(factor, centred.T @ target)
        found.append(((test - mean) @ weights + target.mean(axis=0)).argmax(axis=1))
    return found
