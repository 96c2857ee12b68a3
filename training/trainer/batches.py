"""The training examples of one or more runs, whole or in minibatches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from interp.training.data.dataset import Dataset
from interp.training.randomness import stream


class Examples:
    """What a step trains on: the same buffers every step, filled anew for a minibatch.

    Minibatches are drawn by epochs: a permutation of the training set that depends on the seed
    and the epoch only, so that a run resumes anywhere; what is left over at the end of an epoch,
    less than a batch, waits for the next.

    Args:
        datasets: of each run, with equally many training examples.
        seeds: of the order of each run's minibatches.
        batch_size: examples a step; all of them if None.
        device: where the buffers live.
        run_axis: whether the buffers have a leading run axis; without one there is one dataset.
    """

    def __init__(
        self,
        datasets: Sequence[Dataset],
        seeds: Sequence[int],
        batch_size: int | None,
        device: torch.device,
        run_axis: bool,
    ) -> None:
        self._seeds, self._run_axis = seeds, run_axis
        self.answers = datasets[0].task.n_answers
        train = [(d.pairs[d.is_train], d.given_label[d.is_train]) for d in datasets]
        self._pairs = self._on(device, [pairs for pairs, _ in train])
        self._labels = self._on(device, [labels for _, labels in train])
        self.total = len(train[0][0])
        self.count = batch_size or self.total
        self._minibatches = self.count < self.total
        self._epoch, self._order = -1, np.empty((0, 0), dtype=np.int64)
        self.pairs: Int[Tensor, "*run example 2"] = self._pairs
        self.label_at: Int[Tensor, " label"] = label_places(self._labels, self.answers)
        if self._minibatches:
            self.pairs = self._pairs[..., : self.count, :].clone()
            self.label_at = self.label_at.new_zeros(len(datasets) * self.count)

    def _on(self, device: torch.device, arrays: list[np.ndarray]) -> Tensor:
        array = np.stack(arrays) if self._run_axis else arrays[0]
        return torch.as_tensor(array, device=device)

    def move_to(self, step: int) -> None:
        """Fills the buffers with the examples of a step."""
        if not self._minibatches:
            return
        epoch, place = divmod(step, self.total // self.count)
        order = self._order_of(epoch)
        chosen = torch.as_tensor(order[:, place * self.count : (place + 1) * self.count])
        rows = chosen.to(self._pairs.device, non_blocking=True)
        if not self._run_axis:
            rows = rows[0]
        self.pairs.copy_(self._pairs.take_along_dim(rows.unsqueeze(-1), dim=-2))
        labels = self._labels.take_along_dim(rows, dim=-1)
        self.label_at.copy_(label_places(labels, self.answers))

    def _order_of(self, epoch: int) -> Int[np.ndarray, "run all"]:
        """The order of every run's examples in an epoch."""
        if epoch != self._epoch:
            orders = [stream(s, "batches", epoch).permutation(self.total) for s in self._seeds]
            self._epoch, self._order = epoch, np.stack(orders)
        return self._order

    def rows(self, step: int, steps: int) -> Int[np.ndarray, "row example"]:
        """Which training examples each of some steps shows; in one row if always all of them.

        Without a run axis.
        """
        if not self._minibatches:
            return np.arange(self.total)[None]
        found, each = [], self.total // self.count
        while steps > 0:
            epoch, place = divmod(step, each)
            order = self._order_of(epoch)[0, : each * self.count].reshape(each, self.count)
            found.append(order[place : place + steps])
            step, steps = step + len(found[-1]), steps - len(found[-1])
        return np.concatenate(found)

    def whole(self) -> tuple[Int[np.ndarray, "all 2"], Int[np.ndarray, " all"]]:
        """Operands and labels of all training examples. Without a run axis, on a CPU."""
        return self._pairs.numpy(), self._labels.numpy()


def label_places(labels: Int[Tensor, "*run example"], answers: int) -> Int[Tensor, " label"]:
    """Where the labels are in the flattened (*run, example, answer) logits."""
    flat = labels.reshape(-1)
    return torch.arange(len(flat), device=flat.device) * answers + flat
