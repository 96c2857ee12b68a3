"""Nearest neighbours by the angle between features."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int

_ROWS = 1024  # test examples at a time, so that memory stays small


def nearest(
    train: Float[np.ndarray, "train feature"],
    test: Float[np.ndarray, "test feature"],
    count: int = 5,
) -> Int[np.ndarray, "test neighbour"]:
    """Numbers of the training examples with the greatest cosine to each test example, best first.

    All of them where there are fewer. A vector of zeros has cosine 0 with every other. Cosines are
    computed in single precision: nearer than 1e-7, which of two comes first is not told.
    """
    own, found = _unit(train).T, []
    count = min(count, len(train))
    for start in range(0, len(test), _ROWS):
        cosine = _unit(test[start : start + _ROWS]) @ own
        found.append(torch.topk(torch.from_numpy(cosine), count, dim=1).indices.numpy())
    return np.concatenate(found)


def majority(labels: Int[np.ndarray, "test neighbour"]) -> Int[np.ndarray, " test"]:
    """The most frequent label of each row; of several, that of the nearest neighbour among them."""
    votes = (labels[:, :, None] == labels[:, None, :]).sum(axis=2)
    return np.take_along_axis(labels, votes.argmax(axis=1)[:, None], axis=1)[:, 0]


def _unit(rows: Float[np.ndarray, "row feature"]) -> Float[np.ndarray, "row feature"]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(length > 0, length, 1)).astype(np.float32)
