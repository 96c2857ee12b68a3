"""What the labels alone say of the rule: the control of whatever imposes the rule's symmetry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.training.data.dataset import Dataset
from interp.training.data.scores import Score, Scores
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint


def vote_logits(dataset: Dataset) -> Float[Tensor, "pair answer"]:
    """How often each label is given in training among the pairs that the rule gives one answer.

    Nothing is trained: a table of labels that is told the rule's symmetry and not its answers.

    Args:
        dataset: of which the training pairs vote.
    """
    answers = dataset.task.n_answers
    train, counts = dataset.is_train, np.zeros((answers, answers))
    np.add.at(counts, (dataset.true_label[train], dataset.given_label[train]), 1)
    total = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    return torch.from_numpy(shares[dataset.true_label])


def label_vote(checkpoint: Checkpoint) -> Scores:
    """Accuracy of the most frequent label on every split; votes are no logits and have no loss."""
    found = checkpoint.evaluation(vote_logits(checkpoint.scored_on))
    alone = {split: Score(one.accuracy, None) for split, one in found.items()}
    return replace(found, by_split=alone)


def random_labels(dataset: Dataset, seed: int) -> Int[np.ndarray, " pair"]:
    """A label for every pair, uniform over all answers: a corruption of 1."""
    answers = dataset.task.n_answers
    return stream(seed, "corruption").integers(answers, size=len(dataset))


def mean_scores(found: Sequence[Scores]) -> Scores:
    """The mean of several scores of the same dataset."""

    def mean(split: str, metric: str) -> float | None:
        values = [getattr(one.by_split[split], metric) for one in found]  # type: ignore[index]
        return None if None in values else float(np.mean(values))

    each = {s: Score(mean(s, "accuracy"), mean(s, "loss")) for s in found[0]}
    return replace(found[0], by_split=each)
