"""Which neurons hold which wrong label: what each adds to the margin of the given over the true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Float, Int

from interp.analysis.measure import measure
from interp.analysis.mechanism.untrained import untrained_beside
from interp.analysis.memorization.controls import (
    DRAWN,
    Controls,
    gaussian_votes,
    random_orders,
    wrong,
)
from interp.analysis.memorization.margins import margins
from interp.analysis.memorization.removal import Removal, removal
from interp.analysis.memorization.spread import MOST_ROWS, cosines, spread
from interp.analysis.memorization.votes import Votes, votes
from interp.analysis.neurons.classify import Classes, classify, has_cut
from interp.analysis.neurons.read import neuron_table, no_neurons
from interp.training.arguments import MOST_DRAWS, whole
from interp.training.display import Result, Value
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint

if TYPE_CHECKING:
    import pandas as pd

_EXACT = "rows and base sum to the margin"
_FIRST_ORDER = (
    "first order, activation × gradient: rows do not sum exactly, and removals are not exact"
)


@dataclass(frozen=True, repr=False)
class Memory(Result):
    """Votes of the neurons for the labels that wrong training examples were given.

    Attributes:
        matrix: what each neuron adds to the margin of the given over the true label, in logits.
        base: the rest of each margin, which no neuron of the layer adds.
        pairs: operands of the wrong examples.
        given, true: their labels.
        ipr: of each neuron; NaN for a dead one.
        classes: of the neurons by the two-class cut; None where there are no two IPRs.
        removal: without how many neurons the labels are lost.
        removal_null: the same of votes of noise, whose sums are their margins.
        numbers: what :meth:`values` gives.
        exact: whether rows and base sum to the margin, and removals are what they are called.
        caption: of the neurons.
        note: what the numbers and the controls are.
    """

    matrix: Float[np.ndarray, "example neuron"]
    base: Float[np.ndarray, " example"]
    pairs: Int[np.ndarray, "example 2"]
    given: Int[np.ndarray, " example"]
    true: Int[np.ndarray, " example"]
    ipr: Float[np.ndarray, " neuron"]
    classes: Classes | None
    removal: Removal
    removal_null: Removal
    numbers: Mapping[str, Value]
    exact: bool
    caption: str
    note: str = ""

    MAIN: ClassVar[tuple[str, ...]] = (
        *("ipr_correlation", "margin_low_ipr", "margin_high_ipr"),
        *("participation", "participation_null", "to_forget_best", "to_forget_random"),
    )

    def values(self) -> dict[str, Value]:
        """Margins by class, spread, removals, cosines; of controls with their name behind.

        ``margin`` is the sum of ``margin_low_ipr``, ``margin_high_ipr``, ``margin_dead`` and
        ``margin_base``, all means over the wrong examples.
        """
        return dict(self.numbers)

    def to_pandas(self) -> pd.DataFrame:
        """A row a neuron: IPR, class, mean vote, number of labels lost without it alone."""
        import pandas as pd

        columns = {
            "ipr": self.ipr,
            "class": self.classes.names if self.classes else None,
            "mean_contribution": self.matrix.mean(axis=0, dtype=np.float64),
            "examples_lost": self.removal.lost,
        }
        return pd.DataFrame(columns).rename_axis(index="neuron")


def no_memory(checkpoint: Checkpoint) -> str | None:
    """Why a network holds no wrong label that is known."""
    if not checkpoint.network.layers:
        return no_neurons(checkpoint)
    if checkpoint.dataset is None:
        return "expected a dataset beside the network, which tells wrong labels from right ones"
    if not len(wrong(checkpoint.dataset)):
        return "expected training examples with a wrong label (ξ > 0), got none"
    return None


@measure(
    "memory",
    source="direct contribution of neurons to a difference of logits; localization of memorized "
    "examples: Maini et al. 2023 (arXiv 2307.09542); controls of this project",
    refuses=no_memory,
)
def memory(checkpoint: Checkpoint, *, layer: int = 0, draws: int = 10, seed: int = 0) -> Memory:
    """Which neurons hold which wrong label: votes for the given label against the true one.

    C[e, k] = A[e, k] · (W[given, k] − W[true, k]) of neuron k and wrong training example e, with
    activations A and the map W from neurons to logits. Nothing is retrained. Participation is the
    median of (Σ|c|)² / Σc² over examples, the effective rank (Σs)² / Σs². ``to_forget`` is the
    number of neurons that are removed until the true label is no worse than the given one; a
    third answer may win before.

    Args:
        checkpoint: of a network with neurons and wrong training labels. Where the logits are no
            sum over the layer's neurons, votes are activation × gradient.
        layer: which hidden layer.
        draws: random orders of removal.
        seed: of all controls.
    """
    whole(draws, "draws", least=1, most=MOST_DRAWS)
    checkpoint = replace(checkpoint, network=checkpoint.exact)
    table, dataset = neuron_table(checkpoint, layer=layer), checkpoint.scored_on
    classes = classify(table) if has_cut(table) else None
    which = wrong(dataset)
    pairs, given, true = dataset.pairs[which], dataset.given_label[which], dataset.true_label[which]
    own = votes(checkpoint.network, pairs, given, true, layer)
    orders = random_orders(len(table), draws, seed)
    null = gaussian_votes(len(own), len(table), seed)
    found, by_chance = removal(own, orders), removal(null, orders)
    numbers: dict[str, Value] = {
        **{"examples": float(len(own)), "neurons": float(len(table))},
        **margins(own, table, classes),
        **spread(own.each),
        **found.values(),
        **cosines(own.each, pairs, given, stream(seed, "control", DRAWN)),
    }
    controls = {"null": spread(null.each) | by_chance.values()}
    controls |= Controls(checkpoint, layer, draws, seed)(own, table, classes)
    for name, more in controls.items():
        numbers |= {f"{key}_{name}": value for key, value in more.items()}
    return Memory(
        own.each.astype(np.float32),
        own.base,
        pairs,
        given,
        true,
        table.ipr,
        classes,
        found,
        by_chance,
        numbers,
        own.exact,
        table.caption,
        _note(checkpoint, own, draws, seed),
    )


def _note(checkpoint: Checkpoint, own: Votes, draws: int, seed: int) -> str:
    words = [
        "votes for the given label of wrong training examples against the true one",
        _EXACT if own.exact else _FIRST_ORDER,
        f"random: mean of {draws} orders, seed {seed}",
        "null: votes g²g′ of Gaussians, as of φ = x²",
        "clean: right training examples, their label over the strongest other one",
        untrained_beside(checkpoint.network, seed)[1],
    ]
    words += [f"cosines of {MOST_ROWS} examples"] if len(own) > MOST_ROWS else []
    return " · ".join(words)
