"""What leaving training examples out changes, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int

from interp.analysis.memorization.detectors import DETECTORS
from interp.analysis.memorization.retraining.kinds import RETRAININGS
from interp.training.data.dataset import Dataset
from interp.training.display import Result, Value

if TYPE_CHECKING:
    import pandas as pd

WAYS = ("one_out", "groups_out", "subsets")
_TOLD = ("auroc", "wrong", "right", "test_accuracy")


@dataclass(frozen=True, repr=False)
class Influence(Result):
    """What leaving training examples out changes.

    Attributes:
        places: of the examples that were left out one by one, among the training examples.
        wrong: whether their label is.
        change: by how much their loss grows when they are left out.
        scores: of suspicion at these examples, by the names of DETECTORS.
        numbers: what :meth:`values` gives.
        caption: of the run.
        dataset: of the run.
        note: in which phase the retrained networks are.
    """

    places: Int[np.ndarray, " left"]
    wrong: Bool[np.ndarray, " left"]
    change: Float[np.ndarray, " left"]
    scores: Mapping[str, Float[np.ndarray, " left"]]
    numbers: Mapping[str, Value]
    caption: str
    note: str = ""
    dataset: Dataset = field(compare=False, kw_only=True)

    MAIN: ClassVar[tuple[str, ...]] = (
        *("one_out.auroc", "one_out.wrong", "own_gradient.correlation"),
        *("groups_out.wrong", "groups_out.right", "subsets.wrong", "subsets.right"),
    )
    COLUMNS: ClassVar[tuple[str, ...]] = (
        *("what", "auroc", "wrong", "right", "correlation", "within_wrong"),
    )

    def values(self) -> dict[str, Value]:
        """Of each way ``.auroc``, ``.wrong``, ``.right``, ``.repeats``, ``.test_accuracy``; more.

        ``one_out.wrong`` is the share of wrong labels that a network answers which never saw
        them, ``one_out.right`` that of right ones. Of each score ``.correlation`` with
        the change of the loss, and ``.within_wrong``: that among the wrong labels alone.
        """
        return dict(self.numbers)

    def to_pandas(self) -> pd.DataFrame:
        """A row a way of leaving out, and a row a score: how it goes with the truth.

        Of a way: ``wrong`` and ``right`` are, of such labels, the share still answered as given
        when one is left out, else their memorization; ``auroc`` is of the change of the loss, or
        of that.
        """
        import pandas as pd

        rows: dict[str, dict[str, Any]] = {
            way: {
                "what": RETRAININGS[way].words,
                "control": False,
                **{name: self.numbers[f"{way}.{name}"] for name in _TOLD},
            }
            for way in WAYS
            if f"{way}.auroc" in self.numbers
        }
        for name in self.scores:
            about = {"what": DETECTORS[name].words, "control": DETECTORS[name].control}
            row = rows.setdefault(name, about)  # one is a way of leaving out, too
            row["correlation"] = self.numbers[f"{name}.correlation"]
            row["within_wrong"] = self.numbers[f"{name}.within_wrong"]
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="score")

    def changes(self) -> pd.Series:
        """By how much the loss of each training example grows when it is left out; NaN if none."""
        import pandas as pd

        found = np.full(int(self.dataset.is_train.sum()), np.nan)
        found[self.places] = self.change
        return pd.Series(found, name="loss_change_left_out").rename_axis(index="example")
