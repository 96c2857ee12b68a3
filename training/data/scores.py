"""Accuracy and loss by split, as numbers; needs no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from interp.training.data.splits import SPLITS, Split


@dataclass(frozen=True)
class Score:
    """Accuracy in [0, 1] and mean loss over a split; both None where the split is empty."""

    accuracy: float | None
    loss: float | None


@dataclass(frozen=True)
class Scores(Mapping[Split, Score]):
    """Scores of one network at one moment, by split."""

    by_split: Mapping[Split, Score]

    def __getitem__(self, split: Split) -> Score:
        return self.by_split[split]

    def __iter__(self) -> Iterator[Split]:
        return iter(self.by_split)

    def __len__(self) -> int:
        return len(self.by_split)

    def to_dict(self) -> dict[str, dict[str, float | None]]:
        """Plain data: ``{"train": {"accuracy": …, "loss": …}, …}``."""
        return {s: {"accuracy": v.accuracy, "loss": v.loss} for s, v in self.by_split.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scores:
        """The inverse of :meth:`to_dict`."""
        return cls({split: Score(**values[split]) for split in SPLITS})
