"""What the numbers of memory are for noise, right labels and an untrained network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int

from interp.analysis.mechanism.untrained import untrained_beside
from interp.analysis.memorization.margins import margins
from interp.analysis.memorization.removal import removal
from interp.analysis.memorization.spread import cosines, spread
from interp.analysis.memorization.votes import Votes, votes
from interp.analysis.neurons.classify import Classes
from interp.analysis.neurons.read import neuron_table
from interp.analysis.neurons.table import NeuronTable
from interp.training.data.dataset import Dataset
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint

Numbers = dict[str, float | None]
DRAWN = 1  # the part of the control's stream that examples are drawn from


def wrong(dataset: Dataset) -> Int[np.ndarray, " example"]:
    """Numbers of the training pairs whose given label is not the true one."""
    return np.flatnonzero(dataset.is_wrong)


def random_orders(neurons: int, draws: int, seed: int) -> Int[np.ndarray, "draw neuron"]:
    """Orders of removal, the same for the network and every control."""
    random = stream(seed, "control")
    return np.stack([random.permutation(neurons) for _ in range(draws)])


def gaussian_votes(examples: int, neurons: int, seed: int) -> Votes:
    """The null: g² · g′ of independent Gaussians, as a square activation times a weight."""
    random, shape = stream(seed, "null"), (examples, neurons)
    each = random.standard_normal(shape) ** 2 * random.standard_normal(shape)
    return Votes(each, np.zeros(examples))


@dataclass(frozen=True)
class Controls:
    """The controls of one checkpoint.

    Attributes:
        checkpoint: in float64.
        layer: which hidden layer.
        draws, seed: of the random orders; the seed is that of all controls.
    """

    checkpoint: Checkpoint
    layer: int
    draws: int
    seed: int

    def __call__(
        self, own: Votes, table: NeuronTable, classes: Classes | None
    ) -> Iterator[tuple[str, Numbers]]:
        """``clean`` and ``untrained`` with their numbers, as far as there are such.

        Args:
            own: of the wrong labels.
            table: of the neurons.
            classes: of the same; None where there are no two.
        """
        right = self._right(len(own))
        if right is not None:
            yield "clean", margins(right, table, classes) | self._numbers(right)
        fresh, _ = untrained_beside(self.checkpoint.network, self.seed)
        if fresh is not None:
            data = self.checkpoint.scored_on
            which = wrong(data)
            pairs, given, true = data.pairs[which], data.given_label[which], data.true_label[which]
            found = votes(fresh, pairs, given, true, self.layer)
            told = margins(found, neuron_table(fresh, layer=self.layer))
            yield (
                "untrained",
                {name: told[name] for name in ("margin", "ipr_correlation")}
                | self._numbers(found)
                | cosines(found.each, pairs, given, stream(self.seed, "control", DRAWN)),
            )

    def _right(self, most: int) -> Votes | None:
        """Votes for right training labels over the strongest other answer; None without any."""
        network, data = self.checkpoint.network, self.checkpoint.scored_on
        clean = np.flatnonzero(data.is_train & ~data.is_wrong)
        drawn = np.sort(stream(self.seed, "control", DRAWN).permutation(clean)[:most])
        if not len(drawn):
            return None
        pairs, label = data.pairs[drawn], data.true_label[drawn]
        with torch.no_grad():
            logits = network(torch.as_tensor(pairs)).numpy().copy()
        logits[np.arange(len(drawn)), label] = -np.inf
        return votes(network, pairs, label, logits.argmax(axis=1), self.layer)

    def _numbers(self, found: Votes) -> Numbers:
        orders = random_orders(found.each.shape[1], self.draws, self.seed)
        return spread(found.each) | removal(found, orders).values()
