"""A checkpoint: a network at a step, read once, with all that it is scored on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from interp.training.arguments import some
from interp.training.config.run_config import RunConfig
from interp.training.config.sections import LossName
from interp.training.data.dataset import A_DATASET, Dataset
from interp.training.data.scores import Scores
from interp.training.losses.loss import LOSSES
from interp.training.models.arrays import MLPArrays
from interp.training.models.network import Network
from interp.training.runs.stored import MadeWhenAsked, Stored

if TYPE_CHECKING:
    from interp.training.evaluation import Evaluation

    Given = Network
else:  # what it is made with; it is a network when it is looked at
    Given = Network | Stored


@dataclass(frozen=True, repr=False)
class Checkpoint:
    """A network at a step; what every measure of one network reads.

    Attributes:
        network: in its run's precision; nobody changes it. Made of stored weights when asked for.
        dataset: what it is scored on; None for a network that came without one.
        loss: that it is scored by.
        step: number of updates; None for a network that comes from no run.
        seed: of its run; None likewise.
        name: of its run, for titles.
        config: of its run, if it was trained here, so that its initial weights are known.
    """

    network: Given = cast(Network, MadeWhenAsked())
    dataset: Dataset | None = None
    loss: LossName = "mse"
    step: int | None = None
    seed: int | None = None
    name: str = "network"
    config: RunConfig | None = None

    def __repr__(self) -> str:
        return f"<Checkpoint of {self.name}: {type(self.network).__name__}, step {self.step}>"

    @property
    def readable(self) -> Network | MLPArrays:
        """For who reads weights: the network as arrays alone, while it is not made; else itself.

        Either has ``task``, ``model``, ``layers`` and ``state_dict``.
        """
        found: Network | Stored = self.__dict__["network"]
        return found.arrays if isinstance(found, Stored) else found

    @property
    def task(self) -> Any:
        """The task of the network."""
        return self.readable.task

    @property
    def scored_on(self) -> Dataset:
        """The dataset.

        Raises:
            ValueError: if there is none, or it is of another task.
        """
        if self.dataset is None:
            raise ValueError("dataset: expected one beside a network; a run brings its own")
        ours, theirs = self.task, self.dataset.task
        if ours.key != theirs.key:
            raise ValueError(f"dataset: expected one of {ours.name}, got one of {theirs.name}")
        if ours is not theirs and not (
            np.array_equal(ours.pairs, theirs.pairs)
            and np.array_equal(ours.answers, theirs.answers)
        ):
            raise ValueError(f"dataset: expected the answers of the network's own {ours.name}")
        return self.dataset

    @cached_property
    def exact(self) -> Network:
        """The network in float64; the same object where it is that already."""
        from interp.training.evaluation import in_float64

        found: Network = in_float64(self.network)
        return found

    @cached_property
    def evaluation(self) -> Evaluation:
        """Scores logits over its dataset."""
        from interp.training.evaluation import Evaluation

        return Evaluation(self.scored_on, self.loss)

    @cached_property
    def scores(self) -> Scores:
        """Accuracy and loss of every split, in float64."""
        from interp.training.evaluation import scores

        return scores(self.exact, self.scored_on, self.loss)

    def beside(self, dataset: Dataset | None, loss: LossName | None = None) -> Checkpoint:
        """The same network, scored on another dataset or by another loss."""
        if dataset is None and loss is None:
            return self
        some(dataset, Dataset, A_DATASET)
        if loss is not None:
            LOSSES.check(loss)
        known = self.dataset if dataset is None else dataset
        return replace(self, dataset=known, loss=self.loss if loss is None else loss)
