"""Accuracy and loss on every split; the only accuracy in the project."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.training.arguments import of_kind, told
from interp.training.config.sections import LossName
from interp.training.data.dataset import A_DATASET, Dataset
from interp.training.data.scores import Score, Scores
from interp.training.data.splits import PARTS, SPLITS, split_means
from interp.training.lines import one_line
from interp.training.losses.loss import LOSSES, Loss


@runtime_checkable
class Answering(Protocol):
    """Anything that maps (pair, 2) operands to (pair, p) logits and has parameters."""

    def __call__(self, pairs: Any) -> Any:
        """Logits of every answer for each pair of operands."""

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """The parameters."""


class Evaluation:
    """Scores logits over the whole table; holds the labels on the device of the logits.

    An answer is right when its logit is strictly the greatest: a network that says the same of
    all answers (all neurons pruned, say) has answered nothing. Losses are means over examples.

    Raises:
        ValueError: for an unknown loss.
    """

    def __init__(
        self, dataset: Dataset, loss: LossName = "mse", device: torch.device | str = "cpu"
    ) -> None:
        self.dataset, self.loss = dataset, LOSSES[loss]
        self.pairs = torch.as_tensor(dataset.pairs, device=device)
        self.labels = torch.as_tensor(
            np.stack([dataset.given_label, dataset.true_label]), device=device
        )
        masks = np.stack([dataset.members(part) for part in PARTS])
        self.counts: Int[np.ndarray, " part"] = masks.sum(axis=1)
        self.part: Int[np.ndarray, " pair"] = masks.argmax(axis=0)
        self.members = torch.as_tensor(masks, dtype=torch.float64, device=device)

    @torch.no_grad()
    def __call__(self, logits: Float[Tensor, "pair answer"]) -> Scores:
        """Scores of logits in the order of the dataset's pairs."""
        sums = part_sums(logits, self.labels, self.members, self.loss)
        return self.from_sums(sums.cpu().numpy())

    def from_sums(self, sums: Float[np.ndarray, "2 label part"]) -> Scores:
        """Scores from what :func:`part_sums` gives for this dataset."""
        accuracy = split_means(sums[0], self.counts)
        losses = split_means(sums[1], self.counts)
        return Scores(
            {split: Score(_number(accuracy[split]), _number(losses[split])) for split in SPLITS},
            self.loss.words,
        )


def part_sums(
    logits: Float[Tensor, "*run pair answer"],
    labels: Int[Tensor, "*run label pair"],
    members: Float[Tensor, "*run part pair"],
    loss: Loss,
) -> Float[Tensor, "*run 2 label part"]:
    """Numbers of right answers and sums of losses over the disjoint parts, in float64."""
    labelled = logits.gather(-1, labels.transpose(-1, -2)).transpose(-1, -2)
    best = logits.amax(dim=-1, keepdim=True)
    alone = (logits == best).sum(dim=-1) == 1
    right = (labelled == best.transpose(-1, -2)) & alone.unsqueeze(-2)
    rows = torch.stack([right.double(), loss.each(logits, labels, labelled)], dim=-3)
    return rows @ members.transpose(-1, -2).unsqueeze(-3)


def scores(network: Answering, dataset: Dataset, loss: LossName | None = None) -> Scores:
    """Accuracy and loss of a network on every split, in float64.

    Args:
        network: anything that maps (pair, 2) operands to (pair, p) logits. Not changed.
        dataset: its pairs and labels.
        loss: a row of the table of losses: ``mse`` against one-hot labels, ``cross_entropy``, ….
            By default that which the network was trained with, as far as it knows; else ``mse``.

    Raises:
        ValueError: for an unknown loss, or logits of another number of answers.
    """
    of_kind(dataset, Dataset, A_DATASET)
    device = _device_of(network)
    evaluation = Evaluation(dataset, loss_of(network) if loss is None else loss, device)
    logits = _logits(network, evaluation.pairs)
    expected = (len(dataset), dataset.task.n_answers)
    if not isinstance(logits, Tensor) or tuple(logits.shape) != expected:
        got = tuple(logits.shape) if isinstance(logits, Tensor) else told(logits)
        raise ValueError(f"logits: expected shape {expected}, got {got}")
    return evaluation(logits)


def _device_of(network: Answering) -> torch.device:
    first = next(iter(network.parameters()), None)
    if first is None:
        raise ValueError(f"network: expected one with parameters, got {type(network).__name__}")
    return first.device


@torch.no_grad()
def _logits(network: Answering, pairs: Tensor) -> Any:
    """What a network says of pairs, which a module of somebody's own may not take."""
    try:
        return in_float64(network)(pairs)
    except (RuntimeError, IndexError, TypeError) as error:
        if hasattr(network, "layers"):
            raise  # of a network of ours, whose task is the dataset's
        raise ValueError(
            f"network: expected a module of (pair, 2) operands that gives (pair, answer) logits; "
            f"{type(network).__name__} fails on {tuple(pairs.shape)} whole numbers "
            f"({one_line(error)})"
        ) from error


def loss_of(network: object) -> LossName:
    """The loss that a network was trained with, which those of a configuration know; else MSE."""
    known: LossName | None = getattr(network, "trained_with", None)
    return "mse" if known is None else known


def in_float64(network: Any) -> Any:
    """The network itself where it is float64 already, else a float64 copy."""
    if next(network.parameters()).dtype == torch.float64:
        return network
    return deepcopy(network).double()


def _number(mean: np.ndarray | None) -> float | None:
    return None if mean is None else float(mean)
