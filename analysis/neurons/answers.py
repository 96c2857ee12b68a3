"""The answers in a plane: PCA and t-SNE of the output layer, and how circular they lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from interp.analysis.fourier.spectrum import BASIS_NAME
from interp.analysis.source import read_source
from interp.training.models.network import Network
from interp.training.randomness import stream
from interp.training.runs.run import Run
from interp.training.tasks.groups import residue_order

_SHUFFLES = 200
Points = Float[np.ndarray, "element 2"]


@dataclass(frozen=True)
class RingPlane:
    """The first two principal components of the answers' weights.

    Attributes:
        points: one an element of the task's group, in the group's order.
        ring: R² of the circle at the best frequency, see :func:`ring_fit`.
        frequency: that frequency.
        control: the mean R² over shuffled elements.
    """

    points: Points
    ring: float
    frequency: int
    control: float


@dataclass(frozen=True)
class NeighbourPlane:
    """A t-SNE picture of the answers' weights.

    Attributes:
        points: one an element of the task's group, in the group's order.
        neighbours: share of elements whose nearest neighbour is one fixed step away.
        step: that step, in elements.
        control: the mean of the share over shuffled elements.
    """

    points: Points
    neighbours: float
    step: int
    control: float


@dataclass(frozen=True)
class AnswerPlanes:
    """Both pictures of the output layer of a network.

    Attributes:
        residues: the residue of each element.
        pca, tsne: the pictures.
        caption: of which network.
    """

    residues: Int[np.ndarray, " element"]
    pca: RingPlane
    tsne: NeighbourPlane
    caption: str
    name: str


def answer_planes(source: Run | Network, step: int | None = None, seed: int = 0) -> AnswerPlanes:
    """PCA and t-SNE of the rows of the output layer, one a residue (2201.02177, section 3.3).

    In the order of the task's group: residues, or their discrete logarithms for × and ÷ (the zero
    residue apart), in which multiplication should look like addition.

    Args:
        source: a run or a network.
        step: which checkpoint of a run.
        seed: of t-SNE's start and of the shuffled controls.

    Raises:
        ImportError: if scikit-learn is not installed.
    """
    origin = read_source(source, step)
    network = origin.network
    order = residue_order(network.task.p, network.task.group)
    rows = output_rows(network)[order]
    centred = rows - rows.mean(axis=0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    flat = left[:, :2] * singular[:2]
    random = stream(seed, "planes")
    shuffles = [random.permutation(len(rows)) for _ in range(_SHUFFLES)]
    fit, frequency = ring_fit(flat)
    embedded = _tsne(rows, seed)
    share, apart = neighbour_share(embedded)
    return AnswerPlanes(
        order,
        RingPlane(flat, fit, frequency, float(np.mean([ring_fit(flat[s])[0] for s in shuffles]))),
        NeighbourPlane(
            embedded,
            share,
            apart,
            float(np.mean([neighbour_share(embedded[s])[0] for s in shuffles])),
        ),
        " · ".join(
            [
                BASIS_NAME[network.task.group],
                *([] if origin.seed is None else [f"seed {origin.seed}"]),
                *([] if origin.step is None else [f"step {origin.step}"]),
            ]
        ),
        origin.name,
    )


def output_rows(network: Network) -> Float[np.ndarray, "residue dimension"]:
    """The weights that make each answer's logit."""
    rows: np.ndarray = network.read_out.detach().double().cpu().numpy().T
    return rows


def ring_fit(points: Points) -> tuple[float, int]:
    """Share of the points' variance that one circle explains: element i at angle 2πfi/n.

    Returns:
        The greatest R² over the frequencies f of a circle x = A (cos, sin)(2πfi/n) with any
        linear map A, and its f. Points on a ring in arithmetic order have 1.
    """
    n = len(points)
    spectrum = np.abs(np.fft.rfft(points - points.mean(axis=0), axis=0)[1:]) ** 2
    weight = np.full(len(spectrum), 2.0)
    if n % 2 == 0:
        weight[-1] = 1
    power = spectrum.sum(axis=1) * weight
    total = power.sum()
    best = int(power.argmax())
    return (float(power[best] / total) if total > 0 else 0.0), best + 1


def neighbour_share(points: Points) -> tuple[float, int]:
    """Share of elements whose nearest neighbour is i ± s for the best single s, and that s."""
    n = len(points)
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    apart = (distance.argmin(axis=1) - np.arange(n)) % n
    apart = np.minimum(apart, n - apart)
    counts = np.bincount(apart, minlength=n // 2 + 1)
    best = int(counts.argmax())
    return float(counts[best] / n), best


def _tsne(rows: Float[np.ndarray, "element dimension"], seed: int) -> Points:
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        message = "t-SNE needs scikit-learn, which is not installed: pip install interp[planes]"
        raise ImportError(message) from None
    perplexity = min(10.0, (len(rows) - 1) / 3)
    found: np.ndarray = TSNE(
        perplexity=perplexity, init="pca", random_state=seed, metric="euclidean"
    ).fit_transform(rows)
    return found.astype(np.float64)
