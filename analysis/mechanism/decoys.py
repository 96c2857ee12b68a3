"""Which rankings survive a change of weights that changes nothing that the network computes?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import numpy as np
from jaxtyping import Int

from interp.analysis.ablation.ranking import alike_by, known_of, order_by, random_orders
from interp.analysis.ablation.tail import Tail
from interp.analysis.measure import NotDefined, measure
from interp.analysis.mechanism.draws import mean_of_draws
from interp.analysis.mechanism.rescaled import not_rescalable, rescaled
from interp.analysis.neurons.classify import classify, has_cut, pruned_below
from interp.analysis.neurons.read import neuron_table, no_neurons
from interp.analysis.neurons.weights import check_layer
from interp.training.arguments import MOST_DRAWS, number, whole
from interp.training.display import Result, Values
from interp.training.memory import check_memory
from interp.training.models.network import Network
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint

if TYPE_CHECKING:
    import pandas as pd

RANDOM = "random"
LARGEST = 1e3  # factor; its squares stay far from the ends of float32
SPREAD = 4.0  # the log-uniform factors lie between its inverse and it
Decoy = Literal["scaled", "spread"]
DECOYS: tuple[Decoy, ...] = get_args(Decoy)
ORIGINAL = "original"


@dataclass(frozen=True, repr=False)
class Decoys(Result):
    """What is left after pruning by every ranking: of a network, and of two that are the same.

    Attributes:
        scores: by ranking, ``random`` last, and by network, ``original`` first: accuracy and loss
            of every split, such as ``test_accuracy``. Of random removals, means over the draws.
        spearman: by ranking and decoy, rank correlation of the ranking before and after, over the
            living neurons; None where it has no order.
        logit_change: by decoy, the greatest change of a logit relative to the greatest logit.
        pruned: number of neurons.
        caption: of the neurons.
        note: what the decoys are.
    """

    scores: Mapping[str, Mapping[str, Values]]
    spearman: Mapping[str, Mapping[Decoy, float | None]]
    logit_change: Mapping[Decoy, float]
    pruned: int
    caption: str
    note: str = ""

    COLUMNS: ClassVar[tuple[str, ...]] = (
        "ranking",
        "network",
        "test_accuracy",
        "corrupted_accuracy",
        "spearman",
    )

    def values(self) -> Values:
        """``IPR.scaled.test_accuracy``, ``IPR.spread.spearman``, ``scaled.logit_change``."""
        found: dict[str, float | int | str | bool | None] = {"pruned": float(self.pruned)}
        found |= {f"{decoy}.logit_change": value for decoy, value in self.logit_change.items()}
        for ranking, networks in self.scores.items():
            for network, row in networks.items():
                found |= {f"{ranking}.{network}.{name}": value for name, value in row.items()}
        for ranking, alike in self.spearman.items():
            found |= {f"{ranking}.{decoy}.spearman": value for decoy, value in alike.items()}
        return found

    def to_pandas(self) -> pd.DataFrame:
        """A row a ranking and network: Spearman with the original's ranking, scores of splits."""
        import pandas as pd

        rows = [
            {
                "ranking": ranking,
                "network": network,
                "spearman": self.spearman.get(ranking, {}).get(network),  # type: ignore[call-overload]
                **row,
            }
            for ranking, networks in self.scores.items()
            for network, row in networks.items()
        ]
        return pd.DataFrame(rows)


def _check(network: Network, layer: int, factor: float, draws: int) -> None:
    """Refuses a layer whose neurons cannot be rescaled, and numbers that cannot be."""
    reason = not_rescalable(network, layer)
    if reason is not None:
        raise NotDefined(f"measure decoys: {reason}")
    if not 1 / LARGEST <= number(factor, "factor") <= LARGEST:
        raise ValueError(
            f"factor: expected a number from {1 / LARGEST:g} to {LARGEST:g}, got {factor:g}"
        )
    whole(draws, "draws", least=1, most=MOST_DRAWS)
    width = network.layers[layer].width
    check_memory(8 * draws * width, f"{draws:,} random orders of {width:,} neurons")


def no_decoys(checkpoint: Checkpoint) -> str | None:
    """Why a network has no decoys: no layer whose neurons can be rescaled."""
    network = checkpoint.network
    reasons = [not_rescalable(network, layer) for layer in range(len(network.layers))]
    return no_neurons(checkpoint) or (reasons[0] if all(reasons) else None)


