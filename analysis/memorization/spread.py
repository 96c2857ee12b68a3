"""Over how many neurons margins are spread, and how alike those of different examples are."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

MOST_ROWS = 2000  # whose pairs are compared; more are drawn from


def participation(each: Float[np.ndarray, "example neuron"]) -> Float[np.ndarray, " example"]:
    """(Σ|c|)² / Σc² over the neurons of each example: the number of neurons that take part.

    1 where one neuron adds all, N where all add the same size; NaN where none adds anything. Of
    c = g₁² g₂ with independent Gaussians it is about (E|c|)² / E c² = 2 / (3π) = .212 of N.
    """
    size = np.abs(each)
    total, squares = size.sum(axis=1) ** 2, (size**2).sum(axis=1)
    return np.divide(total, squares, out=np.full(len(each), np.nan), where=squares > 0)


def effective_rank(each: Float[np.ndarray, "example neuron"]) -> float | None:
    """(Σs)² / Σs² of the singular values s: r where r of them are equal and the others zero.

    None for a matrix of zeros.
    """
    few = each if len(each) < each.shape[1] else each.T
    # Eigenvalues of the smaller product; a rounding may make one negative.
    squares = np.linalg.eigvalsh(few @ few.T).clip(min=0)
    squares[squares < squares.max(initial=0) * 1e-12] = 0
    return float(np.sqrt(squares).sum() ** 2 / squares.sum()) if squares.any() else None


def spread(each: Float[np.ndarray, "example neuron"]) -> dict[str, float | None]:
    """Median participation over the examples whose margin neurons add to, and effective rank."""
    shares = participation(each)
    known = shares[np.isfinite(shares)]
    median = float(np.median(known)) if len(known) else None
    return {"participation": median, "effective_rank": effective_rank(each)}


def cosines(
    each: Float[np.ndarray, "example neuron"],
    pairs: Int[np.ndarray, "example 2"],
    label: Int[np.ndarray, " example"],
    random: np.random.Generator,
) -> dict[str, float | None]:
    """Mean cosine of two examples' rows, by what the examples have in common.

    Args:
        each: a row an example; those of zeros have no direction and are left out.
        pairs: operands.
        label: of each example.
        random: draws rows where there are more than :data:`MOST_ROWS`.

    Returns:
        ``cosine_same_label``; ``cosine_same_operand``: the same first or the same second operand
        and different labels; ``cosine_neither``. None where no two examples are of the kind.
    """
    norm = np.linalg.norm(each, axis=1)
    rows = np.flatnonzero(norm > 0)
    if len(rows) > MOST_ROWS:
        rows = np.sort(random.permutation(rows)[:MOST_ROWS])
    unit = each[rows] / norm[rows, None]
    found = unit @ unit.T
    pair, label = pairs[rows], label[rows]
    once = np.tri(len(rows), k=-1, dtype=bool)
    same_label = label[:, None] == label
    same_operand = (pair[:, None] == pair).any(axis=-1)
    return {
        "cosine_same_label": _mean(found, once & same_label),
        "cosine_same_operand": _mean(found, once & same_operand & ~same_label),
        "cosine_neither": _mean(found, once & ~same_operand & ~same_label),
    }


def _mean(found: Float[np.ndarray, "row row"], which: Bool[np.ndarray, "row row"]) -> float | None:
    return float(found[which].mean()) if which.any() else None
