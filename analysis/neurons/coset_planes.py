"""The answers of a group in a plane: which subgroup's cosets lie together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from interp.analysis.caption import place
from interp.analysis.neurons.constancy import Side, cosets_of, explained
from interp.analysis.neurons.output_plane import Points, output_rows, pca, tsne
from interp.training.display import Result
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint
from interp.training.tasks.finite.subgroups import Subgroups, subgroups
from interp.training.tasks.groups import GROUPS, finite_group
from interp.training.tasks.task import Task

if TYPE_CHECKING:
    import pandas as pd

_SHUFFLES = 200
_SIDES: tuple[Side, Side] = ("left", "right")
# Of each side and subgroup, how far its cosets lie together.
Scores = Float[np.ndarray, "side subgroup"]


@dataclass(frozen=True, eq=False)
class CosetPlane:
    """A picture of the answers, and the subgroup whose cosets stand out in it.

    Attributes:
        points: one an element, in the order of the group.
        coset: of each element, counted from 0.
        words: the subgroup and the side: ``right cosets of A4``.
        share: how far cosets lie together: in PCA the share of the points' variance between them,
            in t-SNE that of elements whose nearest neighbour is in the same one.
        chance: what a random partition into as many equal parts has.
        control: mean excess over chance of the best subgroup for shuffled elements; the best
            subgroup of the network is that of the greatest excess, too.
    """

    points: Points
    coset: Int[np.ndarray, " element"]
    words: str
    share: float
    chance: float
    control: float

    @property
    def excess(self) -> float:
        """Over chance."""
        return self.share - self.chance


@dataclass(frozen=True, repr=False)
class CosetPlanes(Result):
    """Both pictures of the output layer of a network.

    Attributes:
        elements: names, in the order of the group.
        pca, tsne: the pictures.
        caption, name: of the network.
    """

    elements: tuple[str, ...]
    pca: CosetPlane
    tsne: CosetPlane
    caption: str
    name: str

    @property
    def note(self) -> str:
        """Whose cosets they are, and what the control is."""
        best = f"PCA {self.pca.words}, t-SNE {self.tsne.words}"
        return f"{best} · control: the best subgroup for shuffled elements, mean of {_SHUFFLES}"

    def values(self) -> dict[str, float]:
        """How far cosets of the best subgroup lie together, beside chance and shuffled answers."""
        rows = (("pca", self.pca), ("tsne", self.tsne))
        return {
            f"{name}_{field}": getattr(one, field)
            for name, one in rows
            for field in ("share", "chance", "excess")
        } | {f"{name}_excess_control": one.control for name, one in rows}

    def to_pandas(self) -> pd.DataFrame:
        """A row an element: its name, place and coset in both pictures."""
        import pandas as pd

        columns: dict[str, object] = {"name": self.elements}
        for name, one in (("pca", self.pca), ("tsne", self.tsne)):
            columns |= {f"{name}_1": one.points[:, 0], f"{name}_2": one.points[:, 1]}
            columns[f"{name}_coset"] = one.coset
        return pd.DataFrame(columns).rename_axis(index="element")


def no_subgroups(task: Task) -> str | None:
    """Why answers have no cosets."""
    try:
        subgroups(finite_group(task.group, task.n_answers))
    except ValueError as error:
        return str(error)
    return None


def coset_planes(origin: Checkpoint, seed: int = 0) -> CosetPlanes:
    """PCA and t-SNE of the rows of the output layer, and whose cosets lie together in them.

    Args:
        origin: a checkpoint of a task of a group that is not cyclic.
        seed: of t-SNE's start and of the shuffled controls.

    Raises:
        PartError: if scikit-learn is not installed or cannot be imported.
        ValueError: if the group has too many subgroups.
    """
    task = origin.network.task
    known = subgroups(finite_group(task.group, task.n_answers))
    rows = output_rows(origin.network)
    random = stream(seed, "planes")
    shuffles = [random.permutation(len(rows)) for _ in range(_SHUFFLES)]
    of_pca, of_tsne = pca(rows), tsne(rows, seed)
    near = nearest(of_tsne)
    # Element i stands where element one[i] stood, and its neighbour moves likewise.
    moved = [np.argsort(one)[near[one]] for one in shuffles]
    n, orders = len(rows), known.orders
    return CosetPlanes(
        task.elements,
        _plane(
            of_pca,
            known,
            [between(of_pca, known), *(between(of_pca[one], known) for one in shuffles)],
            (n / orders - 1) / (n - 1),
        ),
        _plane(
            of_tsne,
            known,
            [neighbours(one, known) for one in (near, *moved)],
            (orders - 1) / (n - 1),
        ),
        place(origin.seed, origin.step, GROUPS[task.group].words),
        origin.name,
    )


def _plane(
    points: Points, known: Subgroups, scores: list[Scores], chance: Float[np.ndarray, " subgroup"]
) -> CosetPlane:
    """With the subgroup of the greatest excess; scores of shuffled elements follow the own ones."""
    excess = [np.where(known.is_proper, one - chance, -1) for one in scores]
    at, best = np.unravel_index(int(excess[0].argmax()), excess[0].shape)
    side: Side = "both" if known.is_normal[best] else _SIDES[at]
    kind = "cosets" if side == "both" else f"{side} cosets"
    return CosetPlane(
        points,
        cosets_of(known.group, known.members[best], side),
        f"{kind} of {known.names[best]}",
        float(scores[0][at, best]),
        float(chance[best]),
        float(np.mean([one.max() for one in excess[1:]])),
    )


def between(points: Points, known: Subgroups) -> Scores:
    """Share of the points' variance that lies between the cosets of each subgroup."""
    power = ((points - points.mean(axis=0)) ** 2).sum(axis=0)
    if not power.any():
        return np.zeros((2, len(known)))
    rows = [np.nan_to_num(explained(points.T, known, side)) for side in _SIDES]
    return np.stack([power @ one / power.sum() for one in rows])


def neighbours(near: Int[np.ndarray, " element"], known: Subgroups) -> Scores:
    """Share of elements whose nearest neighbour is in the same coset of each subgroup.

    x and y are in one left coset of H where x⁻¹y is in H, in one right coset where x y⁻¹ is.

    Args:
        near: the nearest neighbour of each element.
        known: the subgroups.
    """
    group, n = known.group, len(near)
    every = np.arange(n)
    apart = (group.table[group.inverse, near], group.table[every, group.inverse[near]])
    counts = np.stack([np.bincount(one, minlength=n) for one in apart])
    return np.asarray(counts @ known.members.T / n)


def nearest(points: Points) -> Int[np.ndarray, " element"]:
    """The nearest other point of each."""
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    return distance.argmin(axis=1)
