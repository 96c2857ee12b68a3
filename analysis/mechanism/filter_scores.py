"""Scores of a checkpoint's filtered networks and of those that learned nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from interp.analysis.caption import place
from interp.analysis.mechanism.filtered import By, Filter, Keep, Part, filter_of
from interp.analysis.mechanism.lazy import lazy_network, lazy_networks
from interp.analysis.mechanism.vote import label_vote, mean_scores, random_labels
from interp.analysis.neurons.classify import has_cut, two_class_cut
from interp.analysis.neurons.read import neuron_table
from interp.training.data.dataset import Dataset
from interp.training.data.scores import Scores
from interp.training.models.network import Network
from interp.training.runs.checkpoint import Checkpoint
from interp.training.tasks.groups import GROUPS

# Numbers of blocks at which the strength of a filter is tried; the last one is all of them.
_GRID = (1, 2, 4, 8, 16, 32)


LAZY_DRAWS = 3  # of which the mean is shown

# Scores of lazy networks: of which dataset, of what shape and how, and what they are.
_KNOWN: deque[tuple[Dataset, tuple[object, ...], dict[str, Scores]]] = deque(maxlen=4)


@dataclass(frozen=True)
class FilterScores:
    """What is scored of one checkpoint.

    Attributes:
        checkpoint: whose network is filtered.
        filter: its curves.
        keep: how many blocks are kept.
        seed: of permutations, random blocks, lazy networks and random labels.
    """

    checkpoint: Checkpoint
    filter: Filter
    keep: int
    seed: int

    @torch.no_grad()
    def of(self, network: Network) -> Scores:
        """Scores in the precision of the checkpoint's network."""
        kind = next(self.checkpoint.network.parameters()).dtype
        logits: Tensor = network.to(kind).logits(self.checkpoint.evaluation.pairs)  # type: ignore[attr-defined]
        return self.checkpoint.evaluation(logits)

    def by(self, by: By, draw: int = 0) -> Scores:
        """Of the network that keeps the blocks which a rule chooses."""
        return self.of(self.filter.split(self.filter.choose(by, self.keep, self.seed + draw)))

    def drawn(self, by: By, draws: int) -> Scores:
        """The mean over draws of a rule that is random."""
        return mean_scores([self.by(by, draw) for draw in range(draws)])

    def classes(self, chosen: Keep) -> Iterator[tuple[str, Scores]]:
        """Of the networks in which the neurons on one side of the two-class cut are filtered."""
        table = neuron_table(self.checkpoint)
        if not has_cut(table):
            return
        cut = two_class_cut(table.ipr[~table.dead])
        low: Bool[np.ndarray, " neuron"] = table.dead | (table.ipr < cut)
        yield "g_low_ipr", self.of(self.filter.split(chosen, which=low))
        yield "g_high_ipr", self.of(self.filter.split(chosen, which=~low))

    def lazies(self, draws: int = LAZY_DRAWS) -> Iterator[Network]:
        """Lazy networks of the same shape; one draw differs much from another."""
        for draw in range(self.seed, self.seed + draws):
            yield lazy_network(self.checkpoint.network, self.checkpoint.scored_on, draw)

    def nulls(self, draws: int) -> dict[str, Scores]:
        """Of networks that learned no feature, and of the labels alone.

        They are the same at every checkpoint of a run, and kept for the next one.
        """
        network, data = self.checkpoint.network, self.checkpoint.scored_on
        kind = next(network.parameters()).dtype
        key = (repr(network.model), kind, self.checkpoint.loss, self.keep, self.seed, draws)
        for known_data, known_key, known in _KNOWN:
            if known_data is data and known_key == key:
                return known
        found = self._nulls(draws)
        _KNOWN.append((data, key, found))
        return found

    def _nulls(self, draws: int) -> dict[str, Scores]:
        found: dict[str, list[Scores]] = {"lazy": [], "lazy_g": [], "random_labels_g": []}
        data = self.checkpoint.scored_on
        for draw in range(self.seed, self.seed + draws):
            labels = [data.given_label, random_labels(data, draw)]
            whole, blind = lazy_networks(self.checkpoint.network, data, draw, labels)
            found["lazy"].append(self.of(whole))
            found["lazy_g"].append(self._g_of(whole))
            found["random_labels_g"].append(self._g_of(blind))
        means = {name: mean_scores(each) for name, each in found.items()}
        return {**means, "vote": label_vote(self.checkpoint)}

    def _g_of(self, network: Network) -> Scores:
        found = filter_of(network)
        return self.of(found.split(found.choose("answer", self.keep)))

    def strength(self, draws: int) -> Iterator[tuple[int, dict[str, Scores]]]:
        """Of networks that keep more and more blocks."""
        every = self.filter.blocks - 1
        for keep in [*(one for one in _GRID if one < every), every]:
            at = FilterScores(self.checkpoint, self.filter, keep, self.seed)
            chosen = self.filter.choose("answer", keep)
            yield (
                keep,
                {
                    "g": self.of(self.filter.split(chosen)),
                    "r": self.of(self.filter.split(chosen, "R")),
                    "random": at.drawn("random", min(draws, 2)),
                },
            )

    def words_of(self, part: Part) -> str:
        """What is kept or taken away, in which basis."""
        done = "kept" if part == "G" else "taken away"
        blocks = f"{self.keep} of {self.filter.blocks - 1} blocks {done}"
        where = "by neuron, in U, V and W" if self.filter.by_neuron else "of the last matrix"
        return f"{blocks}, {where} · {GROUPS[self.filter.group].words}"

    def caption_of(self, part: Part) -> str:
        """The same, of which checkpoint."""
        return place(self.checkpoint.seed, self.checkpoint.step, self.words_of(part))
