"""Minimum angle subspace classifier: the class in whose subspace a vector lies most."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

_ROWS = 1024  # test examples at a time, so that memory stays small


def masc(
    train: Float[np.ndarray, "train feature"],
    labels: Int[np.ndarray, " train"],
    test: Float[np.ndarray, "test feature"],
    variance: float = 0.9,
) -> Int[np.ndarray, " test"]:
    """The class of each test vector; −1 for a vector of zeros, which lies nowhere.

    A class is spanned by the first singular vectors of its training vectors, not centred, as many
    as hold a share ``variance`` of Σ s². A vector goes to the class on whose subspace its
    projection is the longest, so that the angle between them is the least.

    Args:
        train: features of the training examples.
        labels: of these.
        test: features of the examples to classify.
        variance: share of each class's power that its subspace holds; at least one direction.

    Source: arXiv 2501.14687 (MASC).
    """
    classes = np.unique(labels)
    bases = [subspace(train[labels == one], variance) for one in classes]
    known = [number for number, basis in enumerate(bases) if basis.shape[1]]
    if not known:
        return np.full(len(test), -1)
    # Single precision is enough to compare lengths; it takes half of the time.
    every = np.hstack([bases[number] for number in known]).astype(np.float32)
    starts = np.cumsum([0, *(bases[number].shape[1] for number in known[:-1])])
    size = np.abs(test).max(axis=1, initial=0)
    unit = (test / np.where(size > 0, size, 1)[:, None]).astype(np.float32)
    parts = np.split(unit, range(_ROWS, len(unit), _ROWS))
    power = [np.add.reduceat((rows @ every) ** 2, starts, axis=1) for rows in parts]
    nearest = np.concatenate([one.argmax(axis=1) for one in power])
    return np.where(size > 0, classes[known][nearest], -1)


def subspace(
    rows: Float[np.ndarray, "example feature"], variance: float
) -> Float[np.ndarray, "feature direction"]:
    """Orthonormal directions that hold a share of the power of some rows; none of rows of zeros.

    They are the leading eigenvectors of the smaller of the two Gram matrices, whose eigenvalues
    are Σ s²; those that are zero but for rounding are no directions.
    """
    count, width = rows.shape
    gram = rows @ rows.T if count <= width else rows.T @ rows
    power, vectors = np.linalg.eigh(gram)
    power, vectors = power[::-1].clip(0), vectors[:, ::-1]
    rank = int((power > power[0] * len(gram) * np.finfo(power.dtype).eps).sum())
    if rank == 0:
        return np.zeros((width, 0))
    held = np.cumsum(power[:rank]) / power[:rank].sum()
    size = min(int(np.searchsorted(held, variance - 1e-12)) + 1, rank)
    if count > width:
        return np.ascontiguousarray(vectors[:, :size])
    return rows.T @ (vectors[:, :size] / np.sqrt(power[:size]))
