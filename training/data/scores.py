"""Accuracy and loss by split, as numbers; needs no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from interp.training.arguments import word
from interp.training.data.splits import SPLITS, Split
from interp.training.display import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Score:
    """Accuracy in [0, 1] and mean loss over a split; both None where the split is empty."""

    accuracy: float | None
    loss: float | None


@dataclass(frozen=True, repr=False)
class Scores(Result):
    """Scores of one network at one moment, by split; ``scores["test"].accuracy``.

    Attributes:
        by_split: accuracy and loss of each.
        loss: which one, in words; empty where the run tells it.
    """

    by_split: Mapping[Split, Score]
    loss: str = field(default="", compare=False)

    @property
    def caption(self) -> str:
        """What the numbers are."""
        words = "accuracy: share of pairs whose label alone has the greatest logit · loss: mean"
        return f"{words} {self.loss}".rstrip()

    def __getitem__(self, split: Split) -> Score:
        return self.by_split[cast(Split, word(split, self.by_split, "split"))]

    def __iter__(self) -> Iterator[Split]:
        return iter(self.by_split)

    def __len__(self) -> int:
        return len(self.by_split)

    def items(self) -> Iterable[tuple[Split, Score]]:
        """Each split with its score."""
        return self.by_split.items()

    def keys(self) -> Iterable[Split]:
        """The splits."""
        return self.by_split.keys()

    def values(self) -> dict[str, float | None]:
        """Numbers by name: ``train_accuracy``, ``train_loss`` and so on."""
        found: dict[str, float | None] = {}
        for split, score in self.by_split.items():
            found |= {f"{split}_accuracy": score.accuracy, f"{split}_loss": score.loss}
        return found

    def to_pandas(self) -> pd.DataFrame:
        """A row a split: accuracy and loss, NaN where it is empty."""
        import pandas as pd

        rows = {s: {"accuracy": v.accuracy, "loss": v.loss} for s, v in self.by_split.items()}
        table = pd.DataFrame.from_dict(rows, orient="index", dtype=float)
        return table.rename_axis(index="split")

    def to_dict(self) -> dict[str, dict[str, float | None]]:
        """Plain data: ``{"train": {"accuracy": …, "loss": …}, …}``."""
        return {s: {"accuracy": v.accuracy, "loss": v.loss} for s, v in self.by_split.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scores:
        """The inverse of :meth:`to_dict`."""
        return cls({split: Score(**values[split]) for split in SPLITS})
