"""Synergy and redundancy between groups of neurons, beside random groups and no network at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jaxtyping import Float, Int
from scipy.cluster.hierarchy import fcluster, linkage

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.mechanism.draws import mean_of_draws
from interp.analysis.mechanism.o_information import LEAST, extremes
from interp.analysis.mechanism.untrained import untrained_beside
from interp.analysis.memorization.hook_points import activations
from interp.analysis.neurons.read import no_neurons
from interp.analysis.neurons.weights import check_layer
from interp.training.arguments import MOST_DRAWS, whole
from interp.training.display import Result
from interp.training.models.network import Network
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint

if TYPE_CHECKING:
    import pandas as pd

_GROUPS = 10
MOST_GROUPS = 14  # 16,278 multiplets
WORDS = {
    "ward": "groups of neurons that act alike (Ward)",
    "random": "random groups of the same sizes",
    "untrained": "Ward groups of an untrained network",
    "independent": "the same groups, each seeing other pairs",
}
CONTROLS = ("random", "untrained", "independent")
Rows = Float[np.ndarray, "sample neuron"]


@dataclass(frozen=True)
class Extremes:
    """Least and greatest O-information over all multiplets of three groups or more, in nats.

    Attributes:
        synergy: the least; below 0 where some groups tell together what none tells alone.
        redundancy: the greatest.
    """

    synergy: float | None
    redundancy: float | None


@dataclass(frozen=True, repr=False)
class Information(Result):
    """Synergy and redundancy by the names of ``WORDS``, controls among them.

    Attributes:
        extremes: of each; of random draws the mean.
        sizes: neurons in each Ward group.
        caption, name: of the checkpoint.
        note: what the controls are.
    """

    extremes: Mapping[str, Extremes]
    sizes: tuple[int, ...]
    caption: str
    name: str
    note: str = field(default="", kw_only=True)

    MAIN: ClassVar[tuple[str, ...]] = (
        *("synergy", "synergy_random", "synergy_untrained", "synergy_independent"),
        *("redundancy", "redundancy_random"),
    )
    COLUMNS: ClassVar[tuple[str, ...]] = ("what", "synergy", "redundancy")

    def values(self) -> dict[str, float | None]:
        """``synergy``, ``redundancy``; of the controls with their name behind."""
        return {
            f"{name}{'' if which == 'ward' else f'_{which}'}": value
            for which, one in self.extremes.items()
            for name, value in asdict(one).items()
        }

    def to_pandas(self) -> pd.DataFrame:
        """A row for each, controls marked."""
        import pandas as pd

        rows: dict[str, dict[str, Any]] = {
            which: {"what": WORDS[which], "control": which in CONTROLS, **asdict(one)}
            for which, one in self.extremes.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="groups")


@measure(
    "information",
    source="information-theoretic progress measures of 2408.08944; controls of this project",
    refuses=no_neurons,
)
def information(
    checkpoint: Checkpoint,
    *,
    groups: int | None = None,
    samples: int = 1000,
    layer: int = 0,
    draws: int = 5,
    seed: int = 0,
) -> Information:
    """Synergy and redundancy: O-information between groups of neurons, beside random groups.

    Neurons whose activations are alike over pairs are grouped (Ward); a group is their mean, taken
    as a normal variable by its ranks. Of every multiplet of three groups or more the O-information
    is taken.

    Args:
        checkpoint: of any network with neurons.
        groups: how many; by default ten, or as many as neurons vary where these are fewer.
        samples: pairs that are drawn from all; all of them, if there are fewer.
        layer: which hidden layer.
        draws: of random groups, whose means are shown.
        seed: of pairs and controls.
    """
    if groups is not None:
        whole(groups, "groups", least=LEAST, most=MOST_GROUPS)
    whole(samples, "samples", least=10)
    whole(draws, "draws", least=1, most=MOST_DRAWS)
    network, random = checkpoint.network, stream(seed, "control")
    check_layer(network, layer)
    pairs = random.permutation(network.task.pairs)[:samples]
    rows = _neurons(network, pairs, layer)
    groups = min(_GROUPS, rows.shape[1]) if groups is None else groups
    if not LEAST <= groups <= rows.shape[1]:
        raise ValueError(
            f"information: expected at least {max(groups, LEAST)} neurons that vary, for as many "
            f"groups, got {rows.shape[1]}"
        )
    own = ward(rows, groups)
    means = group_means(rows, own)
    found = {"ward": extremes_of(means)}
    found["random"] = _mean(group_means(rows, random.permutation(own)) for _ in range(draws))
    other, words = untrained_beside(network, seed)
    if other is not None:
        before = _neurons(other, pairs, layer)
        found["untrained"] = extremes_of(group_means(before, ward(before, groups)))
    found["independent"] = _mean(random.permuted(means, axis=0) for _ in range(draws))
    told = (f"O-information of {groups} groups on {len(pairs)} pairs, nats", f"layer {layer}")
    return Information(
        found,
        tuple(np.bincount(own).tolist()),
        place(checkpoint.seed, checkpoint.step, *told),
        checkpoint.name,
        note=f"random groups and groups of other pairs: mean of {draws} draws · {words}",
    )


def _neurons(network: Network, pairs: Int[np.ndarray, "pair 2"], layer: int) -> Rows:
    """Activations of the neurons of a layer that vary; none where all are alike."""
    rows = activations(network, pairs).get(f"post.{layer}", np.zeros((len(pairs), 0)))
    return rows[:, rows.std(axis=0) > 0]


def ward(rows: Rows, groups: int) -> Int[np.ndarray, " neuron"]:
    """The group of each neuron, counted from 0: Ward's clusters of standardized activations."""
    standard = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    # ‖a − b‖² = 2n (1 − r) of standardized columns: one product instead of a pass for every pair.
    square = 2 * (len(rows) - standard.T @ standard)
    above = np.triu_indices(rows.shape[1], k=1)
    tree = linkage(np.sqrt(square[above].clip(min=0)), method="ward")
    found: np.ndarray = fcluster(tree, groups, criterion="maxclust")
    _, counted = np.unique(found, return_inverse=True)
    return counted


def group_means(rows: Rows, group: Int[np.ndarray, " neuron"]) -> Float[np.ndarray, "sample group"]:
    """The mean activation of each group."""
    members = np.eye(int(group.max()) + 1)[group]
    return rows @ members / members.sum(axis=0)


def _mean(drawn: Iterable[Float[np.ndarray, "sample group"]]) -> Extremes:
    return Extremes(**mean_of_draws([asdict(extremes_of(one)) for one in drawn]))


def extremes_of(means: Float[np.ndarray, "sample group"]) -> Extremes:
    """None where groups follow from each other, so that entropies do not exist."""
    try:
        return Extremes(*extremes(means))
    except ValueError:
        return Extremes(None, None)
