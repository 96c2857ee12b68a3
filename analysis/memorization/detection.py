"""Who finds the wrong labels? Every score of suspicion, judged by the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jaxtyping import Float

from interp.analysis.caption import place
from interp.analysis.measure import NotDefined, measure
from interp.analysis.mechanism.draws import mean_of_draws
from interp.analysis.memorization.case import Case
from interp.analysis.memorization.detectors import DETECTORS, Detector, early_step
from interp.analysis.memorization.suspicion import Found, found
from interp.training.arguments import MOST_DRAWS, whole
from interp.training.display import Result
from interp.training.lines import one_line
from interp.training.runs.run import Run

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Detection(Result):
    """How well each score finds the wrong labels of a run.

    Attributes:
        found: by the names of DETECTORS; of random draws the mean.
        problems: why a score is not defined here, by name.
        chance: precision of a score that knows nothing: the share of wrong labels.
        wrong: how many training labels are wrong.
        caption: of the run; which checkpoints.
        note: what a score that is told the group is worth.
    """

    found: Mapping[str, Found]
    problems: Mapping[str, str]
    chance: float
    wrong: int
    caption: str
    note: str = ""

    MAIN: ClassVar[tuple[str, ...]] = ("final_loss.auroc", "pruned_margin.auroc")
    COLUMNS: ClassVar[tuple[str, ...]] = ("what", "auroc", "precision", "average_precision")

    def values(self) -> dict[str, float | None]:
        """``final_loss.auroc``, ``.precision`` and ``.average_precision`` of each, and chance."""
        values: dict[str, float | None] = {
            f"{name}.{metric}": value
            for name, one in self.found.items()
            for metric, value in vars(one).items()
        }
        return {**values, "chance": self.chance, "wrong": float(self.wrong)}

    def to_pandas(self) -> pd.DataFrame:
        """A row a score, controls marked; the last row is chance."""
        import pandas as pd

        rows: dict[str, dict[str, Any]] = {
            name: {"what": DETECTORS[name].words, "control": DETECTORS[name].control, **vars(one)}
            for name, one in self.found.items()
        }
        by_chance = Found(0.5, self.chance, self.chance)
        rows["chance"] = {"what": "chance", "control": True, **vars(by_chance)}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="score")

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with the reasons why some scores are not there."""
        return {**super().to_dict(), "problems": dict(self.problems)}


def no_wrong_labels(run: Run) -> str | None:
    """Why there is nothing to find."""
    wrong = run.dataset.is_wrong[run.dataset.is_train]
    if not wrong.any():
        return "expected training examples with a wrong label, found none"
    if wrong.all():
        return "expected training examples with a right label, found none"
    return None


@measure(
    "detection",
    reads="run",
    source="Pleiss et al. 2020 (arXiv 2001.10528), Pruthi et al. 2020 (arXiv 2002.08484), Liu and "
    "Lu 2026 (arXiv 2605.18022); pruning: Doshi et al. 2024 (arXiv 2310.13061)",
    refuses=no_wrong_labels,
)
def detection(run: Run, *, draws: int = 5, seed: int = 0) -> Detection:
    """How well scores without retraining find the wrong labels: AUROC, precision at k, and more.

    Args:
        run: whose training examples have some wrong labels; with several checkpoints for scores
            over training.
        draws: of random prunings.
        seed: of these.
    """
    case = Case(run, whole(seed, "seed"), whole(draws, "draws", least=1, most=MOST_DRAWS))
    each: dict[str, Found] = {}
    problems: dict[str, str] = {}
    for name in DETECTORS:
        try:
            each[name] = _judged(DETECTORS[name], case)
        except NotDefined as error:
            problems[name] = one_line(error)
    wrong = int(case.wrong.sum())
    words = [f"{wrong} of {len(case.train)} training labels wrong"]
    if "early_loss" in each:
        words.append(f"early: step {early_step(case)}")
    words.append(f"{len(run.steps)} checkpoints")
    note = "the G-net and the vote are told the group, in which few bits remain to be found"
    caption = place(run.seed, run.last_step, *words)
    return Detection(each, problems, wrong / len(case.train), wrong, caption, note)


def _judged(one: Detector, case: Case) -> Found:
    """A score by the truth; of several draws the mean."""
    rows = np.atleast_2d(np.asarray(one.score(case), dtype=float))
    each = [vars(found(row, case.wrong)) for row in _checked(rows, case)]
    return Found(**mean_of_draws(each))  # type: ignore[arg-type]


def _checked(
    rows: Float[np.ndarray, "draw score"], case: Case
) -> Float[np.ndarray, "draw example"]:
    if rows.shape[1] != len(case.train) or not np.isfinite(rows).all():
        raise ValueError(
            f"detector: expected a finite number for each of {len(case.train)} training examples, "
            f"got shape {rows.shape}"
        )
    return rows
