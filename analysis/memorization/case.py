"""What detectors of wrong labels read: a run, its training examples, its logits over training."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from interp.analysis.ablation.prune import prune
from interp.analysis.measure import NotDefined
from interp.analysis.memorization.logits import margins
from interp.analysis.memorization.retraining.derived import left_out
from interp.analysis.memorization.retraining.retrain import Retrained
from interp.analysis.memorization.turnover import turnover_logits
from interp.analysis.neurons.classify import has_cut, two_class_cut
from interp.analysis.neurons.read import neuron_table, no_neurons
from interp.analysis.neurons.table import NeuronTable
from interp.training.models.network import Network
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.run import Run

Logits = Float[Tensor, "example answer"]
PerExample = Float[np.ndarray, " example"]


@dataclass(frozen=True, eq=False)
class Case:
    """A run whose training examples are suspected.

    Attributes:
        run: with a checkpoint, better with several.
        seed: of random controls.
        draws: of random controls.
        retrained: networks that were trained again on other examples.
    """

    run: Run
    seed: int = 0
    draws: int = 5
    retrained: Retrained = field(default_factory=Retrained)

    @cached_property
    def newest(self) -> Checkpoint:
        """The newest checkpoint."""
        return self.run.checkpoint()

    @cached_property
    def train(self) -> Int[np.ndarray, " example"]:
        """Places of the training examples among the pairs."""
        return np.flatnonzero(self.run.dataset.is_train)

    @cached_property
    def given(self) -> Int[np.ndarray, " example"]:
        """Their labels."""
        return self.run.dataset.given_label[self.train]

    @cached_property
    def wrong(self) -> Bool[np.ndarray, " example"]:
        """Whether the label is not the true one; a redrawn label may be right by chance."""
        return self.run.dataset.is_wrong[self.train]

    @cached_property
    def pairs(self) -> Int[Tensor, "example 2"]:
        """Their operands."""
        return torch.as_tensor(self.run.dataset.pairs[self.train])

    @torch.no_grad()
    def logits(self, network: Network) -> Logits:
        """Of the training examples."""
        return network.logits(self.pairs)

    @cached_property
    def own(self) -> Logits:
        """Of the newest network."""
        return self.logits(self.newest.network)

    @cached_property
    def pruned(self) -> Logits:
        """Of the network without its neurons below the cut.

        Raises:
            NotDefined: if there is no cut.
        """
        return self.logits(prune(self.newest.network, self.high))

    @cached_property
    def low(self) -> Logits:
        """Of the network with its living neurons below the cut alone; likewise."""
        return self.logits(prune(self.newest.network, ~self.high & ~self.table.dead))

    @cached_property
    def turnover(self) -> tuple[Logits, Logits]:
        """Under the examples' own masks of dropout and under the complementary ones.

        Raises:
            NotDefined: if neither the run nor one that was trained again has fixed masks.
        """
        if self.run.config.model.dropout_masks is not None:
            return turnover_logits(self.run)
        (again,) = self.retrained.of("turnover")
        return turnover_logits(again)

    @cached_property
    def out_of_fold(self) -> Logits:
        """Of each training example, by the network that was trained without its fold.

        Raises:
            NotDefined: if no folds were trained.
        """
        logits = torch.empty_like(self.own)
        for run in self.retrained.of("folds"):
            places = left_out(self.run, run)
            logits[places] = self.logits(run.network())[places]
        return logits

    def margin(self, logits: Logits) -> PerExample:
        """The given label's logit less the greatest other one."""
        return margins(logits, torch.as_tensor(self.given))

    def margin_of(self, network: Network) -> PerExample:
        """The same, of a network."""
        return self.margin(self.logits(network))

    @cached_property
    def margins(self) -> Float[np.ndarray, "step example"]:
        """At every checkpoint.

        Raises:
            NotDefined: if there is but one.
        """
        if len(self.run.steps) < 2:
            raise NotDefined("expected a run with several checkpoints, found one")
        steps = self.run.steps[:-1]
        before = [self.margin_of(self.run.checkpoint(step).network) for step in steps]
        return np.stack([*before, self.margin(self.own)])

    @cached_property
    def table(self) -> NeuronTable:
        """The neurons of the newest network.

        Raises:
            NotDefined: if it has none.
        """
        reason = no_neurons(self.newest)
        if reason is not None:
            raise NotDefined(reason)
        return neuron_table(self.newest)

    def as_many(self, random: np.random.Generator) -> Bool[np.ndarray, " neuron"]:
        """As many living neurons as lie above the cut, drawn at random.

        Raises:
            NotDefined: if there is no cut.
        """
        keep, alive = self.high.copy(), ~self.table.dead
        keep[alive] = random.permutation(self.high[alive])
        return keep

    @cached_property
    def high(self) -> Bool[np.ndarray, " neuron"]:
        """Neurons above the two-class cut of the IPR.

        Raises:
            NotDefined: if there is no cut.
        """
        if not has_cut(self.table):
            raise NotDefined("expected two different IPRs, between which to cut")
        return ~self.table.dead & (
            self.table.ipr >= two_class_cut(self.table.ipr[~self.table.dead])
        )
