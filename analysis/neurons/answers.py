"""The answers in a plane: PCA and t-SNE of the output layer, and how circular they lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.neurons.coset_planes import CosetPlanes, coset_planes, no_subgroups
from interp.analysis.neurons.output_plane import Points, output_rows, pca, tsne
from interp.training.display import Result
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.subject import Source, as_checkpoint
from interp.training.tasks.groups import GROUPS, residue_order

if TYPE_CHECKING:
    import pandas as pd

_SHUFFLES = 200


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


@dataclass(frozen=True, repr=False)
class AnswerPlanes(Result):
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

    def values(self) -> dict[str, float]:
        """How circular the answers lie, beside shuffled answers."""
        return {
            "pca_ring": self.pca.ring,
            "pca_ring_control": self.pca.control,
            "tsne_neighbours": self.tsne.neighbours,
            "tsne_neighbours_control": self.tsne.control,
        }

    def to_pandas(self) -> pd.DataFrame:
        """A row an element: its residue, and its place in both pictures."""
        import pandas as pd

        places = {"pca_1": self.pca.points[:, 0], "pca_2": self.pca.points[:, 1]}
        places |= {"tsne_1": self.tsne.points[:, 0], "tsne_2": self.tsne.points[:, 1]}
        return pd.DataFrame({"residue": self.residues, **places}).rename_axis(index="element")


def answer_planes(source: Source, step: int | None = None, seed: int = 0) -> AnswerPlanes:
    """PCA and t-SNE of the rows of the output layer, one a residue (2201.02177, section 3.3).

    In the order of the task's group: residues, or their discrete logarithms for × and ÷ (the zero
    residue apart), in which multiplication should look like addition.

    Args:
        source: a run or its folder, a checkpoint, or a network.
        step: which checkpoint of a run.
        seed: of t-SNE's start and of the shuffled controls.

    Raises:
        PartError: if scikit-learn is not installed or cannot be imported.
    """
    origin = as_checkpoint(source, step)
    network = origin.network
    order = residue_order(network.task.n_answers, network.task.group)
    rows = output_rows(network)[order]
    flat = pca(rows)
    random = stream(seed, "planes")
    shuffles = [random.permutation(len(rows)) for _ in range(_SHUFFLES)]
    fit, frequency = ring_fit(flat)
    embedded = tsne(rows, seed)
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
        place(origin.seed, origin.step, GROUPS[network.task.group].words),
        origin.name,
    )


def no_planes(checkpoint: Checkpoint) -> str | None:
    """Why answers are neither in a ring nor in cosets, which the pictures look for."""
    task = checkpoint.network.task
    weights = checkpoint.network.read_out
    if not GROUPS[task.group].is_cyclic:
        return no_subgroups(task)
    answers = len(residue_order(task.n_answers, task.group))
    if weights is not None and (weights.shape[-2] < 2 or answers < 3):
        got = f"{weights.shape[-2]} and {answers}"
        return f"expected output weights of 2 dimensions and 3 answers at least, got {got}"
    return None


@measure("answers", source="Power et al. 2022 (arXiv 2201.02177), section 3.3", refuses=no_planes)
def answers(checkpoint: Checkpoint, *, seed: int = 0) -> AnswerPlanes | CosetPlanes:
    """How the answers lie in the first two dimensions of their weights (PCA, t-SNE): ring, cosets.

    Args:
        checkpoint: of any network; of a cyclic group a ring is looked for, of another one cosets.
        seed: of t-SNE's start and of the shuffled controls.
    """
    if GROUPS[checkpoint.task.group].is_cyclic:
        return answer_planes(checkpoint, seed=seed)
    return coset_planes(checkpoint, seed=seed)


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