@measure(
    "decoys",
    source="homogeneity of φ; the rankings of Doshi et al. 2024 (arXiv 2310.13061) and of Liu and "
    "Lu 2026 (arXiv 2605.18022)",
    refuses=no_decoys,
    version=2,
)
def decoys(
    checkpoint: Checkpoint,
    *,
    factor: float = 3.0,
    draws: int = 10,
    layer: int = 0,
    seed: int = 0,
) -> Decoys:
    """Which rankings survive a change that changes nothing: neurons rescaled, the same function.

    Where φ(cx) = c^d φ(x), weights into a neuron times c and out of it times c^−d leave the network
    as it is. ``scaled``: c = ``factor`` on the neurons below the two-class cut of the IPR;
    ``spread``: c log-uniform between ¼ and 4 on all. As many neurons as lie below the cut are
    pruned, the lowest first, by every ranking and at random, before and after.

    Args:
        checkpoint: of a network whose neurons stand between two matrices, without a norm on them,
            with a homogeneous φ.
        factor: c of the neurons below the cut.
        draws: random removals of the control.
        layer: which hidden layer.
        seed: of the factors and of the control.
    """
    check_layer(checkpoint.network, layer)
    _check(checkpoint.network, layer, factor, draws)
    whole(seed, "seed")
    checkpoint = replace(checkpoint, network=checkpoint.exact)
    table = neuron_table(checkpoint, layer=layer)
    if not has_cut(table):
        raise NotDefined("measure decoys: expected two different IPRs, between which to cut")
    cut = classify(table)
    pruned = pruned_below(table, cut.threshold)
    assert table.degree is not None
    bound = np.log(SPREAD)
    spread = np.exp(stream(seed, "decoys").uniform(-bound, bound, len(table)))
    factors = {"scaled": np.where(cut.memorizing, factor, 1.0), "spread": spread}
    networks = {ORIGINAL: checkpoint} | {
        name: replace(checkpoint, network=rescaled(checkpoint.network, c, layer, table.degree))
        for name, c in factors.items()
    }
    random = stream(seed, "control")
    drawn = [order[pruned:] for order in random_orders(table.dead, draws, random)]
    words = [
        f"{pruned} of {len(table)} neurons pruned, lowest first",
        f"scaled: those below IPR {cut.threshold:.3f} by {factor:g}",
        f"spread: every neuron by 1/{SPREAD:g} to {SPREAD:g}",
        f"random: mean of {draws} draws, seed {seed}",
    ]
    return _compared(networks, layer, drawn, " · ".join(words))


def _compared(
    networks: Mapping[str, Checkpoint],
    layer: int,
    drawn: Sequence[Int[np.ndarray, " kept"]],
    note: str,
) -> Decoys:
    """Every network pruned by every ranking of its own, and of the drawn neurons' rest."""
    tables = {name: neuron_table(one, layer=layer) for name, one in networks.items()}
    original = tables[ORIGINAL]
    names, kept = known_of(original), len(drawn[0])
    found: dict[str, dict[str, Values]] = {name: {} for name in (*names, RANDOM)}
    logits = {}
    for which, one in networks.items():
        score = _Scores(one, layer)
        logits[which] = score.tail(np.arange(len(original)))
        for name in names:
            found[name][which] = score(order_by(tables[which], name, "lowest")[-kept:])
        found[RANDOM][which] = mean_of_draws([score(neurons) for neurons in drawn])
    largest = logits[ORIGINAL].abs().max()
    return Decoys(
        found,
        {n: {d: alike_by(original, tables[d], n, n) for d in DECOYS} for n in names},
        {d: float((logits[d] - logits[ORIGINAL]).abs().max() / largest) for d in DECOYS},
        len(original) - kept,
        original.caption,
        note,
    )


class _Scores:
    """Accuracy and loss of every split with some neurons of a layer kept."""

    def __init__(self, checkpoint: Checkpoint, layer: int) -> None:
        self._evaluation = checkpoint.evaluation
        self.tail = Tail(checkpoint.network, self._evaluation.pairs, layer)

    def __call__(self, neurons: Int[np.ndarray, " kept"]) -> dict[str, float | None]:
        return self._evaluation(self.tail(neurons)).values()
