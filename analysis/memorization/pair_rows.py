"""What is known of every pair of a dataset, as one table and as counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from interp.analysis.memorization.altered import Altered, Answers
from interp.analysis.memorization.logits import NO_ANSWER
from interp.training.arguments import word
from interp.training.data.dataset import Dataset
from interp.training.data.splits import PARTS
from interp.training.display import Result, Value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class PairTable(Result):
    """Every pair of a dataset, and what a network makes of it.

    A training pair is scored against its given label, a test pair against the true answer.

    Attributes:
        dataset: the pairs, both of their labels and their membership.
        answered: (pair,) the answer; −1 where two logits tie for the greatest.
        margin: (pair,) logit of the label it is scored against, less the greatest other logit.
        true_margin: (pair,) likewise of the true answer.
        loss: (pair,) of the label it is scored against, by the run's loss.
        probability: (pair,) softmax of the logits at that label.
        learned: (pair,) step of the first checkpoint from which it is right until the last one;
            infinite: never; None with fewer than two checkpoints.
        forgotten: (pair,) how many times it goes from right to not right between checkpoints.
        without: the answers of the pruned and the filtered network, and of the control.
        steps: of the checkpoints that ``learned`` and ``forgotten`` are read from.
        caption: run, checkpoints, seed, step.
        gaps: what is not known, and why.
        remark: what the numbers are not, and what the control is.
    """

    dataset: Dataset
    answered: Int[np.ndarray, " pair"]
    margin: Float[np.ndarray, " pair"]
    true_margin: Float[np.ndarray, " pair"]
    loss: Float[np.ndarray, " pair"]
    probability: Float[np.ndarray, " pair"]
    learned: Float[np.ndarray, " pair"] | None
    forgotten: Int[np.ndarray, " pair"] | None
    without: Altered
    steps: tuple[int, ...]
    caption: str
    gaps: tuple[str, ...] = ()
    remark: str = ""

    MAIN: ClassVar[tuple[str, ...]] = ("wrong", "memorized", "flagged_precision", "flagged_recall")

    @property
    def note(self) -> str:
        """What the numbers are not, and what is not known."""
        return " · ".join([*([self.remark] if self.remark else []), *self.gaps])

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def label(self) -> Int[np.ndarray, " pair"]:
        """The label that each pair is scored against."""
        return scored_label(self.dataset)

    @property
    def wrong(self) -> Bool[np.ndarray, " pair"]:
        """In training, and given another label than the true one."""
        return self.dataset.is_wrong

    @property
    def right(self) -> Bool[np.ndarray, " pair"]:
        """Whether the answer is the label that the pair is scored against."""
        return self.answered == self.label

    @property
    def memorized(self) -> Bool[np.ndarray, " pair"]:
        """Wrong, and answered as given."""
        return self.wrong & self.right

    @property
    def corrected(self) -> Bool[np.ndarray, " pair"]:
        """Wrong, and answered with the truth."""
        return self.wrong & (self.answered == self.dataset.true_label)

    @property
    def flagged(self) -> Bool[np.ndarray, " pair"] | None:
        """In training, and answered otherwise than given by the pruned network."""
        if self.without.pruned is None:
            return None
        return self.dataset.is_train & (self.without.pruned != self.dataset.given_label)

    def values(self) -> dict[str, Value]:
        """How many pairs are what; how well the pruned network tells wrong labels from others.

        ``share_wrong`` is the precision of flags that are set by chance; ``random…`` is
        another control, flags by the network without as many neurons that are drawn. Repaired are
        wrong pairs that are then answered with the truth.
        """
        train, wrong = self.dataset.is_train, self.wrong
        clean, _, test = self.dataset.parts
        return {
            "pairs": len(self),
            "training": int(train.sum()),
            "wrong": int(wrong.sum()),
            "share_wrong": mean_over(wrong, train),
            "memorized": int(self.memorized.sum()),
            "corrected": int(self.corrected.sum()),
            "neurons_pruned": self.without.gone,
            **_flagged("flagged", self.without.pruned, self.dataset),
            **_flagged("random", self.without.random, self.dataset),
            "margin_clean": mean_over(self.margin, clean),
            "margin_wrong": mean_over(self.margin, wrong),
            "margin_test": mean_over(self.margin, test),
        }

    @cached_property
    def _frame(self) -> pd.DataFrame:
        import pandas as pd

        data, without = self.dataset, self.without
        flagged = self.flagged
        columns: dict[str, Any] = {
            "x": data.pairs[:, 0],
            "y": data.pairs[:, 1],
            "true": data.true_label,
            "given": data.given_label,
            "answered": _nullable(self.answered, len(self)),
            "split": np.array(PARTS)[data.parts.argmax(axis=0)],
            "redrawn": data.is_redrawn,
            "wrong": self.wrong,
            "right": self.right,
            "memorized": self.memorized,
            "corrected": self.corrected,
            "flagged": pd.array([None] * len(self) if flagged is None else flagged, "boolean"),
            "margin": self.margin,
            "true_margin": self.true_margin,
            "loss": self.loss,
            "probability": self.probability,
            "learned": np.full(len(self), np.nan) if self.learned is None else self.learned,
            "forgotten": _nullable(self.forgotten, len(self)),
            "pruned": _nullable(without.pruned, len(self)),
            "filtered": _nullable(without.filtered, len(self)),
        }
        return pd.DataFrame(columns).rename_axis(index="pair")

    def to_pandas(self) -> pd.DataFrame:
        """A row a pair. No answer is NA; ``learned`` is infinite for never, NaN if not known."""
        return self._frame.copy()

    def where(self, **columns: Any) -> pd.DataFrame:
        """The rows in which all of these columns have these values: ``where(wrong=True)``.

        Raises:
            ValueError: if there is no such column, or it is empty here.
        """
        frame, kept = self._frame, np.ones(len(self), dtype=bool)
        for name, value in columns.items():
            word(name, frame.columns, "where")
            if frame[name].isna().all():
                raise ValueError(f"where: {name} is not known here; {' · '.join(self.gaps)}")
            kept &= frame[name].eq(value).fillna(False).to_numpy(dtype=bool)
        return frame[kept].copy()


def scored_label(data: Dataset) -> Int[np.ndarray, " pair"]:
    """The given label of a training pair, the true answer of a test pair."""
    return np.where(data.is_train, data.given_label, data.true_label)


def mean_over(values: Shaped[np.ndarray, " pair"], of: Bool[np.ndarray, " pair"]) -> float | None:
    """The mean over some pairs; None over none."""
    return float(values[of].mean()) if of.any() else None


def _flagged(prefix: str, answers: Answers | None, data: Dataset) -> dict[str, Value]:
    """How well disagreement with the given label tells wrong labels from the others."""
    keys = [f"{prefix}{name}" for name in ("", "_precision", "_recall", "_repaired")]
    if answers is None:
        return dict.fromkeys(keys)
    wrong = data.is_wrong
    flags = data.is_train & (answers != data.given_label)
    repaired = int((wrong & (answers == data.true_label)).sum())
    found = (int(flags.sum()), mean_over(wrong, flags), mean_over(flags, wrong), repaired)
    return dict(zip(keys, found, strict=True))


def _nullable(values: Answers | None, count: int) -> Any:
    """Whole numbers as a column; NA for what is not known, and for no answer."""
    import pandas as pd

    found = np.full(count, NO_ANSWER) if values is None else values
    return pd.arrays.IntegerArray(found.astype(np.int64), found < 0)
