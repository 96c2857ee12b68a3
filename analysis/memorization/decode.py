"""Held-out pairs decoded from features, by each method with each kind of labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from interp.analysis.memorization.hook_points import Features
from interp.analysis.memorization.knn import majority, nearest
from interp.analysis.memorization.masc import masc
from interp.analysis.memorization.probe import probe
from interp.training.data.dataset import Dataset

METHODS = ("masc", "knn", "probe")


@dataclass(frozen=True)
class Decoder:
    """Learns from the training pairs, is scored on the held-out ones against the truth.

    Attributes:
        dataset: with held-out pairs.
        variance, neighbours, ridge: of MASC, of the vote and of the probe.
    """

    dataset: Dataset
    variance: float
    neighbours: int
    ridge: float

    def at(self, features: Mapping[str, Features]) -> dict[tuple[str, str], tuple[float, float]]:
        """Accuracy with given and with true labels, by place and method."""
        return {
            (where, method): pair
            for where, rows in features.items()
            for method, pair in zip(METHODS, self._each(rows), strict=True)
        }

    def _each(self, rows: Features) -> list[tuple[float, float]]:
        data = self.dataset
        train, test = rows[data.is_train], rows[~data.is_train]
        labels = [one[data.is_train] for one in (data.given_label, data.true_label)]
        near = nearest(train, test, self.neighbours)
        answers = (
            [masc(train, one, test, self.variance) for one in labels],
            [majority(one[near]) for one in labels],
            probe(train, labels, test, self.ridge),
        )
        truth = data.true_label[~data.is_train]
        return [tuple(float((one == truth).mean()) for one in both) for both in answers]  # type: ignore[misc]
