"""The textbook implementations that the project is measured against.

One-hot operands, two bias-free linear layers, autograd and torch's default AdamW; a deep copy and
a full forward pass for every pruned size; an IPR computed curve by curve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from itertools import count

import numpy as np
import torch
from torch import Tensor, nn

from interp.training.config.optimizer import OptimizerConfig
from interp.training.data.dataset import Dataset
from interp.training.data.splits import SPLITS, Split


class TextbookNetwork(nn.Module):
    """Two linear layers on concatenated one-hot operands, square activation between them.

    Args:
        curves: (3, neuron, residue) weights from both operands and to the answers.
    """

    def __init__(self, curves: np.ndarray) -> None:
        super().__init__()
        _, width, p = curves.shape
        self.hidden = nn.Linear(2 * p, width, bias=False)
        self.readout = nn.Linear(width, p, bias=False)
        first, second, answer = torch.as_tensor(curves, dtype=torch.float32)
        with torch.no_grad():
            self.hidden.weight.copy_(torch.cat([first, second], dim=1))
            self.readout.weight.copy_(answer.T)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.readout(self.hidden(inputs).square())


def one_hot(pairs: np.ndarray, p: int) -> Tensor:
    """Operands as (pair, 2p) float32 vectors."""
    hot = nn.functional.one_hot(torch.as_tensor(pairs), p)
    return hot.reshape(len(pairs), 2 * p).float()


class TextbookTraining:
    """Training under autograd, MSE against one-hot labels, torch's default AdamW.

    Args:
        network: trained in place.
        dataset: its training pairs, with the labels they were given.
        optimizer: settings of AdamW.
        encode: what the network takes, from pairs and p.
        order: examples of an epoch, if they are to be taken in minibatches.
    """

    def __init__(
        self,
        network: nn.Module,
        dataset: Dataset,
        optimizer: OptimizerConfig,
        encode: Callable[[np.ndarray, int], Tensor] = one_hot,
        order: Callable[[int], np.ndarray] | None = None,
    ) -> None:
        p, train = dataset.task.p, dataset.is_train
        weight = next(network.parameters())
        self.network = network
        inputs = encode(dataset.pairs[train], p)
        like = weight if inputs.is_floating_point() else weight.device
        self.inputs = inputs.to(like)
        labels = torch.as_tensor(dataset.given_label[train])
        self.targets = nn.functional.one_hot(labels, p).to(weight)
        self.order, self.batch_size = order, optimizer.batch_size or len(labels)
        self.batches = self._batches()
        self.optimizer = torch.optim.AdamW(
            network.parameters(),
            lr=optimizer.lr,
            betas=optimizer.betas,
            eps=optimizer.eps,
            weight_decay=optimizer.weight_decay,
        )

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        for epoch in count():
            if self.order is None:
                yield self.inputs, self.targets
                continue
            rows = torch.as_tensor(self.order(epoch), device=self.inputs.device)
            for chosen in rows.split(self.batch_size):
                if len(chosen) == self.batch_size:
                    yield self.inputs[chosen], self.targets[chosen]

    def step(self) -> float:
        """One step; returns the loss before it."""
        return self.advance().item()

    def advance(self) -> Tensor:
        """One step; the loss before it, without waiting for a GPU."""
        inputs, targets = next(self.batches)
        self.optimizer.zero_grad()
        loss = nn.functional.mse_loss(self.network(inputs), targets)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


class TextbookPruning:
    """Accuracy after pruning: a deep copy and a forward pass over all pairs for each size.

    Args:
        network: not changed.
        dataset: what is scored.
    """

    def __init__(self, network: TextbookNetwork, dataset: Dataset) -> None:
        self.network = network
        dtype = network.readout.weight.dtype
        self.inputs = one_hot(dataset.pairs, dataset.task.p).to(dtype)
        self.labels = {split: torch.as_tensor(dataset.labels(split)) for split in SPLITS}
        self.members = {split: torch.as_tensor(dataset.members(split)) for split in SPLITS}

    @torch.no_grad()
    def logits(self, removed: np.ndarray) -> Tensor:
        """Logits of all pairs once these neurons are zeroed."""
        pruned = deepcopy(self.network)
        pruned.hidden.weight[torch.as_tensor(removed)] = 0
        pruned.readout.weight[:, torch.as_tensor(removed)] = 0
        return pruned(self.inputs)

    def accuracy(self, logits: Tensor) -> Mapping[Split, float]:
        """Accuracy of the greatest logit on every split."""
        answer = logits.argmax(dim=1)
        return {
            split: (answer == self.labels[split])[self.members[split]].float().mean().item()
            for split in SPLITS
        }

    def evaluate(self, order: np.ndarray, sizes: Iterable[int]) -> list[Mapping[Split, float]]:
        """Accuracies after removing the first neurons of ``order``, for each size."""
        return [self.accuracy(self.logits(order[:size])) for size in sizes]


def ipr_curve_by_curve(curves: np.ndarray) -> np.ndarray:
    """IPR of each curve, in a loop: Σ_j |X_j|⁴ / (Σ_j |X_j|²)² with the one-sided DFT."""
    values = np.empty(curves.shape[:-1])
    for index in np.ndindex(values.shape):
        power = np.abs(np.fft.rfft(curves[index])) ** 2
        values[index] = (power**2).sum() / power.sum() ** 2
    return values
